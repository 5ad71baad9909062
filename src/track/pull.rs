//! Pulls over time: how fast bytes arrive and since when none has.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::model::image::Reference;
use crate::model::intent::{AtOnce, Intents, PullRules};
use crate::model::pull::{Load, Pull};
use crate::model::runtime::RuntimeInfo;
use crate::model::snapshot::PullPhase;
use crate::model::{Time, since};

/// The rate is taken over this time: long enough to smooth a burst, short enough to show a change.
const WINDOW: Duration = Duration::from_secs(20);
/// How many layers containerd downloads at once unless it is told otherwise (max_concurrent_downloads). What it was told
/// can't be read over CRI from 2.0 on.
pub const SLOTS: usize = 3;
/// A pull of our own that has not moved for so long has made way for a pod's.
const MAKES_WAY: Duration = Duration::from_secs(5);
/// Intents are told at least every 10 s: after this time they are out of date.
const INTENTS_HOLD: Duration = Duration::from_secs(25);
/// At most this many samples are kept for it.
const SAMPLES: usize = 32;

/// All pulls under way.
#[derive(Debug, Default)]
pub struct Pulls {
    /// By lease.
    pub running: BTreeMap<Arc<str>, PullTrack>,
    /// Why pulls can't be seen, where they can't.
    pub unseen: Option<String>,
    /// They can be seen, and were listed.
    pub listed: bool,
    /// How the kubelet pulls.
    pub rules: PullRules,
    /// In so many percent of the last seconds all work stood still on the disks, where that is much.
    pub disk_saturated: Option<u8>,
    /// The runtime downloads a few layers at a time for the whole node (containerd from 2.1 on), not for each pull.
    pub node_wide_slots: bool,
    intents: Option<(Time, Intents)>,
    /// Images among the first that the kubelet wants, and since when.
    first: BTreeMap<Arc<str>, Time>,
    /// Bytes that were seen arriving since the agent began to look; a layer that several pulls share counts once.
    pub received: u64,
    layers: BTreeMap<Arc<str>, u64>,
}

/// One pull over time.
#[derive(Debug)]
pub struct PullTrack {
    /// As it was seen last.
    pub pull: Pull,
    /// When it began.
    pub began: Time,
    /// When it was seen last.
    pub seen: Time,
    /// When bytes last arrived.
    pub moved: Time,
    /// It waits until one of the downloads of other pulls is over.
    pub waits_for_slot: bool,
    samples: VecDeque<(Time, u64)>,
}

impl Pulls {
    /// A list of all pulls.
    pub fn listed(&mut self, list: Vec<Pull>, at: Time) {
        self.unseen = None;
        self.listed = true;
        self.receive(&list);
        let mut before = std::mem::take(&mut self.running);
        for pull in list {
            let track = match before.remove(&pull.lease) {
                Some(track) => track.seen_again(pull, at),
                None => PullTrack::new(pull, at),
            };
            self.running.insert(track.pull.lease.clone(), track);
        }
        self.find_slots(at);
    }

    /// Once all slots were seen taken, a pull waits as long as another downloads: between two layers a slot may look free.
    fn find_slots(&mut self, at: Time) {
        let downloads: Vec<(Arc<str>, usize)> =
            self.running.keys().map(|lease| (lease.clone(), self.others_downloads(lease, at))).collect();
        for (lease, others) in downloads {
            let Some(track) = self.running.get_mut(&lease) else { continue };
            let taken = others >= SLOTS || (track.waits_for_slot && others > 0);
            track.waits_for_slot = self.node_wide_slots && taken && track.at_first_byte();
            if track.waits_for_slot {
                track.moved = at;
            }
        }
    }

    /// Layers that other pulls download. Our own pulls leave theirs half written when they make way.
    fn others_downloads(&self, lease: &str, now: Time) -> usize {
        let others = self.running.values().filter(|other| *other.pull.lease != *lease);
        let alive = others.filter(|other| other.pull.own.is_none() || other.still_for(now) < MAKES_WAY);
        let layers = alive.flat_map(|other| &other.pull.layers);
        let halfway = layers.filter(|layer| layer.active && layer.offset > 0 && layer.offset < layer.total);
        halfway.map(|layer| &layer.digest).collect::<BTreeSet<_>>().len()
    }

    /// The kubelet's intents were looked at.
    pub fn wanted(&mut self, intents: Intents, at: Time) {
        let before = std::mem::take(&mut self.first);
        let mut order: Vec<(Time, &Arc<str>)> = match &intents {
            Intents::Told(images) => images.iter().map(|(image, seen)| (*seen, image)).collect(),
            Intents::Unknown(_) => Vec::new(),
        };
        order.sort();
        let most = match self.rules.at_once {
            AtOnce::AtMost(most) => usize::try_from(most.get()).unwrap_or(usize::MAX),
            AtOnce::Unknown | AtOnce::All => usize::MAX,
        };
        let first = order.into_iter().take(most);
        self.first = first.map(|(_, image)| (image.clone(), before.get(image).copied().unwrap_or(at))).collect();
        self.intents = Some((at, intents));
    }

    /// Since when an image is among those that the kubelet wants first, as many as it has pulled at once.
    #[must_use]
    pub fn first_since(&self, image: &str) -> Option<Time> {
        self.first.get(image).copied()
    }

    /// The kubelet's intents by now; none where they can't be seen, or were not for a while.
    #[must_use]
    pub fn intents(&self, now: Time) -> Option<&Intents> {
        match &self.intents {
            Some((at, told @ Intents::Told(_))) if since(*at, now) <= INTENTS_HOLD => Some(told),
            _ => None,
        }
    }

    /// How many pulls do what, and what they brought.
    #[must_use]
    pub fn load(&self) -> Load {
        let mut load = Load { received: self.received, ..Load::default() };
        for pull in self.running.values() {
            match pull.phase() {
                PullPhase::Downloading => load.downloading += 1,
                PullPhase::Unpacking => load.unpacking += 1,
                _ => load.resolving += 1,
            }
        }
        load
    }

    /// What is there when it is first seen, and was not being written, came before.
    fn receive(&mut self, list: &[Pull]) {
        let before = std::mem::take(&mut self.layers);
        for layer in list.iter().flat_map(|pull| &pull.layers) {
            let first = !self.layers.contains_key(&layer.digest);
            let known = before.get(&layer.digest).copied().unwrap_or(if layer.active { 0 } else { layer.offset });
            if first {
                self.received = self.received.saturating_add(layer.offset.saturating_sub(known));
            }
            let offset = self.layers.entry(layer.digest.clone()).or_default();
            *offset = layer.offset.max(*offset);
        }
    }

    /// Pulls can't be seen any more; what was seen of them is void.
    pub fn cannot_be_seen(&mut self, why: String) {
        self.running.clear();
        self.layers.clear();
        self.unseen = Some(why);
        self.listed = false;
    }
}

impl PullTrack {
    fn new(pull: Pull, at: Time) -> Self {
        let began = pull.began.unwrap_or(at).min(at);
        let written = pull.layers.iter().filter_map(|layer| layer.updated).max();
        // Before a pull has anything, its registry has been silent since it began.
        let moved = written.unwrap_or(if unanswered(&pull) { began } else { at }).min(at);
        let samples = [(at, pull.done())].into();
        Self { pull, began, seen: at, moved, waits_for_slot: false, samples }
    }

    fn seen_again(mut self, pull: Pull, at: Time) -> Self {
        let before = &self.pull;
        if (pull.done(), pull.document, pull.manifests.len())
            != (before.done(), before.document, before.manifests.len())
        {
            self.moved = at;
        }
        self.samples.push_back((at, pull.done()));
        while self.samples.len() > SAMPLES || self.samples.front().is_some_and(|(t, _)| since(*t, at) > WINDOW) {
            self.samples.pop_front();
        }
        self.pull = pull;
        self.seen = at;
        self
    }

    /// What it does.
    #[must_use]
    pub fn phase(&self) -> PullPhase {
        let Pull { layers, complete_list, .. } = &self.pull;
        match () {
            () if layers.is_empty() => PullPhase::Resolving,
            () if *complete_list && layers.iter().all(|layer| layer.offset >= layer.total) => PullPhase::Unpacking,
            () => PullPhase::Downloading,
        }
    }

    /// Nothing of what it fetches right now is here yet.
    fn at_first_byte(&self) -> bool {
        let mut fetched = self.pull.layers.iter().filter(|layer| layer.active).peekable();
        match self.pull.document {
            Some(here) => here == 0,
            None => fetched.peek().is_some() && fetched.all(|layer| layer.offset == 0 && !layer.elsewhere),
        }
    }

    /// All that it still downloads is written by another pull, for which it waits.
    #[must_use]
    pub fn waits_for_other(&self) -> bool {
        let mut missing = self.pull.layers.iter().filter(|layer| layer.active && layer.offset < layer.total).peekable();
        missing.peek().is_some() && missing.all(|layer| layer.elsewhere)
    }

    /// Of several pulls of one image the heaviest tells how it goes: one that writes, and of those the newest, for a crash
    /// may have left an older one behind.
    #[must_use]
    pub fn weight(&self) -> (bool, Time) {
        (!self.waits_for_other(), self.began)
    }

    /// Nothing tells yet which image it fetches.
    #[must_use]
    pub fn nameless(&self) -> bool {
        self.pull.own.is_none() && self.pull.repositories.is_empty() && self.pull.manifests.is_empty()
    }

    /// Whether it is for that image: by digest where the image names one, else by repository. Two tags of one repository
    /// pulled at once can't be told apart by containerd's records; both are then slow or both stand still.
    #[must_use]
    pub fn fetches(&self, image: &str) -> bool {
        let reference = Reference::parse(image);
        if let Some(digest) = reference.digest
            && self.pull.manifests.iter().any(|known| &**known == digest)
        {
            return true;
        }
        let repository = format!("{}/{}", reference.host_name(), reference.path);
        self.pull.repositories.iter().any(|known| **known == *repository)
    }

    /// Something is left to download and is being downloaded.
    #[must_use]
    pub fn downloading(&self) -> bool {
        self.pull.layers.iter().any(|layer| layer.active && layer.offset < layer.total)
    }

    /// For how long no byte has arrived.
    #[must_use]
    pub fn still_for(&self, now: Time) -> Duration {
        since(self.moved, now)
    }

    /// Bytes per second over the last seconds; none before two samples.
    #[must_use]
    pub fn rate(&self) -> Option<u64> {
        let (first_at, first) = self.samples.front()?;
        let (last_at, last) = self.samples.back()?;
        let millis = u64::try_from(since(*first_at, *last_at).as_millis()).ok().filter(|ms| *ms >= 1_000)?;
        Some(last.saturating_sub(*first).saturating_mul(1_000) / millis)
    }

    /// How long the rest takes at the present rate.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let rest = self.pull.total()?.saturating_sub(self.pull.done());
        let rate = self.rate().filter(|rate| *rate > 0)?;
        Some(Duration::from_secs(rest / rate))
    }

    /// How much of it is here, in whole percent; none where the total is not known.
    #[must_use]
    pub fn percent(&self) -> Option<u64> {
        let total = self.pull.total().filter(|total| *total > 0)?;
        Some(self.pull.done().saturating_mul(100) / total)
    }
}

/// From 2.1 on containerd counts downloads over the whole node (containerd: core/transfer/local).
#[must_use]
pub fn node_wide_slots(runtime: &RuntimeInfo) -> bool {
    runtime.containerd().is_some_and(|release| release >= (2, 1, 0))
}

/// Its registry has not even said what the image is.
fn unanswered(pull: &Pull) -> bool {
    pull.layers.is_empty() && pull.document.is_none() && pull.manifests.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containerd_counts_downloads_over_the_node_from_2_1_on() {
        let of = |name: &str, version: &str| {
            let (name, version) = (name.into(), version.into());
            node_wide_slots(&RuntimeInfo { name, version, api: "v1".into(), socket: "/run/x.sock".into() })
        };
        for (version, shared) in [
            ("1.6.20~ds1", false),
            ("1.7.24", false),
            ("2.0.5", false),
            ("v2.1.0", true),
            ("2.1.9+unknown", true),
            ("2.10.0-rc.1", true),
            ("3.0.0", true),
            ("", false),
        ] {
            assert_eq!(of("containerd", version), shared, "{version}");
        }
        assert!(!of("cri-o", "2.1.0"));
    }
}
