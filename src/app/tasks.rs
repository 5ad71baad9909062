//! The agent's tasks: started in one place, ended in one order. A task that ends before it was told to is a fault of the
//! agent, and ends it with a reason.

use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// From the word to stop until the process ends, whatever still runs. A pod's grace period is 30 s; the promise is 5 s.
const STOP_WITHIN: Duration = Duration::from_millis(4_500);

/// The running tasks. Two words to stop: first those who look, then those who still have something to tell.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    running: JoinSet<&'static str>,
    /// Observers, engine, pre-pull and servers stop.
    pub(super) stop: CancellationToken,
}

impl Tasks {
    /// Starts a task.
    pub(super) fn start(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(async move {
            task.await;
            name
        });
    }

    /// Runs until a signal, then ends all tasks. Fails if a task ended by itself.
    pub(super) async fn until_signal(mut self) -> anyhow::Result<ExitCode> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let ended = tokio::select! {
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
            ended = self.running.join_next() => ended,
        };
        match &ended {
            None => tracing::info!("stopping"),
            Some(Ok(name)) => tracing::error!(task = name, "a task ended by itself"),
            Some(Err(error)) => tracing::error!(%error, "a task failed"),
        }
        self.stop.cancel();
        let drained = async { while self.running.join_next().await.is_some() {} };
        tokio::select! {
            () = drained => {}
            () = tokio::time::sleep(STOP_WITHIN) => tracing::warn!("some tasks did not end in time"),
            _ = terminate.recv() => tracing::warn!("stopping at once"),
            _ = interrupt.recv() => tracing::warn!("stopping at once"),
        }
        match ended {
            None => Ok(ExitCode::SUCCESS),
            Some(Ok(name)) => anyhow::bail!("task {name} ended by itself"),
            Some(Err(error)) => Err(anyhow::Error::new(error).context("a task failed")),
        }
    }
}
