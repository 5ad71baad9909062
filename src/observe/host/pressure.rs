//! Looks at how long all of this node's work stands still on its disks (Linux: Documentation/accounting/psi.rst), every
//! second while a pod waits for an image: a pull that does not move on a saturated disk says nothing against its registry.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::asking::Asking;
use crate::clock::Clock;
use crate::host::Mounts;
use crate::host::Root;
use crate::model::observation::{Observation, Seen};
use crate::observe::{Outlet, Pace};

const FILE: &str = "/proc/pressure/io";
const SIZE_AT_MOST: u64 = 4 << 10;
/// From this share of the last ten seconds on the disks count as saturated, in percent.
const SATURATED: u8 = 40;

/// Looks at the pressure on this node's disks.
#[derive(Debug)]
pub struct PressureObserver {
    /// Where the host's root is visible; `/` outside a container.
    pub root: PathBuf,
    /// Busy while a pod waits for an image.
    pub pace: Pace,
    /// The agent's clock.
    pub clock: Clock,
}

impl PressureObserver {
    /// Runs until stopped. Sends [`Seen::DiskSaturated`] when that begins, while it changes, and when it ends.
    pub async fn run(mut self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let out = Outlet::new(out, self.clock);
        let looking = async {
            let mut asking = Asking::default();
            let mut sent = None;
            loop {
                let root = self.root.clone();
                let full = asking.ask(move || look(&root)).await.ok().flatten().filter(|full| *full >= SATURATED);
                if sent != full {
                    sent = full;
                    out.tell(Seen::DiskSaturated(full)).await;
                }
                self.pace.rest().await;
            }
        };
        stop.run_until_cancelled(looking).await;
    }
}

/// The share of the last ten seconds in which everything stood still, in percent; none where the kernel does not tell.
fn look(root: &Path) -> Option<u8> {
    let mounts = Mounts::at(root).ok()?;
    full(&Root(&mounts).read(Path::new(FILE), SIZE_AT_MOST).ok()?)
}

fn full(text: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(text).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("full avg10="))?;
    line.split(['.', ' ']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_last_ten_seconds_is_read_where_the_kernel_tells() {
        let text =
            b"some avg10=80.11 avg60=1.00 avg300=0.00 total=9\nfull avg10=61.96 avg60=1.51 avg300=0.00 total=8\n";
        assert_eq!(full(text), Some(61));
        for other in [&b""[..], b"some avg10=80.11 avg60=1.00\n", b"full avg10=\n", b"\xff"] {
            assert_eq!(full(other), None);
        }
        let host = tempfile::tempdir().unwrap();
        assert_eq!(look(host.path()), None);
        std::fs::create_dir_all(host.path().join("proc/pressure")).unwrap();
        std::fs::write(host.path().join("proc/pressure/io"), text).unwrap();
        assert_eq!(look(host.path()), Some(61));
    }
}
