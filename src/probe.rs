//! Node-local questions, one a file: plain functions of the host's files that answer at once or within a deadline of their
//! own, each in its own words and for itself. A probe that lacks a right says so; it never guesses, writes nothing, and
//! keeps nothing. One leaves the node: `apiserver`.

pub mod addresses;
pub mod apiserver;
pub mod certificate;
pub mod cgroup_driver;
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
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::host::{Mounts, Pids, Processes, Root};
use crate::model::Time;
use crate::model::reading::{Group, Reading};

/// What a probe is given.
#[derive(Debug)]
pub struct Node {
    /// The host's files.
    pub mounts: Mounts,
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
    /// The API server's address as a Service, as the kubelet tells it to pods.
    pub service: Option<SocketAddr>,
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
    /// Looks once.
    pub look: fn(&Node) -> Vec<Reading>,
}

/// All of them, in the order in which they are shown.
pub const ALL: &[Probe] = &[
    Probe { id: runtime::ID, group: Group::Runtime, look: runtime::look },
    Probe { id: kubelet::ID, group: Group::Kubelet, look: kubelet::look },
    Probe { id: certificate::ID, group: Group::Kubelet, look: certificate::look },
    Probe { id: apiserver::ID, group: Group::Kubelet, look: apiserver::look },
    Probe { id: cni_config::ID, group: Group::Network, look: cni_config::look },
    Probe { id: cni_backend::ID, group: Group::Network, look: cni_backend::look },
    Probe { id: addresses::ID, group: Group::Network, look: addresses::look },
    Probe { id: disk::ID, group: Group::Disk, look: disk::look },
    Probe { id: read_only::ID, group: Group::Disk, look: read_only::look },
    Probe { id: ext4::ID, group: Group::Disk, look: ext4::look },
    Probe { id: mount::ID, group: Group::Disk, look: mount::look },
    Probe { id: kernel::ID, group: Group::Kernel, look: kernel::look },
    Probe { id: inotify::ID, group: Group::Kernel, look: inotify::look },
    Probe { id: inotify_use::ID, group: Group::Kernel, look: inotify_use::look },
    Probe { id: memory::ID, group: Group::Kernel, look: memory::look },
    Probe { id: pressure::ID, group: Group::Kernel, look: pressure::look },
    Probe { id: kmsg::ID, group: Group::Kernel, look: kmsg::look },
    Probe { id: clock::ID, group: Group::System, look: clock::look },
    Probe { id: resolv_conf::ID, group: Group::System, look: resolv_conf::look },
    Probe { id: swap::ID, group: Group::System, look: swap::look },
    Probe { id: cgroup_driver::ID, group: Group::System, look: cgroup_driver::look },
];
