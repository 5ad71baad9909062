//! The double of the API server with a tape of every write, line for line as the recordings have it.

use std::sync::Arc;

use kubewhy_lab::apiserver::{ApiServer, Change, Options};
use serde_json::Value;
use tokio::sync::watch;

/// One write: which list it belongs to, its watch type, the object after it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) stream: String,
    pub(crate) r#type: &'static str,
    pub(crate) object: Value,
}

/// The double; it ends when dropped.
pub(crate) struct Api {
    server: ApiServer,
    written: watch::Receiver<Vec<Line>>,
}

impl Api {
    /// Serves on a free port.
    pub(crate) async fn serve() -> Self {
        let server = ApiServer::start(Options::default()).await.unwrap();
        let mut writes = server.store().subscribe();
        let (tape, written) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Some(change) = writes.next().await {
                tape.send_modify(|tape| tape.extend(line(&change)));
            }
        });
        Self { server, written }
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    /// Puts an object there, as a user or scheduler would.
    pub(crate) fn put(&self, object: Value) {
        self.server.store().put(object).unwrap();
    }

    /// Everything written to one list (`pods`, `events`, `nodes`) so far.
    pub(crate) fn tape(&self, stream: &str) -> Vec<Line> {
        only(stream, &self.written.borrow())
    }

    /// Waits until the list's tape satisfies the test.
    pub(crate) async fn wait_for(&self, stream: &str, enough: impl Fn(&[Line]) -> bool) -> Vec<Line> {
        let mut written = self.written.clone();
        let tape = written.wait_for(|tape| enough(&only(stream, tape))).await.unwrap();
        only(stream, &tape)
    }
}

fn line(change: &Change) -> Option<Line> {
    let r#type = match (&change.before, &change.after) {
        (None, _) => "ADDED",
        (Some(_), Some(_)) => "MODIFIED",
        (Some(_), None) => "DELETED",
    };
    let object = change.after.as_ref().or(change.before.as_ref()).map(Arc::clone)?;
    Some(Line { stream: change.key.resource.to_owned(), r#type, object: Value::clone(&object) })
}

/// The lines of one list.
pub(crate) fn only(stream: &str, tape: &[Line]) -> Vec<Line> {
    tape.iter().filter(|line| line.stream == stream).cloned().collect()
}
