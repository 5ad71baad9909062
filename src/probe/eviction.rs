//! What the kubelet wants to have left before it begins to evict pods, as its configuration or its defaults say.

use super::Node;
use super::kubelet_config::{KubeletConfig, Words};

/// The name of the thresholds.
const HARD: &str = "evictionHard";

/// Signals and their thresholds where nothing else is said (Kubernetes: DefaultEvictionHard in
/// pkg/kubelet/eviction/defaults_linux.go).
const DEFAULTS: &[(&str, &str)] = &[
    ("memory.available", "100Mi"),
    ("nodefs.available", "10%"),
    ("nodefs.inodesFree", "5%"),
    ("imagefs.available", "15%"),
    ("imagefs.inodesFree", "5%"),
];

/// Suffixes of quantities (Kubernetes: apimachinery/pkg/api/resource/suffix.go).
const SUFFIXES: &[(&str, f64)] = &[
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("", 1.0),
];

/// Says in a file what holds where it says nothing: all of these where it names none, and those it does not name where it asks
/// for that. One that names them but lists none has none (Kubernetes: loadConfigFile in cmd/kubelet/app/server.go).
pub(super) fn complete(file: &mut Words) {
    let whole = file.has(HARD);
    if !whole || file.said("mergeDefaultEvictionSettings") == Some("true") {
        let missing = DEFAULTS.iter().map(|(signal, text)| (format!("{HARD}.{signal}"), text));
        let missing: Vec<_> = missing.filter(|(name, _)| file.said(name).is_none()).collect();
        missing.iter().for_each(|(name, text)| file.put(name, text));
    }
}

/// The thresholds of this node's kubelet.
#[derive(Debug)]
pub(super) struct Evictions(Option<KubeletConfig>);

/// One of them.
#[derive(Debug, PartialEq)]
pub(super) struct Threshold {
    /// As it is written: `10%`, `100Mi`.
    pub(super) text: String,
    /// What must be left.
    pub(super) least: f64,
}

impl Evictions {
    /// Those of the configuration, or the defaults where it can't be read.
    pub(super) fn read(node: &Node) -> Self {
        Self(KubeletConfig::read(node).ok())
    }

    /// They are what the kubelet was told, not what it usually does.
    pub(super) fn are_certain(&self) -> bool {
        self.0.as_ref().is_some_and(KubeletConfig::is_certain)
    }

    /// From which share in use on the kubelet removes images (Kubernetes: pkg/kubelet/images/image_gc_manager.go); 85 % where
    /// nothing else is said, and where it never does.
    pub(super) fn cleaning(&self) -> f64 {
        let said = self.0.as_ref().and_then(|config| config.get("imageGCHighThresholdPercent")?.parse::<u8>().ok());
        f64::from(said.filter(|percent| *percent < 100).unwrap_or(85)) / 100.0
    }

    /// What must be left of `capacity`; none where the kubelet does not watch this signal.
    pub(super) fn threshold(&self, signal: &str, capacity: f64) -> Option<Threshold> {
        let text = match &self.0 {
            Some(config) => config.get(&format!("{HARD}.{signal}")),
            None => DEFAULTS.iter().find(|(name, _)| *name == signal).map(|(_, text)| *text),
        }?;
        Some(Threshold { text: text.to_owned(), least: least(text, capacity)? })
    }
}

/// A share or a quantity; zero switches it off.
fn least(text: &str, capacity: f64) -> Option<f64> {
    let least = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok()? / 100.0 * capacity,
        None => SUFFIXES
            .iter()
            .find_map(|(suffix, factor)| text.strip_suffix(suffix)?.parse::<f64>().ok().map(|value| value * factor))?,
    };
    (least.is_finite() && least > 0.0).then_some(least)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{CONFIG, Host};
    use super::*;

    fn of(config: &str, signal: &str) -> Option<f64> {
        threshold(&Host::default().file(CONFIG, config), signal)
    }

    fn threshold(host: &Host, signal: &str) -> Option<f64> {
        Evictions::read(&host.node()).threshold(signal, 1000.0).map(|threshold| threshold.least)
    }

    #[test]
    fn without_a_word_of_it_the_defaults_hold() {
        assert!(!Evictions::read(&Host::default().node()).are_certain());
        assert_eq!(threshold(&Host::default(), "nodefs.available"), Some(100.0));
        assert_eq!(of("kind: KubeletConfiguration", "imagefs.available"), Some(150.0));
        assert_eq!(of("evictionHard: null", "nodefs.available"), Some(100.0));
    }

    #[test]
    fn one_word_of_it_switches_the_others_off_and_none_all_of_them() {
        assert_eq!(of("evictionHard: {}", "nodefs.available"), None);
        assert_eq!(of("evictionHard: {nodefs.available: 1Ki}", "nodefs.available"), Some(1024.0));
        assert_eq!(of("evictionHard: {nodefs.available: 1Ki}", "imagefs.available"), None);
        let merged = "mergeDefaultEvictionSettings: true\nevictionHard: {nodefs.available: 0%}";
        assert_eq!(of(merged, "imagefs.available"), Some(150.0));
        assert_eq!(of(merged, "nodefs.available"), None);
    }

    #[test]
    fn a_drop_in_leaves_the_defaults_that_it_does_not_name_and_a_flag_none() {
        let with = |flag: &str| {
            let host =
                Host::default().file(CONFIG, "kind: KubeletConfiguration").kubelet(&["--config-dir=/etc/k.d", flag]);
            host.file("/etc/k.d/a.conf", "evictionHard: {nodefs.available: 1%}")
        };
        let signals = ["nodefs.available", "imagefs.available"];
        assert_eq!(signals.map(|signal| threshold(&with("--v=2"), signal)), [Some(10.0), Some(150.0)]);
        assert_eq!(
            signals.map(|signal| threshold(&with("--eviction-hard=imagefs.available<2%"), signal)),
            [None, Some(20.0)]
        );
        assert!(Evictions::read(&with("--v=2").node()).are_certain());
        assert!(!Evictions::read(&Host::default().file(CONFIG, "a: b").node()).are_certain(), "its flags are not seen");
    }

    #[test]
    fn what_is_no_quantity_is_no_threshold() {
        for text in ["", "many", "%", "-5%", "NaN%", "inf", "1Xi"] {
            assert_eq!(least(text, 1000.0), None, "{text}");
        }
        assert_eq!(least("1.5Gi", 0.0), Some(1_610_612_736.0));
    }
}
