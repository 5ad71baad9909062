//! The real `kubewhy run`, as a process of the lab.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::process::Command;

use crate::process::Daemon;

/// Its first list alone waits up to a minute by default, so that a fleet does not ask at once.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// The agent's configuration in the demo: the defaults are made for nodes, where a minute of good evidence before an
/// ending costs nobody anything; somebody is watching here.
pub const CONFIG: &str = "\
apiVersion: kubewhy.dev/v1alpha1
report: {spread: 0s}
timing: {busy: 500ms, calm: 1s, status: 1s, cni: 1s, clear: 2s, restartQuiet: 1s, askEvents: 3s, askAgain: 10s}
causes:
  ImagePullSlow: {after: 6s}
  ImagePullStalled: {after: 4s}
  SandboxStalled: {after: 6s}
";

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    /// Its process.
    pub daemon: Daemon,
    /// The socket of its node-local API.
    pub api: PathBuf,
    log: Log,
    port: u16,
}

/// What one agent says, in a file to which all agents of its directory append.
#[derive(Clone, Debug)]
struct Log {
    path: PathBuf,
    /// Bytes that are not its own.
    from: u64,
}

/// What an agent is started with.
#[derive(Debug)]
pub struct Start<'a> {
    /// The program.
    pub program: &'a Path,
    /// Where its files go.
    pub dir: &'a Path,
    /// The Node it runs on.
    pub node: &'a str,
    /// The runtime's socket.
    pub socket: &'a Path,
    /// Holds the kubelet's root, `kubelet`, and the logs of pods, `pods`.
    pub kubelet: &'a Path,
    /// How it reaches the API server; none: standalone.
    pub kubeconfig: Option<&'a Path>,
    /// Its configuration file's text.
    pub config: &'a str,
    /// Port of its health server; the next one is its metrics'.
    pub port: u16,
}

impl Agent {
    /// Starts it and waits until it says that it is ready.
    ///
    /// # Errors
    /// When it does not get ready; its last words are in the error.
    pub async fn start(start: &Start<'_>) -> anyhow::Result<Self> {
        let mut agent = Self::launch(start, |_| {})?;
        agent.until_ready().await?;
        Ok(agent)
    }

    /// Starts it and waits for nothing; `adapt` may change the command.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn launch(start: &Start<'_>, adapt: impl FnOnce(&mut Command)) -> anyhow::Result<Self> {
        std::fs::create_dir_all(start.dir).context("the agent's directory")?;
        let config = start.dir.join("config.yaml");
        std::fs::write(&config, start.config).context("the agent's configuration")?;
        let (log, api) = (start.dir.join("log"), start.dir.join("kubewhy.sock"));
        let mut command = Command::new(start.program);
        command
            .arg("run")
            .args(["--node-name", start.node, "--log-format", "text"])
            .arg("--config")
            .arg(&config)
            .arg("--runtime-endpoint")
            .arg(start.socket)
            .arg("--kubelet-root")
            .arg(start.kubelet.join("kubelet"))
            .arg("--pod-logs")
            .arg(start.kubelet.join("pods"))
            .arg("--state-dir")
            .arg(start.dir.join("state"))
            .arg("--api-socket")
            .arg(&api)
            .args(["--health-address", &format!("127.0.0.1:{}", start.port)])
            .args(["--metrics-address", &format!("127.0.0.1:{}", start.port + 1)]);
        match start.kubeconfig {
            Some(path) => command.arg("--kubeconfig").arg(path),
            None => command.arg("--standalone"),
        };
        adapt(&mut command);
        let log = Log { from: std::fs::metadata(&log).map_or(0, |file| file.len()), path: log };
        Ok(Self { daemon: Daemon::spawn(&mut command, &log.path)?, api, log, port: start.port })
    }

    async fn until_ready(&mut self) -> anyhow::Result<()> {
        let port = self.port;
        self.daemon.until(READY_WITHIN, async || is_ready(port).await.then_some(())).await
    }

    /// Its metrics by now, in Prometheus' text form.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let answer = get(self.port + 1, "/metrics").await?;
        ensure!(answer.contains(" 200 "), "no metrics: {answer}");
        Ok(answer)
    }

    /// Everything it has logged, and in standalone mode told, by now.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn log(&self) -> anyhow::Result<String> {
        self.log.read()
    }

    /// The lines of its log that hold all of these words.
    #[must_use]
    pub fn lines(&self, words: &[&str]) -> Vec<String> {
        self.log.lines(words)
    }

    /// Waits for the first line of its log that holds all of these words.
    ///
    /// # Errors
    /// When it ends before or `within` passes; its last words are in the error.
    pub async fn says(&mut self, words: &[&str], within: Duration) -> anyhow::Result<String> {
        let Self { daemon, log, .. } = self;
        let heard = daemon.until(within, async || log.lines(words).into_iter().next()).await;
        heard.with_context(|| format!("no line with {words:?}"))
    }

    /// Ends it as the kubelet would and checks that it went well.
    ///
    /// # Errors
    /// When it did not end with success.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let status = self.daemon.stop().await?;
        ensure!(status.success(), "the agent ended with {status}: {}", self.daemon.log_end());
        Ok(())
    }
}

impl Log {
    fn read(&self) -> anyhow::Result<String> {
        let mut file = std::fs::File::open(&self.path).context("the agent's log")?;
        file.seek(SeekFrom::Start(self.from))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(text)
    }

    fn lines(&self, words: &[&str]) -> Vec<String> {
        let text = self.read().unwrap_or_default();
        text.lines().filter(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned).collect()
    }
}

/// Whether the agent with that health port says that it is ready.
pub async fn is_ready(port: u16) -> bool {
    get(port, "/readyz").await.is_ok_and(|answer| answer.contains(" 200 "))
}

/// One request, one answer, headers and all.
async fn get(port: u16, path: &str) -> anyhow::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
