//! How the API server stands to this agent, over all that is asked of it: one refused resource is not mended by another
//! that is answered. Tells a change once, however often it is tried.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::model::observation::{ApiState, Seen};
use crate::observe::Outlet;

/// Shared by all observers of one API server.
#[derive(Clone, Debug, Default)]
pub struct Standing(Arc<Mutex<States>>);

#[derive(Debug, Default)]
struct States {
    of: BTreeMap<&'static str, ApiState>,
    told: Option<ApiState>,
}

impl Standing {
    /// Notes how the API server stands to requests for `resource`, logs a change, and tells what changed over all.
    pub(super) async fn note(&self, resource: &'static str, state: ApiState, out: &Outlet) {
        let mut states = self.0.lock().await; // until it is told, so that changes are told in their order
        if let Some(state) = states.note(resource, state) {
            out.tell(Seen::ApiServer(state)).await;
        }
    }
}

impl States {
    fn note(&mut self, resource: &'static str, state: ApiState) -> Option<ApiState> {
        let before = self.of.insert(resource, state.clone());
        if before.as_ref().is_none_or(|before| !alike(before, &state)) {
            log(resource, &state, before.is_some());
        }
        let now = self.of.values().max_by_key(|state| weight(state))?.clone();
        let changed = self.told.as_ref().is_none_or(|told| !alike(told, &now));
        changed.then(|| {
            self.told = Some(now.clone());
            now
        })
    }
}

/// The worse outweighs the better. A refusal needs a person; an unreachable server comes back.
fn weight(state: &ApiState) -> u8 {
    match state {
        ApiState::Answers => 0,
        ApiState::Unreachable(_) => 1,
        ApiState::Refused { .. } => 2,
    }
}

/// The same but for the wording, which may differ from try to try.
fn alike(one: &ApiState, other: &ApiState) -> bool {
    match (one, other) {
        (ApiState::Refused { verb: a, resource: b, .. }, ApiState::Refused { verb: c, resource: d, .. }) => {
            (a, b) == (c, d)
        }
        _ => weight(one) == weight(other),
    }
}

fn log(resource: &str, state: &ApiState, again: bool) {
    match state {
        ApiState::Answers if again => tracing::info!(resource, "the API server answers again"),
        ApiState::Answers => tracing::info!(resource, "the API server answers"),
        ApiState::Unreachable(text) => tracing::warn!(resource, error = %text, "the API server cannot be reached"),
        ApiState::Refused { verb, resource, text } => {
            tracing::warn!(%verb, %resource, error = %text, "the API server refuses; check the role and the token of this agent");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(resource: &str) -> ApiState {
        ApiState::Refused { verb: "list".into(), resource: resource.into(), text: "no".into() }
    }

    #[test]
    fn a_refused_resource_is_not_mended_by_another_that_is_answered() {
        let mut states = States::default();
        assert_eq!(states.note("pods", refused("pods")), Some(refused("pods")));
        assert_eq!(states.note("nodes", ApiState::Answers), None);
        assert_eq!(states.note("nodes", ApiState::Unreachable("x".into())), None);
        assert_eq!(states.note("pods", ApiState::Answers), Some(ApiState::Unreachable("x".into())));
        assert_eq!(states.note("nodes", ApiState::Answers), Some(ApiState::Answers));
    }

    #[test]
    fn another_wording_is_no_change() {
        let mut states = States::default();
        assert!(states.note("pods", ApiState::Unreachable("refused".into())).is_some());
        assert_eq!(states.note("pods", ApiState::Unreachable("timed out".into())), None);
    }
}
