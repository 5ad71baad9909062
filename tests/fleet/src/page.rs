//! What is shown: one table, put between two marks of a document, and for each storm the data of its chart.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use jiff::SignedDuration;

use crate::ledger::KINDS;
use crate::storm::{ALL, Outcome, Storm};

/// Between these the table stands.
const MARKS: (&str, &str) = ("<!-- made by `make scale` -->\n", "<!-- until here -->\n");
/// The largest cluster, told by arithmetic from the one before it.
const BY_ARITHMETIC: usize = 15_000;

struct Row {
    nodes: String,
    requests: f64,
    peak: f64,
    objects: f64,
    cached: f64,
    stored: f64,
    events: f64,
    writes: f64,
    seats: (f64, f64),
}

impl Row {
    fn of(outcome: &Outcome) -> Self {
        let (ledger, reads) = (&outcome.ledger, outcome.ledger.reads);
        Self {
            nodes: grouped(outcome.nodes as f64),
            requests: ledger.requests() as f64,
            peak: ledger.peak(SignedDuration::from_secs(1)) as f64,
            objects: reads.objects as f64,
            cached: reads.cached as f64,
            stored: reads.stored as f64,
            events: reads.events as f64,
            writes: ledger.writes() as f64,
            seats: ledger.seats(),
        }
    }

    fn times(&self, factor: f64, nodes: usize) -> Self {
        Self {
            nodes: format!("{} (× {factor})", grouped(nodes as f64)),
            requests: self.requests * factor,
            peak: self.peak * factor,
            objects: self.objects * factor,
            cached: self.cached * factor,
            stored: self.stored * factor,
            events: self.events * factor,
            writes: self.writes * factor,
            seats: (self.seats.0 * factor, self.seats.1 * factor),
        }
    }

    fn line(&self, storm: Storm) -> String {
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1} / {:.1} |\n",
            storm.name(),
            self.nodes,
            grouped(self.requests),
            grouped(self.peak),
            grouped(self.writes),
            grouped(self.objects),
            bytes(self.cached),
            bytes(self.stored),
            bytes(self.events),
            self.seats.0,
            self.seats.1,
        )
    }
}

/// The table.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> String {
    let mut table = String::from(
        "| occasion | nodes | requests | most in a second | of them write an Event | objects read | read in the watch cache | read in etcd | Events listed or watched | seats, one flow / all |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for storm in ALL {
        let of_storm: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.storm == storm).collect();
        for outcome in &of_storm {
            table.push_str(&Row::of(outcome).line(storm));
        }
        if let Some(largest) = of_storm.iter().max_by_key(|outcome| outcome.nodes) {
            let factor = BY_ARITHMETIC as f64 / largest.nodes as f64;
            table.push_str(&Row::of(largest).times(factor, BY_ARITHMETIC).line(storm));
        }
    }
    table
}

/// Puts the table into a document, in place of the one that stands there.
///
/// # Errors
/// When the document cannot be read or written, or lacks the marks.
pub fn put(document: &Path, table: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(document).with_context(|| document.display().to_string())?;
    let (head, rest) = text.split_once(MARKS.0).context("the document has no place for the table")?;
    let (_, tail) = rest.split_once(MARKS.1).context("the place for the table has no end")?;
    Ok(std::fs::write(document, format!("{head}{}\n{table}\n{}{tail}", MARKS.0, MARKS.1))?)
}

/// Writes the requests of each second, by kind, for a chart: `FOLDER/STORM.tsv`.
///
/// # Errors
/// When it cannot be written.
pub fn chart(outcome: &Outcome, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut text = format!("second\t{}\tnobody there\n", KINDS.join("\t"));
    for (second, counts) in outcome.ledger.seconds().into_iter().enumerate() {
        let counts: Vec<String> = counts.iter().map(u32::to_string).collect();
        _ = writeln!(text, "{second}\t{}", counts.join("\t"));
    }
    Ok(std::fs::write(folder.join(format!("{}.tsv", outcome.storm.name())), text)?)
}

/// With a comma between thousands.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn bytes(number: f64) -> String {
    match number {
        small if small < 1e3 => format!("{small:.0} B"),
        some if some < 1e6 => format!("{:.1} kB", some / 1e3),
        many if many < 1e9 => format!("{:.1} MB", many / 1e6),
        more => format!("{:.1} GB", more / 1e9),
    }
}
