//! The node of a scenario: the agent that pulls ahead, what the misbehaving registry gave for that, and what containerd
//! holds, as containerd's own client tells it.

#![allow(clippy::print_stdout, reason = "standard output is how a scenario tells what it measured")]

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, ensure};
use kubewhy_lab::demo::{CONFIG, NODE, Scene};
use kubewhy_lab::faulty::{Fault, Sent};
use kubewhy_lab::images::{Blob, Image};
use kubewhy_lab::kubelet::record::Stage;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{MEASURED, VERSION};
use crate::stage::{SOON, Way, events, message, said, unwatched};

/// Bytes a second of a connection that is slow enough to be cut in the middle.
pub(super) const RATE: u64 = 1_000_000;
pub(super) const MIB: u64 = 1 << 20;
/// What of a layer may come twice for each time that a pull of it was cut off: it was on its way when that happened, or in the
/// memory of a containerd that was killed, which writes a MiB at a time (core/content/helpers.go).
const ON_THE_WAY: u64 = 512 << 10;
const POLL: Duration = Duration::from_millis(50);

/// Says a measurement of the scenario.
pub(super) fn say_measured(what: &str) {
    println!("{MEASURED}{what}");
}

/// An image that the misbehaving registry serves.
pub(super) struct Served {
    pub(super) repository: String,
    pub(super) name: String,
    image: Image,
}

impl Served {
    /// Its layers but the lowest, which every image of the lab has.
    pub(super) fn layers(&self) -> &[Blob] {
        &self.image.layers[1..]
    }

    /// Its id, once it is on the node.
    pub(super) fn id(&self) -> &str {
        &self.image.config.digest
    }
}

/// A set as it stands in the configuration file; `more` goes on after its images, as in `, keep: true`. However full this
/// machine's disk is, there is room.
pub(super) fn set(name: &str, images: &[&str], more: &str) -> String {
    set_above("1%", name, images, more)
}

/// A set that leaves so much of the disk free.
pub(super) fn set_above(floor: &str, name: &str, images: &[&str], more: &str) -> String {
    format!("  - {{name: {name}, minFree: {floor}, images: ['{}']{more}}}\n", images.join("', '"))
}

/// A healthy node for an agent that pulls ahead.
pub(super) struct Node {
    pub(super) scene: Scene,
    way: Way,
}

impl Node {
    /// Every image's lowest layer and the pause image are there, and no agent.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let scene = unwatched().await?;
        println!("{VERSION}{}", scene.lab.containerd.version().trim_start_matches('v'));
        for image in [&scene.lab.pause, &scene.lab.app] {
            scene.lab.containerd.pull_image(image).await?;
        }
        let way = Way::of(&scene, "prepull");
        Ok(Self { scene, way })
    }

    /// Serves an image with `count` layers of `mib` MiB of its own.
    pub(super) fn serve(&self, repository: &str, count: usize, mib: u64, seed: u64) -> Served {
        let image = Image::large(&self.scene.lab.busybox, count, (mib * MIB) as usize, seed);
        let name = self.scene.lab.faulty.push(repository, "1", &image);
        Served { repository: repository.to_owned(), name, image }
    }

    /// Likewise, and it comes slowly.
    pub(super) fn serve_slowly(&self, repository: &str, count: usize, mib: u64, seed: u64) -> Served {
        self.fault(repository, Fault::Slow(RATE));
        self.serve(repository, count, mib, seed)
    }

    pub(super) fn fault(&self, repository: &str, fault: Fault) {
        self.scene.lab.faulty.set(repository, fault);
    }

    /// Whether its containerd heeds pins: that of 1.6 is too old for it.
    pub(super) fn heeds_pins(&self) -> bool {
        !self.scene.lab.containerd.version().trim_start_matches('v').starts_with("1.6")
    }

    /// Starts an agent with these sets.
    pub(super) fn begin(&mut self, sets: &str) -> anyhow::Result<()> {
        self.way.config = config(sets);
        self.launch()
    }

    /// Likewise, and this stands in the section `report`.
    pub(super) fn begin_reporting(&mut self, report: &str, sets: &str) -> anyhow::Result<()> {
        self.way.config = config(sets).replace("report: {", &format!("report: {{{report}, "));
        self.launch()
    }

    /// Starts one with the sets of before, and waits for nothing.
    pub(super) fn launch(&mut self) -> anyhow::Result<()> {
        self.scene.agent = self.way.launch()?;
        Ok(())
    }

    /// Changes the sets, which the agent sees when it looks at its file.
    pub(super) fn edit(&mut self, sets: &str) -> anyhow::Result<()> {
        self.way.config = config(sets);
        self.way.edit(&self.way.config)
    }

    /// How many configurations the agent has taken, the one at its start among them.
    pub(super) fn accepted(&self) -> usize {
        self.scene.agent.lines(&["configuration accepted"]).len()
    }

    /// What was given so far of all its own layers together.
    pub(super) fn sent(&self, image: &Served) -> Sent {
        let sent = image.layers().iter().map(|layer| self.scene.lab.faulty.sent(&layer.digest));
        sent.reduce(|a, b| Sent { times: a.times + b.times, rests: a.rests + b.rests, bytes: a.bytes + b.bytes })
            .unwrap_or_default()
    }

    /// Waits until so many bytes of its layers were given.
    pub(super) async fn gave(&self, image: &Served, bytes: u64) -> anyhow::Result<()> {
        let what = format!("{bytes} bytes of {} were given", image.name);
        self.until(&what, SOON, async || Ok(self.sent(image).bytes >= bytes)).await
    }

    /// Waits until the pull of it has gone on so often: each of its layers was begun once, then its rest.
    pub(super) async fn went_on(&self, image: &Served, times: u64) -> anyhow::Result<()> {
        let layers = image.layers().len() as u64;
        self.until("gone on", SOON, async || Ok(self.sent(image).rests >= times * layers)).await?;
        let Sent { times: begun, rests, .. } = self.sent(image);
        ensure!(begun == rests + layers, "{}: {begun} times begun, {rests} times its rest", image.name);
        Ok(())
    }

    /// No layer of it came twice, but for what was on its way when it was cut off so often.
    pub(super) fn came_once(&self, image: &Served, cuts: u64) -> anyhow::Result<()> {
        for layer in image.layers() {
            let (size, sent) = (layer.bytes.len() as u64, self.scene.lab.faulty.sent(&layer.digest));
            ensure!(
                (size..=size + cuts * ON_THE_WAY).contains(&sent.bytes),
                "{}: a layer of {size} bytes, {cuts} times cut off: {sent:?}",
                image.name
            );
        }
        let layers = image.layers().iter().map(|layer| layer.bytes.len() as u64).sum::<u64>();
        let twice = self.sent(image).bytes - layers;
        if cuts > 0 {
            say_measured(&format!("{cuts} cuts, {} KiB of {} MiB came twice", twice >> 10, layers >> 20));
        }
        Ok(())
    }

    /// Waits until the pod's container is at that stage, as the kubelet sees it, and tells since when.
    pub(super) async fn pod(&self, name: &str, stage: Stage) -> anyhow::Result<jiff::Timestamp> {
        let record = self.scene.record();
        let at = || {
            let uid = record.pods().into_iter().find(|(_, other)| other == name).map(|(uid, _)| uid)?;
            record.steps(&uid).into_iter().find(|step| step.stage == stage).map(|step| step.at)
        };
        self.until(&format!("{name} at {stage:?}"), SOON, async || Ok(at().is_some())).await?;
        at().context("it was there")
    }

    /// What kubewhy told of the node with that reason and these words.
    pub(super) fn heard(&self, reason: &str, words: &str) -> Option<Value> {
        let is = |event: &Value| {
            event["involvedObject"]["name"] == NODE && event["reason"] == reason && message(event).contains(words)
        };
        events(&self.scene).into_iter().find(is)
    }

    /// Waits for it.
    pub(super) async fn told(&self, reason: &str, words: &str, within: Duration) -> anyhow::Result<Value> {
        let what = format!("{reason} ({words})");
        self.until(&what, within, async || Ok(self.heard(reason, words).is_some())).await?;
        self.heard(reason, words).context("it was told")
    }

    /// Fails if these words stand in the agent's log or in an Event.
    pub(super) fn keeps_secret(&self, words: &str) -> anyhow::Result<()> {
        let told = self.scene.agent.log()? + &format!("{:?}", events(&self.scene));
        ensure!(!told.contains(words), "a password was told");
        Ok(())
    }

    /// Waits until the set is complete and that was told.
    pub(super) async fn complete(&self, set: &str) -> anyhow::Result<()> {
        self.told("PrepullComplete", &format!("Pre-pull set {set}: "), SOON).await.map(drop)
    }

    /// Whether the image is on the node.
    pub(super) async fn has(&self, image: &Served) -> anyhow::Result<bool> {
        Ok(self.scene.lab.containerd.image(&image.name).await?.is_some())
    }

    /// Whether the kubelet is told to keep it.
    pub(super) async fn is_pinned(&self, image: &Served) -> anyhow::Result<bool> {
        Ok(self.scene.lab.containerd.image(&image.name).await?.is_some_and(|image| image.pinned))
    }

    /// The leases of ours and the images with pins of ours.
    pub(super) async fn held(&self) -> anyhow::Result<Vec<String>> {
        let containerd = &self.scene.lab.containerd;
        let leases = containerd.ctr(&["leases", "list"]).await?;
        let images = containerd.ctr(&["images", "list"]).await?;
        let ours = |text: &str, mark| text.lines().filter(|line| line.contains(mark)).map(str::to_owned).collect();
        let [leases, pins]: [Vec<String>; 2] =
            [ours(&leases, "kubewhy.dev/image="), ours(&images, "kubewhy.dev/pinned=true")];
        Ok([leases, pins].concat())
    }

    /// Waits until nothing is held by us.
    pub(super) async fn holds_nothing(&self) -> anyhow::Result<()> {
        self.until("nothing held", SOON, async || Ok(self.held().await?.is_empty())).await
    }

    /// Asks again and again until it is so; a failure shows what was told.
    pub(super) async fn until(
        &self,
        what: &str,
        within: Duration,
        mut so: impl AsyncFnMut() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + within;
        while !so().await? {
            ensure!(Instant::now() < deadline, "not in time: {what}\n{}", self.state());
            sleep(POLL).await;
        }
        Ok(())
    }

    fn state(&self) -> String {
        let mut text = format!("{:#?}\n", said(&self.scene));
        let _ok = write!(text, "{}", self.scene.agent.daemon.log_end());
        text
    }

    /// Ends the agent.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        self.scene.end().await
    }
}

fn config(sets: &str) -> String {
    format!("{CONFIG}prepull:\n  sets:\n{sets}")
}
