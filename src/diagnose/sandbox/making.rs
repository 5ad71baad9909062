//! What the node shows of the making of one pod's sandbox: the runtime's record of it, and the CNI plugin that it waits for.
//! A plugin is taken for a pod's only where nothing else is possible.

use std::time::Duration;

use crate::model::diagnosis::{Confidence, Evidence};
use crate::model::ids::PodUid;
use crate::model::making::{PluginProcess, SandboxRecord, Step};
use crate::model::stage::Stage;
use crate::model::wording::span;
use crate::model::{Time, since};
use crate::track::making::Chain;
use crate::track::pod::PodTrack;

use super::super::View;
use super::super::phrase::Facts;
use super::super::suspicion::evidence;

/// A sandbox takes a second or two, and a plugin less. One that has taken so long holds something up.
const LONG: Duration = Duration::from_secs(5);
/// A plugin may seem older than the record of its sandbox by what two clocks differ.
const CLOCKS: Duration = Duration::from_millis(100);

/// What the node shows of the making of one pod's sandbox.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Making<'a> {
    record: Option<&'a SandboxRecord>,
    plugin: Option<Chain<'a>>,
}

impl<'a> Making<'a> {
    /// Of that pod. Only what has taken long is seen.
    pub(in super::super) fn of(track: &PodTrack, view: View<'a>) -> Self {
        let done = track.sandbox.as_ref().and_then(|sandbox| sandbox.created);
        let record =
            view.world.making.of(&track.id.uid, done, view.now).filter(|record| is_long(record.created, view.now));
        let plugin = told(track, record, view).or_else(|| only_one(track, view));
        Self { record, plugin }
    }

    /// Since when it has been in the making; none where nothing shows it.
    pub(in super::super) fn began(&self) -> Option<Time> {
        let recorded = self.record.map(|record| record.created);
        recorded.or(self.plugin.map(|plugin| plugin.first.began))
    }

    /// The record is seen, and so is what a plugin was called for; that a plugin is the only one is not the same.
    pub(in super::super) fn confidence(&self) -> Confidence {
        let guessed = self.plugin.is_some_and(|plugin| plugin.first.call.is_none());
        if guessed { Confidence::Inferred } else { Confidence::Observed }
    }

    /// What it waits for, as the templates name it.
    pub(in super::super) fn facts(&self, view: View<'_>) -> Facts {
        let Some(plugin) = self.plugin else { return self.without_plugin(view) };
        let process = plugin.last;
        Facts::default()
            .with("plugin", name(plugin))
            .with("command", plugin.first.call.as_ref().map_or("", |call| &call.command))
            .with("age", span(since(process.began, view.now)))
            .with("pid", process.pid.to_string())
            .with("process", described(process))
    }

    fn without_plugin(&self, view: View<'_>) -> Facts {
        let runtime = view.world.runtime.info.as_ref().map_or("the runtime", |info| &info.name);
        match self.record.and_then(|record| record.step) {
            Some(Step::Start) => Facts::default().with("networked", runtime),
            Some(Step::Network) => Facts::default().with("cni", runtime).with("near", near(view)),
            Some(Step::Begun) | None => Facts::default().with("near", near(view)),
        }
    }

    /// The record and the plugin.
    pub(in super::super) fn evidence(&self, now: Time) -> Vec<Evidence> {
        let record = self.record.map(|record| {
            let says = format!("sandbox {} was begun at {}, and CRI does not list it", record.id, record.created);
            evidence("the runtime's own records", says, now)
        });
        let plugin = self.plugin.map(|plugin| {
            let says = format!("{}, {}, since {}", name(plugin), described(plugin.last), plugin.last.began);
            evidence("process table", says, now)
        });
        record.into_iter().chain(plugin).collect()
    }
}

/// The CNI plugins that have run for long, whomever they run for.
pub(super) fn long_running(view: View<'_>) -> Vec<Chain<'_>> {
    let mut chains = view.world.making.chains(view.now);
    chains.retain(|chain| is_long(chain.first.began, view.now));
    chains
}

/// A plugin and the one that called it.
pub(super) fn name(chain: Chain<'_>) -> String {
    match chain.first.pid == chain.last.pid {
        true => chain.last.plugin.to_string(),
        false => format!("{} (called by {})", chain.last.plugin, chain.first.plugin),
    }
}

/// A process, for whoever looks for it on the node.
pub(super) fn described(process: &PluginProcess) -> String {
    let state = if process.uninterruptible { ", state D" } else { "" };
    format!("pid {}{state}", process.pid)
}

fn is_long(began: Time, now: Time) -> bool {
    since(began, now) >= LONG
}

/// The plugin that was called for this pod, where it may be read what for.
fn told<'a>(track: &PodTrack, record: Option<&SandboxRecord>, view: View<'a>) -> Option<Chain<'a>> {
    long_running(view).into_iter().find(|chain| {
        chain.first.call.as_ref().is_some_and(|call| {
            call.pod.as_ref() == Some(&track.id.uid) || record.is_some_and(|record| record.id == call.sandbox)
        })
    })
}

/// One sandbox waits for its network, one plugin runs, and it was started after the sandbox was begun.
fn only_one<'a>(track: &PodTrack, view: View<'a>) -> Option<Chain<'a>> {
    let [(pod, begun)] = awaiting_network(view)[..] else { return None };
    let mut unknown = long_running(view).into_iter().filter(|chain| chain.first.call.is_none());
    let (chain, None) = (unknown.next()?, unknown.next()) else { return None };
    let after = since(chain.first.began, begun) <= CLOCKS;
    (*pod == track.id.uid && after).then_some(chain)
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
    let waits = |record: &&SandboxRecord| record.step != Some(Step::Start) && !on_the_nodes_network(&record.pod);
    records.into_iter().filter(waits).map(|record| (&record.pod, record.created)).collect()
}

/// Plugins that may be the reason. Whose they are is not said: it is not known, or they are another tenant's.
fn near(view: View<'_>) -> String {
    let chains = long_running(view);
    let Some(oldest) = chains.first() else { return String::new() };
    let age = span(since(oldest.last.began, view.now));
    match chains.len() {
        1 => format!("CNI plugin {} has run for {age} on this node ({})", name(*oldest), described(oldest.last)),
        n => format!(
            "{n} CNI plugins run on this node, the oldest, {}, for {age} ({})",
            name(*oldest),
            described(oldest.last)
        ),
    }
}
