//! Writes down what happens on a node, in the form that `observe/recorded.rs` replays: the API server's objects as they change,
//! and what observers like the agent's own, but beside it, see on the node. Judges nothing.

use std::collections::{BTreeMap, HashMap};
use std::mem::{Discriminant, discriminant};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use kubewhy::client::containerd::Containerd;
use kubewhy::client::cri::Cri;
use kubewhy::client::cri::deadlines::Deadlines;
use kubewhy::client::endpoint::Endpoint;
use kubewhy::clock::Clock;
use kubewhy::model::ids::{PodId, PodUid};
use kubewhy::model::observation::{Observation, Seen};
use kubewhy::model::settings::Timing;
use kubewhy::observe::Pace;
use kubewhy::observe::containerd::ContainerdObserver;
use kubewhy::observe::containerd::sandboxes::SandboxObserver;
use kubewhy::observe::cri::CriObserver;
use kubewhy::observe::host::{
    CniDirs, IntentObserver, KubeletPlaces, MarksObserver, NamedBy, PluginObserver, PullRulesObserver,
};
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
    _always: (watch::Sender<bool>, watch::Sender<CniDirs>),
}

/// The pods that are there, for the observers that look at each.
struct Pods {
    known: BTreeMap<PodUid, PodId>,
    ids: watch::Sender<Arc<[PodId]>>,
    uids: watch::Sender<Arc<[PodUid]>>,
}

impl Recorder {
    /// Writes down from now on.
    pub(crate) fn start(scene: &Scene) -> anyhow::Result<Self> {
        let (stop, clock, timing) = (CancellationToken::new(), Clock::start(), Timing::default());
        let socket = scene.lab.containerd.socket();
        let endpoint: Endpoint = socket.to_str().context("a socket of another name")?.parse()?;
        let cri = Cri::new(endpoint, clock, Deadlines::default());
        let (busy, is_busy) = watch::channel(true);
        let (bin, conf_dir) = (scene.lab.cni.bin().to_owned(), scene.lab.cni.conf().to_owned());
        let dirs = CniDirs { conf_dir, bin_dirs: vec![bin], named_by: NamedBy::Containerd };
        let (keep, dirs) = watch::channel(dirs);
        let (ids, starting) = watch::channel(Arc::default());
        let (uids, awaited) = watch::channel(Arc::default());
        let pace = Pace::new(is_busy.clone(), &timing, clock);
        let (root, kubelet) = (Path::new("/").to_owned(), scene.lab.dir.join("kubelet"));
        let places = KubeletPlaces { root: kubelet.clone(), pod_logs: scene.lab.dir.join("pods") };
        let (out, seen) = mpsc::channel(OBSERVATIONS);
        let watches = || (out.clone(), stop.clone());

        let (to, until) = watches();
        let containerd = Containerd::new(&cri);
        tokio::spawn(ContainerdObserver::new(containerd.clone(), clock, pace.clone()).run(to, until));
        let (to, until) = watches();
        tokio::spawn(SandboxObserver { containerd, awaited, pace: pace.clone(), clock }.run(to, until));
        let (to, until) = watches();
        let plugins = PluginObserver { root: root.clone(), dirs, wanted: is_busy, pace: pace.clone(), clock };
        tokio::spawn(plugins.run(to, until));
        let (to, until) = watches();
        let marks = MarksObserver { root: root.clone(), places, starting, pace: pace.clone(), clock };
        tokio::spawn(marks.run(to, until));
        let (to, until) = watches();
        let intents = IntentObserver { root: root.clone(), kubelet: kubelet.clone(), pace: pace.clone(), clock };
        tokio::spawn(intents.run(to, until));
        let (to, until) = watches();
        tokio::spawn(PullRulesObserver { root, kubelet, clock }.run(to, until));
        let (to, until) = watches();
        let (_, no_images) = watch::channel(Arc::default());
        tokio::spawn(CriObserver::new(cri, clock, pace, no_images, &timing).run(to, until));

        let store = scene.api.store();
        let objects = store.subscribe();
        let nodes = store.list(&NODES, None).into_iter().filter_map(|node| line("nodes", &node)).collect();
        let pods = Pods { known: BTreeMap::new(), ids, uids };
        let writing = tokio::spawn(write_down(nodes, objects, pods, seen, stop.clone()));
        Ok(Self { writing, stop, _always: (busy, keep) })
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

impl Pods {
    fn add(&mut self, pod: &Value) {
        let text = |name: &str| pod["metadata"][name].as_str().unwrap_or_default();
        let uid = PodUid::new(text("uid"));
        let id = PodId { uid: uid.clone(), namespace: text("namespace").into(), name: text("name").into() };
        if self.known.insert(uid, id).is_none() {
            self.ids.send_replace(self.known.values().cloned().collect());
            self.uids.send_replace(self.known.keys().cloned().collect());
        }
    }
}

async fn write_down(
    mut lines: Vec<Value>,
    mut objects: Subscription,
    mut pods: Pods,
    mut seen: mpsc::Receiver<Observation>,
    stop: CancellationToken,
) -> Vec<Value> {
    let mut known: HashMap<Discriminant<Seen>, Value> = HashMap::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return lines,
            Some(change) = objects.next() => {
                let object = change.after.filter(|object| object["source"]["component"] != "kubewhy");
                if let Some(pod) = object.as_ref().filter(|_| change.key.resource == "pods") {
                    pods.add(pod);
                }
                lines.extend(object.and_then(|object| line(change.key.resource, &object)));
            }
            Some(Observation { at, seen }) = seen.recv() => {
                if of_the_runtime(&seen) {
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

/// What says that the runtime is well, and what images there are: the replay takes the one for granted and needs not the other.
fn of_the_runtime(seen: &Seen) -> bool {
    matches!(seen, Seen::RuntimeFound(_) | Seen::RuntimeCall(_) | Seen::RuntimeStatus(_) | Seen::Image { .. })
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
