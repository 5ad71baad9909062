//! Writes down what happens on a node, in the form that `observe/recorded.rs` replays: the API server's objects as they change,
//! and what observers like the agent's own, but beside it, see of the runtime. Judges nothing.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};

use anyhow::Context as _;
use jiff::Timestamp;
use kubewhy::client::containerd::Containerd;
use kubewhy::client::cri::Cri;
use kubewhy::client::cri::deadlines::Deadlines;
use kubewhy::client::endpoint::Endpoint;
use kubewhy::clock::Clock;
use kubewhy::model::observation::{Observation, Seen};
use kubewhy::model::settings::Timing;
use kubewhy::observe::Pace;
use kubewhy::observe::containerd::ContainerdObserver;
use kubewhy::observe::cri::CriObserver;
use kubewhy_lab::apiserver::Subscription;
use kubewhy_lab::apiserver::resources::NODES;
use kubewhy_lab::demo::Scene;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const OBSERVATIONS: usize = 64;

/// A recording under way. Dropped, it ends and is lost.
pub(crate) struct Recorder {
    writing: JoinHandle<Vec<Value>>,
    stop: CancellationToken,
    _busy: watch::Sender<bool>,
}

impl Recorder {
    /// Writes down from now on.
    pub(crate) fn start(scene: &Scene) -> anyhow::Result<Self> {
        let (stop, clock, timing) = (CancellationToken::new(), Clock::start(), Timing::default());
        let socket = scene.lab.containerd.socket();
        let endpoint: Endpoint = socket.to_str().context("a socket of another name")?.parse()?;
        let cri = Cri::new(endpoint, clock, Deadlines::default());
        let (busy, is_busy) = watch::channel(true);
        let pace = Pace::new(is_busy, &timing);
        let (out, seen) = mpsc::channel(OBSERVATIONS);
        let pulls = ContainerdObserver::new(Containerd::new(&cri), clock, pace.clone());
        tokio::spawn(pulls.run(out.clone(), stop.clone()));
        tokio::spawn(CriObserver::new(cri, clock, pace, &timing).run(out, stop.clone()));
        let (store, stopped) = (scene.api.store(), stop.clone());
        let objects = store.subscribe();
        let nodes = store.list(&NODES, None).into_iter().filter_map(|node| line("nodes", &node)).collect();
        let writing = tokio::spawn(write_down(nodes, objects, seen, stopped));
        Ok(Self { writing, stop, _busy: busy })
    }

    /// The recording, below that head.
    pub(crate) async fn end(self, head: &Value) -> anyhow::Result<String> {
        self.stop.cancel();
        let mut lines = self.writing.await?;
        lines.push(json!({"at": Timestamp::now()}));
        let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        Ok(format!("{head}\n{text}"))
    }
}

async fn write_down(
    mut lines: Vec<Value>,
    mut objects: Subscription,
    mut seen: mpsc::Receiver<Observation>,
    stop: CancellationToken,
) -> Vec<Value> {
    let mut known: HashMap<Discriminant<Seen>, Value> = HashMap::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return lines,
            Some(change) = objects.next() => {
                let object = change.after.filter(|object| object["source"]["component"] != "kubewhy");
                lines.extend(object.and_then(|object| line(change.key.resource, &object)));
            }
            Some(Observation { at, seen }) = seen.recv() => {
                if !matches!(seen, Seen::Sandboxes(_) | Seen::Containers(_) | Seen::Pulls(_)) {
                    continue;
                }
                let list = json!(seen);
                if known.insert(discriminant(&seen), list.clone()).as_ref() != Some(&list) {
                    lines.push(json!({"at": at, "seen": list}));
                }
            }
        }
    }
}

fn line(resource: &str, object: &Value) -> Option<Value> {
    let at = Timestamp::now();
    match resource {
        "pods" => Some(json!({"at": at, "pod": object})),
        "nodes" => Some(json!({"at": at, "node": object})),
        "events" => {
            let mut event = object.clone();
            event["pod"] = event["involvedObject"]["uid"].clone();
            Some(json!({"at": at, "event": event}))
        }
        _ => None,
    }
}
