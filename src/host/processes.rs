//! The host's processes as its `/proc` shows them. Only what any user of the host may read: state, start and command line.
//! A command line is read of those alone whose name fits: it is in the memory of its process, and whoever reads that of one
//! that is stuck may wait as long as it (Linux: get_mm_cmdline in fs/proc/base.c takes the lock of its memory).

mod stat;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

pub use self::stat::Stat;
use super::root::{Lost, Root};

/// More processes than this are not looked at.
const PROCESSES_AT_MOST: usize = 65_536;
/// A command line is read up to here: what a daemon is told stands at its beginning.
const COMMAND_AT_MOST: u64 = 16 << 10;
/// Seconds since the start, and those of all processors without work (Linux: proc_uptime(5)).
pub const UPTIME: &str = "/proc/uptime";
const UPTIME_AT_MOST: u64 = 256;
/// One line of numbers, or a table of a few of them.
const TABLE_AT_MOST: u64 = 8 << 10;
/// That there is none of a kind is believed for so long: many ask the same at once, and each walk goes through all of them.
const WALK_EVERY: Duration = Duration::from_secs(2);
/// For one that only may be it a better one is looked for so often.
const BETTER_EVERY: Duration = Duration::from_secs(60);
/// The shortest name of a pod in a cgroup: a static pod's, a hash (Kubernetes: pkg/kubelet/config/common.go).
const POD_AT_LEAST: usize = 32;
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

/// Whether a process is the one that is looked for, the worst answer first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It is another.
    No,
    /// It may be, where there is none that fits better.
    Perhaps,
    /// It is.
    Surely,
}

/// What was looked for before: it is found again without a walk through all processes.
#[derive(Debug, Default)]
pub struct Pids(Mutex<BTreeMap<&'static str, Walk>>);

/// What came of a walk.
#[derive(Clone, Debug)]
struct Walk {
    found: Option<Process>,
    at: Timestamp,
}

impl Pids {
    fn walked(&self, what: &str) -> Option<Walk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(what).cloned()
    }

    fn keep(&self, what: &'static str, walk: Walk) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(what, walk);
    }
}

/// The host's `/proc`.
#[derive(Clone, Copy, Debug)]
pub struct Processes<'a> {
    root: Root<'a>,
    known: &'a Pids,
    now: Timestamp,
}

impl<'a> Processes<'a> {
    /// The processes of that host at this moment.
    #[must_use]
    pub fn of(root: Root<'a>, known: &'a Pids, now: Timestamp) -> Self {
        Self { root, known, now }
    }

    /// Whether all of the host's processes are seen, not those of a container: only then is the kernel's own second one.
    #[must_use]
    pub fn are_all(self) -> bool {
        let second = self.root.head(Path::new("/proc/2/comm"), TABLE_AT_MOST);
        second.is_ok_and(|name| name.starts_with(b"kthreadd"))
    }

    /// The process of one of these programs that fits best, the first of several by its id. `what` names the question, so that
    /// the next one begins where this ended. Nobody waits for another's walk.
    ///
    /// # Errors
    /// `/proc` can't be read.
    pub fn find(
        self,
        what: &'static str,
        programs: &[&str],
        fit: impl Fn(&Process) -> Fit,
    ) -> Result<Option<Process>, Lost> {
        if let Some(Walk { found, at }) = self.known.walked(what) {
            let age = Duration::try_from(self.now.duration_since(at)).unwrap_or_default();
            let was_none = found.is_none();
            match found.and_then(|process| self.again(process)).map(|process| (fit(&process), process)) {
                Some((Fit::Surely, process)) => return Ok(Some(process)),
                Some((Fit::Perhaps, process)) if age < BETTER_EVERY => return Ok(Some(process)),
                None if was_none && age < WALK_EVERY => return Ok(None),
                _ => {}
            }
        }
        let proc = self.root.find(Path::new("/proc"))?;
        let all = pids(&proc)?.into_iter().filter_map(|pid| self.one(&proc, pid, programs));
        let fitting = all.map(|process| (fit(&process), process)).filter(|(fit, _)| *fit > Fit::No);
        let found = fitting.min_by_key(|(fit, _)| Reverse(*fit)).map(|(_, process)| process);
        self.known.keep(what, Walk { found: found.clone(), at: self.now });
        Ok(found)
    }

    /// Whether it runs in a pod's container, and not all of this host does.
    #[must_use]
    pub fn is_of_pod(self, pid: u32) -> bool {
        let cgroup = |pid| self.root.head(&place(pid, "cgroup"), TABLE_AT_MOST).unwrap_or_default();
        let of_pod = |pid| names_pod(&String::from_utf8_lossy(&cgroup(pid)));
        of_pod(pid) && !of_pod(1)
    }

    /// How long the host has been up.
    ///
    /// # Errors
    /// Its file can't be read, or holds no time.
    pub fn uptime(self) -> Result<Duration, Lost> {
        let content = self.root.read(Path::new(UPTIME), UPTIME_AT_MOST)?;
        let text = String::from_utf8_lossy(&content);
        let seconds = text.split_whitespace().next().and_then(|word| word.parse().ok());
        let up = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        up.ok_or_else(|| Lost::Invalid(format!("{UPTIME} does not hold a time")))
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

    /// A process that was found before, as it is now; its command line is what it was.
    fn again(self, process: Process) -> Option<Process> {
        let stat = alive(&self.root.head(&place(process.pid, "stat"), TABLE_AT_MOST).ok()?)?;
        (stat.start == process.start).then_some(Process { state: stat.state, ..process })
    }

    fn one(self, proc: &Path, pid: u32, programs: &[&str]) -> Option<Process> {
        let stat = self.root.head_at(&proc.join(format!("{pid}/stat")), TABLE_AT_MOST).ok()?;
        let Stat { state, start, .. } = alive(&stat).filter(|stat| stat.is_of(programs))?;
        let command = words(&self.root.head(&place(pid, "cmdline"), COMMAND_AT_MOST).ok()?);
        // A thread of the kernel has none.
        (!command.is_empty()).then_some(Process { pid, command, state, start })
    }
}

/// The ids of all processes of a `/proc`, in order.
fn pids(proc: &Path) -> Result<Vec<u32>, Lost> {
    let entries = fs::read_dir(proc).map_err(|error| Lost::Unknown(format!("/proc: {error}")))?;
    let mut pids: Vec<u32> =
        entries.take(PROCESSES_AT_MOST).filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    Ok(pids)
}

/// None of a process that has ended.
fn alive(stat: &[u8]) -> Option<Stat> {
    Stat::parse(&String::from_utf8_lossy(stat)).filter(|stat| !matches!(stat.state, 'Z' | 'X'))
}

fn place(pid: u32, file: &str) -> PathBuf {
    format!("/proc/{pid}/{file}").into()
}

/// Whether one of these cgroups is of a pod. They are told from the reader's own cgroup on, `/../pod…`, where that has a
/// namespace (Linux: proc_cgroup_show in kernel/cgroup/cgroup.c), so that `kubepods` may be left out (Kubernetes:
/// pkg/kubelet/cm/pod_container_manager_linux.go, podCgroupNamePrefix).
fn names_pod(cgroups: &str) -> bool {
    let is_id = |id: &str| id.len() >= POD_AT_LEAST && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let is_pod = |part: &str| part.starts_with("kubepods") || part.strip_prefix("pod").is_some_and(is_id);
    cgroups.lines().flat_map(|line| line.split('/')).any(is_pod)
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
    fn this_process_is_found_and_found_again() {
        let mounts = Mounts::at(Path::new("/")).unwrap();
        let known = Pids::default();
        let processes = Processes::of(Root(&mounts), &known, Timestamp::UNIX_EPOCH);
        let own = |process: &Process| if process.pid == std::process::id() { Fit::Surely } else { Fit::No };
        let found = processes.find("self", &[""], own).unwrap().unwrap();
        assert_eq!(processes.find("self", &[""], own).unwrap().unwrap().start, found.start);
        let (used, limit) = processes.descriptors(found.pid).unwrap();
        assert!(used > 0 && limit > used);
        assert!(processes.find("nobody", &[""], |_| Fit::No).unwrap().is_none());
    }

    /// A host with processes of these ids and names, each with the command line of a kubelet.
    fn host(processes: &[(u32, &str)]) -> tempfile::TempDir {
        let host = tempfile::tempdir().unwrap();
        processes.iter().for_each(|(pid, name)| begin(host.path(), *pid, name, 'S'));
        host
    }

    fn begin(host: &Path, pid: u32, name: &str, state: char) {
        let place = host.join(format!("proc/{pid}"));
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("stat"), format!("{pid} ({name}) {state} 1 1 1 0 -1 0 1 1 1 1 1 1 1 1 20 0 1 0 77 1 1\n"))
            .unwrap();
        fs::write(place.join("cmdline"), "/usr/bin/kubelet\0").unwrap();
    }

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(n).unwrap()
    }

    #[test]
    fn only_of_a_process_whose_name_fits_the_command_line_is_read() {
        let host = host(&[(5, "mysqld"), (6, ".kubelet-wrappe"), (7, "kubelet")]);
        let (mounts, known) = (Mounts::at(host.path()).unwrap(), Pids::default());
        let find = || Processes::of(Root(&mounts), &known, second(0)).find("kubelet", &["kubelet"], |_| Fit::Surely);
        assert_eq!(find().unwrap().unwrap().pid, 6);
        fs::remove_file(host.path().join("proc/6/cmdline")).unwrap();
        assert_eq!(find().unwrap().unwrap().command, ["/usr/bin/kubelet"], "nor once it was found");
        begin(host.path(), 6, "kubelet", 'Z');
        assert_eq!(find().unwrap().unwrap().pid, 7, "it has ended");
    }

    #[test]
    fn nobody_waits_for_another_s_walk() {
        let host = host(&[(7, "kubelet")]);
        let (mounts, known) = (Mounts::at(host.path()).unwrap(), Pids::default());
        let processes = Processes::of(Root(&mounts), &known, second(0));
        let other = || processes.find("other", &["kubelet"], |_| Fit::Surely).unwrap().is_some();
        assert!(
            processes.find("kubelet", &["kubelet"], |_| if other() { Fit::Surely } else { Fit::No }).unwrap().is_some()
        );
    }

    #[test]
    fn what_is_not_there_is_looked_for_once_in_a_while() {
        let host = host(&[(5, "mysqld")]);
        let (mounts, known) = (Mounts::at(host.path()).unwrap(), Pids::default());
        let find = |at| {
            Processes::of(Root(&mounts), &known, second(at)).find("kubelet", &["kubelet"], |_| Fit::Surely).unwrap()
        };
        assert!(find(0).is_none());
        begin(host.path(), 7, "kubelet", 'S');
        assert!(find(1).is_none());
        assert_eq!(find(2).unwrap().pid, 7);
    }

    #[test]
    fn one_that_may_be_it_is_taken_until_a_better_one_is_there() {
        let host = host(&[(5, "kubelet")]);
        let (mounts, known) = (Mounts::at(host.path()).unwrap(), Pids::default());
        let fit = |process: &Process| if process.pid == 7 { Fit::Surely } else { Fit::Perhaps };
        let find = |at| Processes::of(Root(&mounts), &known, second(at)).find("kubelet", &["kubelet"], fit).unwrap();
        assert_eq!(find(0).unwrap().pid, 5);
        [6, 7].iter().for_each(|pid| begin(host.path(), *pid, "kubelet", 'S'));
        assert_eq!(find(59).unwrap().pid, 5);
        assert_eq!(find(60).unwrap().pid, 7);
    }

    #[test]
    fn a_pod_s_cgroup_is_known_from_wherever_it_is_read() {
        for (cgroup, is) in [
            ("0::/kubepods.slice/kubepods-podfecd2321_17b5.slice/cri-containerd-39.scope", true),
            ("0::/../../kubepods-besteffort-podfecd2321_17b5.slice/cri-containerd-39.scope", true),
            ("0::/../../../besteffort/pod83282ca4-39f1-4434-a2ed-09828378ef8a/39", true),
            ("3:cpu:/kubepods/pod0123456789abcdef0123456789abcdef/39\n0::/", true),
            ("0::/../../../../system.slice/kubelet.service", false),
            ("0::/podman.slice/pod-x", false),
            ("", false),
        ] {
            assert_eq!(names_pod(cgroup), is, "{cgroup}");
        }
    }
}
