//! One question to the host's files at a time, on the blocking pool and with a deadline: a hung file system costs one
//! thread, and the answer is that there is none. It never starts a second question while one is unanswered.

use std::time::Duration;

use tokio::task::JoinHandle;

/// The host's files answer within this time, or count as silent; unless another deadline is given.
const DEADLINE: Duration = Duration::from_secs(5);

/// A question that may still be unanswered.
#[derive(Debug)]
pub(super) struct Asking<T> {
    running: Option<JoinHandle<T>>,
    deadline: Duration,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAnswer {
    /// The file system did not answer within the deadline.
    #[error("the host's files do not answer")]
    Silent,
    /// The look itself failed.
    #[error("looking at the host's files failed")]
    Failed,
}

impl<T> Default for Asking<T> {
    fn default() -> Self {
        Self::within(DEADLINE)
    }
}

impl<T> Asking<T> {
    /// Questions that count as unanswered after `deadline`.
    pub(super) fn within(deadline: Duration) -> Self {
        Self { running: None, deadline }
    }

    /// A question is unanswered still.
    pub(super) fn waits(&self) -> bool {
        self.running.is_some()
    }
}

impl<T: Send + 'static> Asking<T> {
    /// The answer to `question`, or to the one before it where that is unanswered still.
    pub(super) async fn ask(&mut self, question: impl FnOnce() -> T + Send + 'static) -> Result<T, NoAnswer> {
        let handle = self.running.get_or_insert_with(|| tokio::task::spawn_blocking(question));
        let Ok(answer) = tokio::time::timeout(self.deadline, &mut *handle).await else { return Err(NoAnswer::Silent) };
        self.running = None;
        answer.map_err(|_| NoAnswer::Failed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Virtual time stands still by itself while a thread is busy.
    async fn past_the_deadline<T>(asked: impl Future<Output = T>) -> T {
        tokio::join!(asked, tokio::time::advance(2 * DEADLINE)).0
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_hangs_is_asked_once_and_its_answer_comes_later() {
        let mut asking = Asking::default();
        let (release, hung) = mpsc::channel();
        let first = past_the_deadline(asking.ask(move || hung.recv().unwrap_or_default())).await;
        assert_eq!(first, Err(NoAnswer::Silent));
        let second = past_the_deadline(asking.ask(|| 2)).await;
        assert_eq!(second, Err(NoAnswer::Silent), "a second question was put");
        assert!(asking.waits());
        release.send(1).unwrap();
        assert_eq!(asking.ask(|| 3).await, Ok(1));
        assert_eq!(asking.ask(|| 4).await, Ok(4));
    }
}
