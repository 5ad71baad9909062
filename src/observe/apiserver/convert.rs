//! From the API server's spelling to the model's nouns. Wire types end here.

mod waits;

use std::sync::Arc;

use super::wire::{
    ApiEvent, ApiNode, ApiPod, Condition, ContainerSpec, ContainerStatus, EnvFrom, EnvVar, Metadata, PodSpec,
    PodStatus, Reference, State, Terminated, Volume,
};
use crate::model::ids::{NodeId, PodId, PodUid};
use crate::model::node::{Node, NodeCondition};
use crate::model::pod::{ConfigRef, ContainerKind, ContainerSlot, ContainerState, Ended, Phase, Pod, PodEvent};
use crate::model::redact::redact;

/// The API object's own UID.
pub(super) fn api_uid(pod: &ApiPod) -> PodUid {
    PodUid(pod.metadata.fields.uid.clone())
}

/// A pod. The UID of a static pod is the hash of its manifest, which its mirror carries as an annotation
/// (Kubernetes: pkg/kubelet/types/pod_update.go).
pub(super) fn pod(from: ApiPod) -> Pod {
    let api_uid = api_uid(&from);
    let owner = owner(&from.metadata);
    let ApiPod { metadata, spec, status } = from;
    let meta = metadata.fields;
    let uid = meta.annotations.mirror.map_or_else(|| api_uid.clone(), PodUid);
    let condition = |kind: &str| status.conditions.iter().find(|c| &*c.r#type == kind);
    Pod {
        api_uid,
        owner,
        host_network: spec.host_network,
        created: meta.creation_timestamp,
        scheduled: condition("PodScheduled").filter(|c| truth(c) == Some(true)).and_then(|c| c.last_transition_time),
        started: status.start_time,
        deleting: meta.deletion_timestamp.is_some(),
        phase: phase(status.phase.as_deref()),
        sandbox_ready: condition("PodReadyToStartContainers")
            .and_then(|c| truth(c).map(|ready| (ready, c.last_transition_time))),
        ready: condition("Ready").and_then(truth) == Some(true),
        ready_since: condition("Ready").and_then(|c| c.last_transition_time),
        containers: containers(&spec, &status),
        host_dirs: host_dirs(&spec),
        node_critical: spec.priority_class_name.as_deref() == Some("system-node-critical"),
        waits: waits::of(&meta.name, &spec, &status),
        told_waits: spec.volumes.iter().any(told_wait),
        id: PodId { uid, namespace: meta.namespace, name: meta.name },
        pull_secrets: spec.image_pull_secrets.into_iter().map(|secret| secret.name).collect(),
        reason: status.reason,
        message: redact(&status.message).into_owned(),
    }
}

/// What every pod gets for its service account (Kubernetes: plugin/pkg/admission/serviceaccount).
const SERVICE_ACCOUNT: &str = "kube-api-access-";

fn told_wait(volume: &Volume) -> bool {
    const KINDS: &[&str] = &["configMap", "image", "projected", "secret"];
    let told = volume.host_path.is_some() || KINDS.iter().any(|kind| volume.kind.contains_key(*kind));
    told && !volume.name.starts_with(SERVICE_ACCOUNT)
}

/// Directories of the host that a container may write to: what installs something on the node has such.
fn host_dirs(spec: &PodSpec) -> Vec<Arc<str>> {
    let containers = || spec.init_containers.iter().chain(&spec.containers);
    let written = |volume: &Volume| {
        containers().flat_map(|c| &c.volume_mounts).any(|mount| mount.name == volume.name && !mount.read_only)
    };
    let dirs = spec.volumes.iter().filter_map(|volume| volume.host_path.as_ref().filter(|_| written(volume)));
    dirs.map(|dir| dir.path.clone()).collect()
}

fn owner<L>(metadata: &Metadata<L>) -> Option<Arc<str>> {
    let controller = metadata.fields.owner_references.iter().find(|owner| owner.controller)?;
    Some(format!("{}/{}", controller.kind, controller.name).into())
}

fn truth(condition: &Condition) -> Option<bool> {
    match condition.status.as_str() {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    }
}

fn phase(word: Option<&str>) -> Phase {
    match word {
        None | Some("" | "Pending") => Phase::Pending,
        Some("Running") => Phase::Running,
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        Some(_) => Phase::Unknown,
    }
}

fn containers(spec: &PodSpec, status: &PodStatus) -> Vec<ContainerSlot> {
    let init = |c: &ContainerSpec| match c.restart_policy.as_deref() {
        Some("Always") => ContainerKind::Sidecar,
        _ => ContainerKind::Init,
    };
    let first = spec.init_containers.iter().map(|c| slot(c, init(c), &status.init_container_statuses));
    let main = spec.containers.iter().map(|c| slot(c, ContainerKind::Main, &status.container_statuses));
    let debug = spec
        .ephemeral_containers
        .iter()
        .map(|c| slot(c, ContainerKind::Ephemeral, &status.ephemeral_container_statuses));
    first.chain(main).chain(debug).collect()
}

fn slot(spec: &ContainerSpec, kind: ContainerKind, statuses: &[ContainerStatus]) -> ContainerSlot {
    let status = statuses.iter().find(|status| status.name == spec.name);
    ContainerSlot {
        name: spec.name.clone(),
        kind,
        image: spec.image.clone(),
        pull_always: spec.image_pull_policy.as_deref() == Some("Always"),
        state: state(status.map(|s| &s.state)),
        last: status.and_then(|s| s.last_state.terminated.as_ref()).map(ended),
        started: status.and_then(|s| s.started).unwrap_or(false),
        post_start: spec.lifecycle.post_start.is_some(),
        restarts: status.map_or(0, |s| s.restart_count),
        refs: spec.env.iter().filter_map(of_variable).chain(spec.env_from.iter().filter_map(of_all)).collect(),
    }
}

/// A container without a status, or with an empty one, waits (Kubernetes: api/core/v1/types.go, ContainerState).
fn state(status: Option<&State>) -> ContainerState {
    match status {
        Some(State { running: Some(running), .. }) => ContainerState::Running { since: running.started_at },
        Some(State { terminated: Some(terminated), .. }) => ContainerState::Terminated(ended(terminated)),
        other => {
            let waiting = other.and_then(|state| state.waiting.clone()).unwrap_or_default();
            let message = waiting_words(&waiting.reason, &waiting.message);
            ContainerState::Waiting { reason: waiting.reason, message }
        }
    }
}

fn ended(from: &Terminated) -> Ended {
    Ended {
        exit_code: from.exit_code,
        reason: from.reason.clone(),
        message: clean(&from.message),
        at: from.finished_at,
    }
}

fn of_variable(variable: &EnvVar) -> Option<ConfigRef> {
    let from = variable.value_from.as_ref()?;
    let mut found = either(from.config_map_key_ref.as_ref(), from.secret_key_ref.as_ref())?;
    found.variable = Some(variable.name.clone());
    Some(found)
}

fn of_all(from: &EnvFrom) -> Option<ConfigRef> {
    either(from.config_map_ref.as_ref(), from.secret_ref.as_ref())
}

/// The reference, unless it is optional: the kubelet starts the container without what is missing then.
fn either(config_map: Option<&Reference>, secret: Option<&Reference>) -> Option<ConfigRef> {
    let (kind, reference) = config_map.map(|r| ("ConfigMap", r)).or_else(|| secret.map(|r| ("Secret", r)))?;
    let required = reference.optional != Some(true);
    required.then(|| ConfigRef { kind, name: reference.name.clone(), key: reference.key.clone(), variable: None })
}

/// This Node.
pub(super) fn node(from: ApiNode) -> Node {
    let meta = from.metadata.fields;
    Node {
        id: NodeId { name: meta.name, uid: meta.uid },
        created: meta.creation_timestamp,
        conditions: from.status.conditions.into_iter().map(node_condition).collect(),
        unschedulable: from.spec.unschedulable,
        taints: from.spec.taints.into_iter().map(|taint| taint.key).collect(),
        labels: meta.labels.into_iter().collect(),
        attached: from.status.volumes_attached.into_iter().map(|volume| volume.name).collect(),
        in_use: from.status.volumes_in_use,
    }
}

fn node_condition(from: Condition) -> NodeCondition {
    NodeCondition {
        status: truth(&from),
        kind: from.r#type,
        reason: from.reason,
        message: clean(&from.message),
        since: from.last_transition_time,
    }
}

/// The words of a waiting container. Those of a hook quote its command line and its output, which the kubelet keeps out of its
/// Events for the secrets in them (Kubernetes: pkg/kubelet/lifecycle/handlers.go, kuberuntime_container.go); only whether
/// it ran and how it ended is kept.
fn waiting_words(reason: &str, message: &str) -> Arc<str> {
    if reason != "PostStartHookError" {
        return clean(message);
    }
    let (_, after) = message.split_once("exited with ").unwrap_or_default();
    match after.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default() {
        "" => "lifecycle hook failed".into(),
        code => format!("lifecycle hook failed: exited with {code}").into(),
    }
}

/// The kubelet quotes what runtimes and registries said, signed addresses and tokens among it.
fn clean(text: &str) -> Arc<str> {
    redact(text).into()
}

/// One Event. Which of its times is filled depends on the API and the library that wrote it.
pub(super) fn event(from: ApiEvent) -> PodEvent {
    let repeated = from.series.and_then(|series| series.last_observed_time);
    let once = from.last_timestamp.or(from.event_time).or(from.first_timestamp);
    let named = !from.source.component.is_empty();
    PodEvent {
        reason: from.reason,
        message: clean(&from.message),
        from: if named { from.source.component } else { from.reporting_component },
        at: repeated.max(once).or(from.metadata.fields.creation_timestamp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    use crate::observe::apiserver::recorded;

    fn read(object: Value) -> Pod {
        recorded::pod(object).unwrap()
    }

    #[test]
    fn what_the_kubelet_quotes_loses_its_secrets_at_the_wire() {
        let leak =
            "Get \"https://bob:hunter2@r/blob?X-Amz-Signature=deadbeef01\": EOF; Authorization: Bearer abc.DEF-123";
        let ended = serde_json::json!({"exitCode": 1, "reason": "StartError", "message": leak});
        let object = serde_json::json!({
            "metadata": {"name": "cart", "namespace": "shop", "uid": "u"},
            "spec": {"containers": [{"name": "web", "image": "a"}]},
            "status": {"phase": "Pending", "message": leak, "containerStatuses": [
                {"name": "web", "state": {"waiting": {"reason": "ErrImagePull", "message": leak}}, "lastState": {"terminated": ended}},
            ]},
        });
        let event = serde_json::json!({"metadata": {"name": "e"}, "reason": "Failed", "message": leak});
        let read = format!("{:?} {:?}", recorded::pod(object).unwrap(), recorded::event(event).unwrap());
        for secret in ["hunter2", "deadbeef01", "abc.DEF-123"] {
            assert!(!read.contains(secret), "{secret} in {read}");
        }
        assert!(read.contains("EOF"), "the error itself is kept");
    }

    #[test]
    fn the_output_of_a_hook_is_left_where_it_was() {
        let words = "Exec lifecycle hook ([sh -c vault login hunter22]) for Container \"web\" in Pod \"cart_shop(u)\" failed - error: command 'sh -c vault login hunter22' exited with 126: , message: \"license 8F3A\"";
        assert_eq!(&*waiting_words("PostStartHookError", words), "lifecycle hook failed: exited with 126");
        assert_eq!(&*waiting_words("PostStartHookError", "HTTP lifecycle hook (/x) failed"), "lifecycle hook failed");
        assert_eq!(&*waiting_words("ErrImagePull", "exited with 126"), "exited with 126");
    }

    #[test]
    fn a_static_pod_is_known_by_the_hash_of_its_manifest() {
        let pod = read(json!({"metadata": {
            "name": "etcd-n1", "namespace": "kube-system", "uid": "mirror", "labels": {"tier": "control-plane"},
            "annotations": {"kubernetes.io/config.mirror": "hash", "other": "x"}, "managedFields": [{"fieldsV1": {}}]}}));
        assert_eq!((pod.id.uid.as_str(), pod.api_uid.as_str()), ("hash", "mirror"));
        assert_eq!((pod.phase, pod.owner), (Phase::Pending, None));
    }

    #[test]
    fn sidecars_are_told_from_init_containers_and_every_container_finds_its_status() {
        let pod = read(json!({
            "metadata": {"name": "web-0", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]},
            "spec": {"initContainers": [{"name": "a", "image": "i"}, {"name": "b", "restartPolicy": "Always"}],
                     "containers": [{"name": "c"}, {"name": "d"}], "ephemeralContainers": null},
            "status": {"phase": "Running", "conditions": [
                {"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-21T02:47:00Z"},
                {"type": "PodReadyToStartContainers", "status": "True", "lastTransitionTime": "2026-11-21T02:46:39Z"}],
              "initContainerStatuses": [{"name": "a", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}],
              "containerStatuses": [{"name": "d", "restartCount": 3, "started": true, "state": {"running": {}},
                "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}}));
        assert_eq!(pod.owner.as_deref(), Some("StatefulSet/web"));
        assert_eq!(pod.sandbox_ready, Some((true, Some("2026-11-21T02:46:39Z".parse().unwrap()))));
        assert_eq!((pod.ready, pod.ready_since), (false, Some("2026-11-21T02:47:00Z".parse().unwrap())));
        let kinds: Vec<_> = pod.containers.iter().map(|c| c.kind).collect();
        assert_eq!(kinds, [ContainerKind::Init, ContainerKind::Sidecar, ContainerKind::Main, ContainerKind::Main]);
        let [a, b, _, d] = &pod.containers[..] else { unreachable!() };
        assert!(matches!(&a.state, ContainerState::Terminated(end) if &*end.reason == "Completed"));
        assert_eq!(b.state, ContainerState::Waiting { reason: "".into(), message: "".into() });
        assert_eq!((d.restarts, d.started, d.last.as_ref().unwrap().exit_code), (3, true, 137));
    }

    #[test]
    fn what_the_kubelet_tells_of_at_once_is_told_from_what_it_waits_for_in_silence() {
        let with = |volumes: Value| {
            read(json!({"metadata": {}, "spec": {"volumes": volumes, "resourceClaims": [{"name": "gpu"}]}}))
        };
        let pod = with(json!([
            {"name": "kube-api-access-x7k2p", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-cart-0"}},
            {"name": "share", "nfs": {"server": "10.2.0.9", "path": "/export"}}]));
        assert_eq!(pod.waits.names().map(|name| &**name).collect::<Vec<_>>(), ["data", "share", "gpu"]);
        let mounts = json!([{"name": "cni"}, {"name": "logs", "readOnly": true}]);
        let daemon = read(
            json!({"metadata": {}, "spec": {"initContainers": [{"name": "install", "volumeMounts": mounts}],
            "priorityClassName": "system-node-critical", "volumes": [{"name": "cni", "hostPath": {"path": "/etc/cni/net.d", "type": ""}},
                {"name": "logs", "hostPath": {"path": "/var/log"}}, {"name": "unused", "hostPath": {"path": "/"}}]}}),
        );
        assert!(daemon.waits.is_empty() && daemon.node_critical && !pod.node_critical);
        assert_eq!(daemon.host_dirs, [Arc::from("/etc/cni/net.d")]);
        assert!(daemon.told_waits && !pod.told_waits);
        assert!(with(json!([{"name": "settings", "configMap": {"name": "cart"}}])).told_waits);
        let hooked = read(json!({"metadata": {}, "spec": {"containers": [
            {"name": "a", "lifecycle": {"postStart": {"exec": {"command": ["sh"]}}}},
            {"name": "b", "lifecycle": {"preStop": {}}}, {"name": "c", "lifecycle": null}]}}));
        assert_eq!(hooked.containers.iter().map(|slot| slot.post_start).collect::<Vec<_>>(), [true, false, false]);
        let policies = read(json!({"metadata": {}, "spec": {"containers": [{"name": "a", "imagePullPolicy": "Always"},
            {"name": "b", "imagePullPolicy": "IfNotPresent"}, {"name": "c"}]}}));
        let always: Vec<_> = policies.containers.iter().map(|slot| slot.pull_always).collect();
        assert_eq!(always, [true, false, false]);
    }

    #[test]
    fn references_name_object_key_and_variable_and_leave_out_the_optional() {
        let pod = read(json!({"metadata": {}, "spec": {"containers": [{"name": "c",
            "env": [{"name": "PLAIN", "value": "secret"},
                {"name": "URL", "valueFrom": {"configMapKeyRef": {"name": "app", "key": "url"}}},
                {"name": "MAY", "valueFrom": {"secretKeyRef": {"name": "may", "key": "k", "optional": true}}}],
            "envFrom": [{"secretRef": {"name": "all"}}]}]}}));
        let url =
            ConfigRef { kind: "ConfigMap", name: "app".into(), key: Some("url".into()), variable: Some("URL".into()) };
        let all = ConfigRef { kind: "Secret", name: "all".into(), key: None, variable: None };
        assert_eq!(pod.containers[0].refs, [url, all]);
    }

    #[test]
    fn an_event_is_as_young_as_its_youngest_time() {
        let repeated =
            recorded::event(json!({"metadata": {}, "reason": "FailedMount", "reportingComponent": "kubelet",
            "source": {}, "eventTime": "2026-11-21T02:00:00.000001Z", "lastTimestamp": null,
            "series": {"lastObservedTime": "2026-11-21T02:05:00.5Z"}}))
            .unwrap();
        assert_eq!(repeated.at, Some("2026-11-21T02:05:00.5Z".parse().unwrap()));
        assert_eq!(&*repeated.from, "kubelet");
    }
}
