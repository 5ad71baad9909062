//! Pulls that are slow, stall, queue, share, and lose their runtime.

use std::time::Duration;

use anyhow::{Context, ensure};
use kubewhy::model::{Time, since};
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::images::Image;
use kubewhy_lab::in_lab;
use kubewhy_lab::kubelet::record::Stage;
use serde_json::json;
use tokio::time::sleep;

use super::node::{Node, Told};
use super::page::say_measured;

const REPOSITORY: &str = "shop/reports";
/// Bytes a second.
const RATE: u64 = 1_000_000;
/// What is told can be no finer than containerd's writes, which are of 1 MiB (core/content/helpers.go): 2 points of these.
const LARGE_MIB: usize = 48;
const LARGE_RATE: u64 = 4_000_000;
/// Points of percent that what is told may be off what the registry has sent.
const OFF_AT_MOST: f64 = 3.0;
/// How old what is told may be: the layers are listed once a second, and a look takes up to half of one.
const AGE: Duration = Duration::from_millis(1500);

/// An image that the misbehaving registry serves.
struct Served {
    name: String,
    /// Bytes of its lowest layer, which is on the node already.
    here: u64,
    /// Bytes of the others.
    size: u64,
}

impl Served {
    /// How much of it is here, in percent, once so many bytes were sent.
    fn percent(&self, sent: u64) -> f64 {
        100.0 * (self.here + sent) as f64 / (self.here + self.size) as f64
    }
}

/// Serves an image with `count` layers of `mib` MiB of its own.
fn serve(node: &Node, repository: &str, count: usize, mib: usize, seed: u64) -> Served {
    let image = Image::large(&node.scene.lab.busybox, count, mib << 20, seed);
    let sizes: Vec<u64> = image.layers.iter().map(|layer| layer.bytes.len() as u64).collect();
    let (here, size) = (sizes[0], sizes[1..].iter().sum());
    Served { name: node.scene.lab.faulty.push(repository, "1", &image), here, size }
}

/// What the registry had sent by when, in percent.
#[derive(Default)]
struct Sent(Vec<(Time, f64)>);

impl Sent {
    /// The least that the told share is off anything the registry had sent while the share may have been read.
    fn off(&self, share: f64, at: Time) -> Option<f64> {
        let then = self.0.iter().filter(|(sent_at, _)| *sent_at <= at && since(*sent_at, at) <= AGE);
        then.map(|(_, sent)| (share - sent).abs()).min_by(f64::total_cmp)
    }
}

fn share(told: &Told) -> Option<f64> {
    let pull = told.snapshot.pulls.iter().find(|pull| !pull.pods.is_empty())?;
    Some(100.0 * pull.done as f64 / pull.total? as f64)
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn slow() {
    in_lab!(async {
        let node = Node::start().await?;
        let image = serve(&node, REPOSITORY, 1, LARGE_MIB, 9);
        node.scene.lab.faulty.set(REPOSITORY, Fault::Slow(LARGE_RATE));
        node.run("reports", json!({"image": image.name}));
        let (mut sent, mut offs) = (Sent::default(), Vec::new());
        for beat in 0.. {
            let count = node.scene.lab.faulty.served(REPOSITORY).bytes;
            let percent = image.percent(count);
            sent.0.push((Time::now(), percent));
            if count >= image.size {
                break;
            }
            if beat % 5 == 0 {
                let told = node.told().await?;
                let off = |share| Some((sent.off(share, told.snapshot.at)?, percent - share));
                offs.extend(share(&told).and_then(off));
            }
            sleep(Duration::from_millis(50)).await;
        }
        let worst = |of: fn(&(f64, f64)) -> f64| offs.iter().map(of).max_by(f64::total_cmp).unwrap_or(100.0);
        let (off, behind) = (worst(|(off, _)| *off), worst(|(_, behind)| *behind));
        let compared = offs.len();
        say_measured(&format!("at most {off:.1} points off in {compared} comparisons, {behind:.1} behind the present"));
        ensure!(compared > 10 && off <= OFF_AT_MOST, "points off and behind: {offs:.1?}");
        node.runs("reports").await?;
        node.end().await
    });
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn stalled() {
    in_lab!(async {
        let node = Node::start().await?;
        let name = serve(&node, REPOSITORY, 1, 8, 10).name;
        node.scene.lab.faulty.set(REPOSITORY, Fault::Stalled(3 << 20));
        node.run("reports", json!({"image": name}));
        node.begins("reports", Stage::ImagePull).await?;
        sleep(Duration::from_secs(2)).await;
        let last = node.scene.lab.faulty.served(REPOSITORY).last.context("nothing was sent")?;
        node.diagnosed("reports", "ImagePullStalled", last).await?;
        node.scene.lab.faulty.set(REPOSITORY, Fault::Healthy);
        node.runs("reports").await?;
        node.end().await
    });
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn queue() {
    in_lab!(async {
        let node = Node::start_with(|options| options.serialize_pulls = true).await?;
        let mute = serve(&node, REPOSITORY, 1, 6, 11).name;
        let fine = serve(&node, "shop/cart", 1, 1, 12).name;
        node.scene.lab.faulty.set(REPOSITORY, Fault::Silent);
        node.run("reports", json!({"image": mute}));
        node.begins("reports", Stage::ImagePull).await?;
        sleep(Duration::from_secs(2)).await;
        node.run("cart", json!({"image": fine}));
        node.run("basket", json!({"image": node.scene.lab.app}));
        let queued = node.begins("cart", Stage::ImageQueue).await?;
        node.diagnosed("cart", "ImagePullQueued", queued).await?;
        node.until("basket", "queued", |start| start.stage == kubewhy::model::stage::Stage::ImageQueue).await?;
        // The queue moves on as its head does.
        node.scene.lab.faulty.set(REPOSITORY, Fault::Slow(RATE));
        for name in ["reports", "cart", "basket"] {
            node.runs(name).await?;
        }
        node.end().await
    });
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn shared() {
    in_lab!(async {
        let node = Node::start().await?;
        let faulty = &node.scene.lab.faulty;
        // The same seed: the first layer of the second image is the only one of the first.
        let one = serve(&node, REPOSITORY, 1, 6, 13).name;
        let Served { name: two, size, .. } = serve(&node, "shop/cart", 2, 6, 13);
        for repository in [REPOSITORY, "shop/cart"] {
            faulty.set(repository, Fault::Slow(RATE));
        }
        node.run("reports", json!({"image": one}));
        node.run("cart", json!({"image": two}));
        node.runs("reports").await?;
        node.runs("cart").await?;
        let served = faulty.served(REPOSITORY).bytes + faulty.served("shop/cart").bytes;
        let metrics = node.scene.agent.metrics().await?;
        let counted = metrics.lines().find_map(|line| line.strip_prefix("kubewhy_pull_received_bytes_total "));
        let counted: f64 = counted.context("no count of bytes")?.trim().parse()?;
        let percent = 100.0 * counted / size as f64;
        say_measured(&format!("{percent:.0} % of the bytes seen arriving, the registry sent them once"));
        // What arrives between the last list and the end of a pull is not seen; what is counted twice is wrong.
        ensure!((75.0..=100.0 + OFF_AT_MOST).contains(&percent), "{counted} bytes were counted of {size}");
        ensure!(served < size + size / 10, "the registry sent {served} bytes for {size}");
        node.end().await
    });
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn restarted() {
    in_lab!(async {
        let mut node = Node::start().await?;
        let Served { name, size, .. } = serve(&node, REPOSITORY, 1, 8, 14);
        node.scene.lab.faulty.set(REPOSITORY, Fault::Slow(RATE));
        node.run("reports", json!({"image": name}));
        while node.scene.lab.faulty.served(REPOSITORY).bytes < size / 3 {
            sleep(Duration::from_millis(50)).await;
        }
        node.scene.lab.containerd.daemon().kill().await?;
        node.scene.lab.containerd.restart().await?;
        let back = Time::now();
        let pulls =
            node.until("reports", "pulled again", |start| start.stage == kubewhy::model::stage::Stage::ImagePull);
        pulls.await?;
        node.runs("reports").await?;
        say_measured(&format!("runs {:.1} s after containerd was back", since(back, Time::now()).as_secs_f64()));
        node.end().await
    });
}
