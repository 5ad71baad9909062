//! The agent's own memory, processor time and start, read at each scrape from `/proc`. Elsewhere than on Linux: nothing.

use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::table::{CPU, MEMORY, START};

/// One tick of `/proc/PID/stat` (Linux: USER_HZ is 100 on every architecture containers run on).
const TICK_MILLIS: u64 = 10;

/// Reads `/proc/self` when asked.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> std::fmt::Result {
        if let Some(bytes) = resident() {
            let gauge = ConstGauge::new(bytes);
            gauge.encode(encoder.encode_descriptor(MEMORY.name, MEMORY.help, None, gauge.metric_type())?)?;
        }
        if let Some(seconds) = processor() {
            let counter = ConstCounter::new(seconds);
            let name = CPU.name.trim_end_matches("_total");
            counter.encode(encoder.encode_descriptor(name, CPU.help, None, counter.metric_type())?)?;
        }
        if let Some(seconds) = started() {
            let gauge = ConstGauge::new(seconds);
            gauge.encode(encoder.encode_descriptor(START.name, START.help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

/// Resident memory in bytes.
fn resident() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

/// Processor time in seconds.
fn processor() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let used = Duration::from_millis(ticks(&stat)?.checked_mul(TICK_MILLIS)?);
    Some(used.as_secs_f64())
}

/// When this process started, in seconds since 1970: so many ticks after the boot.
fn started() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_boot = Duration::from_millis(start_ticks(&stat)?.checked_mul(TICK_MILLIS)?);
    let boot = std::fs::read_to_string("/proc/stat").ok()?;
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
    let boot = Duration::from_secs(boot.trim().parse().ok()?);
    Some(boot.checked_add(after_boot)?.as_secs_f64())
}

/// utime and stime of a line of `/proc/PID/stat`; the name in parentheses may itself hold spaces (Linux: proc_pid_stat(5)).
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = after_name(stat)?.skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// The field `starttime` of such a line.
fn start_ticks(stat: &str) -> Option<u64> {
    after_name(stat)?.nth(19)?.parse().ok()
}

fn after_name(stat: &str) -> Option<impl Iterator<Item = &str>> {
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let line = "7 (a b) c) S 1 7 7 0 -1 4194560 100 0 0 0 31 11 0 0 20 0 3 0 7700 1";
        assert_eq!((ticks(line), start_ticks(line)), (Some(42), Some(7_700)));
        assert_eq!((ticks("garbage"), start_ticks("garbage")), (None, None));
    }
}
