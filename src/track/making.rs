//! Sandboxes in the making, as last seen: the runtime's records that CRI does not list, and the CNI plugins that run. What
//! was not looked at lately counts for nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::model::ids::PodUid;
use crate::model::making::{PluginProcess, SandboxRecord};
use crate::model::{Time, since};

/// A look is good for so long: a calm period, and the deadline of a look that does not end.
const FRESH: Duration = Duration::from_secs(30);

/// What was seen of one kind, or why it can't be, and when.
type Look<T> = Option<(Time, Result<Vec<T>, String>)>;

/// Sandboxes in the making.
#[derive(Debug, Default)]
pub struct Making {
    records: Look<SandboxRecord>,
    plugins: Look<PluginProcess>,
    done: BTreeSet<Arc<str>>,
}

/// Plugins that call each other. A network's plugins are called one after the other, and each may call others.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a> {
    /// The one that the runtime called.
    pub first: &'a PluginProcess,
    /// The one that all others wait for.
    pub last: &'a PluginProcess,
}

impl Making {
    /// The runtime's records were looked at.
    pub fn recorded(&mut self, records: Result<Vec<SandboxRecord>, String>, at: Time) {
        self.records = Some((at, records));
    }

    /// The process table was looked at.
    pub fn plugins_run(&mut self, plugins: Result<Vec<PluginProcess>, String>, at: Time) {
        self.plugins = Some((at, plugins));
    }

    /// CRI listed all sandboxes that are done.
    pub fn listed<'a>(&mut self, ids: impl Iterator<Item = &'a Arc<str>>) {
        self.done = ids.cloned().collect();
    }

    /// The sandboxes in the making; none where the runtime's records can't be seen.
    #[must_use]
    pub fn records(&self, now: Time) -> Option<Vec<&SandboxRecord>> {
        let records = fresh(&self.records, now)?;
        Some(records.iter().filter(|record| !self.done.contains(&record.id)).collect())
    }

    /// The sandbox in the making of that pod: the last one that was begun, if that was after its newest that was done. An
    /// older record is what a runtime that crashed has left.
    #[must_use]
    pub fn of(&self, pod: &PodUid, newest_done: Option<Time>, now: Time) -> Option<&SandboxRecord> {
        let records = self.records(now).unwrap_or_default().into_iter().filter(|record| record.pod == *pod);
        records
            .max_by_key(|record| record.created)
            .filter(|record| newest_done.is_none_or(|done| record.created > done))
    }

    /// The plugins that run, by who called whom; the oldest first.
    #[must_use]
    pub fn chains(&self, now: Time) -> Vec<Chain<'_>> {
        let all = fresh(&self.plugins, now).map_or(&[][..], Vec::as_slice);
        let mut chains: Vec<_> = all
            .iter()
            .filter(|process| process.caller.is_none())
            .map(|first| Chain { first, last: innermost(first, all) })
            .collect();
        chains.sort_by_key(|chain| (chain.first.began, chain.first.pid));
        chains
    }
}

fn fresh<T>(look: &Look<T>, now: Time) -> Option<&Vec<T>> {
    let (at, seen) = look.as_ref()?;
    seen.as_ref().ok().filter(|_| since(*at, now) <= FRESH)
}

/// Of several that one plugin called the newest: it calls them one after the other.
fn innermost<'a>(first: &'a PluginProcess, all: &'a [PluginProcess]) -> &'a PluginProcess {
    let mut last = first;
    // Ids of processes are taken again: a table that was read while they were may hold a circle.
    for _ in all {
        let called = all.iter().filter(|process| process.caller == Some(last.pid));
        let Some(next) = called.max_by_key(|process| process.began) else { break };
        last = next;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::after;

    fn process(pid: u32, caller: Option<u32>, began: Time) -> PluginProcess {
        let plugin = format!("plugin-{pid}").into();
        PluginProcess { pid, caller, plugin, began, uninterruptible: false, call: None }
    }

    #[test]
    fn the_plugin_that_all_others_wait_for_is_found_and_circles_end() {
        let t = Time::UNIX_EPOCH;
        let later = after(t, Duration::from_secs(1));
        let mut making = Making::default();
        let seen = vec![
            process(4, Some(2), later),
            process(1, None, later),
            process(2, Some(1), later),
            process(3, Some(2), t),
            process(9, None, t),
            process(7, Some(8), t),
            process(8, Some(7), t),
        ];
        making.plugins_run(Ok(seen), t);
        let chains: Vec<_> = making.chains(t).iter().map(|chain| (chain.first.pid, chain.last.pid)).collect();
        assert_eq!(chains, [(9, 9), (1, 4)]);
        assert!(making.chains(after(t, Duration::from_secs(31))).is_empty(), "an old look counts for nothing");
    }

    #[test]
    fn what_cri_lists_is_no_more_in_the_making() {
        let t = Time::UNIX_EPOCH;
        let record = |id: &str| SandboxRecord { id: id.into(), pod: PodUid::new("u"), created: t, step: None };
        let mut making = Making::default();
        assert!(making.records(t).is_none(), "nobody looked");
        making.recorded(Ok(vec![record("a"), record("b")]), t);
        making.listed([Arc::from("a")].iter());
        let pod = PodUid::new("u");
        assert_eq!(&*making.of(&pod, None, t).unwrap().id, "b");
        assert!(making.of(&pod, Some(t), t).is_none(), "a later one was done");
        making.recorded(Err("another runtime".to_owned()), t);
        assert!(making.records(t).is_none());
    }
}
