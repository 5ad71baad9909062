//! Looks at the volumes of pods that wait for them, at the pace of what is under way, on the blocking pool.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::look;
use crate::clock::Clock;
use crate::model::ids::PodUid;
use crate::model::observation::{Observation, Seen};
use crate::model::volume::{HostVolumes, Mounting};
use crate::observe::host::asking::Asking;
use crate::observe::{Outlet, Pace};

/// Looks at what the host's files show of volumes.
pub struct VolumeObserver {
    /// Where the host's root is visible; `/` outside a container.
    pub root: PathBuf,
    /// The kubelet's root directory, as the host names it.
    pub kubelet: PathBuf,
    /// The pods that wait for volumes.
    pub waiting: watch::Receiver<Arc<[Mounting]>>,
    /// How often it looks.
    pub pace: Pace,
    /// The agent's clock.
    pub clock: Clock,
}

impl VolumeObserver {
    /// Runs until stopped. Sends [`Seen::Volumes`] for the first look at a pod, and when what is seen has changed.
    pub async fn run(mut self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let out = Outlet::new(out, self.clock);
        let looking = async {
            let mut asking = Asking::default();
            let mut sent = None;
            loop {
                let seen = self.look(&mut asking).await;
                if sent.as_ref() != Some(&seen) {
                    sent = Some(seen.clone());
                    out.tell(Seen::Volumes(seen)).await;
                }
                self.pace.rest().await;
            }
        };
        stop.run_until_cancelled(looking).await;
    }

    /// Waits for a pod that waits for volumes, and looks.
    async fn look(&mut self, asking: &mut Asking<HostVolumes>) -> HostVolumes {
        let Ok(waiting) = self.waiting.wait_for(|waiting| !waiting.is_empty()).await.map(|waiting| waiting.clone())
        else {
            return std::future::pending().await; // nobody will wait any more
        };
        let pods: Vec<PodUid> = waiting.iter().map(|mounting| mounting.pod.uid.clone()).collect();
        let (root, kubelet) = (self.root.clone(), self.kubelet.clone());
        let answer = asking.ask(move || look::look(&root, &kubelet, &pods)).await;
        answer.unwrap_or_else(|why| look::unreadable(why.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::PodId;
    use crate::model::settings::Timing;
    use crate::model::volume::Waits;

    #[tokio::test(start_paused = true)]
    async fn nothing_is_looked_at_until_a_pod_waits_and_only_changes_are_told() {
        let host = tempfile::tempdir().unwrap();
        let clock = Clock::starting_at("2026-11-21T03:00:00Z".parse().unwrap());
        let (busy, is_busy) = watch::channel(true);
        let (wait, waiting) = watch::channel(Arc::from([]));
        let (out, mut seen) = mpsc::channel(8);
        let pace = Pace::new(is_busy, &Timing::default(), clock);
        let kubelet = host.path().to_owned();
        let observer = VolumeObserver { root: "/".into(), kubelet: kubelet.clone(), waiting, pace, clock };
        let stop = CancellationToken::new();
        let running = tokio::spawn(observer.run(out, stop.clone()));
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        assert!(seen.try_recv().is_err());

        let pod = PodId { uid: PodUid::new("u"), namespace: "shop".into(), name: "cart".into() };
        wait.send_replace([Mounting { pod, since: clock.now(), waits: Waits::default() }].into());
        let Some(Observation { seen: Seen::Volumes(first), .. }) = seen.recv().await else { panic!() };
        assert_eq!(first.pods, [(PodUid::new("u"), Vec::new())]);
        std::fs::create_dir_all(kubelet.join("pods/u/volumes/kubernetes.io~csi/pvc-1/mount")).unwrap();
        let Some(Observation { seen: Seen::Volumes(then), .. }) = seen.recv().await else { panic!() };
        assert_eq!(then.pods[0].1.len(), 1);

        stop.cancel();
        running.await.unwrap();
        drop(busy);
    }
}
