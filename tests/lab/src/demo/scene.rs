//! A whole node with everything on it: lab, API server double, kubelet stand-in, and the agent under test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::Lab;
use crate::apiserver::resources::{EVENTS, NODES};
use crate::apiserver::{self, ApiServer};
use crate::containerd::Containerd;
use crate::dead_mount::DeadMount;
use crate::disk::Disk;
use crate::kubelet::record::Record;
use crate::kubelet::{self, Kubelet};

use super::act::is_of;
use super::agent::{Agent, CONFIG, Start};

/// The node's name.
pub const NODE: &str = "node-7";
/// The namespace of the demo's pods.
pub const NAMESPACE: &str = "shop";
const HEALTH_PORT: u16 = 9470;
/// Where an installer puts how the kubelet reaches the API server, whatever the kubelet's root is.
const OF_KUBELET: &str = "/var/lib/kubelet";
/// The reason of an ending.
pub(super) const RESOLVED: &str = "Resolved";
/// A configuration that changes nothing.
const DEFAULTS: &str = "apiVersion: kubewhy.dev/v1alpha1\n";
/// A healthy node is Ready within this time.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// The scene. Dropped, everything in it ends.
pub struct Scene {
    /// Runtime, registries, names, CNI.
    pub lab: Lab,
    /// The API server.
    pub api: ApiServer,
    /// The agent.
    pub agent: Agent,
    /// How a client reaches the API server.
    pub kubeconfig: PathBuf,
    /// The kubelet.
    pub kubelet: Kubelet,
    /// What a fault needs besides.
    pub props: Props,
}

/// Things that only some faults need.
#[derive(Debug, Default)]
pub struct Props {
    /// A file system that can be filled.
    pub disk: Option<Disk>,
    /// A mount that hangs, and where.
    pub mount: Option<(DeadMount, PathBuf)>,
}

/// An Event's name and count: an Event that was written again tells again.
pub type Telling = (String, u64);

/// At whose pace agent and kubelet work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tempo {
    /// An audience's: everything shortened, the agent's configuration is [`CONFIG`].
    Hasty,
    /// Likewise, and the kubelet pulls one image at a time.
    Serial,
    /// A node's: the defaults of both.
    Ordinary,
}

impl Tempo {
    fn config(self) -> &'static str {
        match self {
            Self::Hasty | Self::Serial => CONFIG,
            Self::Ordinary => DEFAULTS,
        }
    }
}

/// Whom an Event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// The node.
    Node,
    /// A pod of the demo's namespace.
    Pod(&'static str),
}

impl On {
    /// As `kubectl describe` is told.
    #[must_use]
    pub fn describe(self) -> Vec<&'static str> {
        match self {
            Self::Node => vec!["node", NODE],
            Self::Pod(name) => vec!["pod", name, "--namespace", NAMESPACE],
        }
    }

    fn is(self, event: &Value) -> bool {
        let involved = &event["involvedObject"];
        match self {
            Self::Node => involved["kind"] == "Node" && involved["name"] == NODE,
            Self::Pod(name) => involved["kind"] == "Pod" && involved["name"] == name,
        }
    }
}

impl Scene {
    /// Starts everything and waits until the node is Ready and the agent too.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(program: &Path, tempo: Tempo) -> anyhow::Result<Self> {
        Self::start_with(program, tempo, tempo.config(), |_| {}).await
    }

    /// Likewise, with another configuration of the agent and a kubelet that runs in another way.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start_with(
        program: &Path,
        tempo: Tempo,
        config: &str,
        adapt: impl FnOnce(&mut kubelet::Options),
    ) -> anyhow::Result<Self> {
        let (lab, api) = (Lab::start().await?, ApiServer::start(apiserver::Options::default()).await?);
        Self::on(lab, api, program, tempo, config, adapt).await
    }

    /// Likewise, in a lab and with an API server that are there already.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn on(
        lab: Lab,
        api: ApiServer,
        program: &Path,
        tempo: Tempo,
        config: &str,
        adapt: impl FnOnce(&mut kubelet::Options),
    ) -> anyhow::Result<Self> {
        let kubeconfig = lab.dir.join("kubeconfig");
        api.kubeconfig(&kubeconfig)?;
        std::fs::create_dir_all(OF_KUBELET)?;
        api.kubeconfig(&Path::new(OF_KUBELET).join("kubeconfig"))?;
        let mut options = options(&lab, api.url(), tempo);
        adapt(&mut options);
        let kubelet = Kubelet::start(options)?;
        let socket = lab.containerd.socket();
        node_ready(&api).await?;
        let agent = Agent::start(&Start {
            program,
            dir: &lab.dir.join("agent"),
            node: NODE,
            socket: &socket,
            kubelet: &lab.dir,
            kubeconfig: Some(&kubeconfig),
            config,
            port: HEALTH_PORT,
        })
        .await?;
        Ok(Self { lab, api, agent, kubeconfig, kubelet, props: Props::default() })
    }

    /// What the kubelet did with each pod, and when.
    #[must_use]
    pub fn record(&self) -> &Record {
        self.kubelet.record()
    }

    /// Binds a pod of one container to the node.
    pub fn run_pod(&self, name: &str, container: Value) {
        self.put(pod(NAMESPACE, name, container));
    }

    /// Puts an object into the cluster.
    pub fn put(&self, object: Value) {
        self.api.store().put(object);
    }

    /// Waits for a telling of kubewhy's with that reason about that subject that is not among the `known` ones.
    pub async fn told(&self, on: On, reason: &str, known: &[Telling], within: Duration) -> Option<Value> {
        self.heard(on, known, within, |event| event["reason"] == reason).await
    }

    /// Likewise, for the end of that cause.
    pub async fn ended(&self, on: On, cause: &str, known: &[Telling], within: Duration) -> Option<Value> {
        self.heard(on, known, within, |event| event["reason"] == RESOLVED && is_of(event, cause)).await
    }

    async fn heard(&self, on: On, known: &[Telling], within: Duration, is: impl Fn(&Value) -> bool) -> Option<Value> {
        let mut changes = self.api.store().subscribe();
        let deadline = Instant::now() + within;
        loop {
            if let Some(told) = self.tellings(on, known).into_iter().find(&is) {
                return Some(told);
            }
            tokio::time::timeout_at(deadline, changes.next()).await.ok()??;
        }
    }

    /// What kubewhy told about a subject beyond the `known` tellings.
    #[must_use]
    pub fn tellings(&self, on: On, known: &[Telling]) -> Vec<Value> {
        self.kubewhys(on).into_iter().filter(|event| !known.contains(&telling(event))).collect()
    }

    /// kubewhy's Events about a subject.
    #[must_use]
    pub fn kubewhys(&self, on: On) -> Vec<Value> {
        let events = self.api.store().list(&EVENTS, None);
        let ours = |event: &&std::sync::Arc<Value>| event["source"]["component"] == "kubewhy" && on.is(event);
        events.iter().filter(ours).map(|event| Value::clone(event)).collect()
    }

    /// What kubewhy has told about a subject already.
    #[must_use]
    pub fn known(&self, on: On) -> Vec<Telling> {
        self.kubewhys(on).iter().map(telling).collect()
    }

    /// How many writes of Events came from kubewhy.
    #[must_use]
    pub fn events_written(&self) -> usize {
        self.api.journal().events().iter().filter(|event| event["source"]["component"] == "kubewhy").count()
    }

    /// Ends the agent as a kubelet would.
    ///
    /// # Errors
    /// When it does not end well.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.agent.stop().await
    }
}

/// Which telling an Event is.
#[must_use]
pub fn telling(event: &Value) -> Telling {
    (event["metadata"]["name"].as_str().unwrap_or_default().to_owned(), event["count"].as_u64().unwrap_or_default())
}

/// A pod of one container that is bound to the node and pulls its image at every start.
#[must_use]
pub fn pod(namespace: &str, name: &str, mut container: Value) -> Value {
    container["name"] = json!("main");
    container["imagePullPolicy"] = json!("Always");
    let now = apiserver::rfc3339(jiff::Timestamp::now());
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"nodeName": NODE, "restartPolicy": "Always", "containers": [container]},
        "status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": now},
        ]},
    })
}

/// The node's kubelet on that runtime, with a kubelet's defaults.
pub(crate) fn ordinary(lab: &Lab, url: &str, containerd: &Containerd) -> kubelet::Options {
    kubelet::Options {
        root: lab.places.kubelet.clone(),
        logs: lab.places.logs.clone(),
        cgroup_parent: lab.cgroup.clone(),
        ..kubelet::Options::new(NODE, url, containerd.socket())
    }
}

fn options(lab: &Lab, url: &str, tempo: Tempo) -> kubelet::Options {
    let ordinary = ordinary(lab, url, &lab.containerd).healthy();
    match tempo {
        Tempo::Ordinary => ordinary,
        Tempo::Hasty | Tempo::Serial => kubelet::Options {
            serialize_pulls: tempo == Tempo::Serial,
            backoff_initial: Duration::from_secs(1),
            backoff_max: Duration::from_secs(2),
            retry: (Duration::from_millis(1500), Duration::from_millis(2500)),
            runtime_down_after: Duration::from_secs(4),
            status_period: Duration::from_secs(1),
            ..ordinary
        },
    }
}

/// Waits until the node is ready.
pub(crate) async fn node_ready(api: &ApiServer) -> anyhow::Result<()> {
    let mut changes = api.store().subscribe();
    let ready = async {
        loop {
            let node = api.store().get(&NODES, "", NODE);
            let conditions = node.as_ref().and_then(|node| node["status"]["conditions"].as_array().cloned());
            let is_ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
            if conditions.is_some_and(|all| all.iter().any(is_ready)) {
                return Some(());
            }
            changes.next().await?;
        }
    };
    let waited = tokio::time::timeout(READY_WITHIN, ready).await;
    waited.ok().flatten().context("the node did not get Ready in time")
}
