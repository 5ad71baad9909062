//! The measurements as a table, beside what the agent allows itself.

use std::fmt::{self, Write as _};

use super::calls::Counts;
use super::meter::Load;
use super::process::Memory;
use super::rush::Rush;
use super::watch::Watched;

/// A calm node's. `size` is the program's, in bytes; `alone` is the runtime without the agent.
pub(super) fn of_calm(size: u64, watched: &Watched, alone: Load) -> String {
    let mut table = String::new();
    // Writing to a String does not fail.
    let _ok = write_calm(&mut table, size, watched, alone);
    table
}

/// A rush's.
pub(super) fn of_rush(rush: &Rush) -> String {
    let mut table = String::new();
    let _ok = write_rush(&mut table, rush);
    table
}

fn write_rush(to: &mut String, rush: &Rush) -> fmt::Result {
    let watched = &rush.watched;
    row(to, "", "measured", "at most")?;
    row(to, "all run after", &format!("{:.0} s", rush.took.as_secs_f64()), "")?;
    row(to, "resident, min/median/max", &spread(&watched.memory, |memory| memory.resident), "14 MiB")?;
    row(to, "agent, of one core", &load(watched.agent), "3 %")?;
    row(to, "containerd", &load(watched.runtime), "")?;
    for (what, counts) in [("calls of", &watched.calls), ("requests:", &watched.requests)] {
        write_starts(to, what, counts, rush.pods)?;
    }
    row(to, "Events written", &watched.events.to_string(), "")
}

fn write_starts(to: &mut String, what: &str, counts: &Counts, pods: usize) -> fmt::Result {
    for (name, count) in &counts.0 {
        row(to, &format!("{what} {name}"), &format!("{count}, {:.2} a start", *count as f64 / pods as f64), "")?;
    }
    Ok(())
}

fn write_calm(to: &mut String, size: u64, watched: &Watched, alone: Load) -> fmt::Result {
    row(to, "", "measured", "at most")?;
    row(to, "program", &format!("{:.2} MiB", mib(size / 1024)), "10 MiB")?;
    row(to, "resident, min/median/max", &spread(&watched.memory, |memory| memory.resident), "14 MiB")?;
    row(to, "of it not from files", &spread(&watched.memory, |memory| memory.anonymous), "")?;
    row(to, "agent, of one core", &load(watched.agent), "0.1 %")?;
    let looks = Load { used: watched.agent.aside, ..watched.agent };
    row(to, "of it the looks at files", &load(looks), "0.1 %")?;
    let more = watched.runtime.percent() - alone.percent();
    row(to, "containerd, with agent", &load(watched.runtime), "")?;
    row(to, "containerd, without", &load(alone), "")?;
    row(to, "containerd, for the agent", &format!("{more:.3} %"), "0.15 %")?;
    let minutes = watched.agent.over.as_secs_f64() / 60.0;
    for (method, count) in &watched.calls.0 {
        row(to, &format!("calls of {method}"), &format!("{:.1} a minute", *count as f64 / minutes), "")?;
    }
    for (request, count) in &watched.requests.0 {
        row(to, &format!("requests: {request}"), &format!("{count} in {minutes:.1} min"), "")?;
    }
    row(to, "Events written", &watched.events.to_string(), "0")
}

/// One line of a table.
pub(crate) fn row(to: &mut String, what: &str, measured: &str, at_most: &str) -> fmt::Result {
    writeln!(to, "{}", format!("{what:<52} {measured:<36} {at_most}").trim_end())
}

fn spread(samples: &[Memory], of: impl Fn(&Memory) -> u64) -> String {
    let mut all: Vec<u64> = samples.iter().map(of).collect();
    all.sort_unstable();
    match (all.first(), all.get(all.len() / 2), all.last()) {
        (Some(least), Some(median), Some(most)) => {
            format!("{:.2} / {:.2} / {:.2} MiB", mib(*least), mib(*median), mib(*most))
        }
        _ => "-".to_owned(),
    }
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

fn load(load: Load) -> String {
    format!("{:.3} %  ({:.2} s in {:.0} s)", load.percent(), load.used.as_secs_f64(), load.over.as_secs_f64())
}
