//! `kubewhy demo`: shows what the agent says. With `--replay` from recordings, anywhere; a real node is broken by the
//! repository's `make demo`, which needs root and more than this binary.

use std::process::ExitCode;

use clap::Args;

use super::replay;

/// How it is shown.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Replay recordings of real broken nodes in virtual time: no root, no cluster, no runtime.
    #[arg(long, env = "KUBEWHY_DEMO_REPLAY", required = true)]
    pub replay: bool,
}

/// Shows it. Succeeds if every fault was named rightly.
///
/// # Errors
/// The output or the scratch directory can't be written.
pub fn run(_: &DemoArgs) -> anyhow::Result<ExitCode> {
    replay::run(&mut anstream::stdout().lock())
}
