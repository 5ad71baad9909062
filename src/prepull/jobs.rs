//! Jobs under way: started, called off, and what came of those that were not.

use std::collections::HashMap;
use std::future::pending;

use tokio::task::{AbortHandle, JoinSet};

use super::pull::{Order, Puller};
use super::queue::{Job, Key, Outcome};

/// Jobs under way; dropped with this, they end.
pub(super) struct Jobs {
    puller: Puller,
    tasks: JoinSet<(Job, Outcome)>,
    running: HashMap<Key, AbortHandle>,
}

impl Jobs {
    /// None yet.
    pub(super) fn new(puller: Puller) -> Self {
        Self { puller, tasks: JoinSet::new(), running: HashMap::new() }
    }

    /// Begins one.
    pub(super) fn start(&mut self, job: Job, order: Order) {
        let (puller, key) = (self.puller.clone(), key(&job));
        let handle = self.tasks.spawn(async move {
            let outcome = puller.work(job.step, &order).await;
            if puller.stop.is_cancelled() {
                pending::<()>().await; // what it came to is not its own doing
            }
            (job, outcome)
        });
        self.running.insert(key, handle);
    }

    /// Ends one; what it came to is not told any more.
    pub(super) fn call_off(&mut self, key: &Key) {
        if let Some(job) = self.running.remove(key) {
            job.abort();
        }
    }

    /// The next that comes to its end; waits for one to be started where there is none.
    pub(super) async fn ended(&mut self) -> (Job, Outcome) {
        loop {
            match self.tasks.join_next_with_id().await {
                Some(Ok((id, (job, outcome)))) => {
                    let key = key(&job);
                    // Else it ended just before it was called off.
                    if self.running.get(&key).is_some_and(|handle| handle.id() == id) {
                        self.running.remove(&key);
                        return (job, outcome);
                    }
                }
                Some(Err(_)) => {}
                None => pending().await,
            }
        }
    }
}

fn key(job: &Job) -> Key {
    (job.set.clone(), job.image.clone())
}
