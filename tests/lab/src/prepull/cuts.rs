//! One pull that is cut off again and again while bytes come. What the registry gives beyond the image's size was given
//! twice: either it was on its way when the cut came, or the runtime had it and lost it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::time::{sleep, timeout};

use super::Row;
use super::ground::{Ground, Images, Make};
use super::throughput::prepull;
use crate::faulty::{Fault, Range};
use crate::process::Daemon;

/// Where the one image lies.
const REPOSITORY: &str = "cut/0";
const MAKE: Make = Make { images: 1, layers: 4, bytes: 14 << 20 };
/// Bytes a second and connection.
const RATE: u64 = 1 << 20;
/// When a cut comes, in milliseconds from the first byte.
const CUT_AFTER: std::ops::Range<u64> = 50..400;
/// Bytes come within this time, however busy the machine.
const BEGINS_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);
/// A connection on which nothing goes for so long is gone: the registry hands over a piece every tenth of a second.
const STILL: Duration = Duration::from_millis(400);

/// Bytes by the digest of what they belong to.
type Kept = BTreeMap<String, u64>;

#[derive(Debug, Default)]
struct Tally {
    /// What was here when the last cut came.
    kept: Kept,
    /// Requests that did not begin with the first byte.
    resumed: usize,
    /// Bytes that were here and were asked for again.
    lost: u64,
}

impl Tally {
    /// Takes in what was asked for after the last cut.
    fn take(&mut self, asked: &[Range]) {
        let again = |range: &Range| self.kept.get(&range.digest).map_or(0, |kept| kept.saturating_sub(range.from));
        self.lost += asked.iter().map(again).sum::<u64>();
        self.resumed += asked.iter().filter(|range| range.from > 0).count();
    }
}

pub(super) async fn measure(ground: &Ground<'_>, cuts: u32) -> anyhow::Result<Vec<Row>> {
    let images = Images::serve(ground.lab, "cut", MAKE);
    println!("one image, cut off {cuts} times");
    images.give(Fault::Slow(RATE));
    ground.wipe().await?;
    let mut tally = Tally::default();
    for number in 0..cuts {
        cut_once(ground, &images, number).await?;
        tally.take(&ground.lab.faulty.take_ranges(REPOSITORY));
        tally.kept = contents(&ground.containerd.contents())?;
    }
    images.give(Fault::Healthy);
    let status = start(ground, &images)?.ended().await?;
    ensure!(status.success(), "prepull ended with {status} after the cuts");
    tally.take(&ground.lab.faulty.take_ranges(REPOSITORY));
    let Tally { resumed, lost, .. } = tally;
    ensure!(resumed > 0, "no request went on from the middle: nothing was cut off");
    let on_the_way = images.served().bytes.saturating_sub(images.bytes + lost);
    Ok(vec![
        Row::new(
            format!("fetched twice over {cuts} cuts, of what was here"),
            format!("{lost} B ({resumed} requests went on)"),
            "at most 0 B",
        ),
        Row::new(
            "on the way when a cut came, and given again",
            format!(
                "{:.1} KiB a cut, of {:.1} MiB in all",
                kib(on_the_way) / f64::from(cuts),
                kib(images.bytes) / 1024.0
            ),
            "",
        ),
    ])
}

/// Lets it pull until bytes come, and a little longer; every second time it may say goodbye.
async fn cut_once(ground: &Ground<'_>, images: &Images<'_>, number: u32) -> anyhow::Result<()> {
    let before = images.served().bytes;
    let mut program = start(ground, images)?;
    let coming = async {
        while images.served().bytes == before {
            sleep(LOOK).await;
        }
    };
    timeout(BEGINS_WITHIN, coming).await.with_context(|| format!("no byte comes: {}", program.log_end()))?;
    sleep(Duration::from_millis(fastrand::u64(CUT_AFTER))).await;
    ensure!(program.is_running()?, "the image was here before the cuts were over: {}", program.log_end());
    if number.is_multiple_of(2) {
        program.kill().await?;
    } else {
        program.stop().await?;
    }
    let mut seen = images.served().bytes;
    loop {
        sleep(STILL).await;
        if std::mem::replace(&mut seen, images.served().bytes) == seen {
            return Ok(());
        }
    }
}

fn start(ground: &Ground<'_>, images: &Images<'_>) -> anyhow::Result<Daemon> {
    Daemon::spawn(&mut prepull(ground, &images.names), &ground.lab.dir.join("cuts.log"))
}

/// What a containerd has of each blob, whole ones and others (containerd: content/local/store.go).
fn contents(dir: &Path) -> anyhow::Result<Kept> {
    let mut kept = Kept::new();
    for blob in std::fs::read_dir(dir.join("blobs/sha256"))? {
        let blob = blob?;
        kept.insert(format!("sha256:{}", blob.file_name().display()), blob.metadata()?.len());
    }
    for ingest in std::fs::read_dir(dir.join("ingest"))? {
        let ingest = ingest?.path();
        let reference = std::fs::read_to_string(ingest.join("ref"))?;
        let digest = reference.find("sha256:").and_then(|at| reference.get(at..));
        if let Some(digest) = digest {
            kept.insert(digest.to_owned(), std::fs::metadata(ingest.join("data"))?.len());
        }
    }
    Ok(kept)
}

fn kib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_here_counts_as_fetched_again() {
        let kept = Kept::from([("a".to_owned(), 10), ("b".to_owned(), 5)]);
        let mut tally = Tally { kept, ..Tally::default() };
        tally.take(
            &[("a", 7), ("b", 5), ("b", 9), ("c", 0)].map(|(digest, from)| Range { digest: digest.to_owned(), from }),
        );
        assert_eq!((tally.resumed, tally.lost), (3, 3));
    }

    #[test]
    fn contents_are_blobs_and_what_is_being_written() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["blobs/sha256", "ingest/1", "ingest/2"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let files = [
            ("blobs/sha256/aa", "whole"),
            ("ingest/1/ref", "k8s.io/4/layer-sha256:bb"),
            ("ingest/1/data", "par"),
            ("ingest/2/ref", "other"),
        ];
        files.iter().for_each(|(name, text)| std::fs::write(dir.path().join(name), text).unwrap());
        let kept = Kept::from([("sha256:aa".to_owned(), 5), ("sha256:bb".to_owned(), 3)]);
        assert_eq!(contents(dir.path()).unwrap(), kept);
    }
}
