//! What scenarios say of themselves, read back, and the table made of it. A scenario is another process: it says what it
//! measured in lines that begin with a mark.

#![allow(clippy::print_stdout, reason = "standard output is how a scenario tells its table")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::sampler::Samples;

const VERSION: &str = "@version ";
const MEASURED: &str = "@measured ";
/// How often the agent was asked, and how often it did not answer.
const ASKED: &str = "@asked ";
const SAMPLES: &str = "@samples ";
const WRONG: &str = "@wrong ";

/// Says on which runtime a scenario runs.
pub(super) fn say_version(version: &str) {
    println!("{VERSION}{version}");
}

/// Says a measurement of the scenario.
pub(super) fn say_measured(what: &str) {
    println!("{MEASURED}{what}");
}

/// Says how many samples of stages were taken and how many could not be, and how often which was wrong.
pub(super) fn say_samples(samples: &Samples) {
    println!("{ASKED}{} {}", samples.asked, samples.unanswered);
    println!("{SAMPLES}{}", samples.all);
    for (pair, count) in &samples.wrong {
        println!("{WRONG}{count} {pair}");
    }
}

/// One scenario on one runtime.
pub(super) struct Cell {
    label: &'static str,
    version: String,
    measured: Vec<String>,
    samples: Samples,
    took: Duration,
    failed: Option<String>,
}

impl Cell {
    /// Reads what the scenario said; a failed one said it in its error.
    pub(super) fn read(label: &'static str, outcome: anyhow::Result<String>, took: Duration) -> Self {
        let failed = outcome.as_ref().err().map(|error| format!("{error:#}"));
        let said = outcome.unwrap_or_else(|error| format!("{error:#}"));
        let all = |mark| said.lines().filter_map(move |line| line.strip_prefix(mark)).map(str::to_owned);
        let number = |text: &str| text.parse::<usize>().ok();
        let wrong = all(WRONG).filter_map(|line| {
            let (count, pair) = line.split_once(' ')?;
            Some((pair.to_owned(), number(count)?))
        });
        let asked = all(ASKED).next().unwrap_or_default();
        let (asked, unanswered) = asked.split_once(' ').unwrap_or_default();
        let samples = Samples {
            asked: number(asked).unwrap_or_default(),
            unanswered: number(unanswered).unwrap_or_default(),
            all: all(SAMPLES).filter_map(|line| number(&line)).sum(),
            wrong: wrong.collect(),
        };
        Self {
            label,
            version: all(VERSION).next().unwrap_or_default(),
            measured: all(MEASURED).collect(),
            samples,
            took,
            failed,
        }
    }

    fn text(&self) -> String {
        let verdict = if self.failed.is_some() { "FAILED" } else { "ok" };
        let measured = self.measured.join("; ");
        let Samples { asked, unanswered, all, wrong } = &self.samples;
        let wrong: usize = wrong.values().sum();
        let took = self.took.as_secs();
        format!("{verdict}  {measured}  (stages: {wrong} of {all} wrong; {unanswered} of {asked} unanswered; {took} s)")
    }
}

/// One runtime.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) cells: Vec<Cell>,
}

impl Column {
    /// Every scenario that failed, with what it said.
    pub(super) fn failures(&self) -> impl Iterator<Item = String> {
        let failed = self.cells.iter().filter_map(|cell| Some((cell, cell.failed.as_ref()?)));
        failed.map(|(cell, said)| format!("--- {}, {}:\n{said}", cell.label, self.version()))
    }

    fn version(&self) -> &str {
        let told = self.cells.iter().map(|cell| &*cell.version).find(|version| !version.is_empty());
        told.unwrap_or(self.name)
    }
}

/// How many of a thousand samples of the first so many scenarios are wrong.
pub(super) fn wrong_per_mille(columns: &[Column], rows: usize) -> f64 {
    per_mille(columns, rows, |samples| (samples.wrong.values().sum(), samples.all))
}

/// How many of a thousand questions had no answer.
pub(super) fn unanswered_per_mille(columns: &[Column]) -> f64 {
    per_mille(columns, usize::MAX, |samples| (samples.unanswered, samples.asked))
}

fn per_mille(columns: &[Column], rows: usize, of: fn(&Samples) -> (usize, usize)) -> f64 {
    let shares = columns.iter().flat_map(|column| column.cells.iter().take(rows)).map(|cell| of(&cell.samples));
    let (part, whole) = shares.fold((0, 0), |sum, share| (sum.0 + share.0, sum.1 + share.1));
    1000.0 * part as f64 / whole.max(1) as f64
}

/// The table: for each scenario a line per runtime; below it which stages were wrong, and what could not be had.
pub(super) fn text(labels: impl Iterator<Item = &'static str>, columns: &[Column], missing: &[String]) -> String {
    let mut text = String::new();
    for (index, label) in labels.enumerate() {
        let _ok = writeln!(text, "{label}");
        for column in columns {
            let cell = column.cells.get(index).map(Cell::text).unwrap_or_default();
            let _ok = writeln!(text, "    {:<20} {cell}", column.version());
        }
    }
    let (wrong, unanswered) = (wrong_per_mille(columns, usize::MAX), unanswered_per_mille(columns));
    let _ok = write!(text, "\nstages, each second against the lab's own record: {wrong:.1} ‰ wrong");
    let _ok = writeln!(text, "; {unanswered:.1} ‰ of the questions unanswered");
    for column in columns {
        for (pair, count) in pairs(column) {
            let _ok = writeln!(text, "    {:<20} {count:>4} x {pair}", column.version());
        }
    }
    let (had, all) = (columns.len(), columns.len() + missing.len());
    let _ok = write!(text, "{had} of {all} runtimes");
    if !missing.is_empty() {
        let _ok = write!(text, "; SKIPPED: {}", missing.join("; "));
    }
    text + "\n"
}

fn pairs(column: &Column) -> BTreeMap<&str, usize> {
    let mut pairs = BTreeMap::new();
    for (pair, count) in column.cells.iter().flat_map(|cell| &cell.samples.wrong) {
        *pairs.entry(&**pair).or_default() += count;
    }
    pairs
}
