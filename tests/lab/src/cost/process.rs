//! Memory and processor time of a process, as the kernel accounts them.

use std::time::Duration;

use anyhow::Context;

/// Of the times in `/proc/PID/stat`; Linux has told them in hundredths of a second for ever (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Resident memory in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    /// All of it.
    pub(super) resident: u64,
    /// Without what comes from files: heap and stacks.
    pub(super) anonymous: u64,
}

/// What a process holds now.
pub(super) fn memory(pid: u32) -> anyhow::Result<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the process has ended")?;
    memory_in(&status).context("no memory in its status")
}

/// The most of it, in KiB, that was ever resident.
pub(crate) fn peak_memory(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the process has ended")?;
    kib(&status, "VmHWM").context("no peak of memory in its status")
}

fn memory_in(status: &str) -> Option<Memory> {
    Some(Memory { resident: kib(status, "VmRSS")?, anonymous: kib(status, "RssAnon")? })
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Processor time of all threads since the process began, in user and kernel mode.
pub(super) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    cpu_of(&format!("/proc/{pid}/stat"))
}

/// Likewise, of its first thread alone.
pub(super) fn cpu_of_first(pid: u32) -> anyhow::Result<Duration> {
    cpu_of(&format!("/proc/{pid}/task/{pid}/stat"))
}

fn cpu_of(file: &str) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(file).context("the process has ended")?;
    cpu_in(&stat).context("no times in its stat")
}

/// The name, in parentheses, may hold anything; utime and stime are the 12th and 13th field after it.
fn cpu_in(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).map(|field| field.parse::<u32>().ok());
    Some(TICK * (times.next()?? + times.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_status() {
        let status = "Name:\tkubewhy\nVmRSS:\t    9132 kB\nRssAnon:\t    3020 kB\nRssFile:\t    6112 kB\n";
        assert_eq!(memory_in(status), Some(Memory { resident: 9132, anonymous: 3020 }));
        assert_eq!(memory_in("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_times() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 900 0 0 0 150 25 0 0 20 0 1 0 33 0 0";
        assert_eq!(cpu_in(stat), Some(Duration::from_millis(1750)));
    }

    #[test]
    fn this_process_has_both() {
        let own = std::process::id();
        assert!((1..=peak_memory(own).unwrap()).contains(&memory(own).unwrap().resident));
        assert!(cpu_of_first(own).unwrap() <= cpu(own).unwrap());
    }
}
