//! The `kubewhy` command.

use std::io::{self, Write as _};
use std::process::ExitCode;

use kubewhy::app;
use kubewhy::cli::{self, Command, ConfigCommand};

fn main() -> ExitCode {
    match cli::parse() {
        Ok(command) => {
            let termination_log = match &command {
                Command::Run(args) => Some(args.termination_log.clone()),
                _ => None,
            };
            cli::exit::conclude(termination_log.as_deref(), carry_out(command))
        }
        Err(code) => code,
    }
}

fn carry_out(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => cli::run::enter(*args, app::run),
        Command::Status(args) => cli::status::run(&args),
        Command::History(args) => cli::history::run(&args),
        Command::Check(args) => cli::check::run(&args),
        Command::Prepull(args) => cli::prepull::run(&args),
        Command::Clean(args) => cli::clean::run(&args),
        Command::Explain(args) => cli::explain::run(&args),
        Command::Config(ConfigCommand::Check(args)) => cli::config_check::run(&args),
        Command::Config(ConfigCommand::Schema) => cli::config_schema::run(),
        Command::Demo(args) => cli::demo::run(&args),
        #[cfg(debug_assertions)]
        Command::Docs(args) => cli::docs::run(&args),
        Command::ProbeMount(args) => Ok(cli::probe_mount::run(&args)),
        Command::Version => {
            writeln!(io::stdout(), "kubewhy {}", env!("CARGO_PKG_VERSION"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
