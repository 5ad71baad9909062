//! `kubewhy clean`: takes all that agents have left off this node: leases and pins in containerd, files of ours, marks on the Node.
//! Only once no agent holds the node. Removes no image, nothing that is not ours, and no object of the cluster.

mod account;
mod files;
mod node;
mod runtime;
mod stay;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::lock::{self, Lock};
use super::logging::{self, LogFormat};
use super::{Output, stop};
use crate::client::endpoint::Endpoint;
use crate::config::log;
use crate::serve::api::{DEFAULT_SOCKET, is_served};
use account::{Item, Kind};
use files::Files;

/// Something is left that is ours.
const LEFT: u8 = 1;
/// A disk that takes longer hangs.
const DISK: Duration = Duration::from_secs(30);

/// What is to be cleaned, and how the answer looks.
#[derive(Debug, Args)]
pub struct CleanArgs {
    /// Only show what there is to take away; also while an agent runs [default: it is taken away].
    #[arg(long, env = "KUBEWHY_CLEAN_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
    /// Then stay until SIGTERM and be ready at --health-address, as the pod of a DaemonSet that cleans every node [default: it ends].
    #[arg(long, env = "KUBEWHY_CLEAN_STAY", value_parser = BoolishValueParser::new(), conflicts_with = "dry_run")]
    pub stay: bool,
    /// The agent's state directory.
    #[arg(long, env = "KUBEWHY_STATE_DIR", default_value = "/var/lib/kubewhy")]
    pub state_dir: PathBuf,
    /// The agent's socket.
    #[arg(long, env = "KUBEWHY_API_SOCKET", default_value = DEFAULT_SOCKET)]
    pub api_socket: PathBuf,
    /// Socket of the container runtime: a path, unix:///path, or auto for the first of the usual places.
    #[arg(long, env = "KUBEWHY_RUNTIME_ENDPOINT", default_value = "auto")]
    pub runtime_endpoint: Endpoint,
    /// Where the host's directories are seen: /host in a pod that mounts them there.
    #[arg(long, env = "KUBEWHY_HOST_ROOT", default_value = "/")]
    pub host_root: PathBuf,
    /// Name of this node's Node object [default: the host's name].
    #[arg(long, env = "NODE_NAME", value_parser = NonEmptyStringValueParser::new())]
    pub node_name: Option<String>,
    /// Kubeconfig to reach the API server with [default: the pod's service account].
    #[arg(long, env = "KUBEWHY_KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// Do without an API server: marks on the Node are not looked for [default: with one].
    #[arg(long, env = "KUBEWHY_STANDALONE", value_parser = BoolishValueParser::new())]
    pub standalone: bool,
    /// Address of the probes, with --stay.
    #[arg(long, env = "KUBEWHY_HEALTH_ADDRESS", default_value = "127.0.0.1:9470")]
    pub health_address: SocketAddr,
    /// The form of the answer.
    #[arg(short, long, env = "KUBEWHY_OUTPUT", value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// An agent runs here that holds none of the directories that were named.
#[derive(Debug, thiserror::Error)]
#[error("nothing was changed: an agent serves {path}; end it first, and let nobody start it again", path = .0.display())]
pub struct Served(PathBuf);

/// Cleans this node, or with `--dry-run` says what there is to clean. Exit code 0 where nothing of ours is left, else 1.
///
/// # Errors
/// An agent holds the node ([`lock::LockError`], [`Served`]), or the answer can't be written.
pub fn run(args: &CleanArgs) -> anyhow::Result<ExitCode> {
    logging::start(LogFormat::Auto, &log::filter("info").map_err(anyhow::Error::msg)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    let outcome = runtime.block_on(Box::pin(async {
        let stop = stop::on_signal().context("no signal handlers")?;
        if args.stay { clean_and_stay(args, &stop).await } else { clean(args, &stop).await }
    }));
    // A disk that hangs holds its thread; the process does not wait for it.
    runtime.shutdown_background();
    outcome
}

/// Where it fails the process ends, for the kubelet to start it anew with a pause that grows.
async fn clean_and_stay(args: &CleanArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    let (done, cleaned) = watch::channel(false);
    let serving = tokio::spawn(stay::serve(args.health_address, cleaned, stop.clone()));
    let code = clean(args, stop).await?;
    if code == ExitCode::SUCCESS {
        done.send_replace(true);
        serving.await?;
    }
    Ok(code)
}

async fn clean(args: &CleanArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    let items = stop
        .run_until_cancelled(swept(args))
        .await
        .context("told to end before all was looked for; run this again")??;
    account::tell(&items, args.dry_run, args.output)?;
    Ok(if account::is_clean(&items) { ExitCode::SUCCESS } else { LEFT.into() })
}

/// What came of all that there is. The files come last: they are there for as long as anything else is.
async fn swept(args: &CleanArgs) -> anyhow::Result<Vec<Item>> {
    let files = Files::of(&args.state_dir, &args.api_socket);
    let _locks = if args.dry_run { Vec::new() } else { locks(&files).await? };
    if !args.dry_run && is_served(&args.api_socket).await {
        return Err(Served(args.api_socket.clone()).into());
    }
    let endpoint = args.runtime_endpoint.clone().below(&args.host_root);
    let mut items = Box::pin(runtime::clean(endpoint, args.dry_run)).await;
    items.extend(Box::pin(node::clean(args)).await);
    let dry_run = args.dry_run;
    match timeout(DISK, spawn_blocking(move || files.sweep(dry_run))).await {
        Ok(swept) => items.extend(swept?),
        Err(_) => items.push(Item::failed(
            Kind::Directory,
            args.state_dir.display().to_string(),
            "its disk gives no answer; see what holds it up, and run this again",
        )),
    }
    Ok(items)
}

/// No agent runs here from now on.
async fn locks(files: &Files) -> anyhow::Result<Vec<Lock>> {
    let mut locks = Vec::new();
    for dir in files.held() {
        let lock = lock::wait(&dir).await;
        locks.push(lock.context("nothing was changed: an agent must have ended first, and nobody start it again")?);
    }
    Ok(locks)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::lock::LockError;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: CleanArgs,
    }

    #[tokio::test(start_paused = true)]
    async fn while_an_agent_holds_the_node_nothing_is_touched_and_once_it_ends_all_goes() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).into_os_string();
        let state = dir.path().join("state");
        let flags = ["--standalone", "--state-dir"].map(Into::into).into_iter().chain([at("state")]);
        let sockets = ["--api-socket".into(), at("api.sock"), "--runtime-endpoint".into(), at("cri.sock")];
        let args = Line::parse_from(["clean".into()].into_iter().chain(flags).chain(sockets)).args;
        let me = lock::Holder::new(Some("kubewhy-abc"), 7, crate::model::Time::UNIX_EPOCH);

        let agent = lock::acquire(&state, &me).await.unwrap();
        let refused = swept(&args).await.unwrap_err();
        assert!(matches!(refused.downcast_ref(), Some(LockError::Held { .. })), "{refused:#}");
        assert!(format!("{refused:#}").contains("nothing was changed") && state.join("holder").exists());

        let ending = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            drop(agent);
        };
        let ((), items) = tokio::join!(ending, swept(&args));
        let items = items.unwrap();
        assert!(!state.exists() && !account::is_clean(&items), "its runtime does not answer: {items:?}");
    }
}
