//! A whole lab: one node's runtime, network plugins and registries, put together and healthy.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cni::Cni;
use crate::containerd::{Containerd, Home, Options};
use crate::faulty::Faulty;
use crate::hosts::Hosts;
use crate::images::Image;
use crate::names::Names;
use crate::namespaces;
use crate::parts::Parts;
use crate::places::Places;
use crate::registry::Registry;

const PARALLEL_DOWNLOADS: u32 = 3;

/// A running lab. Dropped, its programs end; its pods end with the namespaces.
#[derive(Debug)]
pub struct Lab {
    /// Everything of the lab lies here.
    pub dir: PathBuf,
    /// Where the node's files are.
    pub places: Places,
    /// Where its programs come from.
    pub parts: Parts,
    /// What every pod's `cgroup_parent` begins with.
    pub cgroup: String,
    /// The runtime.
    pub containerd: Containerd,
    /// The real registry.
    pub registry: Registry,
    /// The registry that misbehaves.
    pub faulty: Faulty,
    /// How containerd speaks to each registry.
    pub hosts: Hosts,
    /// Which names exist.
    pub names: Names,
    /// The CNI configuration and plugins.
    pub cni: Cni,
    /// The program every image is made of.
    pub busybox: Vec<u8>,
    /// The image of every sandbox, by name.
    pub pause: String,
    /// An image that runs until it is told to end, by name.
    pub app: String,
}

impl Lab {
    /// Starts a lab in the namespaces of this process, with everything of it in one directory.
    ///
    /// # Errors
    /// Outside a lab's namespaces, and when one of its programs does not start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_at(Places::below(Path::new(namespaces::GROUND))).await
    }

    /// Likewise, with the node's files in these places.
    ///
    /// # Errors
    /// Likewise.
    pub async fn start_at(places: Places) -> anyhow::Result<Self> {
        let cgroup = namespaces::cgroup().context("a lab is started only inside its own namespaces")?;
        let dir = PathBuf::from(namespaces::GROUND);
        let parts = Parts::find()?;
        let busybox = std::fs::read(parts.program("busybox"))?;
        let names = Names::start().await?;
        let registry = Registry::start(&folder(&dir, "registry")?, &parts).await?;
        let pause = registry.push("pause", "1", &Image::pause(&busybox))?;
        let app = registry.push("app", "1", &Image::app(&busybox))?;
        let faulty = Faulty::start().await?;
        let hosts = Hosts::write(&folder(&dir, "hosts")?)?;
        let cni = Cni::write(&places.cni, &parts)?;
        let options = options(places.containerd.clone(), &pause, &cni, &hosts);
        let containerd = Containerd::start(&dir.join("containerd"), &parts, &options).await?;
        let cgroup = format!("/{cgroup}");
        Ok(Self { dir, places, parts, cgroup, containerd, registry, faulty, hosts, names, cni, busybox, pause, app })
    }

    /// Starts another containerd beside the lab's own, with the same registries and nothing else in common.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn beside(&self, program: &Path) -> anyhow::Result<Containerd> {
        let dir = self.dir.join("containerd-beside");
        let options = options(Home::below(&dir), &self.pause, &self.cni, &self.hosts);
        Containerd::start(&dir, &self.parts.with(program), &options).await
    }
}

fn options(home: Home, pause: &str, cni: &Cni, hosts: &Hosts) -> Options {
    Options {
        home,
        sandbox_image: pause.to_owned(),
        cni_conf: cni.conf().to_path_buf(),
        cni_bin: cni.bin().to_path_buf(),
        hosts: hosts.path().to_path_buf(),
        snapshotter: snapshotter(Path::new(namespaces::GROUND)),
        parallel_downloads: PARALLEL_DOWNLOADS,
    }
}

/// `overlayfs` where an overlay can be mounted on the lab's ground, else `native`, which copies.
fn snapshotter(dir: &Path) -> &'static str {
    let probe = dir.join("overlay");
    let made =
        ["lower", "upper", "work", "merged"].iter().try_for_each(|name| std::fs::create_dir_all(probe.join(name)));
    let layers = |name: &str| probe.join(name).display().to_string();
    let spec = format!("lowerdir={},upperdir={},workdir={}", layers("lower"), layers("upper"), layers("work"));
    let mount = ["-t", "overlay", "-o", &spec, "overlay", &layers("merged")];
    let works = made.is_ok() && succeeds("mount", &mount);
    if works {
        succeeds("umount", &[&layers("merged")]);
    }
    if works { "overlayfs" } else { "native" }
}

fn succeeds(program: &str, args: &[&str]) -> bool {
    std::process::Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}

fn folder(dir: &Path, name: &str) -> std::io::Result<PathBuf> {
    let path = dir.join(name);
    std::fs::create_dir_all(&path)?;
    Ok(path)
}
