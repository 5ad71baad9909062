//! Node-local questions, one a file: plain functions of the host's files that answer at once or within a deadline of their
//! own, each in its own words and for itself. A probe that lacks a right says so; it never guesses, writes nothing, and
//! keeps nothing between two looks but where a process was. One leaves the node: `apiserver`.

pub mod addresses;
pub mod apiserver;
pub mod certificate;
pub mod cni;
pub mod cni_backend;
pub mod cni_config;
pub mod disk;
mod http;
pub mod journal;
pub mod kernel;
mod kubeconfig;
pub mod kubelet;
mod listeners;
pub mod runtime;
#[cfg(test)]
mod scene;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::host::{Mounts, Pids, Processes, Root};
use crate::model::Time;
use crate::model::cause::Right;
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
    /// The host's processes that looks before this one found.
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
    /// Its name for ever: in answers, settings and documents.
    pub id: &'static str,
    /// What it is about.
    pub group: Group,
    /// Between two looks of a running agent.
    pub every: Duration,
    /// What it can't do without.
    pub needs: &'static [Right],
    /// Looks once.
    pub look: fn(&Node) -> Vec<Reading>,
}

const OFTEN: Duration = Duration::from_secs(10);
const SELDOM: Duration = Duration::from_secs(60);

/// All of them, in the order in which they are shown.
pub const ALL: &[Probe] = &[
    Probe { id: runtime::ID, group: Group::Runtime, every: OFTEN, needs: &[Right::Proc], look: runtime::look },
    Probe { id: kubelet::ID, group: Group::Kubelet, every: OFTEN, needs: &[Right::Proc], look: kubelet::look },
    Probe {
        id: certificate::ID,
        group: Group::Kubelet,
        every: SELDOM,
        needs: &[Right::KubeletRoot],
        look: certificate::look,
    },
    Probe {
        id: apiserver::ID,
        group: Group::Kubelet,
        every: SELDOM,
        needs: &[Right::KubeletRoot],
        look: apiserver::look,
    },
    Probe { id: cni_config::ID, group: Group::Network, every: OFTEN, needs: &[Right::CniDirs], look: cni_config::look },
    Probe {
        id: cni_backend::ID,
        group: Group::Network,
        every: OFTEN,
        needs: &[Right::CniDirs, Right::Proc],
        look: cni_backend::look,
    },
    Probe { id: addresses::ID, group: Group::Network, every: OFTEN, needs: &[Right::CniDirs], look: addresses::look },
    Probe { id: disk::ID, group: Group::Disk, every: OFTEN, needs: &[Right::KubeletRoot], look: disk::look },
    Probe { id: kernel::ID, group: Group::Kernel, every: OFTEN, needs: &[Right::Proc], look: kernel::look },
];
