//! What is said where no cause fits. An honest answer: it quotes and claims nothing.

use std::time::Duration;

use crate::model::cause::{Cause, Grows, Owner, Right, Scope};
use crate::model::stage::Stage;

/// A start that fails for a reason this catalogue does not hold.
pub const UNCLASSIFIED: Cause = Cause {
    id: "Unclassified",
    stage: Stage::Start,
    scope: Scope::Pod,
    owner: Owner::Platform,
    summary: "The start fails with an error that the catalogue does not name.",
    says: "An error that kubewhy does not know, at stage {stage}[, container {container}]: \"{quote}\".",
    rules_out: "Nothing is ruled out.",
    advice: "read the words quoted; the kubelet's log may say more (journalctl -u kubelet).",
    mends: "",
    after: Duration::from_secs(30),
    kind: Grows::Warning,
    signs: &[],
    needs: &[Right::Pods],
    rest: false,
    examples: &[],
    probe: None,
    steps: &[],
};
