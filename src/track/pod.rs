//! One pod over time: what API server and runtime say of it, at which stage it is, and which of its containers fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::Time;
use crate::model::diagnosis::Arrival;
use crate::model::ids::PodId;
use crate::model::pod::{ContainerSlot, ContainerState, Phase, Pod, PodEvent};
use crate::model::runtime::{Container, RunState, Sandbox};
use crate::model::stage::Stage;

use super::ahead::Images;
use super::landmark::{self, position};
use super::marks::Traces;
use super::place::{self, Place, told_by};
use super::queue::{Fetch, Told};
use super::said::Said;
use super::timeline::{End, Now, Timeline};

/// One pod over time.
#[derive(Debug)]
pub struct PodTrack {
    /// Its names.
    pub id: PodId,
    /// When it was first seen.
    pub seen_first: Time,
    /// What the API server said last; none for a pod that only the runtime knows.
    pub pod: Option<Pod>,
    /// Its newest sandbox.
    pub sandbox: Option<Sandbox>,
    /// When the runtime was seen to have made it.
    listed_up: Option<Time>,
    /// Its newest container of each name.
    pub containers: BTreeMap<Arc<str>, Container>,
    /// At which stage it is, and since when.
    pub place: Place,
    /// The course of its start.
    pub timeline: Timeline,
    /// How the image that it waits for stands with containerd.
    pub fetch: Fetch,
    fetch_of: Option<Arc<str>>,
    /// What its directories on the host show.
    pub traces: Traces,
    /// Whether the runtime has a network for pods; none until it told.
    pub network: Option<bool>,
    /// A pull of that image was seen to run: if it runs no more, it is over.
    pub served: bool,
    /// Containers that fail, by name.
    pub troubles: BTreeMap<Arc<str>, Trouble>,
    /// The kubelet's Events about it, when they were asked for.
    pub events: Option<(Time, Vec<PodEvent>)>,
    /// When they were asked for.
    pub asked: Option<Time>,
    /// Stages that were diagnosed.
    pub told: BTreeSet<Stage>,
    counted: bool,
}

/// A container that fails at a stage, in the kubelet's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// At which stage.
    pub stage: Stage,
    /// Since when it fails there.
    pub since: Time,
    /// The most telling text so far.
    pub said: Said,
    /// The waiting reason the text came with.
    pub reason: Arc<str>,
    /// When it was last said.
    pub at: Time,
}

impl PodTrack {
    /// A pod of which only the name is known.
    #[must_use]
    pub fn new(id: PodId, at: Time) -> Self {
        Self {
            id,
            seen_first: at,
            pod: None,
            sandbox: None,
            listed_up: None,
            containers: BTreeMap::new(),
            place: Place { stage: Stage::Admission, since: at, container: None, told_by: told_by::STATUS },
            timeline: Timeline::default(),
            fetch: Fetch::default(),
            fetch_of: None,
            traces: Traces::default(),
            network: None,
            served: false,
            troubles: BTreeMap::new(),
            events: None,
            asked: None,
            told: BTreeSet::new(),
            counted: false,
        }
    }

    /// Likewise; its image stands so.
    #[must_use]
    pub fn fetching(self, fetch: Fetch) -> Self {
        Self { fetch, ..self }
    }

    /// On its way to running, and not on its way out.
    #[must_use]
    pub fn starting(&self) -> bool {
        self.place.stage < Stage::Running && !self.pod.as_ref().is_some_and(Pod::over)
    }

    /// Since when it has been where it is, as far as API server and runtime tell.
    #[must_use]
    pub fn since(&self) -> Time {
        self.timeline.since().filter(|_| self.timeline.end().is_none()).unwrap_or(self.place.since)
    }

    /// The API server said something new of it.
    pub fn told_by_api(&mut self, pod: Pod, at: Time) {
        let first = self.pod.is_none();
        for slot in &pod.containers {
            self.heard(slot, at);
        }
        self.pod = Some(pod);
        if first {
            // What the runtime alone could tell of its course was less.
            self.timeline = Timeline::default();
            if self.pod.as_ref().is_some_and(Pod::has_run) {
                self.timeline.skip(at);
            }
        }
        self.replace(at);
        if first {
            self.place.since = self.since_by_api().unwrap_or(at).min(at);
        }
    }

    /// Its Events were fetched. An empty answer may be a refusal: it takes back nothing.
    pub fn told_by_events(&mut self, events: Vec<PodEvent>, at: Time) {
        if !events.is_empty() {
            self.events = Some((at, events));
            self.replace(at);
        }
    }

    /// The runtime listed all sandboxes, as it did before or not; this is the pod's newest.
    pub fn sandbox_listed(&mut self, sandbox: Option<Sandbox>, before: bool, at: Time) {
        if self.sandbox != sandbox {
            let stands = |sandbox: &Option<Sandbox>| sandbox.as_ref().filter(|it| it.ready).map(|it| it.id.clone());
            if stands(&sandbox).is_some_and(|id| Some(id) != stands(&self.sandbox)) {
                // One that was there at the first list came up at some time before.
                let created = sandbox.as_ref().and_then(|it| it.created);
                self.listed_up = if before { Some(at) } else { created };
            }
            self.sandbox = sandbox;
            self.replace(at);
        }
    }

    /// The runtime listed all containers; these are the pod's.
    pub fn containers_listed(&mut self, list: Vec<Container>, at: Time) {
        let mut newest: BTreeMap<Arc<str>, Container> = BTreeMap::new();
        for container in list {
            match newest.get(&container.name) {
                Some(known) if known.created >= container.created => {}
                _ => {
                    newest.insert(container.name.clone(), container);
                }
            }
        }
        if self.containers != newest {
            self.containers = newest;
            self.replace(at);
        }
    }

    /// Its directories on the host were looked at.
    pub fn marked(&mut self, traces: Traces, at: Time) {
        if self.traces != traces {
            self.traces = traces;
            self.replace(at);
        }
    }

    /// The runtime has a network for pods, or has none.
    pub fn network_is(&mut self, ready: Option<bool>, at: Time) {
        if self.network != ready {
            self.network = ready;
            self.replace(at);
        }
    }

    /// When its sandbox last came up: containerd 1.x dates one from before its network was made, which may have taken long.
    #[must_use]
    pub fn came_up(&self) -> Option<Time> {
        let told = self.pod.as_ref().and_then(|pod| pod.sandbox_ready).filter(|(ready, _)| *ready);
        self.listed_up.max(told.and_then(|(_, at)| at))
    }

    /// It is not on the node's own network, as far as is known.
    #[must_use]
    pub fn has_network(&self) -> bool {
        self.pod.as_ref().is_none_or(|pod| !pod.host_network)
    }

    /// The state of a container of that name in the pod's present sandbox.
    #[must_use]
    pub fn run_state(&self, container: &str) -> Option<RunState> {
        let listed = self.containers.get(container)?;
        let elsewhere = self.sandbox.as_ref().is_some_and(|sandbox| sandbox.id != listed.sandbox);
        (!elsewhere).then_some(listed.state)
    }

    fn replace(&mut self, at: Time) {
        self.stand(at);
        let wanted = self.awaited().map(|slot| slot.name.clone());
        if wanted.is_some() && wanted != self.fetch_of {
            // What was known was of another container's image; whether pulls can be seen at all holds for this one too.
            let none = if self.fetch == Fetch::Unknown { Fetch::Unknown } else { Fetch::Idle };
            (self.fetch, self.served, self.fetch_of) = (none, false, wanted);
            self.stand(at);
        }
        self.go_on(at);
    }

    fn stand(&mut self, at: Time) {
        let (stage, container, told_by) = place::of(self);
        let since = if stage == self.place.stage { self.place.since } else { at };
        self.place = Place { stage, since, container, told_by };
    }

    /// Keeps the course of the start.
    fn go_on(&mut self, at: Time) {
        if self.pod.as_ref().is_some_and(|pod| pod.phase == Phase::Failed) {
            return self.timeline.fail(at);
        }
        if self.timeline.end().is_none() {
            let Place { stage, container, told_by, .. } = &self.place;
            let position = position(self, *stage, container.as_ref());
            let now = Now { position, container: container.clone(), told_by };
            let landmarks = landmark::all(self);
            self.timeline.advance(&now, &landmarks, at);
            landmark::marks(self).iter().for_each(|mark| self.timeline.split(mark));
        }
    }

    /// The container whose image it waits for, as far as is known, or will once a hook has returned: none once that pull has
    /// failed.
    #[must_use]
    pub fn awaited(&self) -> Option<&ContainerSlot> {
        let pod = self.pod.as_ref().filter(|_| self.starting())?;
        let holds = |slot: &&ContainerSlot| Some(&slot.name) == self.place.container.as_ref();
        let slot = match self.place.stage {
            Stage::ImageQueue | Stage::ImagePull => pod.containers.iter().find(holds),
            // The kubelet may pull what is here all the same.
            Stage::Create => place::next_due(self, pod).filter(holds),
            Stage::Hook => place::next_due(self, pod),
            _ => None,
        };
        slot.filter(|slot| place::failing(slot).is_none())
    }

    /// How its image stands with containerd by now.
    pub fn fetch_is(&mut self, fetch: Fetch, at: Time) {
        if self.fetch == fetch {
            return;
        }
        self.fetch = fetch;
        self.replace(at);
        if matches!(self.fetch, Fetch::Running { by: Told::Name, .. }) {
            self.served = true;
            self.timeline.confirm(Stage::ImagePull, told_by::PULLS);
        }
    }

    /// When it ran, if its start was watched.
    #[must_use]
    pub fn arrived(&self) -> Option<Time> {
        match self.timeline.end() {
            Some(End::Arrived { at, watched: true }) => Some(at),
            _ => None,
        }
    }

    /// Its arrival, the first time that this is asked after it.
    pub(super) fn take_arrival(&mut self, images: &Images) -> Option<Arrival> {
        let at = self.arrived().filter(|_| !self.counted)?;
        self.counted = true;
        let began = self.timeline.began().unwrap_or(at);
        Some(Arrival {
            pod: self.id.clone(),
            began,
            at,
            stages: self.timeline.lengths(at),
            told: !self.told.is_empty(),
            ahead: self.pod.as_ref().and_then(|pod| images.ahead_of(pod, began)),
        })
    }

    /// For a pod that was already there when it was first seen: since when it has been at its stage, as far as its status tells.
    fn since_by_api(&self) -> Option<Time> {
        let pod = self.pod.as_ref()?;
        match self.place.stage {
            Stage::Admission => pod.scheduled.or(pod.created),
            // A pod outlives its node's reboot: what it waits for since then began when its sandbox was lost.
            Stage::Volumes | Stage::Sandbox => {
                let lost = pod.sandbox_ready.and_then(|(ready, at)| at.filter(|_| !ready));
                pod.started.or(pod.scheduled).max(lost)
            }
            _ => pod.sandbox_ready.and_then(|(_, since)| since),
        }
    }

    fn heard(&mut self, slot: &ContainerSlot, at: Time) {
        match (place::failing(slot), self.troubles.get_mut(&slot.name)) {
            (Some((stage, reason, text)), Some(known)) if known.stage == stage => {
                known.at = at;
                known.reason = reason.clone();
                if telling(text) {
                    known.said.say(text);
                }
            }
            (Some((stage, reason, text)), _) => {
                let said = Said::new(text.clone());
                let trouble = Trouble { stage, since: at, said, reason: reason.clone(), at };
                self.troubles.insert(slot.name.clone(), trouble);
            }
            // Between two tries a container may look as if nothing had happened; only a run or a clean end mends it.
            (None, Some(_)) if matches!(slot.state, ContainerState::Waiting { .. }) => {}
            (None, _) => {
                self.troubles.remove(&slot.name);
            }
        }
    }
}

/// Kubelets before 1.32 forget the error while they back off (kubernetes#127918): what they said before tells more.
fn telling(text: &str) -> bool {
    !text.is_empty() && (!text.starts_with("Back-off pulling image ") || text.contains("\": "))
}
