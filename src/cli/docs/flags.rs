//! The page on flags, from the command line's own definition.

use std::fmt::Write as _;

use clap::{Arg, Command};

/// The page.
pub(super) fn page() -> String {
    let mut text = String::from(
        "# Flags\n\n<!-- Made by `kubewhy docs`. -->\n\n\
         Where a variable is named, the flag can be given by the environment too; flags win. Exit codes: 64 for a mistake \
         in the command line or in a configuration file, 65 when some of the input made no sense, 69 when no agent answers, 74 when the answer can't be written, 75 when another agent holds the node, 1 for everything else that goes wrong.\n",
    );
    for command in crate::cli::definition().get_subcommands() {
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
