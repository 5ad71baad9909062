//! `kubewhy run`: the agent. What it is told on the command line, and what stands before it: the log and the lock. What
//! it then does is the agent's own matter.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::Targets;

use crate::client::endpoint::Endpoint;
use crate::clock::Clock;
use crate::config::log;
use crate::serve::api::DEFAULT_SOCKET;

use super::exit;
use super::lock::{self, Holder};
use super::logging::{self, Level, LogFormat};
use super::stop;

/// Where the lock lies without a state directory. Gone after a reboot, which is right.
const RUN_DIR: &str = "/run/kubewhy";

/// Where JSON lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LinesTo {
    /// To stdout without an API server, else nowhere.
    Auto,
    /// To stdout.
    Stdout,
    /// Nowhere.
    Off,
}

impl LinesTo {
    /// Whether they go to stdout.
    #[must_use]
    pub fn stdout(self, standalone: bool) -> bool {
        self == Self::Stdout || self == Self::Auto && standalone
    }
}

/// Everything that is decided when the agent starts. What may change while it runs stands in the configuration file.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Name of this node's Node object [default: the host's name].
    #[arg(long, env = "NODE_NAME", value_parser = NonEmptyStringValueParser::new())]
    pub node_name: Option<String>,
    /// Name of the pod this agent runs in, for the lock [default: none is named].
    #[arg(long, env = "POD_NAME")]
    pub pod_name: Option<String>,
    /// Configuration file; read again when it changes [default: none, and no pre-pull].
    #[arg(long, env = "KUBEWHY_CONFIG")]
    pub config: Option<PathBuf>,
    /// Socket of the container runtime: a path, unix:///path, or auto for the first of the usual places.
    #[arg(long, env = "KUBEWHY_RUNTIME_ENDPOINT", default_value = "auto")]
    pub runtime_endpoint: Endpoint,
    /// Where the host's directories are seen: /host in a pod that mounts them there.
    #[arg(long, env = "KUBEWHY_HOST_ROOT", default_value = "/")]
    pub host_root: PathBuf,
    /// Directory of the CNI configuration, as the host names it [default: the runtime's].
    #[arg(long, env = "KUBEWHY_CNI_CONF_DIR")]
    pub cni_conf_dir: Option<PathBuf>,
    /// Directory of the CNI plugins, as the host names it; may be given several times [default: the runtime's].
    #[arg(long, env = "KUBEWHY_CNI_BIN_DIR", value_delimiter = ':')]
    pub cni_bin_dir: Vec<PathBuf>,
    /// The kubelet's root directory, as the host names it.
    #[arg(long, env = "KUBEWHY_KUBELET_ROOT", default_value = "/var/lib/kubelet")]
    pub kubelet_root: PathBuf,
    /// Directory of the pods' logs (the kubelet's podLogsDir), as the host names it.
    #[arg(long, env = "KUBEWHY_POD_LOGS", default_value = "/var/log/pods")]
    pub pod_logs: PathBuf,
    /// Kubeconfig to reach the API server with [default: the pod's service account].
    #[arg(long, env = "KUBEWHY_KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// Do without an API server, whatever --kubeconfig says: what is found goes to the log and to stdout [default: with one].
    #[arg(long, env = "KUBEWHY_STANDALONE", value_parser = BoolishValueParser::new())]
    pub standalone: bool,
    /// Where all that is told goes as JSON, one object a line: auto is stdout with --standalone and else nowhere.
    #[arg(long, env = "KUBEWHY_LINES", value_enum, default_value_t = LinesTo::Auto)]
    pub lines: LinesTo,
    /// Directory of the agent's own on this node, kept over restarts [default: none, and nothing is kept].
    #[arg(long, env = "KUBEWHY_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// Address of the probes.
    #[arg(long, env = "KUBEWHY_HEALTH_ADDRESS", default_value = "127.0.0.1:9470")]
    pub health_address: SocketAddr,
    /// Address of the metrics [default: none are served].
    #[arg(long, env = "KUBEWHY_METRICS_ADDRESS")]
    pub metrics_address: Option<SocketAddr>,
    /// Show the metrics only to whom the API server lets get the path /metrics, by bearer token; needs deploy/metrics-auth [default: to everybody].
    #[arg(long, env = "KUBEWHY_METRICS_AUTH", value_parser = BoolishValueParser::new())]
    #[arg(requires_if("true", "metrics_address"))]
    pub metrics_auth: bool,
    /// Socket of the node-local API, which kubewhy status asks.
    #[arg(long, env = "KUBEWHY_API_SOCKET", default_value = DEFAULT_SOCKET)]
    pub api_socket: PathBuf,
    /// File for the agent's last words, if it ends by a fault; a pod's terminationMessagePath. It is not made where it is not there.
    #[arg(long, env = "KUBEWHY_TERMINATION_LOG", default_value = exit::TERMINATION_LOG)]
    pub termination_log: PathBuf,
    /// Form of the log: auto is text, and JSON in a pod.
    #[arg(long, env = "KUBEWHY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or a filter such as info,kubewhy=debug; log.level of the configuration changes it while the agent runs.
    #[arg(long, env = "KUBEWHY_LOG_LEVEL", default_value = "info", value_parser = log::filter)]
    pub log_level: Targets,
}

/// The threads that look at files stay until the next look at a calm node: to begin them anew costs more than most looks.
const THREADS_STAY: Duration = Duration::from_secs(60);

/// Starts the log, takes this node's lock and runs the agent until it ends. The lock is held meanwhile. The agent is given
/// what it was told, the token that tells it to end, and the hand on how much is logged.
///
/// # Errors
/// The log can't be started, [`lock::LockError`], and what the agent itself fails with.
pub fn enter(
    args: RunArgs,
    agent: impl AsyncFnOnce(RunArgs, CancellationToken, Level) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    exit::end_at_panics(args.termination_log.clone());
    let level = logging::start(args.log_format, &args.log_level)?;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().thread_keep_alive(THREADS_STAY).build().context("no event loop")?;
    let outcome = runtime.block_on(async {
        let stop = stop::on_signal().context("no signal handlers")?;
        let holder = Holder::new(args.pod_name.as_deref(), std::process::id(), Clock::start().now());
        let dir = args.state_dir.as_deref().unwrap_or(Path::new(RUN_DIR));
        let _lock = tokio::select! {
            lock = lock::acquire(dir, &holder) => lock?,
            () = stop.cancelled() => return Ok(ExitCode::SUCCESS),
        };
        Box::pin(agent(args, stop, level)).await
    });
    // A look at a hung file system holds its thread; the process does not wait for it.
    runtime.shutdown_background();
    outcome
}
