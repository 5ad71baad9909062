//! Which process is the runtime that serves the node's pods. A node may have several of one name: docker has a containerd of its
//! own, some systems have one for their own containers, and so has a cluster inside a pod.

use std::path::{Path, PathBuf};

use super::{RUNTIMES, Runtime};
use crate::host::{Fit, Lost, Process};
use crate::probe::Node;

const CONTAINERD: &str = "containerd";
/// Where it listens by default, and its configuration (containerd: defaults/defaults_unix.go).
const SOCKET: &str = "/run/containerd/containerd.sock";
const CONFIG: &str = "/etc/containerd/config.toml";
const CONFIG_AT_MOST: u64 = 256 << 10;
/// Of its options: where another's containerd has its socket or its configuration. Docker's (Moby:
/// daemon/internal/libcontainerd/supervisor), Bottlerocket's and Talos' for their own containers.
const OTHERS: &[&str] = &["/docker/containerd/", "/host-containerd/", "/system/run/containerd/"];
/// What tells a pod's container in the command line of the program beside it: containerd's namespace (containerd:
/// internal/cri/constants, K8sContainerdNamespace), and where CRI-O has conmon tell the end of one (CRI-O: container_exits_dir
/// in crio.conf(5)); podman has conmon too.
const OF_PODS: &[(&[&str], &[&str], &str)] = &[
    (
        &["containerd-shim-runc-v2", "containerd-shim-runc-v1", "containerd-shim"],
        &["-namespace", "--namespace"],
        "k8s.io",
    ),
    (&["conmon"], &["--exit-dir"], "/crio/"),
];

/// The runtime that serves the pods, and its process.
pub(super) fn find(node: &Node) -> Result<Option<(&'static Runtime, Process)>, Lost> {
    let programs: Vec<&str> = RUNTIMES.iter().map(|runtime| runtime.program).collect();
    let found = node.processes().find("runtime", &programs, |process| fit(node, process))?;
    Ok(found.and_then(|process| Some((of(&process)?, process))))
}

/// A runtime whose containers run without it.
pub(super) fn orphaned(node: &Node) -> Option<&'static Runtime> {
    let left_by = |shim: &Process| RUNTIMES.iter().find(|runtime| runtime.shims.contains(&shim.name()));
    let fit = |shim: &Process| if left_by(shim).is_some() && is_of_pods(node, shim) { Fit::Surely } else { Fit::No };
    let shims: Vec<&str> = RUNTIMES.iter().flat_map(|runtime| runtime.shims).copied().collect();
    left_by(&node.processes().find("shim", &shims, fit).ok()??)
}

fn of(process: &Process) -> Option<&'static Runtime> {
    RUNTIMES.iter().find(|runtime| runtime.program == process.name())
}

fn fit(node: &Node, process: &Process) -> Fit {
    let told = [process.option(&["--address", "-a"]), process.option(&["--config", "-c"])];
    let of_other = told.into_iter().flatten().any(|path| OTHERS.iter().any(|other| path.contains(other)));
    match of(process) {
        None => Fit::No,
        Some(_) if of_other || node.processes().is_of_pod(process.pid) => Fit::No,
        Some(runtime) if runtime.program != CONTAINERD || has_socket(node, process) => Fit::Surely,
        Some(_) => Fit::Perhaps,
    }
}

/// Whether its socket is the one that pods are served on, where that is known.
fn has_socket(node: &Node, process: &Process) -> bool {
    let host_s = |socket: &Path| match socket.strip_prefix("/var/run") {
        Ok(inside) => Path::new("/run").join(inside),
        Err(_) => socket.to_owned(),
    };
    let served = node.runtime_socket.as_ref().map(|socket| host_s(&node.root().named(socket)));
    served.is_some_and(|served| served == host_s(&socket(node, process)))
}

/// Where it listens: as it was told, as its configuration says, or by default.
fn socket(node: &Node, process: &Process) -> PathBuf {
    let told = process.option(&["--address", "-a"]).map(PathBuf::from);
    let file = Path::new(process.option(&["--config", "-c"]).unwrap_or(CONFIG));
    let configured = || {
        let content = node.root().read(file, CONFIG_AT_MOST).ok()?;
        address(&String::from_utf8_lossy(&content)).map(PathBuf::from)
    };
    told.or_else(configured).unwrap_or_else(|| SOCKET.into())
}

/// `address` of the table `grpc`. Whoever writes it otherwise is only not preferred.
fn address(config: &str) -> Option<&str> {
    let lines = config.lines().map(str::trim).skip_while(|line| *line != "[grpc]").skip(1);
    let values = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    let address = values.into_iter().find(|(name, _)| name.trim() == "address")?.1;
    address.split(['"', '\'']).nth(1).filter(|path| !path.is_empty())
}

/// A shim in a pod's cgroup is of a cluster inside it; conmon may be put there by CRI-O itself (CRI-O: conmon_cgroup in
/// crio.conf(5)).
fn is_of_pods(node: &Node, shim: &Process) -> bool {
    let name = shim.name();
    let mark = OF_PODS.iter().find(|(programs, ..)| programs.contains(&name));
    let is_told = mark.is_none_or(|(_, option, value)| shim.option(option).is_some_and(|told| told.contains(value)));
    is_told && (name.starts_with("conmon") || !node.processes().is_of_pod(shim.pid))
}
