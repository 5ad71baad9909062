//! A stand-in for the kubelet that says what the real one says: Node, Lease, pod statuses, Events, directories, pull intents.
//! It follows Kubernetes 1.36 from bound to running and leaves out probes, devices, credentials of registries, and all volumes but
//! those of `container/mounts.rs`.
//! It speaks to any API server over HTTP and to any runtime over CRI, and knows nothing of the agent under test.

mod actions;
mod backoff;
mod container;
mod golang;
mod health;
mod healthz;
mod hook;
mod images;
mod node;
mod pods;
pub mod record;
mod recorder;
mod relist;
mod rpc;
mod sandbox;
mod status;
mod volumes;
mod worker;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use kube::Client;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use health::Health;
use images::Images;
use record::Record;
use recorder::Recorder;
use relist::Relist;
use rpc::Runtime;

/// How the stand-in runs; [`Options::new`] has the kubelet's own defaults.
#[derive(Clone)]
pub struct Options {
    /// The Node it registers and whose pods it runs.
    pub node_name: String,
    /// The CRI socket of the runtime.
    pub cri_socket: PathBuf,
    /// Base URL of the API server, e.g. `http://127.0.0.1:8080`.
    pub api_url: String,
    /// Bearer token for the API server.
    pub token: Option<String>,
    /// The kubelet's root; `/var/lib/kubelet` on a real node.
    pub root: PathBuf,
    /// Where pods log; `/var/log/pods` on a real node.
    pub logs: PathBuf,
    /// Whether one pull runs at a time on the whole node.
    pub serialize_pulls: bool,
    /// The first pause after a failed pull or a crash; doubled with each.
    pub backoff_initial: Duration,
    /// The longest such pause.
    pub backoff_max: Duration,
    /// Shortest and longest pause after a sync that failed.
    pub retry: (Duration, Duration),
    /// How long the runtime may be silent before it counts as down.
    pub runtime_down_after: Duration,
    /// How often the node's status is computed.
    pub status_period: Duration,
    /// The cgroup under which pods get theirs; empty leaves the choice to the runtime.
    pub cgroup_parent: String,
    /// Where it says that it is well. None where that port may be another kubelet's.
    pub healthz: Option<SocketAddr>,
    /// How pods reach the API server that ask for a token; none: they get none.
    pub account: Option<Account>,
}

/// What a pod is given to reach the API server with: the same for all.
#[derive(Clone)]
pub struct Account {
    /// Where the API server answers by TLS.
    pub address: SocketAddr,
    /// The authority of its certificate, as PEM.
    pub authority: String,
    /// The bearer token.
    pub token: String,
}

impl Options {
    /// The defaults of a kubelet (Kubernetes: pkg/kubelet/apis/config/v1beta1/defaults.go).
    pub fn new(node_name: impl Into<String>, api_url: impl Into<String>, cri_socket: impl Into<PathBuf>) -> Self {
        Self {
            node_name: node_name.into(),
            cri_socket: cri_socket.into(),
            api_url: api_url.into(),
            token: None,
            root: PathBuf::from("/var/lib/kubelet"),
            logs: PathBuf::from("/var/log/pods"),
            serialize_pulls: true,
            backoff_initial: Duration::from_secs(10),
            backoff_max: Duration::from_secs(300),
            retry: (Duration::from_secs(10), Duration::from_secs(15)),
            runtime_down_after: Duration::from_secs(30),
            status_period: Duration::from_secs(10),
            cgroup_parent: String::new(),
            healthz: None,
            account: None,
        }
    }

    /// Likewise, and it says that it is well where a kubelet does: for one that has the loopback for itself.
    #[must_use]
    pub fn healthy(self) -> Self {
        Self { healthz: Some(healthz::ADDRESS), ..self }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("node_name", &self.node_name)
            .field("api_url", &self.api_url)
            .finish_non_exhaustive()
    }
}

/// What everything in the stand-in shares.
struct Parts {
    options: Options,
    client: Client,
    runtime: Runtime,
    recorder: Recorder,
    images: Images,
    record: Record,
    health: Health,
    relist: watch::Receiver<Relist>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("options", &self.options).finish_non_exhaustive()
    }
}

/// A running stand-in; dropped, it stops at once and leaves pods as they are, like a kubelet that died.
#[derive(Debug)]
#[must_use = "the kubelet stops when this is dropped"]
pub struct Kubelet {
    options: Options,
    record: Record,
    task: AbortOnDropHandle<()>,
}

impl Kubelet {
    /// Starts on the present runtime; neither the API server nor the CRI socket has to be there yet.
    ///
    /// # Errors
    /// The API server's URL is none, its configuration can't be written, or its health port is taken.
    pub fn start(options: Options) -> anyhow::Result<Self> {
        let record = Record::default();
        let task = launch(options.clone(), record.clone())?;
        Ok(Self { options, record, task })
    }

    /// Ends it at once, as SIGKILL does, and waits for that.
    pub async fn kill(&mut self) {
        if !self.task.is_finished() {
            self.task.abort();
            drop((&mut self.task).await);
        }
    }

    /// Starts it again, after it was killed or not: it remembers nothing, as a kubelet does.
    ///
    /// # Errors
    /// As for the first start.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill().await;
        self.task = launch(self.options.clone(), self.record.clone())?;
        Ok(())
    }

    /// What it did with each pod, and when: all of its lives.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }
}

fn launch(options: Options, record: Record) -> anyhow::Result<AbortOnDropHandle<()>> {
    let client = client(&options)?;
    configuration(&options)?;
    let door = options.healthz.map(healthz::open).transpose()?;
    let runtime = Runtime::at(&options.cri_socket);
    let (recorder, events) = Recorder::new(client.clone(), options.node_name.clone());
    let images = Images::new(&options, runtime.clone(), recorder.clone(), record.clone());
    let (publish, relist) = watch::channel(Relist::default());
    let health = Health::new(options.runtime_down_after);
    let parts = Parts { options, client, runtime: runtime.clone(), recorder, images, record, health, relist };
    let parts = Arc::new(parts);
    let task = tokio::spawn(async move {
        tokio::join!(
            events,
            relist::run(runtime, publish),
            parts.health.poll(&parts.runtime),
            node::keep(&parts),
            node::renew(&parts),
            pods::run(Arc::clone(&parts)),
            healthz::answer(door),
        );
    });
    Ok(AbortOnDropHandle::new(task))
}

/// The file in which an installer would have told it how to run; others read there how it pulls.
fn configuration(options: &Options) -> anyhow::Result<()> {
    let serial = options.serialize_pulls;
    let text = format!(
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nserializeImagePulls: {serial}\n"
    );
    std::fs::create_dir_all(&options.root).context("the kubelet's root")?;
    std::fs::write(options.root.join("config.yaml"), text).context("the kubelet's configuration")
}

fn client(options: &Options) -> anyhow::Result<Client> {
    let url = options.api_url.parse().with_context(|| format!("{} is no URL", options.api_url))?;
    let mut config = kube::Config::new(url);
    config.auth_info.token = options.token.clone().map(Into::into);
    config.disable_compression = true;
    Client::try_from(config).context("no client for the API server")
}
