//! A cluster as its API server sees it: nodes, pods, what their kubelets write, and an API server that can go away.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kubewhy_lab::apiserver::resources::{NODES, PODS};
use kubewhy_lab::apiserver::{ApiServer, Clock, Fault, Indoors, Journal, Options, Store, rfc3339};
use serde_json::json;
use tokio::time::sleep;

use crate::agent::Agent;
use crate::machine::name;
use crate::objects;
use crate::wire::Refused;

/// A kubelet writes the status of a Node that does not change this often (Kubernetes: nodeStatusReportFrequency).
const HEARTBEAT: Duration = Duration::from_secs(300);
/// A pod's image is pulled again after so long, each time since the first failure (Kubernetes: pkg/kubelet/kubelet.go,
/// imageBackOffPeriod, doubled up to five minutes).
const PULLED_AGAIN: [u64; 6] = [10, 30, 70, 150, 310, 610];
/// More requests than any storm makes.
const JOURNAL: usize = 2_000_000;

/// How large it is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Nodes.
    pub nodes: usize,
    /// Pods that run on each.
    pub pods: usize,
}

/// The cluster. Its clock is virtual.
pub struct Cluster {
    server: ApiServer,
    clock: Clock,
    nodes: Vec<Arc<str>>,
    /// Requests that met a closed door.
    pub refused: Refused,
}

impl Cluster {
    /// A cluster on which all is well.
    #[must_use]
    pub fn new(size: Size) -> Self {
        let clock = Clock::starting_at(Timestamp::from_second(1_795_222_800).unwrap_or_default());
        let options = Options { clock: clock.clone(), journal: JOURNAL, schemas: None, ..Options::default() };
        let server = ApiServer::indoors(options);
        let nodes: Vec<Arc<str>> = (0..size.nodes).map(name).collect();
        for node in &nodes {
            server.store().put(objects::node(node, &rfc3339(clock.now())));
            for number in 0..size.pods {
                server.store().put(objects::running_pod(node, number));
            }
        }
        server.store().ensure_namespace(objects::NAMESPACE);
        Self { server, clock, nodes, refused: Refused::default() }
    }

    /// The way to its API server.
    #[must_use]
    pub fn way(&self) -> Indoors {
        self.server.way()
    }

    /// What time it is there.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What its API server was asked.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        self.server.journal()
    }

    /// What its API server holds.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        self.server.store()
    }

    /// The names of its nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Arc<str>] {
        &self.nodes
    }

    /// Starts an agent on every node, evenly within `span`.
    pub async fn start_agents(&self, span: Duration) -> Vec<Agent> {
        let mut agents = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            agents.push(Agent::start(self, node.clone()));
            self.pass(span).await;
        }
        agents
    }

    /// One node's part of a span.
    async fn pass(&self, span: Duration) {
        sleep(span / u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).await;
    }

    /// What all kubelets write while nothing happens; for ever.
    pub async fn beat(self: Arc<Self>) {
        loop {
            for node in &self.nodes {
                self.pass(HEARTBEAT).await;
                self.write_status(node);
            }
        }
    }

    fn write_status(&self, node: &str) {
        let now = rfc3339(self.now());
        self.store().edit(&NODES, "", node, |object| {
            for condition in object["status"]["conditions"].as_array_mut().into_iter().flatten() {
                condition["lastHeartbeatTime"] = json!(now);
            }
        });
    }

    /// Nobody listens any more, and every connection is cut.
    pub fn go_away(&self) {
        self.server.set_fault(Fault::Refuse.everywhere());
    }

    /// The API server starts anew: of what was written before it knows no more than how it stands, so that every watch begins
    /// with a list.
    pub fn come_back(&self) {
        self.nodes.first().into_iter().for_each(|node| self.write_status(node));
        self.store().forget();
        self.server.set_faults(Vec::new());
    }

    /// A pod with an image that no registry has is bound to every node, evenly within `span`.
    pub async fn roll_out_bad_image(self: Arc<Self>, span: Duration) {
        for node in &self.nodes {
            let _kubelet = tokio::spawn(Arc::clone(&self).fail_to_pull(node.clone()));
            self.pass(span).await;
        }
    }

    /// What a kubelet writes of it: a sandbox within a second, a pull that fails within three, and back-off.
    async fn fail_to_pull(self: Arc<Self>, node: Arc<str>) {
        sleep(Duration::from_secs(1).mul_f64(fastrand::f64())).await;
        self.store().put(objects::new_pod(&node, &rfc3339(self.now())));
        sleep(Duration::from_secs(1) + Duration::from_secs(2).mul_f64(fastrand::f64())).await;
        self.write_waiting(&node, false);
        let mut since = 0;
        for again in PULLED_AGAIN {
            sleep(Duration::from_secs(2)).await;
            self.write_waiting(&node, true);
            sleep(Duration::from_secs(again - since).saturating_sub(Duration::from_secs(2))).await;
            self.write_waiting(&node, false);
            since = again;
        }
    }

    fn write_waiting(&self, node: &str, backs_off: bool) {
        self.store().edit(&PODS, objects::NAMESPACE, &objects::new_pod_name(node), |pod| {
            pod["status"]["containerStatuses"][0]["state"] = objects::waiting(backs_off);
        });
    }
}
