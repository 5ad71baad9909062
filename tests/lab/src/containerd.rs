//! A private containerd: its own root, state and socket, the lab's CNI directories and registry hosts, and the shim that
//! belongs to it. It can be stopped, killed, frozen and started again; its pods outlive it, as on a node.

mod configuration;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use hyper_util::rt::TokioIo;
use k8s_cri::v1::image_service_client::ImageServiceClient;
use k8s_cri::v1::runtime_service_client::RuntimeServiceClient;
use k8s_cri::v1::{
    Container, ContainerFilter, ContainerState, ContainerStateValue, ExecSyncRequest, Image, ImageSpec,
    ImageStatusRequest, ListContainersRequest, PullImageRequest, RemoveImageRequest, VersionRequest,
};
use tokio::net::UnixStream;
use tokio::process::Command;
use tonic::transport::{Channel, Endpoint};

use crate::parts::Parts;
use crate::process::Daemon;

const START_DEADLINE: Duration = Duration::from_secs(30);
const CALL_DEADLINE: Duration = Duration::from_secs(2);
/// A command in a container is killed after so many.
const EXEC_SECONDS: i64 = 20;

/// Where a containerd keeps its files.
#[derive(Debug, Clone)]
pub struct Home {
    /// Images, layers and records.
    pub root: PathBuf,
    /// What does not outlive a boot.
    pub state: PathBuf,
    /// Its socket.
    pub socket: PathBuf,
}

impl Home {
    /// All of them in one directory.
    #[must_use]
    pub fn below(dir: &Path) -> Self {
        Self { root: dir.join("root"), state: dir.join("state"), socket: dir.join("containerd.sock") }
    }
}

/// What a lab tells its containerd.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its files are.
    pub home: Home,
    /// The image of every sandbox.
    pub sandbox_image: String,
    /// Directory of the CNI configuration.
    pub cni_conf: PathBuf,
    /// Directory of the CNI plugins.
    pub cni_bin: PathBuf,
    /// Directory of the registries' `hosts.toml` files.
    pub hosts: PathBuf,
    /// How image layers become file systems: `overlayfs`, or `native` where that does not work.
    pub snapshotter: &'static str,
    /// Layers of one image that are fetched at a time (on 2.1: on the whole node).
    pub parallel_downloads: u32,
}

/// The running containerd.
#[derive(Debug)]
pub struct Containerd {
    dir: PathBuf,
    parts: Parts,
    daemon: Daemon,
    version: String,
    options: Options,
}

impl Containerd {
    /// Starts containerd with its configuration and log in `dir`, and waits until CRI answers.
    ///
    /// # Errors
    /// When it does not answer in time: with the end of its log.
    pub async fn start(dir: &Path, parts: &Parts, options: &Options) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir)?;
        std::fs::write(dir.join("config.toml"), configuration::text(dir, options))?;
        let (daemon, version) = launch(dir, parts, &options.home.socket).await?;
        Ok(Self { dir: dir.to_path_buf(), parts: parts.clone(), daemon, version, options: options.clone() })
    }

    /// The path of its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.options.home.socket.clone()
    }

    /// Its version, as it says.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// A connection to it, made at the first call.
    ///
    /// # Errors
    /// Never in practice: the address is a constant.
    pub fn channel(&self) -> anyhow::Result<Channel> {
        channel(self.socket())
    }

    /// Runs a command in the container of that name, as `kubectl exec` has it run: its exit code, and what it said.
    ///
    /// # Errors
    /// When no such container runs, or the runtime can't run the command.
    pub async fn exec(&self, container: &str, command: &[&str]) -> anyhow::Result<(i32, String)> {
        let mut client = RuntimeServiceClient::new(self.channel()?);
        let running = ContainerStateValue { state: ContainerState::ContainerRunning.into() };
        let filter = ContainerFilter { state: Some(running), ..ContainerFilter::default() };
        let all = client.list_containers(ListContainersRequest { filter: Some(filter) }).await?.into_inner().containers;
        let is = |found: &Container| found.metadata.as_ref().is_some_and(|metadata| metadata.name == container);
        let id = all.into_iter().find(is).with_context(|| format!("no container {container} runs"))?.id;
        let cmd = command.iter().map(|&word| word.to_owned()).collect();
        let answer =
            client.exec_sync(ExecSyncRequest { container_id: id, cmd, timeout: EXEC_SECONDS }).await?.into_inner();
        let said = [answer.stdout, answer.stderr].concat();
        Ok((answer.exit_code, String::from_utf8_lossy(&said).into_owned()))
    }

    /// Removes an image from the node, with all its names.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn forget_image(&self, image: &str) -> anyhow::Result<()> {
        let spec = ImageSpec { image: image.to_owned(), ..ImageSpec::default() };
        let mut client = ImageServiceClient::new(self.channel()?);
        let removed = client.remove_image(RemoveImageRequest { image: Some(spec) });
        tokio::time::timeout(CALL_DEADLINE, removed).await.context("RemoveImage hangs")?.context("RemoveImage")?;
        Ok(())
    }

    /// Pulls an image by hand, as an operator would, however long that takes.
    ///
    /// # Errors
    /// When containerd can't pull it.
    pub async fn pull_image(&self, image: &str) -> anyhow::Result<()> {
        let spec = ImageSpec { image: image.to_owned(), ..ImageSpec::default() };
        let request = PullImageRequest { image: Some(spec), ..PullImageRequest::default() };
        ImageServiceClient::new(self.channel()?).pull_image(request).await.context("PullImage")?;
        Ok(())
    }

    /// An image of the node; none where it is not there.
    ///
    /// # Errors
    /// When containerd does not tell.
    pub async fn image(&self, image: &str) -> anyhow::Result<Option<Image>> {
        let spec = ImageSpec { image: image.to_owned(), ..ImageSpec::default() };
        let mut client = ImageServiceClient::new(self.channel()?);
        let asked = client.image_status(ImageStatusRequest { image: Some(spec), verbose: false });
        let answer = tokio::time::timeout(CALL_DEADLINE, asked).await.context("ImageStatus hangs")?;
        Ok(answer.context("ImageStatus")?.into_inner().image)
    }

    /// Where its contents lie: `blobs`, and as `ingest` those that are being written (containerd: content/local).
    #[must_use]
    pub fn contents(&self) -> PathBuf {
        self.options.home.root.join("io.containerd.content.v1.content")
    }

    /// Runs the `ctr` that belongs to it, in the kubelet's namespace, and returns what that says.
    ///
    /// # Errors
    /// When it fails: with its words.
    pub async fn ctr<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> anyhow::Result<String> {
        let mut command = Command::new(self.parts.program("ctr"));
        command.env("CONTAINERD_ADDRESS", self.socket()).env("CONTAINERD_NAMESPACE", "k8s.io");
        command.env("CONTAINERD_SNAPSHOTTER", self.options.snapshotter);
        let output = command.args(args).kill_on_drop(true).output().await.context("cannot start ctr")?;
        ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Pulls an image with `ctr`.
    ///
    /// # Errors
    /// When that fails: with its words.
    pub async fn pull_with_ctr(&self, image: &str) -> anyhow::Result<()> {
        let hosts = [OsStr::new("--hosts-dir"), self.options.hosts.as_os_str()];
        self.ctr(["images", "pull"].map(OsStr::new).into_iter().chain(hosts).chain([OsStr::new(image)])).await?;
        Ok(())
    }

    /// The process, to stop, kill, freeze or thaw.
    pub fn daemon(&mut self) -> &mut Daemon {
        &mut self.daemon
    }

    /// Starts it again after it was stopped or killed, or ends it first: the socket is a new file.
    ///
    /// # Errors
    /// When it does not answer in time: with the end of its log.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.daemon.stop().await?;
        (self.daemon, self.version) = launch(&self.dir, &self.parts, &self.options.home.socket).await?;
        Ok(())
    }
}

async fn launch(dir: &Path, parts: &Parts, socket: &Path) -> anyhow::Result<(Daemon, String)> {
    let mut command = Command::new(parts.program("containerd"));
    command.arg("--config").arg(dir.join("config.toml")).env("PATH", parts.search_path());
    let mut daemon = Daemon::spawn(&mut command, &dir.join("log"))?;
    let version = daemon.until(START_DEADLINE, async || ask_version(socket.to_path_buf()).await).await;
    let version = version.context("containerd did not start")?;
    Ok((daemon, version))
}

async fn ask_version(socket: PathBuf) -> Option<String> {
    let mut client = RuntimeServiceClient::new(channel(socket).ok()?);
    let answer = tokio::time::timeout(CALL_DEADLINE, client.version(VersionRequest::default())).await;
    answer.ok()?.ok().map(|answer| answer.into_inner().runtime_version)
}

fn channel(socket: PathBuf) -> anyhow::Result<Channel> {
    // The address only fills the `:authority` of requests; the connector knows where to go.
    let endpoint = Endpoint::try_from("http://localhost")?;
    Ok(endpoint.connect_with_connector_lazy(tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    })))
}
