//! The node's clock beside the API server's, which stands in every answer (RFC 9110, 6.6.1).

use std::path::Path;
use std::time::Duration;

use super::ID;
use crate::model::reading::Reading;
use crate::model::wording::span;
use crate::model::{Time, after, since};
use crate::probe::Node;
use crate::probe::http::Answer;

const STAT_AT_MOST: u64 = 256 << 10;
/// A date has whole seconds, and the answer was some time on its way.
const APART: Duration = Duration::from_secs(5);
/// From here on tokens and certificates are refused (go-jose: jwt/validation.go, DefaultLeeway).
const REFUSED: Duration = Duration::from_secs(60);

/// How far they are apart; nothing where the answer has no date.
pub(super) fn compare(node: &Node, answer: &Answer) -> Option<Reading> {
    let theirs = date(answer.header("date")?)?;
    let ours = wall(node).unwrap_or(node.now);
    let apart = since(ours, theirs).max(since(theirs, ours));
    let says = format!("{} apart from the API server's", span(apart));
    let reading = match () {
        () if apart > REFUSED => Reading::broken(ID, "clock", "ClockSkewed", says),
        () if apart > APART => Reading::suspect(ID, "clock", "ClockSkewed", says),
        () => Reading::fine(ID, "clock", says),
    };
    Some(reading.with("now", ours.to_string()).with("theirs", theirs.to_string()))
}

fn date(text: &str) -> Option<Time> {
    let moment = jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S GMT", text).ok()?;
    Some(moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

/// The host's clock, as its files tell it: the agent's own does not follow when the host's is set. The time of its start
/// moves with its clock (Linux: fs/proc/stat.c, btime).
fn wall(node: &Node) -> Option<Time> {
    let stat = node.root().head(Path::new("/proc/stat"), STAT_AT_MOST).ok()?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    let booted: i64 = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(after(Time::from_second(booted).ok()?, node.processes().uptime()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::Verdict;
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
        assert!(date("Saturday, 21-Nov-26 03:00:00 GMT").is_none());
    }

    #[test]
    fn the_host_s_clock_counts_not_the_agent_s() {
        let host = Host::new().whole().file("proc/stat", "cpu 1 2 3\nbtime 1795000000\n");
        let reading = at(&host, "Sat, 21 Nov 2026 03:00:00 GMT");
        assert_eq!(reading.facts[0].1, Time::from_second(1_795_100_000).unwrap().to_string());
    }
}
