//! How far pulls by hand are, as bars on a terminal: one an image, and one for all. Drawn on stderr.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::watch;

use super::lines::words;
use crate::model::wording::{cut_middle, size};
use crate::prepull::by_hand::{Phase, View};

/// As much of an image's name as a bar has room for.
const NAME: usize = 40;

const MOVING: &str =
    "{prefix:40} {bar:20} {msg:24} {decimal_bytes:>10}/{decimal_total_bytes:10} {decimal_bytes_per_sec}";
const STILL: &str = "{prefix:40} {msg}";

/// Draws them until nobody tells any more.
pub(super) async fn show(mut seen: watch::Receiver<Vec<View>>) -> io::Result<()> {
    let styles = Styles::new().map_err(io::Error::other)?;
    let all = MultiProgress::new();
    let mut bars: HashMap<Arc<str>, ProgressBar> = HashMap::new();
    let total = all.add(ProgressBar::new(0).with_style(styles.moving.clone()).with_prefix("all"));
    loop {
        let views = seen.borrow_and_update().clone();
        for view in &views {
            let prefix = cut_middle(&view.image, NAME);
            let new = || all.insert_before(&total, ProgressBar::new(0).with_prefix(prefix));
            draw(bars.entry(view.image.clone()).or_insert_with(new), view, &styles);
        }
        draw_all(&total, &views);
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
    let moves = matches!(view.phase, Phase::Downloads | Phase::Unpacks);
    bar.set_style(if moves { styles.moving.clone() } else { styles.still.clone() });
    if moves && bar.length() == Some(0) {
        bar.set_position(view.done);
        bar.reset_eta(); // what was here before was not fetched just now
    }
    bar.set_length(view.total.unwrap_or(view.done).max(1));
    bar.set_position(view.done);
    bar.set_message(match &view.phase {
        Phase::Pulled(bytes) => format!("pulled, {}", size(*bytes)),
        phase => words(phase).to_owned(),
    });
}

fn draw_all(total: &ProgressBar, views: &[View]) {
    let here = views.iter().filter(|view| matches!(view.phase, Phase::Present | Phase::Pulled(_))).count();
    total.set_length(views.iter().map(|view| view.total.unwrap_or(view.done)).sum::<u64>().max(1));
    total.set_position(views.iter().map(|view| view.done).sum());
    total.set_message(format!("{here} of {} here", views.len()));
}
