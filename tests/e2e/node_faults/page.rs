//! The table made of what the labs said: for each fault its cause, and for each runtime how soon it was named and ended.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::row::{self, Row};

/// One lab on one runtime.
pub(super) struct Lab {
    version: String,
    rows: Vec<Row>,
    failed: Option<String>,
}

impl Lab {
    /// Reads what it said; a failed one said it in its error.
    pub(super) fn read(test: &str, outcome: anyhow::Result<String>) -> Self {
        let failed = outcome.as_ref().err().map(|error| format!("--- {test}:\n{error:#}"));
        let (version, rows) = row::read(&outcome.unwrap_or_else(|error| format!("{error:#}")));
        Self { version, rows, failed }
    }
}

/// One runtime.
pub(super) struct Column {
    name: &'static str,
    pub(super) labs: Vec<Lab>,
}

impl Column {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, labs: Vec::new() }
    }

    /// What each lab that failed said.
    pub(super) fn failures(&self) -> impl Iterator<Item = &str> {
        self.labs.iter().filter_map(|lab| lab.failed.as_deref())
    }

    fn version(&self) -> &str {
        let told = self.labs.iter().map(|lab| &*lab.version).find(|version| !version.is_empty());
        told.unwrap_or(self.name)
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.labs.iter().flat_map(|lab| &lab.rows)
    }

    /// The slowest of all rounds, and whether one did not hold.
    fn cell(&self, fault: &str) -> String {
        let rows: Vec<&Row> = self.rows().filter(|row| row.fault == fault).collect();
        let worst = |took: fn(&Row) -> Option<f64>| {
            let all: Option<Vec<f64>> = rows.iter().map(|row| took(row)).collect();
            all.map(|all| all.into_iter().fold(0.0, f64::max))
        };
        let flawed = rows.is_empty() || rows.iter().any(|row| row.flaw().is_some());
        pair(worst(|row| row.named), worst(|row| row.ended)) + if flawed { " FAILED" } else { "" }
    }
}

/// The table, what else was said of the same node, and what could not be had.
pub(super) fn text(columns: &[Column], missing: &[String]) -> String {
    let title = "fault; seconds until it is named / until its end is told";
    let mut text = format!("{title:<62}{:<26}{:<14}", "cause", "at most");
    for column in columns {
        let _ok = write!(text, "{:<21}", column.version());
    }
    let mut seen = BTreeSet::new();
    for row in columns.iter().flat_map(Column::rows).filter(|row| seen.insert(&row.fault)) {
        let within = pair(Some(row.name_within), Some(row.end_within));
        let _ok = write!(text, "\n{:<62}{:<26}{within:<14}", row.fault, row.cause);
        for column in columns {
            let _ok = write!(text, "{:<21}", column.cell(&row.fault));
        }
    }
    for (column, row) in columns.iter().flat_map(|column| column.rows().map(move |row| (column, row))) {
        for said in &row.beside {
            let _ok = write!(text, "\nbeside, {}, {}: {said}", column.version(), row.fault);
        }
    }
    let (had, all) = (columns.len(), columns.len() + missing.len());
    let _ok = write!(text, "\n{had} of {all} runtimes");
    if !missing.is_empty() {
        let _ok = write!(text, "; SKIPPED: {}", missing.join("; "));
    }
    text
}

fn pair(named: Option<f64>, ended: Option<f64>) -> String {
    let [named, ended] = [named, ended].map(|took| took.map_or("never".to_owned(), |took| format!("{took:.1}")));
    format!("{named} / {ended}")
}
