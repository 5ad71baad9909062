//! The page of a node: what is wrong with it, the pods on their way, the pulls under way. Pure: from a snapshot, a moment
//! and a width.

use std::time::Duration;

use anstyle::Style;

use super::{pulls, sets};
use crate::cli::line::{BAD, FAINT, Line, PLAIN, SLOW, STRONG, wrap};
use crate::model::cause::EventType;
use crate::model::snapshot::{Snapshot, Start, Trouble};
use crate::model::wording::span;
use crate::model::{Time, since};

/// A look this old means that the agent itself is in trouble: on the calmest node it looks every 5 s.
const STALE: Duration = Duration::from_secs(20);
const HEADINGS: [&str; 4] = ["POD", "STAGE", "FOR", "AGE"];

/// The page.
pub(super) fn page(of: &Snapshot, now: Time, width: usize) -> Vec<Line> {
    let mut lines = vec![heading(of)];
    lines.extend(stale(of, now));
    lines.extend(of.node_troubles.iter().flat_map(|trouble| wrong(trouble, now, width)));
    lines.push(Line::default());
    lines.extend(starts(of, now));
    lines.push(Line::default());
    lines.extend(pulls::part(of, now, width));
    lines.extend(sets::part(of));
    lines.into_iter().map(|line| line.cut(width)).collect()
}

/// The node by name, and what runs its containers.
pub(super) fn heading(of: &Snapshot) -> Line {
    let line = Line::of(STRONG, &of.node);
    if of.runtime.is_empty() { line } else { line.then(PLAIN, "  ").then(FAINT, &of.runtime) }
}

/// A word of warning where the agent looks no more.
pub(super) fn stale(of: &Snapshot, now: Time) -> Option<Line> {
    let age = since(of.at, now);
    let words = || format!("the agent's last look was {} ago; its log says why", span(age));
    (age > STALE).then(|| Line::of(SLOW, &words()))
}

/// What is wrong, in full.
pub(super) fn wrong(trouble: &Trouble, now: Time, width: usize) -> Vec<Line> {
    let age = format!(" for {}", span(since(trouble.since, now)));
    let mut lines = vec![Line::default(), Line::of(style(trouble), &trouble.cause).then(FAINT, &age)];
    lines.extend(wrap(&trouble.sentence, width, 2));
    lines
}

/// What needs nobody yet is not shown as bad.
pub(super) fn style(of: &Trouble) -> Style {
    match of.kind {
        EventType::Normal => SLOW,
        EventType::Warning => BAD,
    }
}

/// What there is room for beside the columns: the page cuts it where the terminal ends.
fn words(of: &Trouble) -> &str {
    if of.gist.is_empty() { &of.sentence } else { &of.gist }
}

fn starts(of: &Snapshot, now: Time) -> Vec<Line> {
    let rows: Vec<_> = of.starts.iter().filter(|start| start.arrived.is_none()).map(|start| row(start, now)).collect();
    if rows.is_empty() {
        return vec![Line::of(PLAIN, "No pod is starting.")];
    }
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|(cells, _)| cells.get(column)).map(String::as_str);
        cells.chain(HEADINGS.get(column).copied()).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; 4] = std::array::from_fn(width);
    let top = HEADINGS.iter().zip(widths).fold(Line::default(), |line, (cell, width)| line.cell(STRONG, cell, width));
    let mut lines = vec![top.then(STRONG, "WHAT HOLDS IT")];
    lines.extend(rows.into_iter().map(|(cells, start)| {
        let line = cells.iter().zip(widths).fold(Line::default(), |line, (cell, width)| line.cell(PLAIN, cell, width));
        holds(line, start)
    }));
    lines
}

fn row(start: &Start, now: Time) -> ([String; 4], &Start) {
    let (at_stage, age) = (span(since(start.since, now)), span(since(start.began, now)));
    ([start.pod.to_string(), start.stage.to_string(), at_stage, age], start)
}

/// The trouble if there is one; else what it waits for, which is nothing wrong.
fn holds(line: Line, start: &Start) -> Line {
    match &start.trouble {
        Some(trouble) => line.then(style(trouble), &trouble.cause).then(PLAIN, &format!(": {}", words(trouble))),
        None if start.waits_for.is_empty() => line.then(FAINT, "nothing unusual"),
        None => line.then(PLAIN, &start.waits_for),
    }
}
