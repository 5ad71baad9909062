//! Looks at the kubelet's pull intents: one file for each image that is queued or being pulled (Kubernetes:
//! pkg/kubelet/images/pullmanager/fs_pullrecords.go, from 1.35 on). Their times tell little, since every pod that wants the
//! image writes the file anew: what counts is when this agent saw each first. Reads only, and no file twice.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::asking::Asking;
use super::told::Told;
use crate::clock::Clock;
use crate::host::Mounts;
use crate::host::{Lost, Root};
use crate::model::Time;
use crate::model::intent::Intents;
use crate::model::observation::{Observation, Seen};
use crate::observe::{Outlet, Pace};

/// Below the kubelet's root directory.
const DIRECTORY: &str = "image_manager/pulling";
/// The word before the digest in a file's name.
const PREFIX: &str = "sha256-";
/// A kubelet runs no more pods than a few hundred: a directory with more entries is not understood.
const ENTRIES_AT_MOST: usize = 2_048;
/// An intent holds one image name.
const SIZE_AT_MOST: u64 = 16 << 10;

/// Looks at the pull intents of this node's kubelet.
#[derive(Debug)]
pub struct IntentObserver {
    /// Where the host's root is visible; `/` outside a container.
    pub root: PathBuf,
    /// The kubelet's root directory, as the host names it.
    pub kubelet: PathBuf,
    /// Busy while a pod waits for an image.
    pub pace: Pace,
    /// The agent's clock.
    pub clock: Clock,
}

/// Images by the name of their file.
type Files = HashMap<String, Arc<str>>;

impl IntentObserver {
    /// Runs until stopped. Sends [`Seen::Intents`] for the first look, on a change, and every 10 s.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let out = Outlet::new(out, self.clock);
        stop.run_until_cancelled(self.look_again_and_again(&out)).await;
    }

    async fn look_again_and_again(mut self, out: &Outlet) {
        let mut asking = Asking::default();
        let mut known = Files::new();
        let mut told = Told::default();
        loop {
            let (root, directory, before) = (self.root.clone(), self.kubelet.join(DIRECTORY), known.clone());
            let looked = asking.ask(move || look(&root, &directory, &before)).await;
            let now = self.clock.now();
            let intents = match looked.map_err(|none| none.to_string()).and_then(|files| files) {
                Ok(files) => {
                    known = files;
                    first_seen(&known, told.last(), now)
                }
                Err(why) => Intents::Unknown(why),
            };
            if let Some(news) = told.news(intents, now) {
                out.tell(Seen::Intents(news)).await;
            }
            self.pace.rest().await;
        }
    }
}

/// What was seen before keeps its moment.
fn first_seen(files: &Files, last: Option<&Intents>, now: Time) -> Intents {
    let before = |image: &str| last.and_then(|last| last.first_seen(image)).unwrap_or(now);
    Intents::Told(files.values().map(|image| (image.clone(), before(image))).collect::<BTreeMap<_, _>>())
}

/// The images of all intents; or why they can't be told.
fn look(root: &Path, directory: &Path, known: &Files) -> Result<Files, String> {
    let mounts = Mounts::at(root).map_err(|error| format!("what is mounted cannot be told: {error}"))?;
    let found = match Root(&mounts).find(directory) {
        Err(Lost::Missing) => return Err("this kubelet keeps no pull intents".to_owned()),
        found => found.map_err(|lost| lost.to_string())?,
    };
    let failed = |error: io::Error| format!("{}: {error}", directory.display());
    let mut files = Files::new();
    for (count, entry) in fs::read_dir(&found).map_err(failed)?.enumerate() {
        if count >= ENTRIES_AT_MOST {
            return Err(format!("{} holds far too many files", directory.display()));
        }
        let Ok(name) = entry.map_err(failed)?.file_name().into_string() else { continue };
        if let Some(image) =
            known.get(&name).cloned().map_or_else(|| read(&mounts, directory, &name), |i| Ok(Some(i)))?
        {
            files.insert(name, image);
        }
    }
    Ok(files)
}

/// The image of one intent; none for another kind of file, one that is being written, and one that is gone by now.
fn read(mounts: &Mounts, directory: &Path, name: &str) -> Result<Option<Arc<str>>, String> {
    if !name.starts_with(PREFIX) {
        return Ok(None);
    }
    match Root(mounts).read(&directory.join(name), SIZE_AT_MOST) {
        Ok(content) => Ok(image(name, &content)),
        Err(Lost::Missing | Lost::Unusable(_)) => Ok(None),
        Err(lost) => Err(lost.to_string()),
    }
}

/// The image, if the content is an intent and belongs to that name.
fn image(name: &str, content: &[u8]) -> Option<Arc<str>> {
    #[derive(Deserialize)]
    struct Intent {
        kind: String,
        image: Arc<str>,
    }
    let intent: Intent = serde_json::from_slice(content).ok()?;
    let digest: String = Sha256::digest(intent.image.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let named = name.strip_prefix(PREFIX) == Some(&*digest);
    (named && intent.kind == "ImagePullIntent").then_some(intent.image)
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::model::settings::Timing;

    fn write(directory: &Path, image: &str) -> PathBuf {
        let digest: String = Sha256::digest(image.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let path = directory.join(format!("sha256-{digest}"));
        let text =
            format!(r#"{{"kind":"ImagePullIntent","apiVersion":"kubelet.config.k8s.io/v1beta1","image":"{image}"}}"#);
        fs::write(&path, text).unwrap();
        path
    }

    fn node() -> (tempfile::TempDir, PathBuf) {
        let kubelet = tempfile::tempdir().unwrap();
        let directory = kubelet.path().join(DIRECTORY);
        fs::create_dir_all(&directory).unwrap();
        (kubelet, directory)
    }

    fn images(looked: Result<Files, String>) -> Vec<String> {
        let mut images: Vec<_> = looked.unwrap().values().map(|image| image.to_string()).collect();
        images.sort();
        images
    }

    #[test]
    fn only_whole_intents_under_their_own_names_count() {
        let (_kubelet, directory) = node();
        write(&directory, "r.example.com/shop/cart:2");
        let renamed = write(&directory, "r.example.com/shop/vault:1");
        fs::rename(&renamed, renamed.with_file_name(format!("sha256-{}", "0".repeat(64)))).unwrap();
        fs::write(directory.join("sha256-11"), r#"{"kind":"ImagePullIntent","ima"#).unwrap();
        fs::write(directory.join("sha256-22"), vec![b' '; 1 << 20]).unwrap();
        fs::write(directory.join("cart.tmp"), "{}").unwrap();
        fs::create_dir(directory.join("sha256-33")).unwrap();
        assert_eq!(images(look(Path::new("/"), &directory, &Files::new())), ["r.example.com/shop/cart:2"]);
    }

    #[test]
    fn an_older_kubelet_and_a_root_that_is_not_mounted_are_unknown_for_their_own_reasons() {
        let (kubelet, directory) = node();
        fs::remove_dir(&directory).unwrap();
        let none = look(Path::new("/"), &directory, &Files::new());
        assert_eq!(none, Err("this kubelet keeps no pull intents".to_owned()));
        let hidden = look(kubelet.path(), Path::new("/var/lib/kubelet/image_manager/pulling"), &Files::new());
        assert!(hidden.unwrap_err().contains("is not mounted"));
    }

    #[test]
    fn a_flood_of_files_is_not_half_told() {
        let (_kubelet, directory) = node();
        for number in 0..=ENTRIES_AT_MOST {
            fs::write(directory.join(number.to_string()), "").unwrap();
        }
        assert!(look(Path::new("/"), &directory, &Files::new()).unwrap_err().contains("far too many"));
    }

    #[tokio::test(start_paused = true)]
    async fn each_intent_keeps_the_moment_at_which_it_was_seen_first() {
        let (kubelet, directory) = node();
        let cart = write(&directory, "cart:2");
        let clock = Clock::starting_at("2026-11-21T03:00:00Z".parse().unwrap());
        let (_engine, busy) = watch::channel(true);
        let pace = Pace::new(busy, &Timing::default(), clock);
        let (out, mut seen) = mpsc::channel(1);
        let observer = IntentObserver { root: "/".into(), kubelet: kubelet.path().to_owned(), pace, clock };
        tokio::spawn(observer.run(out, CancellationToken::new()));
        let mut next = async || match seen.recv().await.unwrap() {
            Observation { at, seen: Seen::Intents(intents) } => (at, intents),
            other => panic!("{other:?}"),
        };

        let (first, intents) = next().await;
        assert_eq!(intents.first_seen("cart:2"), Some(first));
        write(&directory, "r.example.com/shop/vault:latest");
        write(&directory, "cart:2");
        let (second, intents) = next().await;
        assert!(second > first);
        assert_eq!(intents.first_seen("cart:2"), Some(first), "written again, it is no other");
        assert_eq!(intents.first_seen("r.example.com/shop/vault"), Some(second), "the kubelet adds the default tag");
        fs::remove_file(cart).unwrap();
        let (_, intents) = next().await;
        assert_eq!(intents.first_seen("cart:2"), None);
        let (_, repeated) = next().await;
        assert_eq!(repeated, intents);
    }
}
