//! What is said where there is no cause to name: none fits, or the container did start.

use std::time::Duration;

use super::USUAL;
use crate::model::cause::{Cause, Grows, Owner, Right, Scope};
use crate::model::sign::Sign;
use crate::model::stage::Stage;

/// A start that fails for a reason this catalogue does not hold. An honest answer: it quotes and claims nothing.
pub const UNCLASSIFIED: Cause = Cause {
    id: "Unclassified",
    stage: Stage::Start,
    scope: Scope::Pod,
    owner: Owner::Platform,
    summary: "The start fails with an error that the catalogue does not name.",
    says: "An error that kubewhy does not know, at stage {stage}[, container {container}]: \"{quote}\".",
    gist: "",
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

/// The container started, and its application ended by itself.
pub(super) const APPLICATION_EXITED: Cause = Cause {
    id: "ApplicationExited",
    stage: Stage::Running,
    scope: Scope::Pod,
    owner: Owner::App,
    summary: "The container started, and the application in it ended by itself.",
    says: "[Container {container}|The container] started, and its application ended by itself[ (exit code {code})]. Node, runtime, image and network did their part.",
    gist: "",
    rules_out: "The start itself worked: node, runtime, image and network did their part.",
    advice: "kubectl logs --previous shows its last words; exit code 137 with OOMKilled means its memory limit.",
    mends: "The kubelet starts it again after 10 s, then 20 s, up to 5 min.",
    kind: Grows::Silent,
    steps: &[
        "Its last words: `kubectl logs POD -c CONTAINER --previous`.",
        "How it ended: `kubectl describe pod POD` (Last State: exit code, OOMKilled, Error, Completed); 126 and 127 come from a shell that cannot run its command, 137 is SIGKILL, 139 a crash, 143 SIGTERM.",
        "OOMKilled: raise `resources.limits.memory`. Completed: the command has an end; a Job may be what is meant.",
        "Killed by its own liveness probe? The Events say `failed liveness probe, will be restarted`.",
    ],
    signs: &[
        Sign::of(&["oomkilled"]),
        Sign::of(&["oom-killed"]),
        Sign::of(&["oom killed"]),
        Sign::of(&["terminated", "exit code"]).but(&["cni", "plugin", "sandbox", "hook"]),
        Sign::of(&["container", "exited with code"]),
        Sign::of(&["container", "exited with exit code"]),
        Sign::of(&["container", "exited with non-zero"]),
        Sign::of(&["container", "exited with status"]),
    ],
    examples: &[
        "Container web in pod cart-0 exited with code 1 (Error)",
        "container web terminated: reason OOMKilled, exit code 137",
    ],
    ..USUAL
};
