//! The node on which pulls are compared: every one begins with the same few images on it and nothing else, and images to pull
//! that are not like any other, with their bytes counted by the registry.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use k8s_cri::v1::ListImagesRequest;
use k8s_cri::v1::image_service_client::ImageServiceClient;
use tokio::time::{sleep, timeout};

use crate::Lab;
use crate::containerd::Containerd;
use crate::faulty::{Fault, Faulty, Served};
use crate::images::Image;

/// What containerd may take to forget images and collect their contents.
const WIPED_WITHIN: Duration = Duration::from_secs(60);
/// Between two looks at it. What `ctr` pulled, CRI learns of a little later, and gives it more names.
const LOOK: Duration = Duration::from_millis(100);
/// The images that stay.
const STAYING: usize = 2;
/// It is clean when so many looks in a row say so.
const CLEAN_LOOKS: u32 = 3;

/// One containerd and the program under test.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) lab: &'a Lab,
    pub(super) containerd: &'a Containerd,
    pub(super) program: &'a Path,
    /// Names of the images that stay.
    kept: BTreeSet<String>,
}

impl<'a> Ground<'a> {
    /// With images on it that stay: neither the layer under all others nor what a sandbox needs is to be compared.
    pub(super) async fn prepare(lab: &'a Lab, containerd: &'a Containerd, program: &'a Path) -> anyhow::Result<Self> {
        containerd.pull_image(&lab.app).await?;
        containerd.pull_image(&lab.pause).await?;
        let mut ground = Self { lab, containerd, program, kept: BTreeSet::new() };
        ground.kept = ground.names().await?;
        Ok(ground)
    }

    /// Takes everything off the node but what stays, and what pulls left behind too.
    pub(super) async fn wipe(&self) -> anyhow::Result<()> {
        let wiping = async {
            let mut clean = 0;
            while clean < CLEAN_LOOKS {
                clean = if self.is_clean().await? { clean + 1 } else { 0 };
                sleep(LOOK).await;
            }
            Ok(())
        };
        timeout(WIPED_WITHIN, wiping).await.context("containerd does not forget what was pulled")?
    }

    /// Whether there was nothing to take away.
    async fn is_clean(&self) -> anyhow::Result<bool> {
        let leases: Vec<String> = lines(&self.containerd.ctr(["leases", "ls", "-q"]).await?).collect();
        let images: Vec<String> = self.names().await?.difference(&self.kept).cloned().collect();
        for (kind, names) in [("leases", &leases), ("images", &images)] {
            if !names.is_empty() {
                let remove = [kind, "rm", "--sync"].map(str::to_owned);
                // One may be gone by now; the next look tells.
                let _gone = self.containerd.ctr(remove.iter().chain(names)).await;
            }
        }
        Ok(leases.is_empty() && images.is_empty() && self.images_in_cri().await? == STAYING)
    }

    async fn names(&self) -> anyhow::Result<BTreeSet<String>> {
        Ok(lines(&self.containerd.ctr(["images", "ls", "-q"]).await?).collect())
    }

    async fn images_in_cri(&self) -> anyhow::Result<usize> {
        let mut client = ImageServiceClient::new(self.containerd.channel()?);
        Ok(client.list_images(ListImagesRequest::default()).await.context("ListImages")?.into_inner().images.len())
    }
}

fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}

/// What images are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Make {
    pub(super) images: usize,
    /// Of each image, beside the one under all others.
    pub(super) layers: usize,
    /// Of each layer.
    pub(super) bytes: usize,
}

/// Images in the registry that can be made narrow.
#[derive(Debug)]
pub(super) struct Images<'a> {
    faulty: &'a Faulty,
    repositories: Vec<String>,
    /// To pull them by.
    pub(super) names: Vec<String>,
    /// What a node without them has to fetch, in bytes.
    pub(super) bytes: u64,
}

impl<'a> Images<'a> {
    /// Serves them from the repositories `FOLDER/0` and so on.
    pub(super) fn serve(lab: &'a Lab, folder: &str, make: Make) -> Self {
        let mut images = Self { faulty: &lab.faulty, repositories: Vec::new(), names: Vec::new(), bytes: 0 };
        for number in 0..make.images {
            let repository = format!("{folder}/{number}");
            let seed = repository.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(131).wrapping_add(byte.into()));
            let image = Image::large(&lab.busybox, make.layers, make.bytes, seed);
            images.bytes += image.blobs().skip(1).map(|blob| blob.bytes.len() as u64).sum::<u64>();
            images.names.push(lab.faulty.push(&repository, "1", &image));
            images.repositories.push(repository);
        }
        images
    }

    /// From now on the registry gives them out so.
    pub(super) fn give(&self, fault: Fault) {
        self.repositories.iter().for_each(|repository| self.faulty.set(repository, fault));
    }

    /// What of them was asked for and given by now.
    pub(super) fn served(&self) -> Served {
        let add = |sum: Served, one: Served| Served {
            requests: sum.requests + one.requests,
            bytes: sum.bytes + one.bytes,
            last: sum.last.max(one.last),
        };
        self.repositories.iter().map(|repository| self.faulty.served(repository)).fold(Served::default(), add)
    }

    /// Fails unless all of them came since the registry had given so many bytes: else something was still on the node.
    pub(super) fn all_came_since(&self, bytes: u64) -> anyhow::Result<()> {
        let came = self.served().bytes - bytes;
        ensure!(came >= self.bytes, "only {came} of {} bytes came: the rest was on the node before", self.bytes);
        Ok(())
    }
}
