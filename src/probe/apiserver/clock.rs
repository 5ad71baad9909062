//! The node's clock beside the API server's, which stands in every answer.

use std::path::Path;
use std::time::Duration;

use super::{DEADLINE, ID};
use crate::model::reading::{Reading, Verdict};
use crate::model::skew::Skew;
use crate::model::{Time, after};
use crate::probe::Node;
use crate::probe::http::Answer;

const STAT_AT_MOST: u64 = 256 << 10;
/// What a clock that is kept does not come to.
const APART: Duration = Duration::from_secs(5);

/// How far they are apart; nothing where the answer has no date.
pub(super) fn compare(node: &Node, answer: &Answer) -> Option<Reading> {
    let skew = Skew::of(answer.header("date")?, wall(node).unwrap_or(node.now), DEADLINE)?;
    let reading = skew.reading(ID)?;
    let odd = reading.verdict == Verdict::Fine && skew.at_least() > APART;
    Some(if odd { Reading { verdict: Verdict::Suspect, cause: "ClockSkewed", ..reading } } else { reading })
}

/// The host's clock, as its files tell it: the agent's own does not follow when the host's is set. The time of its start
/// moves with its clock (Linux: fs/proc/stat.c, btime).
fn wall(node: &Node) -> Option<Time> {
    let stat = node.root().head(Path::new("/proc/stat"), STAT_AT_MOST).ok()?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    let booted: i64 = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(after(Time::from_second(booted).ok()?, node.processes().uptime().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::scene::Host;

    fn at(host: &Host, date: &str) -> Reading {
        let head = format!("HTTP/1.1 200 OK\r\nDate: {date}");
        compare(&host.node(), &Answer { status: 200, head, body: String::new() }).unwrap()
    }

    #[test]
    fn clocks_that_are_apart_are_told_in_either_direction() {
        let host = Host::new();
        for (date, verdict) in [
            ("Sat, 21 Nov 2026 03:00:03 GMT", Verdict::Fine),
            ("Sat, 21 Nov 2026 02:59:50 GMT", Verdict::Suspect),
            ("Sat, 21 Nov 2026 03:01:30 GMT", Verdict::Broken),
            ("Sat, 21 Nov 2026 02:58:30 GMT", Verdict::Broken),
        ] {
            assert_eq!(at(&host, date).verdict, verdict, "{date}");
        }
    }

    #[test]
    fn the_host_s_clock_counts_not_the_agent_s() {
        let host = Host::new().whole().file("proc/stat", "cpu 1 2 3\nbtime 1795000000\n");
        let theirs =
            Time::from_second(1_795_100_000 - 7_200).unwrap().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        assert_eq!(at(&host, &theirs).says, "2 h ahead of the API server's");
    }
}
