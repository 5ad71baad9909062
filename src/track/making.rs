//! Sandboxes in the making, as last seen: the runtime's records that CRI does not list, and the CNI plugins that run. What
//! was not looked at lately counts for nothing.

use std::collections::{BTreeMap, BTreeSet};
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
    pub fn records(&self, now: Time) -> Option<impl Iterator<Item = &SandboxRecord>> {
        let records = fresh(&self.records, now)?;
        Some(records.iter().filter(|record| !self.done.contains(&record.id)))
    }

    /// By pod the sandbox in the making that was begun last.
    #[must_use]
    pub fn newest(&self, now: Time) -> BTreeMap<&PodUid, &SandboxRecord> {
        let mut newest: BTreeMap<&PodUid, &SandboxRecord> = BTreeMap::new();
        for record in self.records(now).into_iter().flatten() {
            let known = newest.entry(&record.pod).or_insert(record);
            if record.created >= known.created {
                *known = record;
            }
        }
        newest
    }

    /// The plugins that run, by who called whom; the oldest first.
    #[must_use]
    pub fn chains(&self, now: Time) -> Vec<Chain<'_>> {
        let all = fresh(&self.plugins, now).map_or(&[][..], Vec::as_slice);
        let called = called(all);
        let first = all.iter().filter(|process| process.caller.is_none());
        let mut chains: Vec<_> = first.map(|first| Chain { first, last: innermost(first, &called) }).collect();
        chains.sort_by_key(|chain| (chain.first.began, chain.first.pid));
        chains
    }
}

fn fresh<T>(look: &Look<T>, now: Time) -> Option<&Vec<T>> {
    let (at, seen) = look.as_ref()?;
    seen.as_ref().ok().filter(|_| since(*at, now) <= FRESH)
}

/// By the id of each plugin the one that it called; of several the newest: it calls them one after the other.
fn called(all: &[PluginProcess]) -> BTreeMap<u32, &PluginProcess> {
    let mut called: BTreeMap<u32, &PluginProcess> = BTreeMap::new();
    for (caller, process) in all.iter().filter_map(|process| Some((process.caller?, process))) {
        let known = called.entry(caller).or_insert(process);
        if process.began >= known.began {
            *known = process;
        }
    }
    called
}

fn innermost<'a>(first: &'a PluginProcess, called: &BTreeMap<u32, &'a PluginProcess>) -> &'a PluginProcess {
    let mut last = first;
    // Ids of processes are taken again: a table that was read while they were may hold a circle.
    for _ in called {
        let Some(next) = called.get(&last.pid) else { break };
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
        assert_eq!(&*making.newest(t)[&pod].id, "b");
        making.recorded(Err("another runtime".to_owned()), t);
        assert!(making.records(t).is_none());
    }
}
