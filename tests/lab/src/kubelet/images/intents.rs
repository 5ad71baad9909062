//! The files that say which images are being pulled or wait to be (Kubernetes: pkg/kubelet/images/pullmanager/fs_pullrecords.go).
//! A file that cannot be written is logged and missed, never an error of the pull.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::locked;

/// Intents counted by image: two pods that want one image share a file.
#[derive(Debug)]
pub(super) struct Intents {
    folder: PathBuf,
    counts: Mutex<HashMap<String, usize>>,
}

/// One announced pull; dropping it takes the announcement back.
#[derive(Debug)]
pub(super) struct Intent<'a> {
    intents: &'a Intents,
    image: String,
}

impl Intents {
    /// The folder is there from the kubelet's start on.
    pub(super) fn under(root: &Path) -> Self {
        let folder = root.join("image_manager/pulling");
        if let Err(error) = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder) {
            tracing::warn!(%error, "no folder for pull intents");
        }
        Self { folder, counts: Mutex::default() }
    }

    pub(super) fn announce(&self, image: &str) -> Intent<'_> {
        let mut counts = locked(&self.counts);
        let count = counts.entry(image.to_owned()).or_default();
        *count += 1;
        if *count == 1
            && let Err(error) = self.write(image)
        {
            tracing::warn!(image, %error, "pull intent not written");
        }
        Intent { intents: self, image: image.to_owned() }
    }

    fn path(&self, image: &str) -> PathBuf {
        let digest: String = Sha256::digest(image.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("sha256-{digest}"))
    }

    fn write(&self, image: &str) -> std::io::Result<()> {
        let intent = json!({
            "kind": "ImagePullIntent", "apiVersion": "kubelet.config.k8s.io/v1beta1", "image": image,
        });
        let file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(self.path(image))?;
        serde_json::to_writer(file, &intent).map_err(Into::into)
    }
}

impl Drop for Intent<'_> {
    fn drop(&mut self) {
        let mut counts = locked(&self.intents.counts);
        let left = counts.get(&self.image).map_or(0, |count| count - 1);
        if left > 0 {
            counts.insert(self.image.clone(), left);
            return;
        }
        counts.remove(&self.image);
        if let Err(error) = fs::remove_file(self.intents.path(&self.image)) {
            tracing::warn!(image = self.image, %error, "pull intent not removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_stays_until_the_last_pull_of_the_image_ends() {
        let root = tempfile::tempdir().unwrap();
        let intents = Intents::under(root.path());
        let first = intents.announce("app:v1");
        let second = intents.announce("app:v1");
        drop(first);
        let text = fs::read_to_string(intents.path("app:v1")).unwrap();
        let intent: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(intent["image"], "app:v1");
        drop(second);
        assert!(!intents.path("app:v1").exists());
    }
}
