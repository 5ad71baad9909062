//! Which of a pod's directories tell of its present start. The kubelet makes a directory once and leaves it: what is older
//! than the boot, than `startTime` or than the sandbox is left from before, and tells nothing of now.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Time;
use crate::model::after;
use crate::model::marks::{Dated, Made, Mark, Marks, PodMarks};
use crate::model::pod::{ContainerSlot, Pod};

use super::pod::PodTrack;

/// File systems take their times from the kernel's last tick, so that what came later may be dated earlier by this.
const TICK: Duration = Duration::from_millis(50);
/// The host's clock and the agent's may be apart by this, unless one was set.
const APART: Duration = Duration::from_secs(2);

/// What the directories of one pod show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traces {
    boot: Option<Time>,
    marks: PodMarks,
}

/// What one directory tells of the present start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// Nobody can tell whether it is there.
    Unknown,
    /// It is not there: the pod has not come so far.
    Absent,
    /// It is there, and from before: nothing follows.
    Stale,
    /// It was made in this start: the pod has come so far at least once.
    Fresh(Made),
}

impl Trace {
    /// When it was made, where that is known to the moment.
    #[must_use]
    pub fn made(self) -> Option<Time> {
        match self {
            Self::Fresh(Made { at, dated: Dated::Birth }) => Some(at),
            Self::Fresh(Made { dated: Dated::Change, .. }) | Self::Unknown | Self::Absent | Self::Stale => None,
        }
    }
}

impl Traces {
    /// What a look at `at` shows of the pod. Nothing, unless it was looked for.
    #[must_use]
    pub fn of(pod: Option<&PodMarks>, marks: &Marks, at: Time) -> Self {
        let mut of_pod = pod.cloned().unwrap_or_default();
        let ahead = |mark: &Mark| matches!(mark, Mark::Made(made) if made.at > after(at, APART));
        if ahead(&of_pod.home) || ahead(&of_pod.logs) {
            of_pod = PodMarks::default();
        }
        Self { boot: marks.boot, marks: of_pod }
    }

    /// What can't be told this time is as it was told before: silence makes nothing undone.
    #[must_use]
    pub fn or(self, before: &Self) -> Self {
        let known = |now, before| if now == Mark::Unknown { before } else { now };
        let marks = PodMarks {
            home: known(self.marks.home, before.marks.home),
            logs: known(self.marks.logs, before.marks.logs),
            containers: self.marks.containers.or_else(|| before.marks.containers.clone()),
        };
        Self { boot: self.boot.or(before.boot), marks }
    }

    /// As if nobody could see where the kubelet logs to.
    #[must_use]
    pub fn without_logs(self) -> Self {
        let marks = PodMarks { logs: Mark::Unknown, containers: None, ..self.marks };
        Self { marks, ..self }
    }

    /// What `<kubelet root>/pods/<UID>` tells. A UID that is used again, as a static pod's is, comes with its old directory.
    #[must_use]
    pub fn home(&self, pod: &Pod) -> Trace {
        self.judge(self.marks.home, pod.started.filter(|_| is_static(pod)).or(self.unique_from(pod)))
    }

    /// What the pod's log directory tells.
    #[must_use]
    pub fn logs(&self, pod: &Pod) -> Trace {
        self.judge(self.marks.logs, pod.started.or(self.unique_from(pod)))
    }

    /// What the log directory of one of the pod's containers tells. A container that has run before has had one since.
    #[must_use]
    pub fn container(&self, slot: &ContainerSlot, track: &PodTrack) -> Trace {
        let Some(all) = &self.marks.containers else { return Trace::Unknown };
        let mark = all.get(&slot.name).map_or(Mark::Absent, |made| Mark::Made(*made));
        let ran = slot.last.is_some() || slot.restarts > 0;
        self.judge(mark, sandbox_since(track).filter(|_| !ran))
    }

    /// The name of a container whose directory was made in this sandbox, where only the runtime tells of the pod.
    #[must_use]
    pub fn newest_container(&self, track: &PodTrack) -> Option<(&Arc<str>, Made)> {
        let since = sandbox_since(track);
        let fresh = self
            .marks
            .containers
            .iter()
            .flatten()
            .filter(|(_, made)| matches!(self.judge(Mark::Made(**made), since), Trace::Fresh(_)));
        fresh.max_by_key(|(_, made)| made.at).map(|(name, made)| (name, *made))
    }

    /// A UID that is used once: any directory of that name is of this pod, if it is of this boot.
    fn unique_from(&self, pod: &Pod) -> Option<Time> {
        self.boot.filter(|_| !is_static(pod))
    }

    /// It counts if it was made since the boot and since `from`.
    fn judge(&self, mark: Mark, from: Option<Time>) -> Trace {
        match (mark, self.boot, from) {
            (Mark::Unknown, ..) => Trace::Unknown,
            (Mark::Absent, ..) => Trace::Absent,
            (Mark::Made(made), Some(boot), Some(from)) if after(made.at, TICK) >= boot.max(from) => Trace::Fresh(made),
            (Mark::Made(_), ..) => Trace::Stale,
        }
    }
}

fn is_static(pod: &Pod) -> bool {
    pod.api_uid != pod.id.uid
}

/// Since when the pod has its sandbox, as the runtime tells, else the API server.
fn sandbox_since(track: &PodTrack) -> Option<Time> {
    let by_runtime = track.sandbox.as_ref().filter(|sandbox| sandbox.ready).and_then(|sandbox| sandbox.created);
    let by_api = || track.pod.as_ref()?.sandbox_ready.filter(|(ready, _)| *ready)?.1;
    by_runtime.or_else(by_api)
}

#[cfg(test)]
mod tests;
