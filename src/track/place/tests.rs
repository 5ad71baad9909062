//! Every pair of state and observation, in turn → a stage that follows from what told it.

use super::*;
use crate::model::ids::PodUid;
use crate::model::marks::{Mark, Marks, PodMarks};
use crate::model::pod::PodEvent;
use crate::model::runtime::Container;
use crate::track::marks::Traces;
use crate::track::queue::{Line, Told};
use crate::track::way::{at, created, ended, made, pod, running, sandbox, slot, waiting};

use ContainerKind::{Ephemeral, Init, Main, Sidecar};

const BOOT: i64 = -10;
const STARTED: i64 = 1;
const SANDBOX: i64 = 10;
const NOW: i64 = 100;

const TRACES: [&str; 4] = ["unknown", "absent", "stale", "fresh"];

/// A directory of that kind, where it counts from that second on.
fn mark(trace: &str, from: i64) -> Mark {
    match trace {
        "unknown" => Mark::Unknown,
        "absent" => Mark::Absent,
        "stale" => Mark::Made(made(BOOT - 5)),
        _ => Mark::Made(made(from + 1)),
    }
}

/// The directories of a pod whose containers `web` and `next` have such ones.
fn traces(home: &str, logs: &str, containers: [&str; 2]) -> Traces {
    let entry = |(name, trace): (&str, &str)| match mark(trace, SANDBOX) {
        Mark::Made(made) => Some((name.into(), made)),
        Mark::Unknown | Mark::Absent => None,
    };
    let seen = containers[0] != "unknown";
    let all = ["web", "next"].into_iter().zip(containers).filter_map(entry).collect();
    let marks = PodMarks { home: mark(home, STARTED), logs: mark(logs, STARTED), containers: seen.then_some(all) };
    Traces::of(Some(&marks), &Marks { boot: Some(at(BOOT)), pods: [].into() }, at(NOW))
}

fn track(pod: Pod) -> PodTrack {
    let mut track = PodTrack::new(pod.id.clone(), at(0));
    track.pod = Some(pod);
    track
}

fn events(newest: Option<(&str, i64)>) -> Option<(Time, Vec<PodEvent>)> {
    let (reason, second) = newest?;
    let event = PodEvent { reason: reason.into(), message: "".into(), from: "kubelet".into(), at: Some(at(second)) };
    Some((at(second), vec![event]))
}

/// One of these, by the last digit of a number whose digits choose from one list each.
fn choose<T: Clone>(number: &mut usize, from: &[T]) -> T {
    let chosen = from[*number % from.len()].clone();
    *number /= from.len();
    chosen
}

/// A case for each number, until every combination was had: then the choices leave something of the number.
fn every<C>(case: impl Fn(&mut usize) -> C) -> impl Iterator<Item = C> {
    (0..).map_while(move |mut number| {
        let case = case(&mut number);
        (number == 0).then_some(case)
    })
}

#[derive(Clone, Copy, Debug)]
struct Before {
    cri: Option<bool>,
    api: Option<bool>,
    started: bool,
    home: &'static str,
    logs: &'static str,
    newest: Option<(&'static str, i64)>,
    network: Option<bool>,
    host_network: bool,
    is_static: bool,
}

const NO_OR_YES: [bool; 2] = [false, true];
const UNTOLD_NO_OR_YES: [Option<bool>; 3] = [None, Some(false), Some(true)];
const OLD_MOUNT: Option<(&str, i64)> = Some(("FailedMount", 0));
const NEW_MOUNT: Option<(&str, i64)> = Some(("FailedMount", 50));
const NEWEST: [Option<(&str, i64)>; 5] =
    [None, OLD_MOUNT, NEW_MOUNT, Some(("FailedCreatePodSandBox", 50)), Some(("Pulled", 50))];

impl Before {
    fn of(number: &mut usize) -> Self {
        Self {
            cri: choose(number, &UNTOLD_NO_OR_YES),
            api: choose(number, &UNTOLD_NO_OR_YES),
            started: choose(number, &NO_OR_YES),
            home: choose(number, &TRACES),
            logs: choose(number, &TRACES),
            newest: choose(number, &NEWEST),
            network: choose(number, &UNTOLD_NO_OR_YES),
            host_network: choose(number, &NO_OR_YES),
            is_static: choose(number, &NO_OR_YES),
        }
    }

    fn track(self) -> PodTrack {
        let web = slot("web", Main, waiting("ContainerCreating"));
        let mut pod = pod(self.started.then_some(STARTED), None, vec![web]);
        pod.host_network = self.host_network;
        pod.sandbox_ready = self.api.map(|ready| (ready, Some(at(SANDBOX))));
        if self.is_static {
            pod.api_uid = PodUid::new("mirror");
        }
        let mut track = track(pod);
        track.sandbox = self.cri.map(|ready| sandbox("s1", 0, ready, SANDBOX));
        track.traces = traces(self.home, self.logs, ["unknown"; 2]);
        (track.events, track.network) = (events(self.newest), self.network);
        track
    }

    fn up(self) -> bool {
        self.cri == Some(true) || self.api == Some(true)
    }

    /// A static pod's directories are judged by its start.
    fn is_fresh(self, trace: &str) -> bool {
        trace == "fresh" && (self.started || !self.is_static)
    }

    /// What that source may tell.
    fn allows(self, stage: Stage, told_by: &str) -> bool {
        match (told_by, stage) {
            (POD_LOGS, Stage::Volumes) => self.logs == "absent",
            (POD_LOGS, Stage::Sandbox) => self.is_fresh(self.logs),
            (HOME, Stage::Volumes) => self.is_fresh(self.home) && !self.started,
            (EVENTS, Stage::Volumes | Stage::Sandbox) => self.newest.is_some_and(|(reason, _)| reason != "Pulled"),
            (NETWORK, Stage::Sandbox) => self.network == Some(false) && !self.host_network,
            (SANDBOXES, Stage::Sandbox) => self.started && matches!(self.logs, "unknown" | "stale"),
            (STATUS, Stage::Admission) => !self.started && !self.is_fresh(self.home) && !self.is_fresh(self.logs),
            _ => false,
        }
    }
}

#[test]
fn until_the_sandbox_is_up_every_pair_of_state_and_observation_has_its_stage() {
    let mut cases = 0;
    for case in every(Before::of) {
        let (stage, container, told_by) = of(&case.track());
        assert_eq!((stage >= Stage::ImageQueue, container.is_some()), (case.up(), case.up()), "{case:?}: {stage}");
        assert!(case.up() || case.allows(stage, told_by), "{case:?}: {stage} by {told_by}");
        if !case.up() && case.is_fresh(case.logs) && case.newest != NEW_MOUNT {
            assert_eq!(stage, Stage::Sandbox, "{case:?}");
        }
        cases += 1;
    }
    assert_eq!(cases, 3 * 3 * 2 * 4 * 4 * 5 * 3 * 2 * 2);
}

const WAITS: [&str; 7] = [
    "ContainerCreating",
    "",
    "ErrImagePull",
    "CreateContainerError",
    "RunContainerError",
    "PostStartHookError",
    "CrashLoopBackOff",
];
const LISTED: [Option<RunState>; 5] =
    [None, Some(RunState::Created), Some(RunState::Running), Some(RunState::Exited), Some(RunState::Unknown)];

/// A container `web`, and beside it one that is created next, if there is one.
#[derive(Clone, Debug)]
struct Within {
    state: ContainerState,
    listed: Option<RunState>,
    /// The runtime lists it in the pod's newest sandbox.
    here: bool,
    kind: ContainerKind,
    hook: bool,
    web: &'static str,
    next: Option<&'static str>,
    /// That one is of the same image.
    shared: bool,
    fetch: Fetch,
    restarts: u32,
}

impl Within {
    fn of(number: &mut usize) -> Self {
        let states: Vec<_> = WAITS.map(waiting).into_iter().chain([running(20), ended(0, 20), ended(1, 20)]).collect();
        let runs = Fetch::Running { lease: "l".into(), began: at(11), by: Told::Name };
        let queued = |line| Fetch::Queued { ahead: vec!["l".into()], line };
        let turn = Line::Kubelet { at_once: std::num::NonZeroU32::MIN, before: None };
        let fetches = [
            Fetch::Unknown,
            Fetch::Idle,
            queued(Line::Unknown),
            queued(Line::Slot { lease: "own".into() }),
            queued(turn),
            runs,
            Fetch::Asked { began: at(11) },
        ];
        Self {
            state: choose(number, &states),
            listed: choose(number, &LISTED),
            here: choose(number, &NO_OR_YES),
            kind: choose(number, &[Init, Sidecar, Main, Ephemeral]),
            hook: choose(number, &NO_OR_YES),
            web: choose(number, &TRACES),
            next: choose(number, &[None, Some("absent"), Some("fresh")]),
            shared: choose(number, &NO_OR_YES),
            fetch: choose(number, &fetches),
            restarts: choose(number, &[0, 1]),
        }
    }

    fn track(&self) -> PodTrack {
        let web = ContainerSlot {
            post_start: self.hook,
            restarts: self.restarts,
            ..slot("web", self.kind, self.state.clone())
        };
        let image = if self.shared { web.image.clone() } else { "r.example.com/shop/next:1".into() };
        let next = self.next.map(|_| ContainerSlot { image, ..slot("next", Main, waiting("ContainerCreating")) });
        let mut track = track(pod(Some(STARTED), Some(SANDBOX), [web].into_iter().chain(next).collect()));
        track.sandbox = Some(sandbox("s1", 1, true, SANDBOX));
        let id = if self.here { "s1" } else { "s0" };
        let listed = self.listed.map(|state| Container { sandbox: id.into(), ..created("web", 12, state) });
        track.containers = listed.into_iter().map(|container| (container.name.clone(), container)).collect();
        track.fetch = self.fetch.clone();
        track.traces = traces("fresh", "fresh", [self.web, self.next.unwrap_or("absent")]);
        track
    }

    /// What that source may tell of a container.
    fn allows(&self, held: &ContainerSlot, stage: Stage, told_by: &str) -> bool {
        let is_web = &*held.name == "web";
        let run = self.listed.filter(|_| is_web && self.here);
        let seen = self.web != "unknown";
        let fresh = if is_web { self.web == "fresh" && self.restarts == 0 } else { seen && self.next == Some("fresh") };
        let web_was_made = self.listed.is_some() || !matches!(self.state, ContainerState::Waiting { .. });
        let no_pull = !is_web && self.shared && web_was_made && self.fetch == Fetch::Idle;
        match (told_by, stage) {
            (STATUS, Stage::Start) => true,
            (STATUS, _) => failing(held).is_some_and(|(fails_at, ..)| fails_at == stage),
            (CONTAINERS, Stage::Hook) => run == Some(RunState::Running) && held.post_start,
            (CONTAINERS, Stage::Start) => run.is_some(),
            (CONTAINERS, Stage::ImagePull) => run.is_none() && !fresh && !no_pull,
            (CONTAINERS, Stage::Create) => run.is_none() && !fresh && no_pull,
            (CONTAINER_LOGS, Stage::Create) => run.is_none() && fresh,
            (CONTAINER_LOGS, Stage::ImagePull) => run.is_none() && seen && !fresh && !no_pull,
            (PULLS | INTENTS, Stage::ImageQueue) => match &self.fetch {
                Fetch::Queued { line, .. } => {
                    run.is_none() && matches!(line, Line::Kubelet { .. }) == (told_by == INTENTS)
                }
                _ => false,
            },
            (INTENTS, Stage::ImagePull) => run.is_none() && matches!(self.fetch, Fetch::Asked { .. }),
            (PULLS, Stage::ImagePull) => run.is_none() && matches!(self.fetch, Fetch::Running { .. }),
            _ => false,
        }
    }
}

#[test]
fn a_container_that_runs_holds_its_pod_only_with_a_hook() {
    let started = |hook| {
        let held = ContainerSlot { post_start: hook, ..slot("web", Main, waiting("ContainerCreating")) };
        let mut track = track(pod(Some(STARTED), Some(SANDBOX), vec![held]));
        track.sandbox = Some(sandbox("s1", 1, true, SANDBOX));
        track
            .containers
            .insert("web".into(), Container { sandbox: "s1".into(), ..created("web", 20, RunState::Running) });
        of(&track).0
    };
    assert_eq!((started(true), started(false)), (Stage::Hook, Stage::Running));
}

#[test]
fn for_every_container_every_pair_of_state_and_observation_has_its_stage() {
    let mut cases = 0;
    for case in every(Within::of) {
        let track = case.track();
        let (stage, container, told_by) = of(&track);
        let slots = track.pod.iter().flat_map(|pod| &pod.containers);
        match slots.into_iter().find(|slot| Some(&slot.name) == container.as_ref()) {
            Some(held) => assert!(case.allows(held, stage, told_by), "{case:?}: {stage} of {container:?} by {told_by}"),
            None => assert_eq!((stage, case.next), (Stage::Running, None), "{case:?}"),
        }
        cases += 1;
    }
    assert_eq!(cases, 10 * 5 * 2 * 4 * 2 * 4 * 3 * 2 * 7 * 2);
}
