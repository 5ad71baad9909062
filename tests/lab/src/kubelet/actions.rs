//! Which containers a pod needs now (Kubernetes: pkg/kubelet/kuberuntime/kuberuntime_manager.go, computePodActions). No I/O.

use k8s_openapi::api::core::v1::{Container as Spec, PodSpec};

use super::relist::{Container, PodRuntime};
use super::status::{is_sidecar, restart_policy, to_be_started};

/// A container to start, in the order of the list it stands in.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToStart<'a> {
    pub(super) spec: &'a Spec,
    pub(super) init: bool,
    /// How often it was started before, in any sandbox.
    pub(super) attempt: u32,
    /// Its last instance in the present sandbox, if that ended.
    pub(super) exited: Option<&'a Container>,
}

/// Init containers one at a time, sidecars kept up, regular containers once all init containers are through.
pub(super) fn to_start<'a>(pod: &'a PodSpec, runtime: &'a PodRuntime, sandbox: &str) -> Vec<ToStart<'a>> {
    let inits = pod.init_containers.as_deref().unwrap_or_default();
    let now = |spec: &'a Spec| runtime.instances(&spec.name).find(|container| container.sandbox == sandbox);
    let begun = pod.containers.iter().any(|spec| now(spec).is_some());
    let mut wanted = Vec::new();
    for spec in inits.iter().filter(|spec| !begun || is_sidecar(spec)) {
        let newest = now(spec);
        let through = match newest {
            Some(container) if is_sidecar(spec) => container.runs(),
            Some(container) => container.exited() && container.status.exit_code == 0,
            None => false,
        };
        if through {
            continue;
        }
        if to_be_started(newest, restart_policy(pod, spec, true)) {
            wanted.push(action(spec, true, runtime, newest));
        }
        if !begun {
            return wanted;
        }
    }
    let regular = pod.containers.iter().filter(|spec| to_be_started(now(spec), restart_policy(pod, spec, false)));
    wanted.extend(regular.map(|spec| action(spec, false, runtime, now(spec))));
    wanted
}

fn action<'a>(spec: &'a Spec, init: bool, runtime: &'a PodRuntime, newest: Option<&'a Container>) -> ToStart<'a> {
    let attempt = runtime.instances(&spec.name).next().map_or(0, |container| container.attempt() + 1);
    ToStart { spec, init, attempt, exited: newest.filter(|container| container.exited()) }
}

#[cfg(test)]
mod tests {
    use k8s_cri::v1 as cri;

    use super::*;

    fn pod() -> PodSpec {
        let named = |name: &str| Spec { name: name.to_owned(), ..Spec::default() };
        let sidecar = Spec { restart_policy: Some("Always".to_owned()), ..named("proxy") };
        PodSpec {
            init_containers: Some(vec![named("init"), sidecar]),
            containers: vec![named("app"), named("log")],
            ..PodSpec::default()
        }
    }

    fn container(name: &str, state: cri::ContainerState, exit_code: i32) -> Container {
        let metadata = Some(cri::ContainerMetadata { name: name.to_owned(), attempt: 0 });
        let status = cri::ContainerStatus { metadata, state: state.into(), exit_code, ..Default::default() };
        Container { sandbox: "s".to_owned(), status }
    }

    fn names(containers: Vec<Container>) -> Vec<String> {
        let runtime = PodRuntime { sandboxes: Vec::new(), containers };
        to_start(&pod(), &runtime, "s").iter().map(|action| action.spec.name.clone()).collect()
    }

    #[test]
    fn init_containers_go_first_then_sidecars_then_the_rest_together() {
        use cri::ContainerState::{ContainerExited, ContainerRunning};
        let init = container("init", ContainerExited, 0);
        let proxy = container("proxy", ContainerRunning, 0);
        assert_eq!(names(vec![]), ["init"]);
        assert_eq!(names(vec![container("init", ContainerRunning, 0)]), [""; 0]);
        assert_eq!(names(vec![container("init", ContainerExited, 1)]), ["init"]);
        assert_eq!(names(vec![init.clone()]), ["proxy"]);
        assert_eq!(names(vec![init.clone(), proxy.clone()]), ["app", "log"]);
        let app = container("app", ContainerExited, 3);
        assert_eq!(names(vec![init, proxy, app, container("log", ContainerRunning, 0)]), ["app"]);
    }
}
