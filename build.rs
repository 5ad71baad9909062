//! Makes Rust of the node-local API's definition. Needs protoc, as the CRI's crates do: in PATH, or named by PROTOC.

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-env-changed=PROTOC");
    println!("cargo::rerun-if-env-changed=PROTOC_INCLUDE");
    tonic_prost_build::configure().compile_protos(&["proto/kubewhy/v1/kubewhy.proto"], &["proto"])
}
