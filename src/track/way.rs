//! A pod of the tests on its way: what API server, runtime and host show of it, second by second → the course of its start.

use crate::model::Time;
use crate::model::ids::{PodId, PodUid};
use crate::model::marks::{Dated, Made, Mark, Marks, PodMarks};
use crate::model::observation::{Observation, Seen};
use crate::model::pod::{ContainerKind, ContainerSlot, ContainerState, Ended, Phase, Pod};
use crate::model::runtime::{Container, RunState, Sandbox};

use super::World;
use super::pod::PodTrack;

/// A second of the test's day.
pub(super) fn at(second: i64) -> Time {
    Time::from_second(1_000_000 + second).unwrap()
}

pub(super) fn waiting(reason: &str) -> ContainerState {
    ContainerState::Waiting { reason: reason.into(), message: "".into() }
}

pub(super) fn running(since: i64) -> ContainerState {
    ContainerState::Running { since: Some(at(since)) }
}

pub(super) fn ended(code: i32, since: i64) -> ContainerState {
    let ended = Ended { exit_code: code, reason: "Completed".into(), message: "".into(), at: Some(at(since)) };
    ContainerState::Terminated(ended)
}

pub(super) fn slot(name: &str, kind: ContainerKind, state: ContainerState) -> ContainerSlot {
    let started = matches!(state, ContainerState::Running { .. });
    let image = format!("r.example.com/shop/{name}:1").into();
    ContainerSlot {
        name: name.into(),
        kind,
        image,
        pull_always: false,
        state,
        last: None,
        started,
        post_start: false,
        restarts: 0,
        refs: Vec::new(),
    }
}

/// Bound in second 0; taken up and with a sandbox in those seconds, if at all.
pub(super) fn pod(started: Option<i64>, sandbox: Option<i64>, containers: Vec<ContainerSlot>) -> Pod {
    let uid = PodUid::new("uid-cart");
    Pod {
        id: PodId { uid: uid.clone(), namespace: "shop".into(), name: "cart".into() },
        api_uid: uid,
        owner: None,
        host_network: false,
        created: Some(at(0)),
        scheduled: Some(at(0)),
        started: started.map(at),
        deleting: false,
        phase: Phase::Pending,
        reason: String::new(),
        message: String::new(),
        sandbox_ready: Some((sandbox.is_some(), Some(at(sandbox.unwrap_or(0))))),
        ready: false,
        ready_since: None,
        waits: crate::model::volume::Waits::default(),
        told_waits: false,
        host_dirs: Vec::new(),
        node_critical: false,
        pull_secrets: Vec::new(),
        containers,
    }
}

pub(super) fn web(state: ContainerState) -> Vec<ContainerSlot> {
    vec![slot("web", ContainerKind::Main, state)]
}

pub(super) fn created(name: &str, second: i64, state: RunState) -> Container {
    Container {
        id: name.into(),
        sandbox: "s1".into(),
        pod: PodUid::new("uid-cart"),
        name: name.into(),
        state,
        created: Some(at(second)),
        image: "".into(),
    }
}

pub(super) fn sandbox(id: &str, attempt: u32, ready: bool, second: i64) -> Sandbox {
    Sandbox {
        id: id.into(),
        pod: PodUid::new("uid-cart"),
        namespace: "shop".into(),
        name: "cart".into(),
        attempt,
        ready,
        created: Some(at(second)),
    }
}

/// A directory that was made in that second.
pub(super) fn made(second: i64) -> Made {
    Made { at: at(second), dated: Dated::Birth }
}

/// The pod's directory of second 1; its log directory, if it has one, and those of its containers.
pub(super) fn marks(logs: Option<i64>, containers: &[(&str, i64)]) -> PodMarks {
    PodMarks {
        home: Mark::Made(made(1)),
        logs: logs.map_or(Mark::Absent, |second| Mark::Made(made(second))),
        containers: Some(containers.iter().map(|(name, second)| ((*name).into(), made(*second))).collect()),
    }
}

/// A pod on its way, as a world saw it.
pub(super) struct Way(pub(super) World);

impl Way {
    pub(super) fn new() -> Self {
        Self(World::new("node-7"))
    }

    pub(super) fn see(mut self, second: i64, seen: Seen) -> Self {
        self.0.apply(Observation { at: at(second), seen });
        self
    }

    pub(super) fn pod(self, second: i64, pod: Pod) -> Self {
        self.see(second, Seen::PodChanged(Box::new(pod)))
    }

    pub(super) fn containers(self, second: i64, list: &[Container]) -> Self {
        self.see(second, Seen::Containers(list.to_vec()))
    }

    pub(super) fn sandboxes(self, second: i64, list: &[Sandbox]) -> Self {
        self.see(second, Seen::Sandboxes(list.to_vec()))
    }

    /// What the host's directories show of the pod.
    pub(super) fn marks(self, second: i64, boot: i64, marks: PodMarks) -> Self {
        let marks = Marks { boot: Some(at(boot)), pods: [(self.track().id.uid.clone(), marks)].into() };
        self.see(second, Seen::Marks(marks))
    }

    pub(super) fn track(&self) -> &PodTrack {
        self.0.pods.values().next().unwrap()
    }

    /// `Stage container from..to`, one for each span.
    pub(super) fn course(&self) -> Vec<String> {
        let second = |time: Time| time.as_second() - 1_000_000;
        let spans = self.track().timeline.spans();
        spans
            .map(|span| {
                let of = span.container.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
                let to = span.to.map(|to| second(to).to_string()).unwrap_or_default();
                format!("{}{of} {}..{to}", span.stage, second(span.from))
            })
            .collect()
    }
}
