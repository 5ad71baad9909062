//! The answer for programs: the state as the agent told it, and the agent's clock when it told.

use serde::Serialize;

use super::timeline::{self, WhichPod};
use crate::model::Time;
use crate::model::snapshot::{Snapshot, Start};

/// What is printed as JSON.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Document<'a> {
    /// The whole node.
    Node {
        /// The agent's clock when it told.
        now: Time,
        /// What it told.
        #[serde(flatten)]
        state: &'a Snapshot,
    },
    /// One pod.
    Pod {
        /// The agent's clock when it told.
        now: Time,
        /// When the state was taken.
        at: Time,
        /// The node.
        node: &'a str,
        /// The start of the pod; none while it is not known.
        start: Option<&'a Start>,
    },
}

impl<'a> Document<'a> {
    /// On a pod, or on the node.
    ///
    /// # Errors
    /// It can't be told which pod.
    pub(super) fn of(state: &'a Snapshot, wanted: Option<&str>, now: Time) -> Result<Self, WhichPod> {
        let Some(name) = wanted else { return Ok(Self::Node { now, state }) };
        let start = timeline::find(state, name)?;
        Ok(Self::pod(state, Some(start), now))
    }

    /// The same where a pod that is not known may still come.
    pub(super) fn so_far(state: &'a Snapshot, wanted: Option<&str>, now: Time) -> Self {
        Self::of(state, wanted, now).unwrap_or_else(|_| Self::pod(state, None, now))
    }

    fn pod(state: &'a Snapshot, start: Option<&'a Start>, now: Time) -> Self {
        Self::Pod { now, at: state.at, node: &state.node, start }
    }
}
