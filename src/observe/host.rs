//! What the host's own files show, read below the directory where the host's root is mounted. Reads only, bounded in
//! size and time; a file that can't be read is unknown, never absent.

mod asking;
pub mod intents;
pub mod kubelet_words;
pub mod marks;
pub mod observer;
pub mod plugins_running;
pub mod pressure;
pub mod prober;
pub mod pull_rules;
mod told;
pub mod volumes;

use std::path::PathBuf;

pub use crate::probe::cni::{self, CniDirs, NamedBy};
pub use intents::IntentObserver;
pub use kubelet_words::WordsObserver;
pub use marks::MarksObserver;
pub use observer::CniObserver;
pub use plugins_running::PluginObserver;
pub use pressure::PressureObserver;
pub use prober::{Doubts, Heard, Prober, period_in_doubt};
pub use pull_rules::PullRulesObserver;
pub use volumes::VolumeObserver;

/// Where the kubelet keeps what it knows of pods, as the host names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeletPlaces {
    /// Its root directory (`--root-dir`).
    pub root: PathBuf,
    /// The directory that holds each pod's log directory (`podLogsDir`).
    pub pod_logs: PathBuf,
}
