//! The table made of what the labs said: for each fault its cause, and for each runtime how soon it was named and ended.

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
}

/// The table, what else was said of the same node, and what could not be had.
pub(super) fn text(columns: &[Column], missing: &[String]) -> String {
    let mut text =
        format!("{:<62}{:<26}{:<16}", "fault: seconds until named, until its end was told", "cause", "at most");
    for column in columns {
        let _ok = write!(text, "{:<18}", column.version());
    }
    let first = columns.first().into_iter().flat_map(Column::rows);
    for row in first {
        let within = pair(Some(row.name_within), Some(row.end_within));
        let _ok = write!(text, "\n{:<62}{:<26}{within:<16}", row.fault, row.cause);
        for column in columns {
            let _ok = write!(text, "{:<18}", cell(column, row));
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

fn cell(column: &Column, of: &Row) -> String {
    let Some(row) = column.rows().find(|row| row.fault == of.fault) else { return "FAILED".to_owned() };
    let verdict = if row.flaw().is_some() { " FAILED" } else { "" };
    pair(row.named, row.ended) + verdict
}

fn pair(named: Option<f64>, ended: Option<f64>) -> String {
    let [named, ended] = [named, ended].map(|took| took.map_or("never".to_owned(), |took| format!("{took:.1}")));
    format!("{named} / {ended}")
}
