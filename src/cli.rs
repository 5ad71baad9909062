//! The command line: what can be asked of `kubewhy`, one file per subcommand. Flags of the agent can be given by the
//! environment too, and flags win.

pub mod check;
pub mod clean;
pub mod config_check;
pub mod config_schema;
pub mod demo;
pub mod docs;
pub mod exit;
pub mod explain;
pub mod history;
mod line;
pub mod lock;
pub mod logging;
pub mod prepull;
pub mod probe_mount;
pub mod replay;
pub mod run;
pub mod status;
pub mod stop;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};

/// Says why a pod does not start and why a node is not ready.
#[derive(Debug, Parser)]
#[command(name = "kubewhy", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What is asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the agent on this node.
    Run(Box<run::RunArgs>),
    /// Show the pods that start on this node, what holds each, and the pulls under way; exit code 69 if no agent answers.
    Status(status::StatusArgs),
    /// Show what the agent of this node has told, for a week at least; root's to read, on the node or in the agent's pod.
    History(history::HistoryArgs),
    /// Look at this node once, without an agent: exit code 0 if nothing is broken, 1 if something is, 2 if something could not be told.
    Check(check::CheckArgs),
    /// Pull images to this node by hand, and show how far they are; or plan what a configuration would pull here. Exit code 0 if all
    /// are here (or can be), 1 if one can't be pulled (or a plan has no room), 2 if the disk has no room for one, 69 if the runtime
    /// does not answer, 130 after Ctrl-C.
    Prepull(Box<prepull::PrepullArgs>),
    /// Take all that kubewhy has left off this node, once its agent has ended: leases and pins in containerd, its files, and its marks
    /// on the Node. Exit code 0 if nothing is left, 1 if something could not be taken away, 75 if an agent holds the node.
    Clean(clean::CleanArgs),
    /// Name the cause of an error message: an argument, a file, or what kubectl describe prints, piped in.
    Explain(explain::ExplainArgs),
    /// Work with configuration files.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show what the agent says about broken nodes; `make demo` in the repository breaks a real one.
    Demo(demo::DemoArgs),
    /// Write the documents that are made from the program, or check that they are current: not in the program that ships.
    #[cfg(debug_assertions)]
    #[command(hide = true)]
    Docs(docs::DocsArgs),
    /// Ask one mount whether it answers, for the agent.
    #[command(name = crate::probe::mount::SUBCOMMAND, hide = true)]
    ProbeMount(probe_mount::ProbeMountArgs),
    /// Print the version.
    Version,
}

/// What can be done with configuration files.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration file: every fault with its line and column; exit code 64 if there is one.
    Check(config_check::CheckArgs),
    /// Print the JSON schema of the configuration file, for editors.
    Schema,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Lines for a person.
    Text,
    /// JSON on stdout.
    Json,
}

/// Reads the command line. Where it asks for help, or asks for nothing that exists, that was printed, and all that is
/// left is the exit code.
///
/// # Errors
/// The exit code: 0 after help, 64 after a mistake.
pub fn parse() -> Result<Command, ExitCode> {
    Cli::try_parse().map(|cli| cli.command).map_err(|error| {
        let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        match error.print() {
            Ok(()) if asked => ExitCode::SUCCESS,
            _ => exit::USAGE.into(),
        }
    })
}

/// The command line as data: for documents and tests.
#[must_use]
pub fn definition() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        definition().debug_assert();
    }

    #[test]
    fn every_flag_of_the_agent_can_be_given_by_the_environment() {
        for command in
            definition().get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "explain")
        {
            let leaves: Vec<_> = command.get_subcommands().chain([command]).collect();
            for arg in leaves.iter().flat_map(|leaf| leaf.get_opts()) {
                assert!(arg.get_env().is_some(), "{} --{}", command.get_name(), arg.get_id());
                assert!(arg.get_help().is_some(), "{} --{}", command.get_name(), arg.get_id());
            }
        }
    }
}
