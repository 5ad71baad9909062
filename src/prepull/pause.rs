//! Whether the next pod would get its pause image: asked for where the runtime or one of its sandboxes names it, and pulled
//! where it is gone, as the runtime itself would for that pod. That the pull fails is the proof. Knows no name by heart.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::backoff::jittered;
use crate::client::cri::Cri;
use crate::clock::Clock;
use crate::model::observation::{Observation, Seen};
use crate::model::runtime::FailureKind;

/// A pull of so small an image that takes longer has failed.
const PULL_AT_MOST: Duration = Duration::from_secs(120);

/// By whom the pause image is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Named {
    /// By nobody yet.
    #[default]
    Nobody,
    /// By the runtime's configuration: the image.
    Runtime(Arc<str>),
    /// By a sandbox that was made with it: the sandbox's id.
    Sandbox(Arc<str>),
}

/// How often it is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two looks while it is here.
    pub calm: Duration,
    /// Between two looks while it is gone.
    pub gone: Duration,
    /// From the first pull that fails to the second; each next one waits twice as long …
    pub again: Duration,
    /// … up to this.
    pub at_most: Duration,
}

impl Pace {
    /// Where other things of the node are looked at in this period.
    #[must_use]
    pub fn of(period: Duration) -> Self {
        Self { calm: period * 6, gone: period / 2, again: period * 3, at_most: period * 60 }
    }
}

/// Looks after the pause image of one runtime.
#[derive(Debug)]
pub struct Pause {
    /// The runtime.
    pub cri: Cri,
    /// Who names the image by now.
    pub named: watch::Receiver<Named>,
    /// How often it is looked for.
    pub pace: Pace,
    /// The agent's clock.
    pub clock: Clock,
}

impl Pause {
    /// Runs until stopped. Sends [`Seen::PauseImage`] after every look and every pull; none while the runtime does not answer.
    pub async fn run(mut self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let token = stop.clone();
        let looking = Box::pin(async {
            let mut remembered = None;
            // Whoever names it lives as long as the agent.
            while self.named.wait_for(|named| *named != Named::Nobody).await.is_ok() {
                if let Some(image) = self.image(&mut remembered).await {
                    self.look_after(&image, &out, &token).await;
                }
                sleep(self.pace.calm).await;
            }
        });
        stop.run_until_cancelled(looking).await;
    }

    /// The runtime's own word, else the first sandbox's: a name does not change while the runtime runs.
    async fn image(&self, remembered: &mut Option<Arc<str>>) -> Option<Arc<str>> {
        let named = self.named.borrow().clone();
        match named {
            Named::Nobody => None,
            Named::Runtime(image) => Some(image),
            Named::Sandbox(id) => {
                if remembered.is_none() {
                    *remembered = self.cri.sandbox_image(&id).await.ok().flatten().map(Arc::from);
                }
                remembered.clone()
            }
        }
    }

    /// Until it is here, or can't be told. It must be gone twice in a row before it is pulled.
    async fn look_after(&self, image: &Arc<str>, out: &mpsc::Sender<Observation>, stop: &CancellationToken) {
        let (mut wait, mut due, mut looks) = (self.pace.again, Duration::ZERO, 0_u32);
        while let Some(here) = self.is_here(image).await {
            if here {
                return self.tell(image, None, out).await;
            }
            looks = looks.saturating_add(1);
            if looks > 1 && due.is_zero() {
                let Some(failure) = self.pull(image, stop).await else { return };
                let here = failure.is_none();
                self.tell(image, failure, out).await;
                if here {
                    return;
                }
                (due, wait) = (jittered(wait), wait.saturating_mul(2).min(self.pace.at_most));
            }
            sleep(self.pace.gone).await;
            due = due.saturating_sub(self.pace.gone);
        }
    }

    async fn is_here(&self, image: &str) -> Option<bool> {
        Some(self.cri.image_status(image).await.result.ok()?.image.is_some())
    }

    /// Why it failed, if it did. Nothing where that proves nothing of the image: the runtime went away meanwhile, called it
    /// off as it ended, or does not answer after it that the image is still gone.
    async fn pull(&self, image: &str, stop: &CancellationToken) -> Option<Option<String>> {
        tracing::info!(image, "the pause image is gone; it is pulled, as the next pod would have it pulled");
        let failure = match timeout(PULL_AT_MOST, self.cri.pull_image(image, None, None, stop)).await {
            Ok(call) => match call.result {
                Ok(_) => return Some(None),
                Err(failure) if failure.kind != FailureKind::Answered || is_called_off(&failure.text) => return None,
                Err(failure) => failure.text,
            },
            Err(_) => format!("no end of it in {} s", PULL_AT_MOST.as_secs()),
        };
        self.is_here(image).await.map(|here| (!here).then_some(failure))
    }

    async fn tell(&self, image: &Arc<str>, failure: Option<String>, out: &mpsc::Sender<Observation>) {
        let seen = Seen::PauseImage { image: image.clone(), failure };
        if out.send(Observation { at: self.clock.now(), seen }).await.is_err() {
            tracing::debug!("an observation came after the end");
        }
    }
}

/// Whoever pulled was told to end: the runtime that ends says so to what it was asked for.
fn is_called_off(error: &str) -> bool {
    error.starts_with("rpc error: code = Canceled") || error.ends_with("context canceled")
}
