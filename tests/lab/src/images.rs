//! Small OCI images, built in memory from a static busybox. Their layers are plain tar, so that a layer's digest is the
//! digest of its content too.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use axum::body::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::tarball::{EXECUTABLE, PLAIN, Tarball};

/// Media type of an image manifest (OCI image-spec 1.0).
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Sleeps until it is told to end; as PID 1 it must ask for SIGTERM to get it.
const SLEEP: &str = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";

/// Content and its name.
#[derive(Debug, Clone)]
pub struct Blob {
    /// `sha256:` and 64 hex digits.
    pub digest: String,
    /// The content.
    pub bytes: Bytes,
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        let hex: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { digest: format!("sha256:{hex}"), bytes: bytes.into() }
    }

    fn descriptor(&self, media_type: &str) -> serde_json::Value {
        json!({ "mediaType": media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// An image for this machine's architecture.
#[derive(Debug, Clone)]
pub struct Image {
    /// Names the others.
    pub manifest: Blob,
    /// What to run, and the digests of the layers' content.
    pub config: Blob,
    /// From the bottom up.
    pub layers: Vec<Blob>,
}

impl Image {
    /// A sandbox's image: does nothing, for ever.
    #[must_use]
    pub fn pause(busybox: &[u8]) -> Self {
        Self::new(vec![Blob::new(base(busybox))], &["/bin/sh", "-c", SLEEP])
    }

    /// An application: sleeps, ends politely, and has every program of busybox.
    #[must_use]
    pub fn app(busybox: &[u8]) -> Self {
        let release = Tarball::default().directory("etc/").file("etc/app", PLAIN, b"app\n").finish();
        Self::new(vec![Blob::new(base(busybox)), Blob::new(release)], &["/bin/sh", "-c", SLEEP])
    }

    /// An application that also has a program of its own at `path` (without the leading `/`); the program sleeps.
    #[must_use]
    pub fn with_program(busybox: &[u8], path: &str) -> Self {
        let script = format!("#!/bin/sh\n{SLEEP}\n");
        let own = Tarball::default().file(path, EXECUTABLE, script.as_bytes()).finish();
        Self::new(vec![Blob::new(base(busybox)), Blob::new(own)], &["/bin/sh", "-c", SLEEP])
    }

    /// An application with `count` more layers of `bytes` random bytes each, made from `seed`: another seed makes other
    /// layers, so that nothing of them is on the node yet.
    #[must_use]
    pub fn large(busybox: &[u8], count: usize, bytes: usize, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let noise = (0..count).map(|number| {
            let mut content = vec![0; bytes];
            random.fill(&mut content);
            Blob::new(Tarball::default().file(&format!("noise-{number}"), PLAIN, &content).finish())
        });
        let layers = [Blob::new(base(busybox))].into_iter().chain(noise).collect();
        Self::new(layers, &["/bin/sh", "-c", SLEEP])
    }

    /// A program and nothing else, as no user of the machine; with the libraries that it is linked to, if there are any.
    ///
    /// # Errors
    /// When a file of it can't be read.
    pub fn of_program(program: &Path) -> anyhow::Result<Self> {
        let read = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
        let mut root = Tarball::default().file("kubewhy", EXECUTABLE, &read(program)?);
        for library in libraries(program)? {
            root = root.file(library.trim_start_matches('/'), EXECUTABLE, &read(Path::new(&library))?);
        }
        let run = json!({ "Env": ["PATH=/"], "Entrypoint": ["/kubewhy"], "User": "65532:65532" });
        Ok(Self::run_as(vec![Blob::new(root.finish())], &run))
    }

    /// Every blob but the manifest.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.layers.iter().chain([&self.config])
    }

    fn new(layers: Vec<Blob>, command: &[&str]) -> Self {
        Self::run_as(layers, &json!({ "Env": ["PATH=/bin"], "Cmd": command }))
    }

    fn run_as(layers: Vec<Blob>, run: &serde_json::Value) -> Self {
        let config = Blob::new(to_vec(&json!({
            "architecture": architecture(),
            "os": "linux",
            "config": run,
            "rootfs": { "type": "layers", "diff_ids": layers.iter().map(|layer| &layer.digest).collect::<Vec<_>>() },
        })));
        let manifest = Blob::new(to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(CONFIG),
            "layers": layers.iter().map(|layer| layer.descriptor(LAYER)).collect::<Vec<_>>(),
        })));
        Self { manifest, config, layers }
    }
}

fn to_vec(value: &serde_json::Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// A root file system that is one busybox.
fn base(busybox: &[u8]) -> Vec<u8> {
    let folders = ["bin/", "dev/", "etc/", "proc/", "sys/", "tmp/"];
    let programs = ["sh", "sleep", "cat", "ls", "echo", "true", "false", "ip", "wget"];
    let root = folders.iter().fold(Tarball::default(), |root, folder| root.directory(folder));
    let root = root.file("bin/busybox", EXECUTABLE, busybox);
    programs.iter().fold(root, |root, name| root.link(&format!("bin/{name}"), "busybox")).finish()
}

/// What the loader would open (ldd(1)); a static program needs nothing.
fn libraries(program: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("ldd").arg(program).output().context("ldd")?;
    let (said, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let is_static =
        [&said, &failed].iter().any(|text| text.contains("statically linked") || text.contains("not a dynamic"));
    ensure!(output.status.success() || is_static, "ldd {}: {failed}", program.display());
    Ok(said.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned).collect())
}

/// As Go, and therefore OCI, calls it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
