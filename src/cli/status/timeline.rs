//! The page of one pod: its stages as bars on one time axis, and what holds it. Pure: from a snapshot, a moment and a width.

use std::time::Duration;

use super::{pulls, table};
use crate::cli::line::{FAINT, GOOD, Line, PLAIN, SLOW, STRONG, wrap};
use crate::model::snapshot::{Snapshot, Span, Start};
use crate::model::stage::Stage;
use crate::model::wording::span;
use crate::model::{Time, since};

/// The narrowest chart.
const CELLS_LEAST: usize = 12;
/// Columns of a duration: `23 h 59 min so far`.
const LENGTH: usize = 18;
/// Evidence is shown where there is room for so many columns of it.
const EVIDENCE_LEAST: usize = 12;

/// The pod that a user named, or why it can't be told which.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum WhichPod {
    /// None is called so.
    #[error(
        "no start of {0} is known here: it runs for long, it is not on this node, or it is spelled otherwise; kubewhy status \
         lists the pods that start"
    )]
    None(String),
    /// Several are.
    #[error("{name} is ambiguous: {all}; give NAMESPACE/NAME", all = .all.join(", "))]
    Several {
        /// What was given.
        name: String,
        /// The pods of that name.
        all: Vec<String>,
    },
}

/// Finds the start of the pod called `NAME` or `NAMESPACE/NAME`. Of several pods of that very name, one after another, the
/// newest.
///
/// # Errors
/// [`WhichPod`].
pub(super) fn find<'a>(of: &'a Snapshot, name: &str) -> Result<&'a Start, WhichPod> {
    let called = |start: &&Start| *start.pod.name == *name || start.pod.to_string() == name;
    let found: Vec<_> = of.starts.iter().filter(called).collect();
    let mut all: Vec<_> = found.iter().map(|start| start.pod.to_string()).collect();
    all.sort();
    all.dedup();
    match found.into_iter().max_by_key(|start| start.began) {
        Some(newest) if all.len() == 1 => Ok(newest),
        Some(_) => Err(WhichPod::Several { name: name.to_owned(), all }),
        None => Err(WhichPod::None(name.to_owned())),
    }
}

/// The page.
pub(super) fn page(of: &Snapshot, start: &Start, now: Time, width: usize) -> Vec<Line> {
    let mut lines = vec![heading(of, start, now)];
    lines.extend(table::stale(of, now));
    lines.push(Line::default());
    lines.extend(chart(start, now, width));
    lines.extend(start.trouble.iter().flat_map(|trouble| table::wrong(trouble, now, width)));
    if start.trouble.is_none() && start.arrived.is_none() && !start.waits_for.is_empty() {
        lines.push(Line::default());
        lines.extend(wrap(&format!("It waits for {}. Nothing is known to be wrong.", start.waits_for), width, 0));
    }
    lines.extend(its_pulls(of, start, now, width));
    lines.into_iter().map(|line| line.cut(width)).collect()
}

fn heading(of: &Snapshot, start: &Start, now: Time) -> Line {
    let line = Line::of(STRONG, &start.pod.to_string()).then(PLAIN, &format!(" on {}: ", of.node));
    match start.arrived {
        Some(arrived) => line.then(GOOD, &format!("runs, after {}", span(since(start.began, arrived)))),
        None => line.then(PLAIN, &format!("on its way for {}", span(since(start.began, now)))),
    }
}

fn its_pulls(of: &Snapshot, start: &Start, now: Time, width: usize) -> Vec<Line> {
    let mut only = Snapshot { pulls_unseen: None, sets: Vec::new(), ..of.clone() };
    only.pulls.retain(|pull| pull.pods.contains(&start.pod));
    if only.pulls.is_empty() {
        return Vec::new();
    }
    [vec![Line::default()], pulls::part(&only, now, width)].concat()
}

/// How the columns of the chart are spread, and what moment stands where.
struct Axis {
    from: Time,
    whole: Duration,
    cells: usize,
    label: usize,
    evidence: usize,
}

impl Axis {
    fn of(way: &[&Span], start: &Start, now: Time, width: usize) -> Self {
        let from = way.iter().map(|span| span.from).fold(start.began, Time::min);
        let until = way.iter().filter_map(|span| span.to).fold(start.arrived.unwrap_or(now), Time::max);
        let longest = |text: fn(&Span) -> usize| way.iter().map(|span| text(span)).max().unwrap_or_default();
        let label = longest(|span| label(span).chars().count());
        let beside = label + LENGTH + 4;
        let evidence = longest(|span| span.evidence.chars().count() + 2);
        let evidence = if width >= beside + CELLS_LEAST + evidence.max(EVIDENCE_LEAST) { evidence } else { 0 };
        let cells = width.saturating_sub(beside + evidence).max(CELLS_LEAST);
        Self { from, whole: since(from, until), cells, label, evidence }
    }

    /// The cell in which a moment lies.
    fn cell(&self, at: Time) -> usize {
        let share = since(self.from, at).as_micros() * self.cells as u128;
        let cell = share.checked_div(self.whole.as_micros()).map_or(0, |cell| usize::try_from(cell).unwrap_or(0));
        cell.min(self.cells)
    }

    /// First cell and number of cells of a span. The shortest one can be seen.
    fn place(&self, from: Time, to: Time) -> (usize, usize) {
        let first = self.cell(from).min(self.cells.saturating_sub(1));
        (first, (self.cell(to).saturating_sub(first)).max(1))
    }
}

fn chart(start: &Start, now: Time, width: usize) -> Vec<Line> {
    // Its end is the chart's.
    let way: Vec<_> = start.spans.iter().filter(|span| span.stage != Stage::Running).collect();
    if way.is_empty() {
        return vec![Line::of(FAINT, &format!("{}; the stages before were not seen", start.stage))];
    }
    let axis = Axis::of(&way, start, now, width);
    let mut lines: Vec<_> = way.iter().map(|span| row(&axis, span, start, now)).collect();
    lines.push(scale(&axis));
    lines
}

fn row(axis: &Axis, of: &Span, start: &Start, now: Time) -> Line {
    let style = match (of.to, &start.trouble) {
        (None, Some(trouble)) => table::style(trouble),
        (None, None) if start.arrived.is_none() => SLOW,
        _ => GOOD,
    };
    let to = of.to.or(start.arrived).unwrap_or(now);
    let (first, long) = axis.place(of.from, to);
    let open = of.to.is_none() && start.arrived.is_none();
    let length = format!("{}{}", short(since(of.from, to)), if open { " so far" } else { "" });
    let line = Line::default().cell(PLAIN, &label(of), axis.label);
    let line = line.then(PLAIN, &" ".repeat(first)).then(style, &"█".repeat(long));
    let line = line.then(PLAIN, &" ".repeat((axis.cells + 2).saturating_sub(first + long)));
    if axis.evidence == 0 {
        line.then(PLAIN, &length)
    } else {
        line.cell(PLAIN, &length, LENGTH).then(FAINT, &of.evidence)
    }
}

fn scale(axis: &Axis) -> Line {
    let end = short(axis.whole);
    let gap = axis.cells.saturating_sub(1 + end.chars().count());
    Line::of(FAINT, &format!("{}0{}{end}", " ".repeat(axis.label + 2), " ".repeat(gap)))
}

fn label(of: &Span) -> String {
    match &of.container {
        Some(container) => format!("{} ({container})", of.stage),
        None => of.stage.to_string(),
    }
}

/// Most stages are short: `0.4 s`.
fn short(of: Duration) -> String {
    if of < Duration::from_secs(10) { format!("{:.1} s", of.as_secs_f64()) } else { span(of) }
}
