//! A background program of the lab: started with its log in a file, stopped, killed, frozen, and killed on drop.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getrlimit, kill_process, prlimit, waitid};
use tokio::process::{Child, Command};

/// What a program may take to end after SIGTERM before it is killed.
const STOP_GRACE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// Runs a program of the machine to its end.
///
/// # Errors
/// When it can't be started, or fails: with its words.
pub(crate) fn run(command: &mut std::process::Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{:?}", command.get_program()))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// A running program.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts the program; what it says is appended to `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program not started.
    pub fn spawn(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("cannot start {:?}", command.as_std().get_program()))?;
        Ok(Self { child, log: log.to_path_buf() })
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether it has not ended by itself.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Freezes it (SIGSTOP): it accepts connections, the kernel does that, and answers nothing. Its threads stop one by one,
    /// some milliseconds apart on a busy machine, so this waits for the last of them (waitid(2), WSTOPPED).
    ///
    /// # Errors
    /// When it runs no more.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)?;
        let seen = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(self.id()?), seen)?;
        anyhow::ensure!(status.is_some_and(|status| status.stopped()), "it ended instead of stopping");
        Ok(())
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// When it runs no more.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Lets it open no more files, not even for a tenth of those that it closes: some are always about to be.
    ///
    /// # Errors
    /// When it runs no more.
    pub fn allow_no_more_files(&self) -> anyhow::Result<()> {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.id()?))?.count() as u64;
        self.limit_files(open - open / 10)
    }

    /// Lets it open as many files as this process may.
    ///
    /// # Errors
    /// When it runs no more.
    pub fn allow_all_files(&self) -> anyhow::Result<()> {
        self.limit_files(getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX))
    }

    fn limit_files(&self, current: u64) -> anyhow::Result<()> {
        let maximum = getrlimit(Resource::Nofile).maximum;
        prlimit(Some(self.id()?), Resource::Nofile, Rlimit { current: Some(current), maximum })?;
        Ok(())
    }

    /// Ends it with SIGTERM, after ten seconds with SIGKILL.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        if self.pid().is_some() {
            self.signal(Signal::TERM)?;
        }
        if let Ok(status) = tokio::time::timeout(STOP_GRACE, self.child.wait()).await {
            return Ok(status?);
        }
        self.child.kill().await?;
        Ok(self.child.wait().await?)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// Ends it with SIGKILL and waits for that.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits until `ready` yields something.
    ///
    /// # Errors
    /// When the program ends before, or `deadline` passes: with the end of its log.
    pub async fn until<T>(
        &mut self,
        deadline: Duration,
        mut ready: impl AsyncFnMut() -> Option<T>,
    ) -> anyhow::Result<T> {
        let asking = async {
            loop {
                if let Some(status) = self.child.try_wait()? {
                    anyhow::bail!("it ended with {status}");
                }
                if let Some(answer) = ready().await {
                    return Ok(answer);
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let outcome = tokio::time::timeout(deadline, asking).await.context("it does not answer");
        outcome.and_then(|answer| answer).with_context(|| format!("the end of its log:\n{}", self.log_end()))
    }

    /// The last lines it said.
    #[must_use]
    pub fn log_end(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(20)).map(|line| format!("  {line}\n")).collect()
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill_process(self.id()?, signal)?)
    }

    fn id(&self) -> anyhow::Result<Pid> {
        self.pid().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw).context("it has ended")
    }
}
