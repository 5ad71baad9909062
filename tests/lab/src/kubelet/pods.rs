//! Watches the pods of the node and gives each a worker. Never decides anything about a pod itself.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Parts;
use super::worker::{Order, Worker};

/// Watches for ever; dropped, it takes all workers with it.
pub(super) async fn run(parts: Arc<Parts>) {
    let selector = format!("spec.nodeName={}", parts.options.node_name);
    let pods = Api::<Pod>::all(parts.client.clone());
    let mut events = pin!(watcher(pods, watcher::Config::default().fields(&selector)).default_backoff());
    let mut workers = Workers { parts, orders: HashMap::new(), tasks: JoinSet::new(), listed: HashSet::new() };
    loop {
        tokio::select! {
            event = events.try_next() => match event {
                Ok(Some(event)) => workers.handle(event),
                Ok(None) => return,
                Err(error) => tracing::warn!(%error, "pods not watched"),
            },
            Some(_) = workers.tasks.join_next() => workers.orders.retain(|_, orders| !orders.is_closed()),
        }
    }
}

struct Workers {
    parts: Arc<Parts>,
    orders: HashMap<String, watch::Sender<Order>>,
    tasks: JoinSet<()>,
    listed: HashSet<String>,
}

impl Workers {
    fn handle(&mut self, event: Event<Pod>) {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(pod) => {
                self.listed.extend(pod.metadata.uid.clone());
                self.apply(pod);
            }
            Event::InitDone => {
                for (_, orders) in self.orders.iter().filter(|(uid, _)| !self.listed.contains(*uid)) {
                    orders.send_replace(Order::Gone);
                }
            }
            Event::Apply(pod) => self.apply(pod),
            Event::Delete(pod) => {
                if let Some(orders) = pod.metadata.uid.and_then(|uid| self.orders.get(&uid)) {
                    orders.send_replace(Order::Gone);
                }
            }
        }
    }

    fn apply(&mut self, pod: Pod) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let pod = Arc::new(pod);
        if let Some(orders) = self.orders.get(&uid).filter(|orders| !orders.is_closed()) {
            orders.send_if_modified(|order| {
                let changed = !matches!(order, Order::Run(before) if same_work(before, &pod));
                *order = Order::Run(Arc::clone(&pod));
                changed
            });
            return;
        }
        let (sender, orders) = watch::channel(Order::Run(Arc::clone(&pod)));
        self.tasks.spawn(Worker::new(Arc::clone(&self.parts), pod, orders).run());
        self.orders.insert(uid, sender);
    }
}

/// Whether two versions of a pod differ in nothing but what the kubelet wrote itself.
fn same_work(before: &Pod, now: &Pod) -> bool {
    let essence = |pod: &Pod| {
        let meta = &pod.metadata;
        (meta.labels.clone(), meta.annotations.clone(), meta.deletion_timestamp.clone())
    };
    before.spec == now.spec && essence(before) == essence(now)
}
