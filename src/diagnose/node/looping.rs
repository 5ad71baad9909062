//! KubeletCrashLooping and RuntimeCrashLooping: a daemon that is started again and again is not quiet for its restarts, it
//! is broken.

use crate::causes::{KUBELET_CRASH_LOOPING, RUNTIME_CRASH_LOOPING};
use crate::model::cause::Cause;
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::wording::cut;
use crate::track::daemons::Daemon;

use super::super::phrase::Facts;
use super::super::suspicion::{Suspicion, evidence};
use super::super::{View, last_words};
use super::readings::topic;

/// Of the last words, as they are quoted.
const QUOTE: usize = 120;

/// Of each daemon that keeps ending.
pub(super) fn suspicions(view: View<'_>) -> impl Iterator<Item = Suspicion> {
    let daemons = &view.world.daemons;
    let both = [(&KUBELET_CRASH_LOOPING, &daemons.kubelet), (&RUNTIME_CRASH_LOOPING, &daemons.runtime)];
    both.into_iter().filter_map(move |(cause, daemon)| of(cause, daemon, view))
}

fn of(cause: &'static Cause, daemon: &Daemon, view: View<'_>) -> Option<Suspicion> {
    let looping = daemon.looping(view.now)?;
    let last = daemon.words.as_deref().map(last).unwrap_or_default();
    let says = format!("{} starts in 10 min", looping.starts);
    Some(Suspicion {
        cause,
        subject: Subject::Node(view.world.node.id.clone()),
        topic: topic(cause, false),
        confidence: Confidence::Observed,
        since: looping.since,
        ripe: true,
        soon: false,
        facts: Facts::default().with("starts", looping.starts.to_string()).with("words", cut(&last, QUOTE)),
        evidence: vec![evidence("host's processes", says, view.now)],
        affected: Vec::new(),
        field_path: None,
    })
}

/// The line on which it ended, where that is known; else what was said last of all.
fn last(words: &str) -> String {
    match last_words::ending(words) {
        Some(line) => last_words::spoken(line),
        None => words.lines().last().unwrap_or_default().to_owned(),
    }
}
