//! The rights of each ClusterRole in `deploy` are the least: with exactly these nothing that the agent asks for is refused,
//! and each of them is used. The API server's double grants what the manifests grant and no more.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, ensure};
use kubewhy_lab::apiserver::{Entry, Fault, User};
use kubewhy_lab::cni::PLUGIN;
use kubewhy_lab::demo::{Agent, NAMESPACE, NODE, Scene, pod};
use kubewhy_lab::in_lab;
use serde_json::{Value, json};

use super::stage::{Way, events, until, unwatched};

const BASE: &str = "base/clusterrole.yaml";
const CONDITION: &str = "condition/clusterrole.yaml";
const MARKS: &str = "prepull-marks/clusterrole.yaml";
const STORAGE: &str = "storage/clusterrole.yaml";
const TOKEN: &str = "token-of-the-agent";
/// A node of the test's own: no kubelet minds its pods.
const UNMINDED: &str = "unminded-node";
const CONFIG: &str = "\
apiVersion: kubewhy.dev/v1alpha1
report: {spread: 0s, nodeCondition: false}
timing: {busy: 500ms, calm: 1s, status: 1s, cni: 1s, clear: 2s, restartQuiet: 1s, askEvents: 2s, askAgain: 10s}
";

type Right = (String, String);

/// What the manifests grant: to the double, and to be compared with what was asked.
struct Granted {
    /// The role in question.
    role: Value,
    way: Way,
}

impl Granted {
    /// From now on an agent that is started this way may do what this file of `deploy` says, and the base.
    fn on(scene: &Scene, file: &str) -> anyhow::Result<Self> {
        let roles = [role(file)?, role(BASE)?];
        let name = "system:serviceaccount:kubewhy:kubewhy";
        scene.api.set_users(vec![User::admin("everybody else", ""), User::with_roles(name, TOKEN, &roles)]);
        let kubeconfig = scene.lab.dir.join("kubeconfig-of-the-agent");
        scene.api.kubeconfig_for(&kubeconfig, TOKEN)?;
        let way = Way { kubeconfig: Some(kubeconfig), config: CONFIG.to_owned(), ..Way::of(scene, "granted") };
        let [role, _] = roles;
        Ok(Self { role, way })
    }

    /// Each right by itself: resource and verb.
    fn rights(&self) -> BTreeSet<Right> {
        let mut rights = BTreeSet::new();
        for rule in self.role["rules"].as_array().into_iter().flatten() {
            for resource in texts(&rule["resources"]) {
                rights.extend(texts(&rule["verbs"]).into_iter().map(|verb| (resource.clone(), verb)));
            }
        }
        rights
    }

    /// Lets the agent work until each right is used, and fails if one never is or if any request is refused.
    async fn suffice_and_are_used(&self, scene: &Scene, agent: &mut Agent) -> anyhow::Result<()> {
        let rights = self.rights();
        let unused = || rights.difference(&used(scene)).cloned().collect::<Vec<_>>();
        let waited = until("every right is used", || unused().is_empty()).await;
        waited.with_context(|| format!("never used: {:?}\n{}", unused(), agent.daemon.log_end()))?;
        agent.stop().await?;
        let refused: Vec<Entry> = asked(scene).into_iter().filter(|entry| matches!(entry.code, 401 | 403)).collect();
        ensure!(refused.is_empty(), "a right is missing: {refused:#?}");
        Ok(())
    }
}

fn role(file: &str) -> anyhow::Result<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_saphyr::from_str(&text).with_context(|| path.display().to_string())
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What the agent has asked of resources; paths such as `/livez` need no right of its own.
fn asked(scene: &Scene) -> Vec<Entry> {
    let ours = |entry: &Entry| entry.user_agent.starts_with("kubewhy/") && !entry.resource.starts_with('/');
    scene.api.journal().requests().into_iter().filter(ours).collect()
}

fn used(scene: &Scene) -> BTreeSet<Right> {
    let granted = asked(scene).into_iter().filter(|entry| !matches!(entry.code, 0 | 401 | 403));
    granted.map(|entry| (entry.resource, entry.verb)).collect()
}

fn unminded_node() -> Value {
    let ready = json!({"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": now()});
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": UNMINDED}, "status": {"conditions": [ready]}})
}

fn unminded(name: &str, status: Value) -> Value {
    let mut pod = pod(NAMESPACE, name, json!({"image": "r.example.com/a:1"}));
    pod["spec"]["nodeName"] = json!(UNMINDED);
    pod["status"]["startTime"] = json!(now());
    if let (Some(all), Value::Object(more)) = (pod["status"].as_object_mut(), status) {
        all.extend(more);
    }
    pod
}

fn not_found() -> Value {
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now()});
    let words = "rpc error: code = NotFound desc = failed to pull and unpack image: r.example.com/a:1: not found";
    json!({
        "conditions": [condition("PodScheduled"), condition("PodReadyToStartContainers")],
        "containerStatuses": [{
            "name": "main", "image": "r.example.com/a:1", "imageID": "", "ready": false, "started": false,
            "restartCount": 0, "state": {"waiting": {"reason": "ErrImagePull", "message": words}},
        }],
    })
}

fn now() -> String {
    kubewhy_lab::apiserver::rfc3339(jiff::Timestamp::now())
}

/// One pod whose trouble is told, at first over a create that is said to have been done before; another of which nothing tells
/// but its Events.
#[test]
fn with_the_rights_of_the_base_nothing_is_refused_and_each_of_them_is_used() {
    in_lab!(async {
        let scene = unwatched().await?;
        scene.put(unminded_node());
        scene.put(unminded("cart", not_found()));
        scene.put(unminded("silent", json!({})));
        let mut granted = Granted::on(&scene, BASE)?;
        granted.way.node = UNMINDED.to_owned();
        scene.api.set_fault(Fault::Answer { code: 409, retry_after: None }.on("create", "events"));
        let mut agent = granted.way.ready().await?;
        until("it is patched", || used(&scene).contains(&("events".to_owned(), "patch".to_owned()))).await?;
        scene.api.set_faults(Vec::new());
        until("the trouble is told", || events(&scene).iter().any(|event| event["reason"] == "ImageNotFound")).await?;
        granted.suffice_and_are_used(&scene, &mut agent).await
    });
}

/// A node with a trouble: that there is none is said later.
#[test]
fn the_right_to_keep_the_condition_suffices_and_is_used() {
    in_lab!(async {
        let scene = unwatched().await?;
        scene.put(unminded_node());
        let mut granted = Granted::on(&scene, CONDITION)?;
        granted.way.node = UNMINDED.to_owned();
        granted.way.config = CONFIG.replace("nodeCondition: false", "nodeCondition: true");
        scene.lab.cni.take_plugin_away(PLUGIN)?;
        let mut agent = granted.way.ready().await?;
        granted.suffice_and_are_used(&scene, &mut agent).await
    });
}

/// A startup taint for which nothing is waited.
#[test]
fn the_right_to_mark_the_node_suffices_and_is_used() {
    in_lab!(async {
        let scene = unwatched().await?;
        let mut node = unminded_node();
        node["spec"]["taints"] = json!([{"key": "example.com/images", "effect": "NoSchedule"}]);
        scene.put(node);
        let mut granted = Granted::on(&scene, MARKS)?;
        granted.way.node = UNMINDED.to_owned();
        granted.way.config = format!("{CONFIG}prepull: {{startupTaint: example.com/images}}\n");
        let mut agent = granted.way.ready().await?;
        granted.suffice_and_are_used(&scene, &mut agent).await
    });
}

/// A pod that waits for a volume which everything is there for but its attachment, and for a resource claim.
#[test]
fn with_the_rights_of_storage_nothing_is_refused_and_each_of_them_is_used() {
    in_lab!(async {
        let scene = unwatched().await?;
        let granted = Granted::on(&scene, STORAGE)?;
        // On a node on which no pod has logged yet, that this one has not tells nothing.
        scene.run_pod("control", json!({"image": scene.lab.app}));
        let logs = scene.lab.dir.join("pods");
        until("a pod logs", || logs.read_dir().is_ok_and(|mut pods| pods.next().is_some())).await?;
        for object in storage() {
            scene.put(object);
        }
        let mut cart = pod(NAMESPACE, "cart", json!({"image": scene.lab.app}));
        cart["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data-cart-0"}}]);
        cart["spec"]["resourceClaims"] = json!([{"name": "gpu", "resourceClaimName": "gpu-0"}]);
        scene.put(cart);
        let mut agent = granted.way.ready().await?;
        granted.suffice_and_are_used(&scene, &mut agent).await
    });
}

fn storage() -> [Value; 5] {
    let of = |version: &str, kind: &str, metadata: Value, spec: Value| json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec});
    let driver = "ebs.csi.aws.com";
    let mut claim = of(
        "v1",
        "PersistentVolumeClaim",
        json!({"name": "data-cart-0", "namespace": NAMESPACE}),
        json!({"storageClassName": "gp3", "volumeName": "pvc-0a1b"}),
    );
    claim["status"] = json!({"phase": "Bound"});
    let volume = json!({"csi": {"driver": driver, "volumeHandle": "vol-0a1b"}});
    let here = json!({"drivers": [{"name": driver, "nodeID": "i-0a1b"}]});
    let storage = "storage.k8s.io/v1";
    [
        claim,
        of("v1", "PersistentVolume", json!({"name": "pvc-0a1b"}), volume),
        of(storage, "CSINode", json!({"name": NODE}), here),
        of(storage, "CSIDriver", json!({"name": driver}), json!({"attachRequired": true})),
        of("resource.k8s.io/v1", "ResourceClaim", json!({"name": "gpu-0", "namespace": NAMESPACE}), json!({})),
    ]
}
