//! Questions to file systems, which may never answer: so many at a time, and none is waited for for long. What hangs costs as
//! many threads as there are places, and no more with each question.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// The places in which questions are asked. Cheap to copy; all copies are the same places.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    places: Arc<Semaphore>,
    within: Duration,
}

impl Asking {
    /// So many at once, each of them answered within that time or not at all.
    pub(super) fn new(at_once: usize, within: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once)), within }
    }

    /// The answer; none where it does not come in time, or no place becomes free by then.
    pub(super) async fn ask<T: Send + 'static>(&self, question: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let places = Arc::clone(&self.places);
        let asking = async {
            let place = places.acquire_owned().await.ok()?;
            let asking = spawn_blocking(move || {
                let _place = place; // given back when the file system answers, not when nobody waits any more
                question()
            });
            asking.await.ok()
        };
        timeout(self.within, asking).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const PLACES: usize = 4;
    const WITHIN: Duration = Duration::from_secs(5);

    /// Virtual time stands still by itself while a thread is busy.
    #[tokio::test(start_paused = true)]
    async fn mounts_that_hang_cost_a_few_threads_however_often_they_are_asked() {
        let asking = Asking::new(PLACES, WITHIN);
        let mut hung = Vec::new();
        for _ in 0..3 * PLACES {
            let (release, waits) = mpsc::channel::<()>();
            hung.push(release);
            let asked = asking.ask(move || waits.recv().is_ok());
            let (answer, ()) = tokio::join!(asked, tokio::time::advance(2 * WITHIN));
            assert_eq!(answer, None);
            assert!(asking.places.available_permits() >= PLACES.saturating_sub(hung.len()));
        }
        drop(hung);
        assert_eq!(asking.ask(|| 7).await, Some(7));
    }
}
