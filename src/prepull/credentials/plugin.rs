//! Asks one plugin, as the kubelet does (Kubernetes: ExecPlugin in pkg/credentialprovider/plugin/plugin.go): the request on
//! its input, the answer on its output, its own environment over this process's. It never outlives the question: when time
//! is up, or nobody waits any more, it is killed with all that it started. What it prints is in no log; a line of what it
//! complains of is, with secrets removed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};

use super::configuration::Provider;
use super::error::PluginError;
use super::location::Location;
use super::request::{Answer, answer, request};
use crate::model::redact::redact;
use crate::model::wording::{cut, one_line};

/// As long as the kubelet waits.
pub(super) const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// An answer is a few kilobytes.
const ANSWER_AT_MOST: u64 = 1 << 20;

/// As much of its complaint is kept, and as much of that is logged.
const COMPLAINT_AT_MOST: u64 = 4 << 10;
const LOGGED_AT_MOST: usize = 200;

/// Shorter values of its environment are words such as `true`.
const SECRET_FROM: usize = 6;

/// A program, and how it is asked.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Plugin {
    path: PathBuf,
    pub(super) provider: Provider,
}

impl Plugin {
    /// The one of that directory.
    pub(super) fn new(directory: &Path, provider: Provider) -> Self {
        Self { path: directory.join(&provider.name), provider }
    }

    /// Its answer for an image.
    pub(super) async fn ask(&self, image: &Location, within: Duration) -> Result<Answer, PluginError> {
        let (version, mut command) = (&self.provider.api_version, self.command());
        let asked = request(version, image.as_str());
        let asking = async {
            // A program on a mount that hangs holds up whoever starts it.
            let started = tokio::task::spawn_blocking(move || command.spawn().map(Running)).await;
            let mut running = started.map_err(io::Error::other).flatten().map_err(|error| self.not_started(&error))?;
            let (printed, complaint) = running.talk(&asked).await?;
            let status = running.0.wait().await.map_err(|error| self.not_started(&error))?;
            Ok(Told { status, printed, complaint })
        };
        let told = tokio::time::timeout(within, asking).await.unwrap_or(Err(PluginError::Late(within)))?;
        if !told.status.success() {
            tracing::warn!(provider = self.provider.name, says = self.complaint(&told.complaint), "a plugin failed");
            return Err(PluginError::Failed(told.status));
        }
        answer(version, &told.printed).ok_or_else(|| PluginError::Answer(version.clone()))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.provider.args);
        command.envs(self.provider.env.iter().map(|variable| (&variable.name, &variable.value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        command
    }

    /// That a file which is there is not found means its loader or its interpreter.
    fn not_started(&self, error: &io::Error) -> PluginError {
        let path = self.path.clone();
        match error.kind() {
            io::ErrorKind::NotFound if !path.exists() => PluginError::Missing(path),
            io::ErrorKind::NotFound => PluginError::Unrunnable(path),
            io::ErrorKind::PermissionDenied => PluginError::Forbidden(path),
            kind => PluginError::Start(path, kind),
        }
    }

    /// What it said, fit for a log.
    fn complaint(&self, said: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(said).into_owned();
        for variable in self.provider.env.iter().filter(|variable| variable.value.len() >= SECRET_FROM) {
            text = text.replace(&variable.value, "[redacted]");
        }
        cut(&one_line(&redact(&text)), LOGGED_AT_MOST)
    }
}

/// What a plugin that ended left behind.
struct Told {
    status: ExitStatus,
    printed: Vec<u8>,
    complaint: Vec<u8>,
}

/// A plugin that runs, the first of its process group.
struct Running(Child);

impl Running {
    /// What it prints and what it complains of, until it closes both.
    async fn talk(&mut self, asked: &[u8]) -> Result<(Vec<u8>, Vec<u8>), PluginError> {
        let (input, output, errors) = (self.0.stdin.take(), self.0.stdout.take(), self.0.stderr.take());
        let rest = async { Ok(tokio::join!(tell(input, asked), said(errors)).1) };
        tokio::try_join!(printed(output), rest)
    }
}

impl Drop for Running {
    /// Until it was waited for, its id is nobody else's.
    fn drop(&mut self) {
        let group = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(Err(error)) = group.map(|group| kill_process_group(group, Signal::KILL)) {
            tracing::debug!(%error, "a plugin could not be killed");
        }
    }
}

/// A plugin need not read what it is asked.
async fn tell(input: Option<ChildStdin>, asked: &[u8]) {
    if let Some(mut input) = input
        && let Err(error) = input.write_all(asked).await
    {
        tracing::debug!(%error, "a plugin did not read its request");
    }
}

async fn printed(output: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, PluginError> {
    let mut printed = Vec::new();
    if let Some(output) = output
        && let Err(error) = output.take(ANSWER_AT_MOST + 1).read_to_end(&mut printed).await
    {
        tracing::debug!(%error, "a plugin's answer broke off");
    }
    if printed.len() as u64 > ANSWER_AT_MOST { Err(PluginError::TooLarge) } else { Ok(printed) }
}

/// The beginning; the rest is read too, or the plugin would wait for a reader.
async fn said(errors: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut said = Vec::new();
    if let Some(mut errors) = errors {
        let beginning = (&mut errors).take(COMPLAINT_AT_MOST).read_to_end(&mut said).await;
        let rest = tokio::io::copy(&mut errors, &mut tokio::io::sink()).await;
        if let Err(error) = beginning.map(|_| 0).and(rest) {
            tracing::debug!(%error, "a plugin's complaint broke off");
        }
    }
    said
}

#[cfg(test)]
mod tests;
