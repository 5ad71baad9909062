//! `kubewhy status --watch`: shows what the agent tells, and lets the ages grow in between, until Ctrl-C. An agent that ends
//! is waited for: while a DaemonSet rolls, another follows.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::agent::{Agent, NoAnswer, Told, Watched};
use super::document::Document;
use super::page;
use super::screen::{self, Screen};
use crate::cli::Output;
use crate::cli::line::{Line, SLOW, wrap};
use crate::client::backoff::Backoff;
use crate::clock::Clock;
use crate::model::snapshot::Snapshot;
use crate::model::wording;

/// Between two drawings on a terminal; what changes meanwhile is drawn at once.
const REDRAW: Duration = Duration::from_secs(1);
/// Between two blocks elsewhere.
const BLOCK: Duration = Duration::from_secs(5);
/// Between tries to find the next agent.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// The newest that is known.
#[derive(Clone, Debug)]
struct Known {
    snapshot: Snapshot,
    /// The agent's clock, gone on since it told.
    clock: Clock,
    /// Why nothing new comes.
    lost: Option<String>,
}

impl Known {
    fn of(told: Told) -> Self {
        Self { snapshot: told.snapshot, clock: Clock::starting_at(told.now), lost: None }
    }

    fn page(&self, wanted: Option<&str>, width: usize) -> Vec<Line> {
        let now = self.clock.now();
        let mut lines = page(&self.snapshot, wanted, now, width)
            .unwrap_or_else(|which| vec![Line::of(SLOW, &wording::chain(&which)).cut(width)]);
        if let Some(why) = &self.lost {
            lines.push(Line::default());
            lines.extend(wrap(&format!("{why}. Waiting for an agent; Ctrl-C ends this."), width, 0));
        }
        lines
    }
}

/// Shows what holds, until `stop`.
///
/// # Errors
/// No agent answers at the beginning; stdout is closed.
pub(super) async fn run(
    socket: PathBuf,
    wanted: Option<&str>,
    output: Output,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut watched = Agent::at(&socket).await?.watch().await?;
    let (feed, known) = watch::channel(Known::of(watched.next().await?));
    let following = follow(socket, watched, feed);
    let showing = async {
        match output {
            Output::Json => print(known, wanted).await,
            Output::Text => show(known, wanted, Screen::stdout()).await,
        }
    };
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        () = following => Ok(()),
        shown = showing => shown,
    }
}

/// Passes on what the agent tells, and after it the next agent.
async fn follow(socket: PathBuf, mut watched: Watched, feed: watch::Sender<Known>) {
    loop {
        let lost = pass_on(&mut watched, &feed).await;
        feed.send_modify(|known| known.lost = Some(wording::chain(&lost)));
        watched = next_agent(&socket).await;
    }
}

async fn pass_on(watched: &mut Watched, feed: &watch::Sender<Known>) -> NoAnswer {
    loop {
        match watched.next().await {
            Ok(told) => feed.send_replace(Known::of(told)),
            Err(lost) => return lost,
        };
    }
}

async fn next_agent(socket: &Path) -> Watched {
    let mut backoff = Backoff::new(RETRY.0, RETRY.1);
    loop {
        sleep(RETRY.0 / 2 + backoff.wait()).await;
        if let Ok(agent) = Agent::at(socket).await
            && let Ok(watched) = agent.watch().await
        {
            return watched;
        }
    }
}

async fn show(
    mut known: watch::Receiver<Known>,
    wanted: Option<&str>,
    mut screen: Screen<io::Stdout>,
) -> anyhow::Result<()> {
    let mut ticks = interval(if screen.in_place() { REDRAW } else { BLOCK });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            Ok(()) = known.changed(), if screen.in_place() => {}
        }
        let (width, rows) = screen::size();
        let page = known.borrow_and_update().page(wanted, width);
        screen.draw(&page, rows)?;
    }
}

/// One JSON document a line, for each thing the agent tells.
async fn print(mut known: watch::Receiver<Known>, wanted: Option<&str>) -> anyhow::Result<()> {
    loop {
        let line = {
            let newest = known.borrow_and_update();
            let document = Document::so_far(&newest.snapshot, wanted, newest.clock.now());
            newest.lost.is_none().then(|| serde_json::to_string(&document)).transpose()?
        };
        if let Some(line) = line {
            let mut out = io::stdout();
            writeln!(out, "{line}")?;
            out.flush()?;
        }
        known.changed().await?;
    }
}
