//! `kubewhy probe-mount PATH`: asks one mount whether it answers. Started by the agent itself, in a process that may hang in
//! the kernel for ever; prints nothing.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::probe::mount;

/// Which mount.
#[derive(Debug, Args)]
pub struct ProbeMountArgs {
    /// Where the host's directories are seen.
    #[arg(long, default_value = "/")]
    pub host_root: PathBuf,
    /// The mount, as the host names it.
    pub path: PathBuf,
}

/// Exit code 0 if it answers, 2 if it can't be asked from here, another if it says that it is dead; nothing at all if it hangs.
#[must_use]
pub fn run(args: &ProbeMountArgs) -> ExitCode {
    mount::exit_code(&mount::ask(&args.host_root, &args.path)).into()
}
