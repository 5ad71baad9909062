//! The pulls of a node, with a bar each: how much is here, how fast it comes, how long it takes. Where nothing is known it
//! says so and draws no bar.

use std::time::Duration;

use crate::cli::line::{FAINT, GOOD, Line, PLAIN, SLOW, STRONG};
use crate::model::snapshot::{PullPhase, PullState, Snapshot};
use crate::model::wording::{size, span};
use crate::model::{Time, since};

/// A silence this long is worth a word: pulls are looked at every second or two.
const STILL: Duration = Duration::from_secs(5);
const BAR_LEAST: usize = 10;
const BAR_MOST: usize = 40;
/// Columns of what stands beside the bar.
const BESIDE: usize = 60;

/// The part of the page on pulls.
pub(super) fn part(of: &Snapshot, now: Time, width: usize) -> Vec<Line> {
    let mut lines: Vec<_> = of.pulls.iter().flat_map(|pull| [title(pull), progress(pull, now, width)]).collect();
    if let Some(why) = &of.pulls_unseen {
        lines.push(Line::of(FAINT, &format!("Pulls can't be seen: {why}")));
    } else if lines.is_empty() {
        lines.push(Line::of(PLAIN, "No image is being pulled."));
    }
    lines
}

fn title(pull: &PullState) -> Line {
    let image = pull.image.as_deref().unwrap_or("an image that is not known yet");
    let whose = match pull.pods.as_slice() {
        [] if pull.own => "pre-pull".to_owned(),
        [] => String::new(),
        [pod] => format!("for {pod}"),
        [pod, more @ ..] => format!("for {pod} and {} more", more.len()),
    };
    Line::of(STRONG, image).then(PLAIN, "  ").then(FAINT, &whose)
}

fn progress(pull: &PullState, now: Time, width: usize) -> Line {
    let line = Line::of(PLAIN, "  ");
    let age = span(since(pull.began, now));
    match (pull.phase, pull.total) {
        (PullPhase::Resolving, _) => line.then(PLAIN, &format!("asks the registry, no answer in {age} so far")),
        (PullPhase::Queued, _) => line.then(PLAIN, &format!("waits for its turn, {age} so far")),
        (PullPhase::Running, _) => line.then(PLAIN, &format!("runs for {age}; the runtime shows no more of it")),
        (PullPhase::Asked, _) => {
            line.then(PLAIN, &format!("asked for {age} ago; whether it runs the runtime does not show"))
        }
        (PullPhase::Downloading, None) => {
            let (here, of) = pull.layers;
            line.then(PLAIN, &format!("{} so far, {here} of {of} layers are here", size(pull.done)))
                .then(PLAIN, &speed(pull))
                .then(SLOW, &silence(pull))
        }
        (PullPhase::Downloading, Some(total)) => {
            let amount = format!("  {} of {}", size(pull.done), size(total));
            bar(line, pull.done, total, width).then(PLAIN, &(amount + &speed(pull))).then(SLOW, &silence(pull))
        }
        (PullPhase::Unpacking, total) => {
            let all = total.unwrap_or(pull.done);
            bar(line, all, all, width).then(PLAIN, &format!("  {}, all here; unpacking", size(all)))
        }
    }
}

/// Of a pull that stands still there is none, and how long the rest takes nobody knows.
fn speed(pull: &PullState) -> String {
    if pull.still >= STILL {
        return String::new();
    }
    let rate = pull.rate.map(|rate| format!("  {}/s", size(rate))).unwrap_or_default();
    let left = pull.left.map(|left| format!("  {} left", span(left))).unwrap_or_default();
    rate + &left
}

fn silence(pull: &PullState) -> String {
    if pull.still < STILL { String::new() } else { format!("  no byte for {}", span(pull.still)) }
}

/// `████████░░░░░░░░░░░░  42 %`. Full and 100 % only when all of it is here.
fn bar(line: Line, done: u64, total: u64, width: usize) -> Line {
    let cells = width.saturating_sub(BESIDE).clamp(BAR_LEAST, BAR_MOST);
    let full = usize::try_from(share(done, total, cells as u64)).unwrap_or(cells);
    line.then(GOOD, &"█".repeat(full))
        .then(FAINT, &"░".repeat(cells - full))
        .then(PLAIN, &format!("  {:>3} %", share(done, total, 100)))
}

/// `done` of `total`, in parts of `parts`; all of nothing.
fn share(done: u64, total: u64, parts: u64) -> u64 {
    let scaled = u128::from(done.min(total)) * u128::from(parts);
    scaled.checked_div(u128::from(total)).map_or(parts, |share| u64::try_from(share).unwrap_or(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_whole_only_when_all_is_here() {
        assert_eq!((share(0, 15, 100), share(6, 15, 100), share(14, 15, 10), share(15, 15, 100)), (0, 40, 9, 100));
        assert_eq!((share(16, 15, 100), share(0, 0, 100), share(u64::MAX - 1, u64::MAX, 100)), (100, 100, 99));
    }
}
