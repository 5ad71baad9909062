//! Looks at the CNI directories again and again, on the blocking pool and with a deadline: a hung file system costs one
//! thread and says "unknown".

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::asking::{Asking, NoAnswer};
use super::told::{REPEAT, Told};
use crate::clock::Clock;
use crate::model::cni::CniHost;
use crate::model::observation::{Observation, Seen};
use crate::observe::Outlet;
use crate::probe::cni::{self, CniDirs};

/// Looks at the CNI directories of the host.
pub struct CniObserver {
    /// Where the host's root is visible; `/` outside a container.
    pub root: PathBuf,
    /// Where CNI lives, as the runtime tells it by now.
    pub dirs: watch::Receiver<CniDirs>,
    /// Between two looks; longer than 10 s is as 10 s.
    pub period: Duration,
    /// The agent's clock.
    pub clock: Clock,
}

impl CniObserver {
    /// Runs until stopped. Sends [`Seen::Cni`] for the first look, on a change, and every 10 s.
    pub async fn run(mut self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let out = Outlet::new(out, self.clock);
        let looking = async {
            let mut asking = Asking::default();
            let mut told = Told::default();
            loop {
                let host = self.look(&mut asking).await;
                if let Some(news) = told.news(host, self.clock.now()) {
                    out.tell(Seen::Cni(news)).await;
                }
                self.pause().await;
            }
        };
        stop.run_until_cancelled(looking).await;
    }

    async fn look(&mut self, asking: &mut Asking<CniHost>) -> CniHost {
        let dirs = self.dirs.borrow_and_update().clone();
        let (root, asked) = (self.root.clone(), dirs.clone());
        match asking.ask(move || cni::look(&root, &asked)).await {
            Ok(host) => host,
            Err(NoAnswer::Silent) => cni::unknown(&dirs, "the host's CNI directories do not answer"),
            Err(NoAnswer::Failed) => cni::unknown(&dirs, "looking at the host's CNI directories failed"),
        }
    }

    /// Until the next look: a period, or until the runtime names other directories.
    async fn pause(&mut self) {
        let period = self.period.min(REPEAT);
        let moved = async {
            if self.dirs.changed().await.is_err() {
                std::future::pending::<()>().await; // nobody will name others
            }
        };
        tokio::select! {
            () = tokio::time::sleep(self.clock.together(period)) => {}
            () = moved => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cni::CniConfig;
    use crate::model::{Time, since};

    async fn next(seen: &mut mpsc::Receiver<Observation>) -> (Time, CniHost) {
        match seen.recv().await.unwrap() {
            Observation { at, seen: Seen::Cni(host) } => (at, host),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_look_a_change_and_every_ten_seconds_are_told() {
        let host = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(host.path().join("etc/cni/net.d")).unwrap();
        let (name, dirs) = watch::channel(CniDirs::default());
        let (out, mut seen) = mpsc::channel(1);
        let clock = Clock::starting_at("2026-11-21T03:00:00Z".parse().unwrap());
        let observer = CniObserver { root: host.path().to_owned(), dirs, period: Duration::from_secs(2), clock };
        let stop = CancellationToken::new();
        let running = tokio::spawn(observer.run(out, stop.clone()));

        let (first, look) = next(&mut seen).await;
        assert_eq!(look.config, CniConfig::Missing);
        let (repeated, _) = next(&mut seen).await;
        assert_eq!(since(first, repeated), REPEAT);

        name.send_modify(|dirs| dirs.conf_dir = "/etc/elsewhere".into());
        let (told, look) = next(&mut seen).await;
        assert_eq!((told, look.conf_dir), (repeated, "/etc/elsewhere".into()));

        stop.cancel();
        running.await.unwrap();
    }
}
