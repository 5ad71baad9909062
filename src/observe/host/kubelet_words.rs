//! What the kubelet wrote in its journal of a pod that is stuck: read before the pod's Events are asked for, which costs the
//! API server a namespace and may be refused. Hands on every question that its words do not answer.

mod said;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::asking::Asking;
use crate::clock::Clock;
use crate::host::Mounts;
use crate::model::ids::PodId;
use crate::model::observation::{Observation, Seen};
use crate::model::{Time, since};
use crate::observe::Outlet;
use crate::probe::journal::Line;
use crate::probe::kubelet;

/// The kubelet says again what still holds at least this often: a volume's wait ends after two minutes.
const LATELY: Duration = Duration::from_secs(300);
/// Pods that get stuck together are answered from one reading.
const FRESH: Duration = Duration::from_secs(10);

/// Answers questions for what holds a pod.
#[derive(Debug)]
pub struct WordsObserver {
    /// Where the host's root is visible; `/` outside a container.
    pub root: PathBuf,
    /// Who answers what is not answered here.
    pub unanswered: mpsc::Sender<PodId>,
    /// The agent's clock.
    pub clock: Clock,
}

impl WordsObserver {
    /// Runs until stopped, or until nobody asks any more. Sends [`Seen::PodEvents`] where the journal tells, as the Events
    /// would that the kubelet makes of the same words.
    pub async fn run(
        self,
        mut questions: mpsc::Receiver<PodId>,
        out: mpsc::Sender<Observation>,
        stop: CancellationToken,
    ) {
        let out = Outlet::new(out, self.clock);
        let answering = async {
            let mut reader = Reader { root: self.root, asking: Asking::default(), known: None };
            while let Some(pod) = questions.recv().await {
                let lines = reader.lines(self.clock.now()).await;
                let events = said::of(&lines, &pod);
                if !said::suffice(&events) {
                    // Nobody waits for the answer: a full queue is asked again later.
                    _ = self.unanswered.try_send(pod);
                } else {
                    out.tell(Seen::PodEvents { pod: pod.uid, events }).await;
                }
            }
        };
        stop.run_until_cancelled(answering).await;
    }
}

struct Reader {
    root: PathBuf,
    asking: Asking<Vec<Line>>,
    known: Option<(Time, Arc<[Line]>)>,
}

impl Reader {
    /// None where there is no journal, or none that can be read.
    async fn lines(&mut self, now: Time) -> Arc<[Line]> {
        if let Some((_, lines)) = self.known.as_ref().filter(|(at, _)| since(*at, now) < FRESH) {
            return lines.clone();
        }
        let (root, from) = (self.root.clone(), now.checked_sub(LATELY).unwrap_or(now));
        let read = move || Mounts::at(&root).map(|mounts| kubelet::words(&mounts, from)).unwrap_or_default();
        let lines: Arc<[Line]> = self.asking.ask(read).await.unwrap_or_default().into();
        self.known = Some((now, lines.clone()));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::PodUid;

    #[tokio::test]
    async fn what_no_journal_answers_is_asked_of_others() {
        let host = tempfile::tempdir().unwrap();
        let (ask, questions) = mpsc::channel(1);
        let (unanswered, mut left) = mpsc::channel(1);
        let (out, mut seen) = mpsc::channel(1);
        let words = WordsObserver { root: host.path().to_owned(), unanswered, clock: Clock::start() };
        let running = tokio::spawn(words.run(questions, out, CancellationToken::new()));
        let pod = PodId { uid: PodUid::new("0f4c"), namespace: "shop".into(), name: "cart".into() };
        ask.send(pod.clone()).await.unwrap();
        assert_eq!(left.recv().await, Some(pod));
        drop(ask);
        running.await.unwrap();
        assert!(seen.recv().await.is_none(), "nothing was told");
    }
}
