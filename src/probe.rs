//! Node-local questions, one a file: plain functions of the host's files that answer at once or within a deadline of their
//! own, each in its own words and for itself. A probe that lacks a right says so; it never guesses, writes nothing, and
//! keeps nothing between two looks.

pub mod cgroup_driver;
pub mod clock;
pub mod disk;
mod eviction;
pub mod ext4;
#[cfg(test)]
mod fixture;
pub mod inotify;
pub mod inotify_use;
pub mod kernel;
pub mod kmsg;
mod kubelet_config;
mod lost;
pub mod memory;
pub mod mount;
mod places;
pub mod pressure;
pub mod read_only;
pub mod resolv_conf;
pub mod swap;

use std::path::PathBuf;
use std::time::Duration;

use crate::host::{Mounts, Root};
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
    /// Mounts that may hang, as the host names them: those of pods that do not start.
    pub suspects: Vec<PathBuf>,
    /// The cgroup driver that the runtime's configuration names, `systemd` or `cgroupfs`. None where the runtime answers
    /// RuntimeConfig, for then the kubelet takes the runtime's, whatever its own configuration says.
    pub runtime_cgroup: Option<String>,
}

impl Node {
    /// The host's files.
    #[must_use]
    pub fn root(&self) -> Root<'_> {
        Root(&self.mounts)
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
/// What costs a little to look at.
const MEANWHILE: Duration = Duration::from_secs(30);
/// What changes only when somebody changes it.
const SELDOM: Duration = Duration::from_secs(60);
/// What costs much to look at.
const RARELY: Duration = Duration::from_secs(300);

/// All of them, in the order in which they are shown.
pub const ALL: &[Probe] = &[
    Probe { id: disk::ID, group: Group::Disk, every: OFTEN, needs: &[Right::KubeletDirs], look: disk::look },
    Probe { id: read_only::ID, group: Group::Disk, every: OFTEN, needs: &[Right::Proc], look: read_only::look },
    Probe { id: ext4::ID, group: Group::Disk, every: OFTEN, needs: &[], look: ext4::look },
    Probe { id: mount::ID, group: Group::Disk, every: OFTEN, needs: &[Right::KubeletDirs], look: mount::look },
    Probe { id: kernel::ID, group: Group::Kernel, every: OFTEN, needs: &[Right::Proc], look: kernel::look },
    Probe { id: inotify::ID, group: Group::Kernel, every: OFTEN, needs: &[], look: inotify::look },
    Probe { id: inotify_use::ID, group: Group::Kernel, every: RARELY, needs: &[Right::Proc], look: inotify_use::look },
    Probe { id: memory::ID, group: Group::Kernel, every: OFTEN, needs: &[Right::Proc], look: memory::look },
    Probe { id: pressure::ID, group: Group::Kernel, every: OFTEN, needs: &[Right::Proc], look: pressure::look },
    Probe { id: kmsg::ID, group: Group::Kernel, every: MEANWHILE, needs: &[Right::Proc], look: kmsg::look },
    Probe { id: clock::ID, group: Group::System, every: SELDOM, needs: &[], look: clock::look },
    Probe {
        id: resolv_conf::ID,
        group: Group::System,
        every: OFTEN,
        needs: &[Right::KubeletDirs],
        look: resolv_conf::look,
    },
    Probe { id: swap::ID, group: Group::System, every: SELDOM, needs: &[Right::Proc], look: swap::look },
    Probe {
        id: cgroup_driver::ID,
        group: Group::System,
        every: SELDOM,
        needs: &[Right::KubeletDirs],
        look: cgroup_driver::look,
    },
];
