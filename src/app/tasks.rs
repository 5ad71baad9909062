//! The agent's tasks: started in one place, ended in one order. A task that ends before it was told to is a fault of the
//! agent, and ends it with a reason: the others first write what must not be lost. A panic ends the process at once.

use std::process::ExitCode;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// From the word to stop until the process ends, whatever still runs. A pod's grace period is 30 s; the promise is 5 s.
const STOP_WITHIN: Duration = Duration::from_millis(4_500);

/// The running tasks.
#[derive(Debug)]
pub(super) struct Tasks {
    running: JoinSet<(&'static str, Option<String>)>,
    /// Tells all of them to end.
    pub(super) stop: CancellationToken,
}

impl Tasks {
    /// No tasks yet; they will end with `stop`.
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self { running: JoinSet::new(), stop }
    }

    /// Starts a task.
    pub(super) fn start(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(async move {
            task.await;
            (name, None)
        });
    }

    /// Starts a task that ends the agent when it ends, with what it says.
    pub(super) fn start_watch(&mut self, name: &'static str, task: impl Future<Output = String> + Send + 'static) {
        let stop = self.stop.clone();
        self.running.spawn(async move { (name, stop.run_until_cancelled(task).await) });
    }

    /// Runs until told to stop, then waits for all tasks to end, within bounds. Fails if one ended by itself.
    pub(super) async fn until_stopped(mut self) -> anyhow::Result<ExitCode> {
        let outcome = tokio::select! {
            () = self.stop.cancelled() => Ok(ExitCode::SUCCESS),
            Some(ended) = self.running.join_next() => match ended {
                // A word to stop and the end of a task may come together.
                Ok(_) if self.stop.is_cancelled() => Ok(ExitCode::SUCCESS),
                Ok((_, Some(reason))) => Err(anyhow::anyhow!(reason)),
                Ok((name, None)) => Err(anyhow::anyhow!("task {name} ended by itself")),
                Err(error) => Err(anyhow::Error::new(error).context("a task failed")),
            },
        };
        self.stop.cancel();
        let drained = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WITHIN, drained).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_by_itself_is_named_and_the_others_are_told_to_end() {
        let mut tasks = Tasks::new(CancellationToken::new());
        let (stop, told) = (tasks.stop.clone(), Arc::new(AtomicBool::new(false)));
        let seen = Arc::clone(&told);
        tasks.start("reporter", async move {
            stop.cancelled().await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            seen.store(true, Ordering::Relaxed);
        });
        tasks.start("relay", tokio::time::sleep(Duration::from_secs(60)));
        let ended = tasks.until_stopped().await.unwrap_err();
        assert_eq!(ended.to_string(), "task relay ended by itself");
        assert!(told.load(Ordering::Relaxed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_ends_the_agent_with_its_own_words_and_ends_with_it() {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.start_watch("clock", async { "the clock was set".to_owned() });
        tasks.start_watch("another", std::future::pending());
        assert_eq!(tasks.until_stopped().await.unwrap_err().to_string(), "the clock was set");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_hear_holds_up_the_end_within_a_bound() {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.start("deaf", std::future::pending());
        tasks.stop.cancel();
        let begun = tokio::time::Instant::now();
        assert_eq!(tasks.until_stopped().await.unwrap(), ExitCode::SUCCESS);
        assert_eq!(begun.elapsed(), STOP_WITHIN);
    }
}
