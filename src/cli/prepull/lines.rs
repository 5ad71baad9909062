//! How far pulls by hand are, as plain lines: one when an image enters a phase, and one every ten seconds while bytes come.
//! For logs and pipes; nothing is drawn over.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::cause;
use crate::model::wording::size;
use crate::prepull::by_hand::{Phase, View};

/// Between two lines of one download.
const EVERY: Duration = Duration::from_secs(10);

/// What was last said of an image.
struct Said {
    words: &'static str,
    at: Instant,
    done: u64,
}

/// Says it as it goes on, until nobody tells any more.
pub(super) async fn show(mut seen: watch::Receiver<Vec<View>>) -> io::Result<()> {
    let mut said = HashMap::new();
    loop {
        let views = seen.borrow_and_update().clone();
        say(&views, &mut said, &mut io::stderr().lock())?;
        if seen.changed().await.is_err() {
            return Ok(());
        }
    }
}

fn say(views: &[View], said: &mut HashMap<Arc<str>, Said>, out: &mut impl Write) -> io::Result<()> {
    for view in views {
        let words = words(&view.phase);
        let before = said.get(&view.image);
        let is_new = before.is_none_or(|before| before.words != words);
        let moves = view.phase == Phase::Downloads && before.is_some_and(|before| before.at.elapsed() >= EVERY);
        if !is_new && !moves {
            continue;
        }
        let rate =
            before.filter(|_| moves).map(|before| rate(view.done.saturating_sub(before.done), before.at.elapsed()));
        writeln!(out, "{}: {words}{}{}", view.image, amount(view), rate.unwrap_or_default())?;
        said.insert(view.image.clone(), Said { words, at: Instant::now(), done: view.done });
    }
    Ok(())
}

/// What is done with an image, in the present.
pub(super) fn words(phase: &Phase) -> &'static str {
    match phase {
        Phase::Waits => "waiting",
        Phase::Again(_) => "failed, to be tried again",
        Phase::MakesWay => "waiting for a pod's pull",
        Phase::Resolves => "asking the registry",
        Phase::Downloads => "downloading",
        Phase::Unpacks => "unpacking",
        Phase::Present => "here already",
        Phase::Pulled(_) => "pulled",
        Phase::Short(_) => "no room on the disk",
        Phase::Failed(_) => "failed",
        Phase::Unanswered => "the runtime does not answer",
    }
}

fn amount(view: &View) -> String {
    match (&view.phase, view.total) {
        (Phase::Pulled(bytes), _) => format!(", {}", size(*bytes)),
        (Phase::Downloads, Some(total)) => {
            let percent = view.done.saturating_mul(100).checked_div(total).unwrap_or(100);
            format!(" {} of {} ({percent} %)", size(view.done), size(total))
        }
        (Phase::Downloads, None) => format!(" {}", size(view.done)),
        (Phase::Again(failure), _) => cause(failure).map_or_else(String::new, |cause| format!(" ({cause})")),
        _ => String::new(),
    }
}

fn rate(bytes: u64, over: Duration) -> String {
    let per_second = u128::from(bytes) * 1_000 / over.as_millis().max(1);
    format!(", {}/s", size(u64::try_from(per_second).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(phase: Phase, done: u64) -> View {
        View { image: "a:1".into(), phase, done, total: Some(100_000_000) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_phase_is_said_once_and_a_download_every_ten_seconds_with_its_rate() {
        let (mut said, mut out) = (HashMap::new(), Vec::new());
        for (seconds, phase, done) in [
            (0, Phase::Resolves, 0),
            (1, Phase::Resolves, 0),
            (1, Phase::Downloads, 10_000_000),
            (5, Phase::Downloads, 20_000_000),
            (5, Phase::Downloads, 60_000_000),
            (1, Phase::Unpacks, 100_000_000),
            (1, Phase::Pulled(200_000_000), 100_000_000),
        ] {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            say(&[view(phase, done)], &mut said, &mut out).unwrap();
        }
        let expected = "a:1: asking the registry\n\
            a:1: downloading 10 MB of 100 MB (10 %)\n\
            a:1: downloading 60 MB of 100 MB (60 %), 5.0 MB/s\n\
            a:1: unpacking\n\
            a:1: pulled, 200 MB\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
