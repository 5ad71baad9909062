//! The knobs of every part, as values that were checked. `config.rs` makes them from the file; each part takes its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::cause::EventType;

/// Everything the configuration file decides.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Settings {
    /// What is logged, as it was written and checked. None: what the flag says.
    pub log_level: Option<Arc<str>>,
    /// What is reported and to whom.
    pub report: ReportSettings,
    /// Per cause, by id.
    pub causes: BTreeMap<Arc<str>, CauseSettings>,
    /// How long things take before they are said.
    pub timing: Timing,
    /// Images to have before pods ask for them.
    pub prepull: PrepullSettings,
}

/// What is reported.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportSettings {
    /// The brake.
    pub events: EventScope,
    /// Only pods of these namespaces (globs with `*`); empty: all.
    pub include: Vec<Arc<str>>,
    /// No pods of these namespaces.
    pub exclude: Vec<Arc<str>>,
    /// Names of other namespaces may stand in a pod's Event.
    pub cross_namespace_names: bool,
    /// First writes are spread over this time, so that many nodes do not write in the same second.
    pub spread: Duration,
    /// A start that took longer is told once, when it is over. None: none is.
    pub slow_start: Option<Duration>,
    /// The node's worst trouble is kept as a condition of its Node object.
    pub node_condition: bool,
    /// Added to each Event, `{cause}` replaced by the cause's id.
    pub runbook_url: Option<Arc<str>>,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self {
            events: EventScope::All,
            include: Vec::new(),
            exclude: Vec::new(),
            cross_namespace_names: false,
            spread: Duration::from_secs(10),
            slow_start: None,
            node_condition: false,
            runbook_url: None,
        }
    }
}

/// Which Events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventScope {
    /// None: diagnoses go to log, metrics and status only.
    Off,
    /// On the Node only.
    Node,
    /// On Node and Pods.
    All,
}

/// What the configuration changes of one cause.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CauseSettings {
    /// Off: it is neither said nor counted; what it would have explained is explained by nothing.
    pub enabled: Option<bool>,
    /// Another dwell.
    pub after: Option<Duration>,
    /// Another Event type.
    pub kind: Option<EventType>,
}

/// Periods of looking and waiting. The defaults are the design's numbers; tests and the demo shorten them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timing {
    /// Between two lists while something starts.
    pub busy: Duration,
    /// Between two lists while nothing does.
    pub calm: Duration,
    /// Between two CRI `Status` calls (the kubelet's own period is 5 s).
    pub status: Duration,
    /// Between two looks at the CNI directories.
    pub cni: Duration,
    /// Between two looks of one probe that finds nothing new. What they may cost goes with it.
    pub probe: Duration,
    /// Positive evidence must hold so long before a story ends.
    pub clear: Duration,
    /// A story that comes back within this time goes on.
    pub reopen: Duration,
    /// Quiet after a restart of the runtime.
    pub restart_quiet: Duration,
    /// A pod must have been stuck in its sandbox stage for so long before its Events are asked for.
    pub ask_events: Duration,
    /// At most one such question per pod in this time.
    pub ask_again: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            busy: Duration::from_secs(1),
            calm: Duration::from_secs(10),
            status: Duration::from_secs(10),
            cni: Duration::from_secs(5),
            probe: Duration::from_secs(10),
            clear: Duration::from_secs(60),
            reopen: Duration::from_secs(600),
            restart_quiet: Duration::from_secs(60),
            ask_events: Duration::from_secs(15),
            ask_again: Duration::from_secs(300),
        }
    }
}

/// Images to have before pods ask for them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrepullSettings {
    /// Starts are spread over this time by node name.
    pub spread: Duration,
    /// What kept images may hold of the image file system, in percent of its size.
    pub keep_at_most: u8,
    /// A label of the Node says per set whether it is complete.
    pub node_labels: bool,
    /// The taint that is taken off the Node once its essential sets are complete, or after ten minutes.
    pub startup_taint: Option<Arc<str>>,
    /// The sets.
    pub sets: Vec<PrepullSet>,
}

impl Default for PrepullSettings {
    fn default() -> Self {
        Self { spread: Duration::ZERO, keep_at_most: 25, node_labels: false, startup_taint: None, sets: Vec::new() }
    }
}

/// One pre-pull set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrepullSet {
    /// Its name, unique.
    pub name: Arc<str>,
    /// Images, by tag or digest.
    pub images: Vec<Arc<str>>,
    /// Only on nodes with all these labels.
    pub match_labels: BTreeMap<Arc<str>, Arc<str>>,
    /// How many at a time.
    pub parallel: usize,
    /// Credentials for its registries.
    pub credentials: Option<CredentialSettings>,
    /// A share of the nodes goes ahead of the others. None: all go together.
    pub first: Option<First>,
    /// When it may be pulled. None: at any hour.
    pub window: Option<Window>,
    /// What is to stay free of the image file system, in percent of its size.
    pub min_free: u8,
    /// Its images are kept from the kubelet's garbage collection.
    pub keep: bool,
    /// A tag is asked for again after this time, for it may have moved. None: never.
    pub refresh: Option<Duration>,
    /// The startup taint waits for it.
    pub essential: bool,
}

impl PrepullSet {
    /// A set of that name with these images, and the defaults.
    #[must_use]
    pub fn new(name: &str, images: Vec<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            images,
            match_labels: BTreeMap::new(),
            parallel: 2,
            credentials: None,
            first: None,
            window: None,
            min_free: 20,
            keep: false,
            refresh: None,
            essential: false,
        }
    }

    /// Whether it is for a node with these labels.
    #[must_use]
    pub fn selects(&self, labels: &[(Arc<str>, Arc<str>)]) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.iter().any(|(k, v)| k == key && v == value))
    }
}

/// The nodes that go ahead, so that a mistake can be taken back before it is everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct First {
    /// How many, in percent of all nodes; which ones is told by their names.
    pub share: u8,
    /// How long the others wait.
    pub lead: Duration,
}

/// A time that comes again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// When it opens: minute, hour, day, month and weekday, as in a CronJob.
    pub cron: Arc<str>,
    /// How long it stays open.
    pub lasts: Duration,
    /// The time zone of `cron`, as in `Europe/Berlin`. None: UTC.
    pub zone: Option<Arc<str>>,
}

/// Where a set's credentials are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CredentialSettings {
    /// Where they come from.
    pub source: CredentialSource,
    /// Consent that every pod of the node may use the images (the kubelet's default policy lets it).
    pub any_pod_may_use: bool,
}

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum CredentialSource {
    /// A file in the form of `~/.docker/config.json`.
    File(PathBuf),
    /// The kubelet's credential-provider plugins.
    Providers {
        /// A file of kind CredentialProviderConfig, or a directory of such.
        config: PathBuf,
        /// Where the plugins are.
        bin_dir: PathBuf,
    },
}
