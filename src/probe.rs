//! Node-local questions, one a file: plain functions of the host's files that answer at once or within a deadline of their
//! own, each in its own words and for itself. A probe that lacks a right says so; it never guesses, writes nothing, and
//! keeps nothing. One leaves the node: `apiserver`.

pub mod addresses;
pub mod apiserver;
pub mod certificate;
pub mod cgroups;
pub mod clock;
pub mod cni;
pub mod cni_backend;
pub mod cni_config;
pub mod disk;
mod eviction;
pub mod ext4;
#[cfg(test)]
mod fixture;
mod http;
pub mod inotify;
pub mod inotify_use;
pub mod journal;
pub mod kernel;
pub mod kmsg;
mod kubeconfig;
pub mod kubelet;
mod kubelet_config;
mod listeners;
mod lost;
pub mod memory;
pub mod mount;
mod places;
pub mod pressure;
pub mod read_only;
pub mod resolv_conf;
pub mod runtime;
#[cfg(test)]
mod scene;
pub mod swap;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::host::{Mounts, Pids, Processes, Root};
use crate::model::Time;
use crate::model::ids::PodUid;
use crate::model::reading::{Group, Reading};

/// What a probe is given.
#[derive(Debug)]
pub struct Node {
    /// The host's files.
    pub mounts: Arc<Mounts>,
    /// The moment of the look.
    pub now: Time,
    /// The kubelet's root, as the host names it.
    pub kubelet_root: PathBuf,
    /// The directory of the pods' logs, as the host names it.
    pub pod_logs: PathBuf,
    /// The directory in which the runtime keeps images and containers, where it is known.
    pub runtime_root: Option<PathBuf>,
    /// The cgroup driver that the runtime's configuration names, `systemd` or `cgroupfs`. None where the runtime answers
    /// RuntimeConfig, for then the kubelet takes the runtime's, whatever its own configuration says.
    pub runtime_cgroup: Option<String>,
    /// The host's processes that other probes found.
    pub pids: Arc<Pids>,
    /// Where CNI lives.
    pub cni: cni::CniDirs,
    /// The ids of all sandboxes, where the runtime told them lately.
    pub sandboxes: Option<Arc<BTreeSet<Arc<str>>>>,
    /// The API server as a Service, as the kubelet tells it to pods.
    pub service: Option<apiserver::Service>,
    /// The pods whose mounts may hang; none where those of every pod are asked.
    pub suspects: Option<Arc<[PodUid]>>,
}

impl Node {
    /// The host's files.
    #[must_use]
    pub fn root(&self) -> Root<'_> {
        Root(&self.mounts)
    }

    /// The host's processes.
    #[must_use]
    pub fn processes(&self) -> Processes<'_> {
        Processes::of(self.root(), &self.pids)
    }
}

/// One probe.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Its name for ever: in answers and documents.
    pub id: &'static str,
    /// What it is about.
    pub group: Group,
    /// When the agent has it look.
    pub asked: Asked,
    /// Looks once.
    pub look: fn(&Node) -> Vec<Reading>,
}

/// When an agent that watches a node has a probe look. `kubewhy check` asks all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Again and again.
    Always,
    /// While the way to the API server is in doubt: on a calm node nobody asks it anything.
    WayInDoubt,
    /// While mounts of pods are in doubt: each is asked by a process of its own.
    MountsInDoubt,
}

const fn always(id: &'static str, group: Group, look: fn(&Node) -> Vec<Reading>) -> Probe {
    Probe { id, group, asked: Asked::Always, look }
}

/// All of them, in the order in which they are shown.
pub const ALL: &[Probe] = &[
    always(runtime::ID, Group::Runtime, runtime::look),
    always(kubelet::ID, Group::Kubelet, kubelet::look),
    always(certificate::ID, Group::Kubelet, certificate::look),
    Probe { id: apiserver::ID, group: Group::Kubelet, asked: Asked::WayInDoubt, look: apiserver::look },
    always(cni_config::ID, Group::Network, cni_config::look),
    always(cni_backend::ID, Group::Network, cni_backend::look),
    always(addresses::ID, Group::Network, addresses::look),
    always(disk::ID, Group::Disk, disk::look),
    always(read_only::ID, Group::Disk, read_only::look),
    always(ext4::ID, Group::Disk, ext4::look),
    Probe { id: mount::ID, group: Group::Disk, asked: Asked::MountsInDoubt, look: mount::look },
    always(kernel::ID, Group::Kernel, kernel::look),
    always(inotify::ID, Group::Kernel, inotify::look),
    always(inotify_use::ID, Group::Kernel, inotify_use::look),
    always(memory::ID, Group::Kernel, memory::look),
    always(pressure::ID, Group::Kernel, pressure::look),
    always(kmsg::ID, Group::Kernel, kmsg::look),
    always(clock::ID, Group::System, clock::look),
    always(resolv_conf::ID, Group::System, resolv_conf::look),
    always(swap::ID, Group::System, swap::look),
    always(cgroups::ID, Group::System, cgroups::look),
];
