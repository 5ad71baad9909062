//! What agents have left on their Node, looked for and taken back: the condition, and the labels of pre-pulling. For a node that
//! kubewhy leaves. Tries once; touches no taint, for whose key only the configuration knows.

use std::sync::Arc;

use serde_json::json;

use super::condition;
use super::node_marks::PREFIX;
use super::node_marks::writer::{Fault, Style, Writer};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trace {
    /// The condition that tells of the node's worst trouble.
    Condition,
    /// The label of that key.
    Label(String),
}

/// Why one stays.
#[derive(Debug, thiserror::Error)]
pub enum Stays {
    /// The Node can't be read.
    #[error("{0}; is the API server there, and list on nodes allowed, as in deploy/base?")]
    Unseen(String),
    /// The condition can't be taken off.
    #[error("{0}; is patch on nodes/status allowed, as in deploy/condition?")]
    Condition(String),
    /// The label can't be taken off.
    #[error("{0}; is patch on nodes allowed, as in deploy/prepull-marks?")]
    Label(String),
}

/// Those on one Node.
pub struct Traces {
    client: kube::Client,
    node: Arc<str>,
    writer: Writer,
}

impl Traces {
    /// On the Node of that name.
    #[must_use]
    pub fn on(client: kube::Client, node: Arc<str>) -> Self {
        Self { writer: Writer::new(client.clone(), &node), client, node }
    }

    /// All of them: none where there is no such Node.
    ///
    /// # Errors
    /// [`Stays::Unseen`].
    pub async fn found(&self) -> Result<Vec<Trace>, Stays> {
        let Some(node) = self.writer.node().await.map_err(|fault| Stays::Unseen(words(fault)))? else {
            return Ok(Vec::new());
        };
        let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
        let condition = conditions.iter().any(|one| one.type_ == condition::TYPE).then_some(Trace::Condition);
        let labels = node.metadata.labels.unwrap_or_default().into_keys().filter(|key| key.starts_with(PREFIX));
        Ok(condition.into_iter().chain(labels.map(Trace::Label)).collect())
    }

    /// Takes one back.
    ///
    /// # Errors
    /// Why it stays.
    pub async fn take_away(&self, trace: &Trace) -> Result<(), Stays> {
        match trace {
            Trace::Condition => condition::take_back(&self.client, &self.node).await.map_err(Stays::Condition),
            Trace::Label(key) => {
                let gone = json!({"metadata": {"labels": {key: null}}});
                let written = self.writer.patch(Style::Merge, &gone).await;
                written.map_err(|fault| Stays::Label(words(fault)))
            }
        }
    }
}

fn words(fault: Fault) -> String {
    match fault {
        Fault::Forbidden(words) | Fault::Away(words) => words,
        Fault::Changed => "the Node has changed meanwhile; run this again".to_owned(),
    }
}
