//! One stand-in with its API server, its runtime and its directories.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kubewhy_lab::kubelet::{Kubelet, Options};
use serde_json::Value;
use tempfile::TempDir;

use crate::api::{Api, Line};
use crate::runtime::{Runtime, Script};

/// The node of the recordings.
pub(crate) const NODE: &str = "lab-node";

/// Everything one test needs; dropped, it is gone.
pub(crate) struct Lab {
    pub(crate) api: Api,
    pub(crate) runtime: Runtime,
    pub(crate) root: TempDir,
    /// Held for its drop.
    _kubelet: Kubelet,
}

impl Lab {
    /// Starts all parts; the kubelet's pauses are short.
    pub(crate) async fn start(script: Script) -> Self {
        Self::with(script, |_| {}).await
    }

    /// Starts all parts with changed options.
    pub(crate) async fn with(script: Script, change: impl FnOnce(&mut Options)) -> Self {
        let root = tempfile::tempdir().unwrap();
        let runtime = Runtime::serve(&socket(root.path()), script);
        let api = Api::serve().await;
        let mut options = Options::new(NODE, api.url(), socket(root.path()));
        options.root = root.path().join("kubelet");
        options.logs = root.path().join("logs");
        options.retry = (Duration::from_millis(300), Duration::from_millis(400));
        options.backoff_initial = Duration::from_secs(2);
        options.status_period = Duration::from_millis(300);
        change(&mut options);
        Self { api, runtime, root, _kubelet: Kubelet::start(options).unwrap() }
    }

    /// Adds a bound pod.
    pub(crate) fn run(&self, pod: &Value) {
        self.api.put(pod.clone());
    }
}

fn socket(root: &Path) -> PathBuf {
    root.join("cri.sock")
}

/// A recorded tape by its path in the folder of recordings, none when there is no such folder.
pub(crate) fn recorded(path: &str) -> Option<Vec<Line>> {
    let text = recording(&format!("{path}.jsonl"))?;
    let line = |text: &str| {
        let line: Value = serde_json::from_str(text).unwrap();
        let stream = line["stream"].as_str().unwrap().to_owned();
        Line { stream, r#type: "MODIFIED", object: line["object"].clone() }
    };
    Some(text.lines().map(line).collect())
}

/// A recorded list of objects as a tape.
pub(crate) fn recorded_list(path: &str) -> Option<Vec<Line>> {
    let list: Value = serde_json::from_str(&recording(path)?).unwrap();
    let line = |object: &Value| Line { stream: "events".to_owned(), r#type: "ADDED", object: object.clone() };
    Some(list["items"].as_array().unwrap().iter().map(line).collect())
}

/// The text of one recorded file.
pub(crate) fn recording(path: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("KUBEWHY_RECORDINGS") else {
        println!("skipped: KUBEWHY_RECORDINGS does not name the folder of recordings");
        return None;
    };
    Some(std::fs::read_to_string(Path::new(&folder).join(path)).unwrap())
}
