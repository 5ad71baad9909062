//! The pre-pull sets of a node, a line each.

use crate::cli::line::{BAD, GOOD, Line, PLAIN, STRONG};
use crate::model::snapshot::{SetState, Snapshot};

/// The part of the page on sets; empty where the node has none.
pub(super) fn part(of: &Snapshot) -> Vec<Line> {
    let lines: Vec<_> = of.sets.iter().map(line).collect();
    if lines.is_empty() { lines } else { std::iter::once(Line::default()).chain(lines).collect() }
}

fn line(of: &SetState) -> Line {
    let noun = if of.images == 1 { "image" } else { "images" };
    let line = Line::of(PLAIN, "pre-pull set ").then(STRONG, &of.set).then(PLAIN, "  ");
    let line = if of.complete { line.then(GOOD, "complete").then(PLAIN, ", ") } else { line };
    let line = line.then(PLAIN, &format!("{} of {} {noun} here", of.here, of.images));
    let style = if of.failed > 0 { BAD } else { PLAIN };
    if of.holds.is_empty() { line } else { line.then(PLAIN, "; ").then(style, &of.holds) }
}
