//! What the node shows of the making of one pod's sandbox: the runtime's record of it, and the CNI plugin that it waits for.

use crate::model::diagnosis::{Confidence, Evidence};
use crate::model::making::{PluginProcess, SandboxRecord, Step};
use crate::model::wording::span;
use crate::model::{Time, since};
use crate::track::making::Chain;
use crate::track::pod::PodTrack;

use super::super::View;
use super::super::phrase::Facts;
use super::super::suspicion::evidence;
use super::gathered::Gathered;

/// What the node shows of the making of one pod's sandbox.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Making<'a> {
    record: Option<&'a SandboxRecord>,
    plugin: Option<Chain<'a>>,
}

impl<'a> Making<'a> {
    /// Of that pod.
    pub(in super::super) fn of(track: &PodTrack, gathered: &Gathered<'a>) -> Self {
        let record = gathered.record(track);
        Self { record, plugin: gathered.plugin(track, record) }
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
    pub(in super::super) fn facts(&self, gathered: &Gathered<'_>, view: View<'_>) -> Facts {
        let Some(plugin) = self.plugin else { return self.without_plugin(gathered, view) };
        let process = plugin.last;
        Facts::default()
            .with("plugin", name(plugin))
            .with("command", plugin.first.call.as_ref().map_or("", |call| &call.command))
            .with("age", span(since(process.began, view.now)))
            .with("pid", process.pid.to_string())
            .with("process", described(process))
    }

    fn without_plugin(&self, gathered: &Gathered<'_>, view: View<'_>) -> Facts {
        let runtime = view.runtime();
        match self.record.and_then(|record| record.step) {
            Some(Step::Start) => Facts::default().with("networked", runtime),
            Some(Step::Network) => {
                Facts::default().with("cni", runtime).with("near", near(&gathered.plugins, view.now))
            }
            Some(Step::Begun) | None => Facts::default().with("near", near(&gathered.plugins, view.now)),
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

/// Plugins that may be the reason. Whose they are is not said: it is not known, or they are another tenant's.
fn near(chains: &[Chain<'_>], now: Time) -> String {
    let Some(oldest) = chains.first() else { return String::new() };
    let age = span(since(oldest.last.began, now));
    match chains.len() {
        1 => format!("CNI plugin {} has run for {age} on this node ({})", name(*oldest), described(oldest.last)),
        n => format!(
            "{n} CNI plugins run on this node, the oldest, {}, for {age} ({})",
            name(*oldest),
            described(oldest.last)
        ),
    }
}
