//! The stand-in on a real containerd and the double of the API server: pods that start, fail and are deleted.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use kube::api::{Api, DeleteParams, PostParams};
use kube::{Client, Config};
use kubewhy_lab::apiserver::{self, ApiServer};
use kubewhy_lab::kubelet::{Kubelet, Options};
use kubewhy_lab::{Lab, in_lab};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(60);

/// A node of real parts with the stand-in on it.
struct RealNode {
    lab: Lab,
    client: Client,
    _api: ApiServer,
    _kubelet: Kubelet,
}

impl RealNode {
    async fn start() -> Result<Self> {
        let lab = Lab::start().await?;
        let api = ApiServer::start(apiserver::Options::default()).await?;
        let mut options = Options::new(crate::lab::NODE, api.url(), lab.containerd.socket());
        options.root = lab.dir.join("kubelet");
        options.logs = lab.dir.join("logs");
        options.cgroup_parent.clone_from(&lab.cgroup);
        options.retry = (Duration::from_millis(500), Duration::from_secs(1));
        options.backoff_initial = Duration::from_secs(2);
        options.runtime_down_after = Duration::from_secs(8);
        options.status_period = Duration::from_secs(1);
        let kubelet = Kubelet::start(options)?;
        let client = Client::try_from(Config::new(api.url().parse()?))?;
        Ok(Self { lab, client, _api: api, _kubelet: kubelet })
    }

    async fn run(&self, name: &str, image: &str, command: &[&str]) -> Result<()> {
        let command = if command.is_empty() { Value::Null } else { json!(command) };
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": name, "namespace": "default" },
            "spec": { "nodeName": crate::lab::NODE, "containers": [{
                "name": "app", "image": image, "command": command, "imagePullPolicy": "Always",
            }] },
        }))?;
        self.pods().create(&PostParams::default(), &pod).await?;
        Ok(())
    }

    fn pods(&self) -> Api<Pod> {
        Api::default_namespaced(self.client.clone())
    }

    /// Waits until the pod's container is as wanted.
    async fn until_container(&self, pod: &str, pointer: &str, wanted: &str) -> Result<()> {
        until(&self.pods(), pod, |object| {
            object.pointer(&format!("/status/containerStatuses/0{pointer}")).is_some_and(|value| value == wanted)
        })
        .await
    }

    async fn said(&self, reason: &str) -> Result<Vec<String>> {
        let events = Api::<Event>::default_namespaced(self.client.clone()).list(&Default::default()).await?;
        let named = events.items.into_iter().filter(|event| event.reason.as_deref() == Some(reason));
        Ok(named.filter_map(|event| event.message).collect())
    }
}

/// Looks until the object is so.
async fn until<K>(api: &Api<K>, name: &str, so: impl Fn(&Value) -> bool) -> Result<()>
where
    K: Clone + Debug + DeserializeOwned + serde::Serialize,
{
    let mut last = Value::Null;
    let looking = async {
        loop {
            if let Ok(Some(object)) = api.get_opt(name).await {
                last = serde_json::to_value(object).unwrap_or_default();
                if so(&last) {
                    return;
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    let waited = timeout(PATIENCE, looking).await;
    waited.with_context(|| format!("{name} stays {:#}", last["status"]))
}

#[test]
fn real_pods_start_and_fail_and_leave() {
    in_lab!(async {
        let node = RealNode::start().await?;
        let app = node.lab.app.clone();
        let missing = format!("{}:nope", app.rsplit_once(':').context("the image has a tag")?.0);
        node.run("web", &app, &[]).await?;
        node.run("typo", &missing, &[]).await?;
        node.run("lost", &app, &["/bin/nope"]).await?;
        until(&node.pods(), "web", |pod| pod["status"]["phase"] == "Running").await?;
        node.until_container("typo", "/state/waiting/reason", "ImagePullBackOff").await?;
        node.until_container("lost", "/state/waiting/reason", "CrashLoopBackOff").await?;
        node.until_container("lost", "/lastState/terminated/reason", "StartError").await?;
        let failed = node.said("Failed").await?;
        assert!(failed.iter().any(|text| text.starts_with("Failed to pull image") && text.contains("not found")));
        assert!(failed.iter().any(|text| text.contains("exec: \"/bin/nope\"")), "{failed:#?}");
        node.pods().delete("web", &DeleteParams::default()).await?;
        timeout(PATIENCE, async {
            while node.pods().get_opt("web").await.is_ok_and(|pod| pod.is_some()) {
                sleep(Duration::from_millis(100)).await;
            }
        })
        .await?;
        Ok(())
    });
}

#[test]
fn a_real_runtime_that_is_killed_makes_the_node_not_ready() {
    in_lab!(async {
        let mut node = RealNode::start().await?;
        let nodes = Api::<Node>::all(node.client.clone());
        let ready = |object: &Value, message: &str| {
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions.iter().any(|each| each["type"] == "Ready" && each["message"] == message)
        };
        until(&nodes, crate::lab::NODE, |object| ready(object, "kubelet is posting ready status")).await?;
        node.lab.containerd.daemon().kill().await?;
        until(&nodes, crate::lab::NODE, |object| ready(object, "container runtime is down")).await?;
        anyhow::ensure!(!node.said("NodeNotReady").await?.is_empty());
        Ok(())
    });
}
