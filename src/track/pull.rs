//! Pulls over time: how fast bytes arrive and since when none has.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::model::image::Reference;
use crate::model::intent::{Intents, PullRules};
use crate::model::pull::{Load, Pull};
use crate::model::snapshot::PullPhase;
use crate::model::{Time, since};

/// The rate is taken over this time: long enough to smooth a burst, short enough to show a change.
const WINDOW: Duration = Duration::from_secs(20);
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
    /// How the kubelet pulls.
    pub rules: PullRules,
    intents: Option<(Time, Intents)>,
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
    /// When bytes last arrived.
    pub moved: Time,
    samples: VecDeque<(Time, u64)>,
}

impl Pulls {
    /// A list of all pulls.
    pub fn listed(&mut self, list: Vec<Pull>, at: Time) {
        self.unseen = None;
        self.receive(&list);
        let mut before = std::mem::take(&mut self.running);
        for pull in list {
            let track = match before.remove(&pull.lease) {
                Some(track) => track.seen_again(pull, at),
                None => PullTrack::new(pull, at),
            };
            self.running.insert(track.pull.lease.clone(), track);
        }
    }

    /// The kubelet's intents were looked at.
    pub fn wanted(&mut self, intents: Intents, at: Time) {
        self.intents = Some((at, intents));
    }

    /// The kubelet's intents by now; none where they can't be seen, or were not for a while.
    #[must_use]
    pub fn intents(&self, now: Time) -> Option<&BTreeMap<Arc<str>, Time>> {
        match &self.intents {
            Some((at, Intents::Told(images))) if since(*at, now) <= INTENTS_HOLD => Some(images),
            _ => None,
        }
    }

    /// How many pulls do what, and what they brought.
    #[must_use]
    pub fn load(&self) -> Load {
        let mut load = Load { received: self.received, ..Load::default() };
        for pull in self.running.values() {
            match pull.phase() {
                PullPhase::Resolving => load.resolving += 1,
                PullPhase::Downloading => load.downloading += 1,
                PullPhase::Unpacking => load.unpacking += 1,
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
    }
}

impl PullTrack {
    fn new(pull: Pull, at: Time) -> Self {
        let began = pull.began.unwrap_or(at).min(at);
        let written = pull.layers.iter().filter_map(|layer| layer.updated).max();
        let moved = written.unwrap_or(at).min(at);
        let samples = [(at, pull.done())].into();
        Self { pull, began, moved, samples }
    }

    fn seen_again(mut self, pull: Pull, at: Time) -> Self {
        if pull.done() != self.pull.done() {
            self.moved = at;
        }
        self.samples.push_back((at, pull.done()));
        while self.samples.len() > SAMPLES || self.samples.front().is_some_and(|(t, _)| since(*t, at) > WINDOW) {
            self.samples.pop_front();
        }
        self.pull = pull;
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
