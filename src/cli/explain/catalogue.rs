//! The catalogue on the terminal: all causes in a table, or one of them whole.

use std::io::{self, Write};

use anstyle::Style;
use anyhow::bail;

use crate::causes;
use crate::cli::Output;
use crate::diagnose::example;
use crate::model::cause::Cause;

const NAME: Style = Style::new().bold();

/// Every cause, most decisive first.
pub(super) fn list(out: &mut impl Write, output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(causes::ALL)?)?);
    }
    let width = causes::ALL.iter().map(|cause| cause.id.len()).max().unwrap_or_default();
    for cause in causes::ALL {
        writeln!(out, "{NAME}{:width$}{NAME:#}  {:8}  {}", cause.id, cause.owner.as_str(), cause.summary)?;
    }
    Ok(())
}

/// One cause.
pub(super) fn show(out: &mut impl Write, id: &str, output: Output) -> anyhow::Result<()> {
    let Some(cause) = causes::ALL.iter().find(|cause| cause.id.eq_ignore_ascii_case(id)) else {
        bail!("no cause is called {id}; kubewhy explain --list names all");
    };
    match output {
        Output::Json => writeln!(out, "{}", serde_json::to_string_pretty(cause)?)?,
        Output::Text => page(out, cause)?,
    }
    Ok(())
}

fn page(out: &mut impl Write, cause: &Cause) -> io::Result<()> {
    writeln!(out, "{NAME}{}{NAME:#}\n{}\n", cause.id, cause.summary)?;
    writeln!(out, "{NAME}Event:{NAME:#} {}\n", example::of(cause))?;
    section(out, "What to do", cause.steps)?;
    section(out, "Messages that name it", cause.examples)?;
    writeln!(out, "{NAME}Rules out:{NAME:#} {}", cause.rules_out)?;
    writeln!(out, "{NAME}Stage:{NAME:#} {}   {NAME}Who acts:{NAME:#} {}", cause.stage, cause.owner.as_str())
}

fn section(out: &mut impl Write, title: &str, lines: &[&str]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "{NAME}{title}:{NAME:#}")?;
    lines.iter().try_for_each(|line| writeln!(out, "  * {line}"))?;
    writeln!(out)
}
