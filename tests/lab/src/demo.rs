//! The demo: a healthy node, the real agent on it, and then one fault after the other. For each it shows what was broken,
//! what `kubectl describe` says by then, how long that took, and how it ends. Fails if a fault was not named rightly.

mod act;
mod agent;
mod faults;
mod scene;
mod screen;

pub use act::{Act, Deed, Outcome, perform};
pub use agent::{Agent, CONFIG, Start, is_ready};
pub use faults::{FAULTS, PLUGIN_GONE, PLUGIN_HANGS, RUNTIME_KILLED, RUNTIME_STOPPED};
pub use scene::{NAMESPACE, NODE, On, Props, Scene, Telling, Tempo, pod, telling};
pub(crate) use scene::{node_ready, ordinary};

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

/// The agent under test lies beside this program, where Cargo puts both.
///
/// # Errors
/// When it is not there.
pub fn agent_program() -> anyhow::Result<std::path::PathBuf> {
    let own = std::env::current_exe().context("where this program lies")?;
    // A test binary lies one directory deeper than a program.
    let beside = own.ancestors().skip(1).take(2).map(|dir| dir.join("kubewhy")).find(|path| path.is_file());
    beside.context("no kubewhy beside this program; build it with: cargo build --package kubewhy")
}

/// Runs the demo in the namespaces of this process.
///
/// # Errors
/// When the lab or the agent does not start; a fault that is not named is an outcome, not an error.
pub async fn run(program: &Path) -> anyhow::Result<ExitCode> {
    screen::begin(FAULTS.len(), CONFIG);
    let mut scene = Scene::start(program, Tempo::Hasty).await?;
    screen::ready(&scene);
    let mut outcomes = Vec::new();
    for (number, act) in FAULTS.iter().enumerate() {
        screen::act(number + 1, FAULTS.len(), act);
        let outcome = perform(act, &mut scene).await?;
        screen::outcome(&outcome);
        outcomes.push((act, outcome));
    }
    let written = scene.events_written();
    scene.end().await?;
    screen::table(&outcomes, written);
    let right = outcomes.iter().all(|(_, outcome)| outcome.right());
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
