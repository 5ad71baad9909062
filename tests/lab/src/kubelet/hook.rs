//! The postStart hook: a command in the container, without a deadline, while nothing else happens to the pod (Kubernetes:
//! pkg/kubelet/lifecycle/handlers.go). Hooks that ask over HTTP or only sleep are not run.

use k8s_openapi::api::core::v1::{Container, ExecAction};

use super::rpc::Runtime;

/// What a container whose hook failed gets before it is killed, in seconds.
const GRACE: i64 = 2;

/// The command of the hook, if there is one.
pub(super) fn command(container: &Container) -> Option<&[String]> {
    let ExecAction { command } = container.lifecycle.as_ref()?.post_start.as_ref()?.exec.as_ref()?;
    command.as_deref()
}

/// Runs it to its end. One that fails takes its container with it.
pub(super) async fn run(runtime: &Runtime, id: &str, command: &[String]) -> Result<(), String> {
    let failed = match runtime.exec(id, command).await {
        Ok(0) => return Ok(()),
        Ok(code) => format!("command '{}' exited with {code}", command.join(" ")),
        Err(error) => error.to_string(),
    };
    if let Err(error) = runtime.stop_container(id, GRACE).await {
        tracing::warn!(%error, "container of a failed hook not stopped");
    }
    Err(failed)
}
