//! Space and inodes of the file systems that the kubelet, the runtime and the pods' logs need: each file system once,
//! however many need it. Says nothing of one that it can't see.

use rustix::fs::StatVfs;

use super::Node;
use super::eviction::{Evictions, Threshold};
use super::places::{FileSystem, file_systems};
use crate::model::reading::{Missing, NOBODY, REACH, Reading, Unit, Verdict};
use crate::model::wording::size;

/// Its id.
pub const ID: &str = "disk";

/// From this share in use on a disk that holds no images will be full soon. Of one that holds them, that is so from where the
/// kubelet removes images: below it the course of a disk is a sawtooth, above it nothing but eviction is left. With the
/// kubelet's defaults both begin at 85 %, so that such a disk is never told before: only a lower
/// `imageGCHighThresholdPercent` or `imagefs.available` leaves anything between them.
const SOON: f64 = 0.85;
/// As good as nothing is left below this share …
const FULL: f64 = 0.01;
/// … or, on a large file system, below this many bytes: one layer of an image.
const FULL_BYTES: f64 = 512e6;
/// Likewise inodes.
const FULL_INODES: f64 = 1000.0;

/// What the kubelet watches of the file system of each.
const WATCHED: &[(&str, [&str; 2])] =
    &[("kubelet", ["nodefs.available", "nodefs.inodesFree"]), ("runtime", ["imagefs.available", "imagefs.inodesFree"])];

/// What is left of what.
struct Stock {
    free: f64,
    all: f64,
    unit: Unit,
    /// Which of the watched signals.
    signal: usize,
    full: f64,
    cause: &'static str,
}

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    let evictions = Evictions::read(node);
    let (seen, mut readings) = file_systems(node, ID);
    readings.extend(seen.iter().flat_map(|one| judge(one, &evictions)));
    readings
}

fn judge(of: &FileSystem<'_>, evictions: &Evictions) -> Vec<Reading> {
    let Ok(stat) = rustix::fs::statvfs(&of.at) else {
        let why = format!("{} does not say how full it is", of.place());
        return vec![Reading::unknown(ID, of.name(), Missing::Answer, why)];
    };
    let stocks = [Some(space(&stat)), inodes(&stat)];
    stocks.into_iter().flatten().map(|stock| reading(of, &stock, evictions)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a share of a disk needs no more than 52 bits")]
fn space(stat: &StatVfs) -> Stock {
    let unit = stat.f_frsize as f64;
    let (free, all) = (stat.f_bavail as f64 * unit, stat.f_blocks as f64 * unit);
    Stock { free, all, unit: Unit::Bytes, signal: 0, full: FULL_BYTES, cause: "DiskFull" }
}

/// None for file systems that make inodes as they are needed, and count none.
#[expect(clippy::cast_precision_loss, reason = "likewise")]
fn inodes(stat: &StatVfs) -> Option<Stock> {
    let (free, all) = (stat.f_favail as f64, stat.f_files as f64);
    let stock = Stock { free, all, unit: Unit::Count, signal: 1, full: FULL_INODES, cause: "InodesExhausted" };
    (all > 0.0).then_some(stock)
}

fn reading(of: &FileSystem<'_>, stock: &Stock, evictions: &Evictions) -> Reading {
    let wanted = wanted(of, stock, evictions);
    let threshold = wanted.as_ref().filter(|wanted| stock.free < wanted.least);
    let soon = if of.serves("runtime") { evictions.cleaning() } else { SOON };
    let verdict = match threshold {
        _ if stock.is_out() => Verdict::Broken,
        // Pods are evicted, and new ones refused.
        Some(_) if evictions.are_certain() => Verdict::Broken,
        Some(_) => Verdict::Suspect,
        None if stock.free < (1.0 - soon) * stock.all => Verdict::Suspect,
        None => Verdict::Fine,
    };
    let cause = if verdict == Verdict::Fine { "" } else { stock.cause };
    let (name, says) = stock.words(of);
    let reading = Reading { verdict, cause, ..Reading::fine(ID, &name, says) };
    let reading = reading.of_amount(stock.all - stock.free, stock.all, stock.unit).with("disk", of.place());
    // What waits for its last per cent works until then.
    let reading = match stock.is_out() {
        true => reading.with("full", "is full").with(REACH, of.reach()),
        false => reading.with(REACH, NOBODY),
    };
    match threshold {
        Some(threshold) => reading.with("available", stock.left()).with("threshold", threshold.text.as_str()),
        None => reading,
    }
}

/// The highest of the thresholds of those who need it: where they share one file system, the first that is crossed counts.
fn wanted(of: &FileSystem<'_>, stock: &Stock, evictions: &Evictions) -> Option<Threshold> {
    let signals = WATCHED.iter().filter(|(whose, _)| of.serves(whose)).map(|(_, signals)| signals[stock.signal]);
    let thresholds = signals.filter_map(|signal| evictions.threshold(signal, stock.all));
    thresholds.max_by(|one, other| one.least.total_cmp(&other.least))
}

impl Stock {
    fn is_out(&self) -> bool {
        self.free < (FULL * self.all).min(self.full)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bytes of a disk fit, and are not negative"
    )]
    fn left(&self) -> String {
        match self.unit {
            Unit::Bytes => size(self.free as u64),
            Unit::Count | Unit::Seconds => format!("{:.0}", self.free),
        }
    }

    /// Its name, and how it stands.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "likewise")]
    fn words(&self, of: &FileSystem<'_>) -> (String, String) {
        let (left, place, users) = (self.left(), of.place(), of.users());
        match self.unit {
            Unit::Bytes => {
                (of.name().to_owned(), format!("{left} free of {} on {place} ({users})", size(self.all as u64)))
            }
            Unit::Count | Unit::Seconds => (
                format!("{}, inodes", of.name()),
                format!("{left} inodes free of {:.0} on {place} ({users})", self.all),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{CONFIG, Host, find};
    use super::*;

    /// The runtime's root has a file system of its own.
    const TABLE: &str = "27 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 27 7:77 / /var/lib/runtime rw - xfs /dev/sdb rw\n";

    fn host() -> Host {
        let host = Host::default().runtime_root("/var/lib/runtime");
        let table = TABLE.replace("8:1", &host.device());
        host.file("/proc/1/mountinfo", table)
    }

    #[test]
    fn a_file_system_is_judged_once_and_names_all_who_need_it() {
        // Whatever is mounted at its name: a link leads elsewhere, and what the table does not know is judged as it is seen.
        for host in [host().dir("/data").link("/var/lib/runtime", "/data"), host().dir("/var/lib/runtime")] {
            let readings = look(&host.node());
            assert!(find(&readings, "kubelet").says.ends_with(" on / (kubelet, logs, runtime)"), "{readings:?}");
            assert!(!readings.iter().any(|one| one.of.contains("runtime")));
        }
    }

    #[test]
    fn a_directory_that_is_not_seen_is_unknown_and_its_mount_is_named() {
        let host = host().mounted(&["/proc", "/var/lib/kubelet", "/var/log/pods"], "/var/lib/other/7/fs");
        let readings = look(&host.node());
        let runtime = find(&readings, "runtime");
        assert_eq!(runtime.verdict, Verdict::Unknown(Missing::Access));
        assert!(runtime.says.ends_with("not mounted; it seems to lie on /dev/sdb, mounted at /var/lib/runtime"));
        assert!(find(&readings, "kubelet").amount.is_some());
    }

    #[test]
    fn the_layer_of_this_container_stands_for_the_file_system_that_it_lies_on() {
        let host = host().mounted(&["/proc", "/var/lib/kubelet", "/var/log/pods"], "/var/lib/runtime/7/fs");
        let known = host.node();
        // Even where nobody has said where the runtime keeps its things.
        for node in [Node { runtime_root: None, ..host.node() }, known] {
            let readings = look(&node);
            assert!(find(&readings, "runtime").says.ends_with(" on /var/lib/runtime (runtime)"), "{readings:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_no_file_system_of_this_node() {
        let host = Host::default().link("/var/lib/loop", "/var/lib/loop").runtime_root("/var/lib/loop");
        std::fs::remove_dir(host.at("/var/log/pods")).unwrap();
        let readings = look(&host.node());
        assert_eq!(find(&readings, "logs").verdict, Verdict::Unknown(Missing::Subject));
        assert_eq!(find(&readings, "runtime").verdict, Verdict::Unknown(Missing::Answer));
    }

    fn verdict(free: f64, config: Option<&str>) -> (Verdict, Vec<(&'static str, String)>) {
        let host = Host::default();
        let host = match config {
            Some(config) => host.file(CONFIG, config).kubelet(&[]),
            None => host,
        };
        let node = host.node();
        let (seen, _) = file_systems(&node, ID);
        let stock = Stock { free, all: 100e9, unit: Unit::Bytes, signal: 0, full: FULL_BYTES, cause: "DiskFull" };
        let reading = reading(&seen[0], &stock, &Evictions::read(&node));
        (reading.verdict, reading.facts)
    }

    #[test]
    fn a_disk_of_images_is_suspect_from_where_the_kubelet_removes_them() {
        let verdict = |config: &str, flags: &[&str]| {
            let host = Host::default().runtime_root("/var/lib/kubelet").file(CONFIG, config).kubelet(flags);
            let node = host.node();
            let (seen, _) = file_systems(&node, ID);
            let stock =
                Stock { free: 25e9, all: 100e9, unit: Unit::Bytes, signal: 0, full: FULL_BYTES, cause: "DiskFull" };
            reading(&seen[0], &stock, &Evictions::read(&node)).verdict
        };
        assert_eq!(verdict("kind: KubeletConfiguration", &[]), Verdict::Fine);
        assert_eq!(verdict("imageGCHighThresholdPercent: 70", &[]), Verdict::Suspect);
        assert_eq!(verdict("imageGCHighThresholdPercent: 70", &["--image-gc-high-threshold=80"]), Verdict::Fine);
    }

    #[test]
    fn past_the_threshold_of_the_kubelet_it_is_broken_and_past_the_usual_one_suspect() {
        let config = Some("kind: KubeletConfiguration");
        assert_eq!(verdict(20e9, config).0, Verdict::Fine);
        assert_eq!(verdict(14e9, config).0, Verdict::Suspect);
        let (broken, facts) = verdict(9e9, config);
        assert_eq!(broken, Verdict::Broken);
        assert!(
            facts.contains(&("threshold", "10%".to_owned())) && facts.contains(&("available", "9.0 GB".to_owned()))
        );
        assert!(facts.contains(&(REACH, NOBODY.to_owned())), "what needs it works");
        assert_eq!(verdict(9e9, None).0, Verdict::Suspect);
        assert_eq!(verdict(9e9, Some("evictionHard: {nodefs.available: 5%}")).0, Verdict::Suspect);
        let (broken, facts) = verdict(0.4e9, None);
        assert_eq!(broken, Verdict::Broken);
        assert!(facts.contains(&(REACH, "kubelet disk, logs disk".to_owned())), "{facts:?}");
    }
}
