//! How far pulls by hand are, as bars on a terminal: one an image, and one for all. Drawn on stderr.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::watch;

use super::lines::words;
use crate::model::pull::sum;
use crate::model::wording::{cut_middle, size};
use crate::prepull::by_hand::{Phase, View};

/// As much of an image's name as there is room for on a terminal of 80 columns, beside the rest of a line.
const NAME: usize = 28;

const MOVING: &str =
    "{prefix:28} {msg:13} {wide_bar} {decimal_bytes:>9}/{decimal_total_bytes:9} {decimal_bytes_per_sec:>10}";
const STILL: &str = "{prefix:28} {wide_msg}";

/// Draws them until nobody tells any more.
pub(super) async fn show(mut seen: watch::Receiver<Vec<View>>) -> io::Result<()> {
    let styles = Styles::new().map_err(io::Error::other)?;
    let all = MultiProgress::new();
    let mut bars: HashMap<Arc<str>, ProgressBar> = HashMap::new();
    let total = all.add(ProgressBar::new(0).with_style(styles.still.clone()).with_prefix("all"));
    loop {
        let views = seen.borrow_and_update().clone();
        for view in &views {
            let prefix = cut_middle(&view.image, NAME);
            let new = || all.insert_before(&total, ProgressBar::new(0).with_prefix(prefix));
            draw(bars.entry(view.image.clone()).or_insert_with(new), view, &styles);
        }
        draw_all(&total, &views, &styles);
        if seen.changed().await.is_err() {
            bars.values().for_each(ProgressBar::abandon);
            total.abandon();
            return Ok(());
        }
    }
}

struct Styles {
    moving: ProgressStyle,
    still: ProgressStyle,
}

impl Styles {
    fn new() -> Result<Self, indicatif::style::TemplateError> {
        Ok(Self { moving: ProgressStyle::with_template(MOVING)?, still: ProgressStyle::with_template(STILL)? })
    }
}

fn draw(bar: &ProgressBar, view: &View, styles: &Styles) {
    let message = match &view.phase {
        Phase::Pulled(bytes) => format!("pulled, {}", size(*bytes)),
        phase => words(phase).to_owned(),
    };
    let moves = matches!(view.phase, Phase::Downloads | Phase::Unpacks);
    move_to(bar, moves.then_some((view.done, view.total.unwrap_or(view.done))), message, styles);
}

/// The bytes of all are told once they are known: a share of those that have begun would go back as others begin.
fn draw_all(total: &ProgressBar, views: &[View], styles: &Styles) {
    let here = views.iter().filter(|view| matches!(view.phase, Phase::Present | Phase::Pulled(_))).count();
    let message = format!("{here} of {} here", views.len());
    let known = |view: &&View| view.total.is_some() || view.phase.is_end();
    let moves = here < views.len() && views.iter().all(|view| known(&view));
    let done = sum(views.iter().map(|view| view.done));
    let bytes = moves.then(|| (done, sum(views.iter().filter_map(|view| view.total))));
    move_to(total, bytes, message, styles);
}

/// As a bar with so many bytes of so many, or as words alone.
fn move_to(bar: &ProgressBar, bytes: Option<(u64, u64)>, message: String, styles: &Styles) {
    bar.set_style(if bytes.is_some() { styles.moving.clone() } else { styles.still.clone() });
    if let Some((done, total)) = bytes {
        if bar.length() == Some(0) {
            bar.set_position(done);
            bar.reset_eta(); // what was here before was not fetched just now
        }
        bar.set_length(total.max(1));
        bar.set_position(done);
    }
    bar.set_message(message);
}
