//! The host's processes as its `/proc` shows them. Only what any user of the host may read: state, start and command line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::root::{Lost, Root};

/// More processes than this are not looked at.
const PROCESSES_AT_MOST: usize = 65_536;
/// A command line is read up to here: what a daemon is told stands at its beginning.
const COMMAND_AT_MOST: u64 = 16 << 10;
/// One line of numbers, or a table of a few of them.
const TABLE_AT_MOST: u64 = 8 << 10;
/// Ticks a second of the times in `/proc` (Linux: `USER_HZ`, 100 wherever Kubernetes runs).
const TICKS: u64 = 100;

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id, as the host counts.
    pub pid: u32,
    /// What it was started with. A program that words its title anew (k3s) has all of it in the first, which is taken apart.
    pub command: Vec<String>,
    /// Its state (Linux: proc_pid_stat(5)): `D` waits where no signal reaches it, `T` was stopped, `Z` has ended.
    pub state: char,
    /// When it was started, in ticks since boot. With the id it tells a process from its successor.
    pub start: u64,
}

impl Process {
    /// The program's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.command.first().and_then(|program| program.rsplit('/').next()).unwrap_or_default()
    }

    /// The value of the last of these options that its command line has, as `--option=value` or `--option value`: one that is
    /// given twice has the last value (pflag, urfave/cli and Go's flag alike).
    #[must_use]
    pub fn option(&self, names: &[&str]) -> Option<&str> {
        self.command.iter().enumerate().rev().find_map(|(at, word)| match word.split_once('=') {
            Some((name, value)) if names.contains(&name) => Some(value),
            None if names.contains(&word.as_str()) => self.command.get(at + 1).map(String::as_str),
            _ => None,
        })
    }

    /// What tells it from its successors.
    #[must_use]
    pub fn instance(&self) -> String {
        format!("{}@{}", self.pid, self.start)
    }

    /// How long it has run, where the time since boot is known.
    #[must_use]
    pub fn age(&self, uptime: Duration) -> Duration {
        uptime.saturating_sub(Duration::from_millis(self.start * 1_000 / TICKS))
    }
}

/// The processes that were looked for before: where each is found again without a walk through all of them.
#[derive(Debug, Default)]
pub struct Pids(Mutex<BTreeMap<&'static str, u32>>);

/// The host's `/proc`.
#[derive(Clone, Copy, Debug)]
pub struct Processes<'a> {
    root: Root<'a>,
    known: &'a Pids,
}

impl<'a> Processes<'a> {
    /// The processes of that host.
    #[must_use]
    pub fn of(root: Root<'a>, known: &'a Pids) -> Self {
        Self { root, known }
    }

    /// Whether all of the host's processes are seen, not those of a container: only then is the kernel's own second one.
    #[must_use]
    pub fn are_all(self) -> bool {
        let second = self.root.head(Path::new("/proc/2/comm"), TABLE_AT_MOST);
        second.is_ok_and(|name| name.starts_with(b"kthreadd"))
    }

    /// The first process that fits, by its id. `what` names the question, so that the next one begins where this ended.
    ///
    /// # Errors
    /// `/proc` can't be read.
    pub fn find(self, what: &'static str, fits: impl Fn(&Process) -> bool) -> Result<Option<Process>, Lost> {
        let mut known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        let again = known.get(what).and_then(|pid| self.one(*pid)).filter(&fits);
        let found = match again {
            Some(process) => Some(process),
            None => self.pids()?.into_iter().filter_map(|pid| self.one(pid)).find(fits),
        };
        match &found {
            Some(process) => _ = known.insert(what, process.pid),
            None => _ = known.remove(what),
        }
        Ok(found)
    }

    /// How long the host has been up.
    #[must_use]
    pub fn uptime(self) -> Option<Duration> {
        let text = self.root.head(Path::new("/proc/uptime"), TABLE_AT_MOST).ok()?;
        let seconds: f64 = String::from_utf8_lossy(&text).split_whitespace().next()?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// How many files a process has open, and how many it may (Linux: proc_pid_fd(5); the size of the directory is their
    /// number from 6.2 on).
    #[must_use]
    pub fn descriptors(self, pid: u32) -> Option<(u64, u64)> {
        let files = self.root.find(&place(pid, "fd")).ok()?;
        let used = match files.metadata().ok()?.len() {
            0 => fs::read_dir(files).ok()?.count() as u64,
            counted => counted,
        };
        let limits = self.root.head(&place(pid, "limits"), TABLE_AT_MOST).ok()?;
        let limits = String::from_utf8_lossy(&limits).into_owned();
        let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?;
        Some((used, soft.parse().ok()?))
    }

    fn pids(self) -> Result<Vec<u32>, Lost> {
        let found = self.root.find(Path::new("/proc"))?;
        let entries = fs::read_dir(found).map_err(|error| Lost::Unknown(format!("/proc: {error}")))?;
        let mut pids: Vec<u32> = entries
            .take(PROCESSES_AT_MOST)
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        pids.sort_unstable();
        Ok(pids)
    }

    fn one(self, pid: u32) -> Option<Process> {
        let command = self.root.head(&place(pid, "cmdline"), COMMAND_AT_MOST).ok()?;
        let command = words(&command);
        if command.is_empty() {
            return None; // a thread of the kernel, or one that has ended
        }
        let stat = self.root.head(&place(pid, "stat"), TABLE_AT_MOST).ok()?;
        let (state, start) = state_and_start(&String::from_utf8_lossy(&stat))?;
        Some(Process { pid, command, state, start })
    }
}

fn place(pid: u32, file: &str) -> PathBuf {
    format!("/proc/{pid}/{file}").into()
}

fn words(command: &[u8]) -> Vec<String> {
    let parts = command.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    let mut words: Vec<String> = parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    if let [title] = words.as_slice()
        && title.contains(' ')
    {
        words = title.split_whitespace().map(str::to_owned).collect();
    }
    words
}

/// The third and the 22nd field. The second is a name in parentheses, which may hold anything.
fn state_and_start(stat: &str) -> Option<(char, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Mounts;

    fn process(command: &[u8]) -> Process {
        Process { pid: 1, command: words(command), state: 'S', start: 250 }
    }

    #[test]
    fn options_are_read_in_both_spellings_and_a_title_is_taken_apart() {
        let kubelet = process(b"/usr/bin/kubelet\0--config=/etc/k.yaml\0--root-dir\0/data/kubelet\0");
        assert_eq!(kubelet.name(), "kubelet");
        assert_eq!(kubelet.option(&["--config"]), Some("/etc/k.yaml"));
        assert_eq!(kubelet.option(&["--root-dir"]), Some("/data/kubelet"));
        assert_eq!(kubelet.option(&["--kubeconfig"]), None);
        assert_eq!(process(b"kubelet\0--config=/a\0--config\0/b\0").option(&["--config"]), Some("/b"));
        assert_eq!(process(b"/usr/local/bin/k3s server\0\0\0").command, ["/usr/local/bin/k3s", "server"]);
        assert_eq!(kubelet.age(Duration::from_secs(10)), Duration::from_millis(7_500));
    }

    #[test]
    fn a_name_in_a_stat_line_may_hold_anything() {
        let numbers = "1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0";
        let line = format!("7 (a) Z b) S {numbers} 1234 1000 1");
        assert_eq!(state_and_start(&line), Some(('S', 1234)));
        for line in ["", "7 (a", "7 (a) S", "7 (a) S 1 2 3"] {
            assert_eq!(state_and_start(line), None, "{line}");
        }
    }

    #[test]
    fn this_process_is_found_and_found_again() {
        let mounts = Mounts::at(Path::new("/")).unwrap();
        let known = Pids::default();
        let processes = Processes::of(Root(&mounts), &known);
        let own = |process: &Process| process.pid == std::process::id();
        let found = processes.find("self", own).unwrap().unwrap();
        assert_eq!(processes.find("self", own).unwrap().unwrap().start, found.start);
        let (used, limit) = processes.descriptors(found.pid).unwrap();
        assert!(used > 0 && limit > used);
        assert!(processes.find("nobody", |_| false).unwrap().is_none());
    }
}
