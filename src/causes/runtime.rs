//! Causes that lie in the container runtime itself.

use std::time::Duration;

use crate::model::cause::{Cause, Grows, Owner, Probe, Scope};
use crate::model::sign::Sign;
use crate::model::stage::Stage;

/// Nobody answers at the CRI socket, or only refuses.
pub const RUNTIME_DOWN: Cause = Cause {
    id: "RuntimeDown",
    stage: Stage::Runtime,
    scope: Scope::Node,
    owner: Owner::Platform,
    summary: "The container runtime does not answer on its CRI socket.",
    says: "{runtime} does not answer on this node: {failure}. No pod can start or be stopped here[; {pods} waiting].",
    rules_out: "Images, network and the pods themselves are not the cause.",
    advice: "systemctl status {service}; journalctl {journal} -n 50[; {hint}].",
    mends: "Once it answers, pods go on by themselves.",
    after: Duration::from_secs(5),
    kind: Grows::Warning,
    signs: &[
        Sign::of(&["transport: error while dialing", "dial unix", ".sock"]),
        Sign::of(&["container runtime is down"]),
    ],
    needs: &[],
    rest: false,
    examples: &[],
    probe: Some(Probe::RuntimeCalls),
    steps: &[],
};
