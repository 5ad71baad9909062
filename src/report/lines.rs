//! Notices for those who read no Events: first reports, changes and endings in the log, and every notice as one JSON
//! object a line where that was asked for. A reader that stops reading costs lines, never the agent.

use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::notice::{Notice, Telling};
use super::told::Told;
use crate::model::diagnosis::{Evidence, Subject};

/// A batch of lines that is not taken within this time is dropped.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where JSON lines go, if anywhere.
pub struct Lines {
    out: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    failing: bool,
}

impl Lines {
    /// To the log only.
    #[must_use]
    pub fn log_only() -> Self {
        Self { out: None, failing: false }
    }

    /// To the log, and as JSON to `out`.
    #[must_use]
    pub fn json(out: Box<dyn AsyncWrite + Send + Unpin>) -> Self {
        Self { out: Some(out), failing: false }
    }

    /// Tells these.
    pub async fn tell(&mut self, notices: &[Notice]) {
        notices.iter().filter(|notice| notice.telling != Telling::Refresh).for_each(log);
        let Some(out) = self.out.as_mut().filter(|_| !notices.is_empty()) else { return };
        // After a failure the last line may be torn: a new line sets it apart. Nobody waits for that reader again.
        let (start, patience) = if self.failing { ("\n", Duration::ZERO) } else { ("", PATIENCE) };
        let batch: String = std::iter::once(start.to_owned()).chain(notices.iter().map(line)).collect();
        let write = async {
            out.write_all(batch.as_bytes()).await?;
            out.flush().await
        };
        let taken = matches!(tokio::time::timeout(patience, write).await, Ok(Ok(())));
        if !taken && !self.failing {
            tracing::warn!(lines = notices.len(), "nobody takes the JSON lines; they are dropped");
        }
        self.failing = !taken;
    }
}

fn log(notice: &Notice) {
    let cause = notice.counted_as();
    let telling = notice.telling.as_str();
    let sentence = notice.in_full();
    match &notice.subject {
        Subject::Pod(pod) => {
            tracing::info!(telling, cause, namespace = %pod.namespace, pod = %pod.name, sentence, "report");
        }
        Subject::Node(node) => tracing::info!(telling, cause, node = %node.name, sentence, "report"),
    }
}

/// One notice as a JSON object.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    told: Told,
    evidence: &'a [Evidence],
}

fn line(notice: &Notice) -> String {
    let line = Line { told: Told::of(notice), evidence: &notice.evidence };
    serde_json::to_string(&line).map(|text| text + "\n").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::super::samples::{again, at, first};
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_costs_lines_and_time_only_once() {
        let (mut read, write) = tokio::io::duplex(64);
        let mut lines = Lines::json(Box::new(write));
        let notice = first("cart", at(0));
        let start = tokio::time::Instant::now();
        for _ in 0..10 {
            lines.tell(&[again(&notice, at(1))]).await;
        }
        assert_eq!(start.elapsed(), PATIENCE);
        let mut torn = [0; 64];
        read.read_exact(&mut torn).await.unwrap();
        let resumed = tokio::spawn(async move {
            let mut text = vec![0; 1_000];
            let length = read.read(&mut text).await.unwrap();
            text.truncate(length);
            text
        });
        lines.tell(&[notice]).await;
        assert!(resumed.await.unwrap().starts_with(b"\n{\"at\""));
    }

    #[test]
    fn a_line_names_what_the_event_withholds() {
        let notice = Notice { in_full: Some("behind bank/vault".to_owned()), ..first("cart", at(0)) };
        assert!(line(&notice).contains(r#""sentence":"behind bank/vault""#));
    }
}
