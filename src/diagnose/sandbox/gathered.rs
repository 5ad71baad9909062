//! What the node shows of all sandboxes in the making, brought together once a look: many pods that wait for many plugins
//! cost no more than their sum.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::ids::PodUid;
use crate::model::making::{SandboxRecord, Step};
use crate::model::stage::Stage;
use crate::model::{Time, since};
use crate::track::making::Chain;
use crate::track::pod::PodTrack;

use super::super::View;
use super::daemon::{self, Daemon};

/// A sandbox takes a second or two, and a plugin less. One that has taken so long holds something up.
const LONG: Duration = Duration::from_secs(5);
/// A plugin may seem older than the record of its sandbox by what two clocks differ.
const CLOCKS: Duration = Duration::from_millis(100);

/// All that is seen of sandboxes in the making. Only what has taken long is seen.
#[derive(Debug)]
pub(in super::super) struct Gathered<'a> {
    /// The CNI plugins that have run for long, whomever they run for; the oldest first.
    pub(super) plugins: Vec<Chain<'a>>,
    /// The network's daemon, where it does not run as it should.
    pub(super) daemon: Option<Daemon<'a>>,
    records: BTreeMap<&'a PodUid, &'a SandboxRecord>,
    by_pod: BTreeMap<&'a PodUid, Chain<'a>>,
    by_sandbox: BTreeMap<&'a Arc<str>, Chain<'a>>,
    only_one: Option<(&'a PodUid, Chain<'a>)>,
    now: Time,
}

impl<'a> Gathered<'a> {
    /// As this look has it.
    pub(in super::super) fn of(view: View<'a>) -> Self {
        let mut plugins = view.world.making.chains(view.now);
        plugins.retain(|chain| is_long(chain.first.began, view.now));
        let (mut by_pod, mut by_sandbox) = (BTreeMap::new(), BTreeMap::new());
        for chain in &plugins {
            let Some(call) = &chain.first.call else { continue };
            by_sandbox.entry(&call.sandbox).or_insert(*chain);
            if let Some(pod) = &call.pod {
                by_pod.entry(pod).or_insert(*chain);
            }
        }
        let (daemon, records) = (daemon::not_running(view), view.world.making.newest(view.now));
        let only_one = only_one(&plugins, view);
        Self { plugins, daemon, records, by_pod, by_sandbox, only_one, now: view.now }
    }

    /// The record of the sandbox that is made for that pod. One older than the pod's newest that is done is what a runtime
    /// that crashed has left.
    pub(super) fn record(&self, track: &PodTrack) -> Option<&'a SandboxRecord> {
        let done = track.sandbox.as_ref().and_then(|sandbox| sandbox.created);
        let later = |record: &&SandboxRecord| done.is_none_or(|done| record.created > done);
        self.records.get(&track.id.uid).copied().filter(later).filter(|record| is_long(record.created, self.now))
    }

    /// The plugin that runs for that pod: told by what it was called for, else because it can be for no other.
    pub(super) fn plugin(&self, track: &PodTrack, record: Option<&SandboxRecord>) -> Option<Chain<'a>> {
        let uid = &track.id.uid;
        let told = self.by_pod.get(uid).or_else(|| self.by_sandbox.get(&record?.id)).copied();
        told.or_else(|| self.only_one.filter(|(pod, _)| *pod == uid).map(|(_, chain)| chain))
    }
}

fn is_long(began: Time, now: Time) -> bool {
    since(began, now) >= LONG
}

/// One sandbox waits for its network, none is taken down, one plugin runs, and it was started after the sandbox was begun.
fn only_one<'a>(plugins: &[Chain<'a>], view: View<'a>) -> Option<(&'a PodUid, Chain<'a>)> {
    let mut unknown = plugins.iter().filter(|chain| chain.first.call.is_none());
    let (chain, None) = (*unknown.next()?, unknown.next()) else { return None };
    let [(pod, begun)] = awaiting_network(view)[..] else { return None };
    let after = since(chain.first.began, begun) <= CLOCKS;
    (after && !view.world.pods.values().any(is_taken_down)).then_some((pod, chain))
}

/// The runtime may be at the end of its network: a plugin is called for that too.
fn is_taken_down(track: &PodTrack) -> bool {
    track.sandbox.is_some() && track.pod.as_ref().is_none_or(|pod| pod.deleting)
}

/// The sandboxes that may wait for CNI, by their pods: as the runtime records them, else the pods that stand there.
fn awaiting_network(view: View<'_>) -> Vec<(&PodUid, Time)> {
    let on_the_nodes_network = |uid: &PodUid| {
        let pod = view.world.pods.get(uid).and_then(|track| track.pod.as_ref());
        pod.is_some_and(|pod| pod.host_network)
    };
    let Some(records) = view.world.making.records(view.now) else {
        let stand = view.world.pods.values().filter(|track| track.place.stage == Stage::Sandbox);
        return stand
            .filter(|track| track.pod.is_some() && !on_the_nodes_network(&track.id.uid))
            .map(|track| (&track.id.uid, track.since()))
            .collect();
    };
    let waits = |record: &&SandboxRecord| may_wait(record.step) && !on_the_nodes_network(&record.pod);
    records.filter(waits).map(|record| (&record.pod, record.created)).collect()
}

/// CNI is called between the two: there is a network namespace, and it has not returned.
fn may_wait(step: Option<Step>) -> bool {
    !matches!(step, Some(Step::Begun | Step::Start))
}
