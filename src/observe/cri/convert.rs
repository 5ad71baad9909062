//! From CRI's wire types to the model. Takes what it knows and leaves the rest: the verbose part of `Status` is JSON whose
//! shape no interface fixes, so nothing in it is an error.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use k8s_cri::v1;
use serde_json::Value;

use crate::model::Time;
use crate::model::ids::PodUid;
use crate::model::redact::redact;
use crate::model::runtime::{Container, RunState, RuntimeCondition, RuntimeStatus, Sandbox};

/// Labels that the kubelet puts on every container (Kubernetes: pkg/kubelet/types/labels.go).
const POD_UID: &str = "io.kubernetes.pod.uid";
const CONTAINER_NAME: &str = "io.kubernetes.container.name";

/// The sandboxes of pods; what other clients of CRI made without a pod's UID is left out.
pub(super) fn sandboxes(list: &[v1::PodSandbox]) -> Vec<Sandbox> {
    list.iter().filter_map(sandbox).collect()
}

fn sandbox(wire: &v1::PodSandbox) -> Option<Sandbox> {
    let metadata = wire.metadata.as_ref().filter(|metadata| !metadata.uid.is_empty())?;
    Some(Sandbox {
        id: wire.id.as_str().into(),
        pod: PodUid::new(&metadata.uid),
        namespace: metadata.namespace.as_str().into(),
        name: metadata.name.as_str().into(),
        attempt: metadata.attempt,
        ready: wire.state() == v1::PodSandboxState::SandboxReady,
        created: nanoseconds(wire.created_at),
    })
}

/// The containers of pods.
pub(super) fn containers(list: &[v1::Container]) -> Vec<Container> {
    list.iter().filter_map(container).collect()
}

fn container(wire: &v1::Container) -> Option<Container> {
    let name = wire.labels.get(CONTAINER_NAME).or_else(|| Some(&wire.metadata.as_ref()?.name))?;
    Some(Container {
        id: wire.id.as_str().into(),
        sandbox: wire.pod_sandbox_id.as_str().into(),
        pod: PodUid::new(wire.labels.get(POD_UID)?),
        name: name.as_str().into(),
        state: match wire.state() {
            v1::ContainerState::ContainerCreated => RunState::Created,
            v1::ContainerState::ContainerRunning => RunState::Running,
            v1::ContainerState::ContainerExited => RunState::Exited,
            v1::ContainerState::ContainerUnknown => RunState::Unknown,
        },
        created: nanoseconds(wire.created_at),
        image: image_name(wire).into(),
    })
}

/// The name in the pod's spec where the kubelet tells it, else what it asked the runtime for (an id, where the image was there).
fn image_name(wire: &v1::Container) -> &str {
    match &wire.image {
        Some(spec) if !spec.user_specified_image.is_empty() => &spec.user_specified_image,
        Some(spec) if !spec.image.is_empty() => &spec.image,
        _ => &wire.image_ref,
    }
}

/// Conditions, and what the verbose part tells about CNI and the pause image.
pub(super) fn status(wire: &v1::StatusResponse) -> RuntimeStatus {
    let config = json(&wire.info, "config");
    let cni = json(&wire.info, "cniconfig");
    RuntimeStatus {
        conditions: wire.status.iter().flat_map(|status| &status.conditions).map(condition).collect(),
        cni_conf_dir: text(&cni["PluginConfDir"]).or_else(|| text(&config["cni"]["confDir"])).map(PathBuf::from),
        cni_bin_dirs: cni_bin_dirs(&cni, &config),
        cni_load_error: cni_load_error(&wire.info),
        cni_plugins: cni_plugins(&cni),
        sandbox_image: text(&config["sandboxImage"]).map(Arc::from),
        root_dir: text(&config["containerdRootDir"]).map(PathBuf::from),
        systemd_cgroup: systemd_cgroup(&config["containerd"]),
    }
}

fn condition(wire: &v1::RuntimeCondition) -> RuntimeCondition {
    RuntimeCondition {
        kind: wire.r#type.as_str().into(),
        status: wire.status,
        reason: wire.reason.as_str().into(),
        message: redact(&wire.message).into(),
    }
}

fn systemd_cgroup(containerd: &Value) -> Option<bool> {
    let handler = text(&containerd["defaultRuntimeName"])?;
    containerd["runtimes"][handler]["options"]["SystemdCgroup"].as_bool()
}

fn cni_bin_dirs(cni: &Value, config: &Value) -> Vec<PathBuf> {
    let lists = [&cni["PluginDirs"], &config["cni"]["binDirs"]];
    let listed = lists.iter().find_map(|list| list.as_array().filter(|dirs| !dirs.is_empty()));
    match listed {
        Some(dirs) => dirs.iter().filter_map(text).map(PathBuf::from).collect(),
        None => text(&config["cni"]["binDir"]).map(PathBuf::from).into_iter().collect(),
    }
}

/// containerd tells it once per runtime handler as well; the plain one is the default's.
fn cni_load_error(info: &HashMap<String, String>) -> Option<String> {
    let said = ["lastCNILoadStatus", "lastCNILoadStatus.default"].iter().find_map(|key| info.get(*key))?;
    let plain = serde_json::from_str::<String>(said).unwrap_or_else(|_| said.clone());
    (!matches!(plain.as_str(), "" | "OK")).then(|| redact(&plain).into_owned())
}

/// The first network is always the loopback that containerd makes up itself.
fn cni_plugins(cni: &Value) -> Vec<Arc<str>> {
    let mut types: Vec<Arc<str>> = Vec::new();
    let plugins = each(&cni["Networks"]).flat_map(|network| each(&network["Config"]["Plugins"]));
    for kind in plugins.filter_map(|plugin| text(&plugin["Network"]["type"])) {
        if kind != "loopback" && !types.iter().any(|known| **known == *kind) {
            types.push(kind.into());
        }
    }
    types
}

fn json(info: &HashMap<String, String>, key: &str) -> Value {
    info.get(key).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// CRI counts nanoseconds since 1970; zero is no time.
fn nanoseconds(since_epoch: i64) -> Option<Time> {
    (since_epoch > 0).then(|| Time::from_nanosecond(i128::from(since_epoch)).ok())?
}

#[cfg(test)]
mod tests;
