//! `kubewhy docs`: the documents that are made from the program itself, so that they can't tell anything else than it does.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Arg, Args, Command};

/// Where the documents are.
#[derive(Debug, Args)]
pub struct DocsArgs {
    /// The repository's root.
    #[arg(long, default_value = ".")]
    pub root: PathBuf,
    /// Write nothing; fail if a document is not current.
    #[arg(long)]
    pub check: bool,
}

/// A document: its path in the repository, and what makes it.
type Document = (&'static str, fn() -> String);

/// All of them.
const DOCUMENTS: &[Document] = &[("docs/flags.md", flags)];

/// Writes the documents, or checks them.
///
/// # Errors
/// A document can't be written, or is not current.
pub fn run(args: &DocsArgs) -> anyhow::Result<ExitCode> {
    for (path, make) in DOCUMENTS {
        let file = args.root.join(path);
        if args.check {
            check(&file, &make())?;
        } else {
            fs::write(&file, make()).with_context(|| format!("{} can't be written", file.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn check(file: &Path, current: &str) -> anyhow::Result<()> {
    let there = fs::read_to_string(file).unwrap_or_default();
    anyhow::ensure!(there == current, "{} is not current; run `kubewhy docs` and commit it", file.display());
    Ok(())
}

fn flags() -> String {
    let mut text = String::from(
        "# Flags\n\n<!-- Made by `kubewhy docs`. -->\n\n\
         Every flag can be given by the environment too; flags win. Exit codes: 64 for a mistake in the command line or \
         in a configuration file, 75 when another agent holds the node, 1 for everything else that goes wrong.\n",
    );
    for command in super::definition().get_subcommands() {
        describe(&mut text, "kubewhy", command);
    }
    text
}

fn describe(text: &mut String, parent: &str, command: &Command) {
    if command.is_hide_set() {
        return;
    }
    let name = format!("{parent} {}", command.get_name());
    if command.has_subcommands() {
        return command.get_subcommands().for_each(|inner| describe(text, &name, inner));
    }
    let places: String =
        command.get_positionals().map(|arg| format!(" {}", arg.get_id().as_str().to_uppercase())).collect();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    _ = write!(text, "\n## {name}{places}\n\n{about}.\n");
    if command.get_opts().next().is_some() {
        text.push_str("\n| flag | environment | default | |\n|---|---|---|---|\n");
        command.get_opts().for_each(|arg| text.push_str(&row(arg)));
    }
}

fn row(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    let flag = arg.get_long().unwrap_or_default();
    let env = arg.get_env().map(|env| format!("`{}`", env.to_string_lossy())).unwrap_or_default();
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let (help, said) = split_default(&help);
    let default = match arg.get_default_values() {
        [] => said,
        values => values.iter().map(|value| format!("`{}`", value.to_string_lossy())).collect::<Vec<_>>().join(" "),
    };
    format!("| {short}`--{flag}` | {env} | {default} | {help} |\n")
}

/// A flag without a default value may say in its help what its absence means.
fn split_default(help: &str) -> (String, String) {
    match help.split_once(" [default: ") {
        Some((help, default)) => (help.to_owned(), default.trim_end_matches(['.', ']']).to_owned()),
        None => (help.to_owned(), String::new()),
    }
}
