//! Makes Rust of the node-local API's definition, and packs the recordings that the program carries. Needs protoc, as the CRI's
//! crates do: in PATH, or named by PROTOC.

use std::path::PathBuf;
use std::{env, fs, io};

use ruzstd::encoding::{CompressionLevel, compress_to_vec};

const RECORDINGS: &str = "src/cli/replay/recordings";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-env-changed=PROTOC");
    println!("cargo::rerun-if-env-changed=PROTOC_INCLUDE");
    pack_relocations();
    pack_recordings()?;
    tonic_prost_build::configure().compile_protos(&["proto/kubewhy/v1/kubewhy.proto"], &["proto"])
}

/// What ships is smaller by 0.6 MiB where the linker packs relocations (GNU ld 2.38; read by glibc from 2.36 on).
fn pack_relocations() {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|set| set == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// All of them, each behind a line with its name: what repeats itself in them takes its room once, a quarter of a MiB less.
fn pack_recordings() -> io::Result<()> {
    println!("cargo::rerun-if-changed={RECORDINGS}");
    let mut files: Vec<PathBuf> =
        fs::read_dir(RECORDINGS)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.sort();
    let mut all = String::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        all.push_str(&format!("\n# {name}\n{}", fs::read_to_string(&file)?.trim_end()));
    }
    let packed = compress_to_vec(all.as_bytes(), CompressionLevel::Fastest);
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or(io::ErrorKind::NotFound)?;
    fs::write(out.join("recordings.zst"), packed)
}
