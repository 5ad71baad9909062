//! Where everything stands: observations in, state with its times out. Pure; a look (`diagnose/`) reads the state, the
//! only writer is [`World::apply`], and `now` comes with each observation.

mod ahead;
mod attention;
pub mod daemons;
pub mod landmark;
pub mod making;
pub mod marks;
pub mod network;
pub mod node;
pub mod pause;
pub mod place;
pub mod pod;
mod prepull;
pub mod pull;
pub mod queue;
pub mod readings;
pub mod runtime;
pub mod said;
pub mod sandboxes;
mod snapshot;
pub mod timeline;
mod told;
pub mod volume;
#[cfg(test)]
mod way;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::diagnosis::Arrival;
use crate::model::ids::{PodId, PodUid};
use crate::model::intent::Intents;
use crate::model::marks::{Mark, Marks};
use crate::model::observation::{ApiState, ConfigState, Observation, Seen};
use crate::model::pod::{ContainerSlot, Pod, PodEvent};
use crate::model::prepull::{SetProgress, StartupTaint};
use crate::model::pull::Load;
use crate::model::runtime::{Container, RuntimeStatus, Sandbox};
use crate::model::stage::{Stage, Topic};
use crate::model::{Time, since};

use daemons::Daemons;
use making::Making;
use marks::Traces;
use network::NetworkTrack;
use node::NodeTrack;
use pause::PauseTrack;
use pod::PodTrack;
use pull::Pulls;
use queue::{Fetch, Waiting};
use readings::Readings;
use runtime::RuntimeTrack;
use sandboxes::SandboxTimes;
use volume::VolumeTrack;

/// An image that is waited for is asked for again sooner.
const IMAGES_HOLD: Duration = Duration::from_secs(120);

/// Everything known about this node.
#[derive(Debug)]
pub struct World {
    /// The container runtime.
    pub runtime: RuntimeTrack,
    /// The pod network.
    pub network: NetworkTrack,
    /// The Node object.
    pub node: NodeTrack,
    /// The pods, by the runtime's UID.
    pub pods: BTreeMap<PodUid, PodTrack>,
    /// The API server has told which pods are here.
    pub listed: bool,
    /// Image pulls under way.
    pub pulls: Pulls,
    /// The volumes of pods that wait for them.
    pub volumes: VolumeTrack,
    /// Pre-pull sets and since when each is as it is.
    pub prepull: BTreeMap<Arc<str>, (Time, SetProgress)>,
    /// Pre-pull sets that were dropped lately, and when.
    pub prepull_dropped: BTreeMap<Arc<str>, Time>,
    /// What became of the startup taint, and when.
    pub startup_taint: Option<(Time, StartupTaint)>,
    /// The state of the configuration file, and since when.
    pub config: Option<(Time, ConfigState)>,
    /// How the API server stands, and since when.
    pub api: Option<(Time, ApiState)>,
    /// Whether the node has the images that were asked for lately, and when that was said.
    pub images: BTreeMap<Arc<str>, (Time, bool)>,
    /// The newest sandbox that came up, and the newest failure to make one.
    pub sandboxes: SandboxTimes,
    /// Sandboxes in the making.
    pub making: Making,
    /// What the probes of the node found.
    pub readings: Readings,
    /// The kubelet and the runtime, by their processes.
    pub daemons: Daemons,
    /// The pause image, once it was looked for.
    pub pause: Option<PauseTrack>,
    /// What an agent before this one has told and not seen the end of, by the subject's UID, until that subject is seen.
    told_before: BTreeMap<Arc<str>, Vec<Topic>>,
    ahead: ahead::Images,
    logs_elsewhere: bool,
    gone: Vec<Arc<str>>,
    arrivals: Vec<Arrival>,
}

impl World {
    /// A world in which nothing has been seen yet.
    #[must_use]
    pub fn new(node_name: &str) -> Self {
        Self {
            runtime: RuntimeTrack::default(),
            network: NetworkTrack::default(),
            node: NodeTrack::new(node_name),
            pods: BTreeMap::new(),
            listed: false,
            pulls: Pulls::default(),
            volumes: VolumeTrack::default(),
            prepull: BTreeMap::new(),
            prepull_dropped: BTreeMap::new(),
            startup_taint: None,
            config: None,
            api: None,
            images: BTreeMap::new(),
            told_before: BTreeMap::new(),
            ahead: ahead::Images::default(),
            logs_elsewhere: false,
            sandboxes: SandboxTimes::default(),
            making: Making::default(),
            readings: Readings::default(),
            daemons: Daemons::default(),
            pause: None,
            gone: Vec::new(),
            arrivals: Vec::new(),
        }
    }

    /// Takes in one observation; whether it may have changed anything: what a probe finds again does not.
    pub fn apply(&mut self, Observation { at, seen }: Observation) -> bool {
        match seen {
            Seen::RuntimeFound(info) => {
                self.pulls.node_wide_slots = pull::node_wide_slots(&info);
                self.runtime.found(info, at);
            }
            Seen::RuntimeCall(outcome) => self.runtime.called(outcome, at),
            Seen::RuntimeStatus(status) => self.runtime_told(&status, at),
            Seen::Sandboxes(list) => self.sandboxes_listed(list, at),
            Seen::Containers(list) => self.containers_listed(list, at),
            Seen::Image { name, here } => self.image_told(name, here, at),
            Seen::Pulls(list) => {
                self.pulls.listed(list, at);
                self.assign_pulls(at);
            }
            Seen::PullsUnseen(why) => {
                self.pulls.cannot_be_seen(why);
                self.assign_pulls(at);
            }
            Seen::SandboxRecords(records) => self.making.recorded(records, at),
            Seen::Plugins(plugins) => self.making.plugins_run(plugins, at),
            Seen::Intents(intents) => {
                self.pulls.wanted(intents, at);
                self.assign_pulls(at);
            }
            Seen::DiskSaturated(percent) => self.pulls.disk_saturated = percent,
            Seen::PullRules(rules) => self.pulls.rules = rules,
            Seen::PodsListed(list) => self.pods_listed(list, at),
            Seen::PodChanged(pod) => self.pod_changed(*pod, at),
            Seen::PodGone(uid) => self.pod_gone(&uid),
            Seen::NodeChanged(node) => self.node_changed(*node, at),
            Seen::NodeGone => self.gone.extend(self.node.forget()),
            Seen::PodEvents { pod, events } => self.events_told(&pod, events, at),
            Seen::Volumes(look) => self.volumes.host_said(look, at),
            Seen::Storage { pod, storage } => self.volumes.api_said(pod, storage, at),
            Seen::Cni(host) => self.network.host_said(host, at),
            Seen::Marks(marks) => self.marked(&marks, at),
            Seen::Readings { probe, readings } => {
                self.daemons.heard(probe, &readings, at);
                return self.readings.heard(probe, readings, at);
            }
            Seen::PauseImage { image, failure } => {
                self.pause = Some(PauseTrack::told(self.pause.take(), image, failure, at));
            }
            Seen::ApiServer(state) => self.api_server_is(state, at),
            Seen::Clocks(skew) => return self.readings.compared(&skew, at),
            Seen::Prepull(progress) => self.prepull_told(progress, at),
            Seen::PrepullDropped(name) => self.prepull_dropped(name, at),
            Seen::Verification(_) => return false, // only pre-pulling asks for it
            Seen::StartupTaint(taint) => self.startup_taint = Some((at, taint)),
            Seen::Config(state) => self.config = Some((at, state)),
        }
        let waits = |track: &PodTrack| track.place.stage == Stage::Volumes;
        self.volumes.keep(|uid| self.pods.get(uid).is_some_and(waits));
        true
    }

    /// UIDs of subjects that are gone since the last call.
    pub fn take_gone(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.gone)
    }

    /// Pods that arrived since the last call.
    pub fn take_arrivals(&mut self) -> Vec<Arrival> {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        arrivals.extend(self.pods.values_mut().filter_map(|pod| pod.take_arrival(&self.ahead)));
        arrivals
    }

    /// The image was on the node when it was asked for last, and that was after `moment`.
    #[must_use]
    pub fn has_image_since(&self, image: &str, moment: Time) -> bool {
        self.images.get(image).is_some_and(|(at, here)| *at > moment && *here)
    }

    /// The image was on the node when it was asked for last, and that was not long ago.
    fn has_image(&self, image: &str, now: Time) -> bool {
        self.images.get(image).is_some_and(|(told, here)| *here && since(*told, now) < IMAGES_HOLD)
    }

    /// When a pod last came to run, of those that are here.
    #[must_use]
    pub fn last_arrival(&self) -> Option<Time> {
        self.pods.values().filter_map(PodTrack::arrived).max()
    }

    /// What the node's pulls amount to.
    #[must_use]
    pub fn load(&self) -> Load {
        let queued = self.starting().filter(|pod| pod.place.stage == Stage::ImageQueue).count();
        let unseen = self.starting().filter(|pod| matches!(pod.fetch, Fetch::Asked { .. }));
        let images: std::collections::BTreeSet<_> = unseen.filter_map(|pod| Some(&pod.awaited()?.image)).collect();
        Load { queued, unseen: images.len(), ..self.pulls.load() }
    }

    /// Pods on their way to running.
    pub fn starting(&self) -> impl Iterator<Item = &PodTrack> {
        self.pods.values().filter(|pod| pod.starting())
    }

    /// The images that pods wait for, and those that the kubelet wants.
    pub fn wanted_images(&self, now: Time) -> impl Iterator<Item = &str> {
        let awaited = self.starting().filter_map(|pod| Some(&*pod.awaited()?.image));
        awaited.chain(self.pulls.intents(now).into_iter().flat_map(Intents::images))
    }

    fn node_changed(&mut self, node: crate::model::node::Node, at: Time) {
        self.gone.extend(self.node.changed(node, at));
        for topic in self.told_before.remove(&self.node.id.uid).into_iter().flatten() {
            self.node.told.insert(topic.clone(), at);
            self.node.recalled.insert(topic);
        }
    }

    fn pods_listed(&mut self, list: Vec<Pod>, at: Time) {
        self.listed = true;
        let listed: std::collections::BTreeSet<_> = list.iter().map(|pod| pod.api_uid.clone()).collect();
        let vanished: Vec<_> = self
            .pods
            .values()
            .filter_map(|track| track.pod.as_ref())
            .filter(|pod| !listed.contains(&pod.api_uid))
            .map(|pod| pod.api_uid.clone())
            .collect();
        for uid in vanished {
            self.pod_gone(&uid);
        }
        for pod in list {
            self.pod_changed(pod, at);
        }
        self.drop_strangers();
    }

    fn pod_changed(&mut self, pod: Pod, at: Time) {
        let fetch = queue::unserved(&self.pulls);
        let new = || PodTrack::new(pod.id.clone(), at).fetching(fetch);
        let before = self.told_before.remove(&pod.id.uid.0);
        let track = self.pods.entry(pod.id.uid.clone()).or_insert_with(new);
        track.told.extend(before.into_iter().flatten().map(|topic| topic.stage));
        track.network = self.network.says_ready();
        track.told_by_api(pod, at);
    }

    fn runtime_told(&mut self, status: &RuntimeStatus, at: Time) {
        self.network.runtime_said(status, at, &mut self.runtime);
        let ready = self.network.says_ready();
        self.pods.values_mut().for_each(|track| track.network_is(ready, at));
    }

    /// What was said of images that nobody has asked for since is of another time.
    fn image_told(&mut self, name: Arc<str>, here: bool, at: Time) {
        self.images.retain(|_, (told, _)| since(*told, at) < IMAGES_HOLD);
        self.images.insert(name, (at, here));
    }

    fn pod_gone(&mut self, api_uid: &PodUid) {
        let uid = self.pods.iter().find(|(_, t)| t.pod.as_ref().is_some_and(|p| p.api_uid == *api_uid));
        if let Some(uid) = uid.map(|(uid, _)| uid.clone()) {
            // A job may run and be gone between two looks.
            if let Some(mut last) = self.pods.remove(&uid) {
                self.sandboxes.leaves(&last);
                self.arrivals.extend(last.take_arrival(&self.ahead));
            }
            self.gone.push(uid.0);
        }
    }

    fn assign_pulls(&mut self, at: Time) {
        let awaited = self.pods.iter().filter_map(|(uid, track)| Some((uid.clone(), self.waiting(track, at)?)));
        let (pods, waiting): (Vec<_>, Vec<_>) = awaited.unzip();
        let assigned = queue::assign(&waiting, &self.pulls, at);
        let mut fetches: BTreeMap<PodUid, Fetch> = pods.into_iter().zip(assigned).collect();
        for (uid, track) in &mut self.pods {
            let known = fetches.remove(uid).filter(|fetch| *fetch != Fetch::Unknown);
            let fetch = known.unwrap_or_else(|| queue::unserved(&self.pulls));
            track.fetch_is(fetch, at);
        }
    }

    fn waiting<'a>(&self, track: &'a PodTrack, at: Time) -> Option<Waiting<'a>> {
        let ContainerSlot { image, pull_always, .. } = track.awaited()?;
        let made = track.sandbox.as_ref().and_then(|sandbox| sandbox.created);
        let here = !pull_always && self.has_image(image, at);
        // At a hook it has not come to its next image, as far as only the order of coming could tell.
        let since = if track.place.stage == Stage::Hook { Time::MAX } else { track.since() };
        // As long as one of its repository runs, that may be its own.
        let served = track.served && !self.pulls.running.values().any(|pull| pull.fetches(image));
        Some(Waiting { image, since, made, served, here })
    }

    fn events_told(&mut self, uid: &PodUid, events: Vec<PodEvent>, at: Time) {
        let failed = events.iter().filter(|e| &*e.reason == "FailedCreatePodSandBox").filter_map(|e| e.at).max();
        self.sandboxes.failed = self.sandboxes.failed.max(failed);
        if let Some(pod) = self.pods.get_mut(uid) {
            pod.told_by_events(events, at);
        }
    }

    /// The runtime's list is the whole truth about sandboxes; a pod that only the runtime knows (standalone mode, a static
    /// pod while the API server is away) is tracked from it alone.
    fn sandboxes_listed(&mut self, list: Vec<Sandbox>, at: Time) {
        let known = self.sandboxes.listed.replace(at).is_some();
        self.making.listed(list.iter().map(|sandbox| &sandbox.id));
        let mut newest: BTreeMap<PodUid, Sandbox> = BTreeMap::new();
        for sandbox in list {
            if sandbox.ready {
                self.sandboxes.made = self.sandboxes.made.max(sandbox.created);
            }
            match newest.get(&sandbox.pod) {
                Some(known) if (known.ready, known.created) >= (sandbox.ready, sandbox.created) => {}
                _ => {
                    newest.insert(sandbox.pod.clone(), sandbox);
                }
            }
        }
        for (uid, track) in &mut self.pods {
            track.sandbox_listed(newest.remove(uid), known, at);
        }
        for (uid, sandbox) in newest {
            let id = PodId { uid: uid.clone(), namespace: sandbox.namespace.clone(), name: sandbox.name.clone() };
            let mut track = PodTrack::new(id, at).fetching(queue::unserved(&self.pulls));
            track.sandbox_listed(Some(sandbox), known, at);
            self.pods.insert(uid, track);
        }
        self.pods.retain(|_, track| track.pod.is_some() || track.sandbox.is_some());
    }

    /// The kubelet makes a pod's log directory before its sandbox: where one that has a sandbox has none, the kubelet logs
    /// to another place, and what is not here tells nothing.
    fn marked(&mut self, marks: &Marks, at: Time) {
        let with_sandbox = self.pods.iter().filter(|(_, track)| track.sandbox.as_ref().is_some_and(|it| it.ready));
        let mut seen = with_sandbox.filter_map(|(uid, _)| marks.pods.get(uid)).map(|pod| pod.logs);
        if let Some(logs) = seen.find(|logs| *logs != Mark::Unknown) {
            self.logs_elsewhere = logs == Mark::Absent;
        }
        for (uid, track) in self.pods.iter_mut().filter(|(_, track)| track.starting()) {
            let traces = Traces::of(marks.pods.get(uid), marks, at).or(&track.traces);
            track.marked(if self.logs_elsewhere { traces.without_logs() } else { traces }, at);
        }
    }

    fn containers_listed(&mut self, list: Vec<Container>, at: Time) {
        let mut by_pod: BTreeMap<PodUid, Vec<Container>> = BTreeMap::new();
        for container in list {
            by_pod.entry(container.pod.clone()).or_default().push(container);
        }
        for (uid, track) in &mut self.pods {
            track.containers_listed(by_pod.remove(uid).unwrap_or_default(), at);
        }
    }
}
