//! Looks for CNI plugins in the host's process table, only while one of them may be what holds a pod or the runtime. It
//! reads `/proc` and sends no signal; of an environment it keeps the parameters of CNI and nothing else.

mod process;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::process::{Found, Table};
use super::asking::Asking;
use super::cni::CniDirs;
use crate::clock::Clock;
use crate::host::Mounts;
use crate::host::Root;
use crate::model::Time;
use crate::model::making::PluginProcess;
use crate::model::observation::{Observation, Seen};
use crate::observe::{Outlet, Pace};

/// Looks for CNI plugins that run.
pub struct PluginObserver {
    /// Where the host's root is visible; `/` outside a container.
    pub root: PathBuf,
    /// Where CNI lives, as the runtime tells it by now.
    pub dirs: watch::Receiver<CniDirs>,
    /// Whether a plugin may hold something. While none may it does not look.
    pub wanted: watch::Receiver<bool>,
    /// How often it looks: every third time, since each look goes through all processes of the host and a plugin that
    /// matters has run for long.
    pub pace: Pace,
    /// The agent's clock.
    pub clock: Clock,
}

impl PluginObserver {
    /// Looks until `stop`. Sends [`Seen::Plugins`] after every look, and of looks that fail alike the first.
    pub async fn run(mut self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let out = Outlet::new(out, self.clock);
        let looking = async {
            let mut asking = Asking::default();
            let mut failing = None;
            // The engine that says what is wanted lives as long as the agent.
            while self.wanted.wait_for(|wanted| *wanted).await.is_ok() {
                let seen = self.look(&mut asking).await;
                let failure = seen.as_ref().err().cloned();
                if failure.is_none() || failure != failing {
                    if let Some(reason) = &failure {
                        tracing::info!(%reason, "CNI plugins that run cannot be seen");
                    }
                    out.tell(Seen::Plugins(seen)).await;
                }
                failing = failure;
                self.rest().await;
            }
        };
        stop.run_until_cancelled(looking).await;
    }

    async fn rest(&mut self) {
        sleep(self.pace.busy() * 2).await;
        self.pace.rest().await;
    }

    async fn look(
        &self,
        asking: &mut Asking<Result<Vec<PluginProcess>, String>>,
    ) -> Result<Vec<PluginProcess>, String> {
        let (root, dirs, clock) = (self.root.clone(), self.dirs.borrow().bin_dirs.clone(), self.clock);
        asking.ask(move || look(&root, &dirs, clock)).await.map_err(|no| no.to_string())?
    }
}

fn look(root: &Path, bin_dirs: &[PathBuf], clock: Clock) -> Result<Vec<PluginProcess>, String> {
    let mounts = Mounts::at(root).map_err(|error| format!("what is mounted below {}: {error}", root.display()))?;
    let proc = Root(&mounts).find(Path::new("/proc")).map_err(|lost| lost.to_string())?;
    let table = Table { proc: &proc, bin_dirs };
    let failed = |error: std::io::Error| format!("{}: {error}", proc.display());
    let found = table.plugins().map_err(failed)?;
    let (uptime, now) = (table.uptime().map_err(failed)?, clock.now());
    Ok(found.into_iter().map(|found| plugin(found, uptime, now)).collect())
}

/// Both clocks are read at one moment: the host's uptime and the agent's time.
fn plugin(found: Found, uptime: f64, now: Time) -> PluginProcess {
    let age = Duration::try_from_secs_f64(uptime - found.started).unwrap_or_default();
    PluginProcess {
        pid: found.pid,
        caller: found.caller,
        plugin: found.plugin,
        began: now.checked_sub(age).unwrap_or(now),
        uninterruptible: found.uninterruptible,
        call: found.call,
    }
}
#[cfg(test)]
mod tests;
