//! What the API server was asked between two moments, and what it had to read for it.

use jiff::{SignedDuration, Timestamp};
use kubewhy_lab::apiserver::{Entry, Read};

use crate::cluster::Cluster;
use crate::seats;

/// Kinds of requests, in the order in which they are shown.
pub const KINDS: [&str; 6] = ["list", "watch", "create Event", "patch Event", "read Events", "/livez"];

/// The kind of a request, by its place in [`KINDS`]; none of anything else.
fn kind(entry: &Entry) -> Option<usize> {
    match (entry.verb.as_str(), entry.resource.as_str()) {
        ("list" | "watch" | "get", "events") => Some(4),
        ("list", _) => Some(0),
        ("watch", _) => Some(1),
        ("create", "events") => Some(2),
        ("patch", "events") => Some(3),
        (_, "/livez") => Some(5),
        _ => None,
    }
}

/// What was read, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Objects.
    pub objects: u64,
    /// Bytes of them that the watch cache had.
    pub cached: u64,
    /// Bytes of them that were read from etcd: each is an Event that was about to be patched.
    pub stored: u64,
    /// Bytes of Events that were listed, watched or got.
    pub events: u64,
}

impl Reads {
    fn of(entries: &[Entry]) -> Self {
        let mut all = Self::default();
        for entry in entries {
            let Read { objects, bytes, stored } = entry.read;
            all.objects += objects;
            *(if stored { &mut all.stored } else { &mut all.cached }) += bytes;
            all.events += if kind(entry) == Some(4) { bytes } else { 0 };
        }
        all
    }

    fn since(self, before: Self) -> Self {
        Self {
            objects: self.objects - before.objects,
            cached: self.cached - before.cached,
            stored: self.stored - before.stored,
            events: self.events - before.events,
        }
    }
}

/// A moment from which on is counted.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    at: Timestamp,
    reads: Reads,
}

impl Mark {
    /// Now.
    #[must_use]
    pub fn now(cluster: &Cluster) -> Self {
        Self { at: cluster.now(), reads: Reads::of(&cluster.journal().requests()) }
    }
}

/// The count.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Requests.
    pub entries: Vec<Entry>,
    /// What had to be read for them, and for watches of before.
    pub reads: Reads,
    from: Timestamp,
    to: Timestamp,
    refused: Vec<Timestamp>,
}

impl Ledger {
    /// Counts from `mark` until now.
    #[must_use]
    pub fn since(mark: Mark, cluster: &Cluster) -> Self {
        let mut entries = cluster.journal().requests();
        let reads = Reads::of(&entries).since(mark.reads);
        entries.retain(|entry| entry.at >= mark.at);
        let mut refused = cluster.refused.by_now();
        refused.retain(|at| *at >= mark.at);
        Self { entries, reads, from: mark.at, to: cluster.now(), refused }
    }

    /// How many requests there were.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.entries.len()
    }

    /// How many of them wrote an Event.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(kind(entry), Some(2 | 3))).count()
    }

    /// The most requests in any span of this length.
    #[must_use]
    pub fn peak(&self, span: SignedDuration) -> usize {
        most(self.entries.iter().map(|entry| entry.at), span)
    }

    /// The most that met a closed door in any second.
    #[must_use]
    pub fn refused_peak(&self) -> usize {
        most(self.refused.iter().copied(), SignedDuration::from_secs(1))
    }

    /// The most seats that any flow needed in any second, and the most that all of them did.
    #[must_use]
    pub fn seats(&self) -> (f64, f64) {
        seats::most(&self.entries, self.from)
    }

    /// Requests of each kind in each second, and those that nobody took.
    #[must_use]
    pub fn seconds(&self) -> Vec<[u32; KINDS.len() + 1]> {
        let second = |at: Timestamp| usize::try_from(at.duration_since(self.from).as_secs()).unwrap_or_default();
        let mut all = vec![[0; KINDS.len() + 1]; second(self.to) + 1];
        let known = self.entries.iter().filter_map(|entry| Some((entry.at, kind(entry)?)));
        for (at, kind) in known.chain(self.refused.iter().map(|at| (*at, KINDS.len()))) {
            all[second(at)][kind] += 1;
        }
        all
    }
}

/// The most moments in any span of that length.
fn most(moments: impl Iterator<Item = Timestamp>, span: SignedDuration) -> usize {
    let mut all: Vec<Timestamp> = moments.collect();
    all.sort_unstable();
    let mut first = 0;
    let mut most = 0;
    for (last, at) in all.iter().enumerate() {
        while at.duration_since(all[first]) >= span {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}
