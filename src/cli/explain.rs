//! `kubewhy explain`: names the cause of an error message that somebody has in front of them. Reads what it is given and
//! nothing else: no cluster, no runtime, no root.

mod answer;
mod catalogue;
mod describe;
mod human;
mod input;
mod lines;
mod states;

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;

use super::Output;
use answer::Answer;
use input::Message;

/// Larger inputs are for `--jsonl`, which reads line by line.
const BYTES_AT_MOST: u64 = 64 << 20;

/// What is to be explained, and how the answer looks.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The message, or the name of a file with it; stdin for - or if none is given. What kubectl describe prints will do, or a log.
    pub message: Vec<String>,
    /// Reason of the Event, of the waiting container or of the condition that the message came with [default: not known].
    #[arg(short, long)]
    pub reason: Option<String>,
    /// The form of the answer.
    #[arg(short, long, env = "KUBEWHY_OUTPUT", value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Read one JSON object a line, with message and perhaps reason, and answer each with one.
    #[arg(long, conflicts_with_all = ["reason", "verbose"])]
    pub jsonl: bool,
    /// Show the message itself too, and everything that was found in it.
    #[arg(short, long)]
    pub verbose: bool,
    /// List every cause.
    #[arg(long, conflicts_with_all = ["message", "jsonl", "cause"])]
    pub list: bool,
    /// Show one cause: what it is, how it looks, what to do.
    #[arg(long, value_name = "ID", conflicts_with_all = ["message", "jsonl"])]
    pub cause: Option<String>,
}

/// Explains.
///
/// # Errors
/// What was named can't be read, is empty or is no cause; the answer can't be written.
pub fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let mut out = anstream::stdout().lock();
    match (&args.cause, args.list) {
        (_, true) => catalogue::list(&mut out, args.output)?,
        (Some(id), _) => catalogue::show(&mut out, id, args.output)?,
        _ if args.jsonl => {
            let source = source(args)?.context("--jsonl reads a file, or stdin")?;
            return lines::answer(&mut io::BufReader::new(source), &mut out);
        }
        _ => messages(args, &mut out)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn messages(args: &ExplainArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let messages = input::messages(&text(args)?, args.reason.as_deref());
    if messages.is_empty() {
        bail!("there is nothing to explain; give an error message, or pipe what kubectl describe prints");
    }
    match args.output {
        Output::Json => json(out, &messages)?,
        Output::Text => human::tell(out, &messages, args.verbose)?,
    }
    Ok(())
}

/// One object for one message, a list for several.
fn json(out: &mut impl Write, messages: &[Message]) -> anyhow::Result<()> {
    let answers: Vec<_> = messages.iter().map(Answer::to).collect();
    let text = match answers.as_slice() {
        [one] => serde_json::to_string_pretty(one)?,
        several => serde_json::to_string_pretty(several)?,
    };
    Ok(writeln!(out, "{text}")?)
}

fn text(args: &ExplainArgs) -> anyhow::Result<String> {
    let Some(source) = source(args)? else { return Ok(args.message.join(" ")) };
    let mut bytes = Vec::new();
    source.take(BYTES_AT_MOST + 1).read_to_end(&mut bytes).context("the message can't be read")?;
    if bytes.len() as u64 > BYTES_AT_MOST {
        bail!("this is more than {} MiB; pass on the part that matters, with grep or tail", BYTES_AT_MOST >> 20);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What is to be read; none if the arguments are the message. A lone argument that names a file is that file: no message
/// is the name of one. One that looks like a file's name and is none was mistyped.
fn source(args: &ExplainArgs) -> anyhow::Result<Option<Box<dyn Read>>> {
    let name = match args.message.as_slice() {
        [] => return stdin(),
        [one] if one == "-" => return stdin(),
        [one] => one,
        _ => return Ok(None),
    };
    let path = Path::new(name);
    if path.is_dir() {
        bail!("{name} is a directory; name a file in it");
    }
    if path.exists() {
        return Ok(Some(Box::new(File::open(path).with_context(|| format!("{name} can't be read"))?)));
    }
    if args.jsonl || looks_like_a_path(name) {
        bail!("{name}: no such file");
    }
    Ok(None)
}

fn stdin() -> anyhow::Result<Option<Box<dyn Read>>> {
    if io::stdin().is_terminal() {
        writeln!(io::stderr(), "kubewhy: reads the message from the terminal; end it with Ctrl-D")?;
    }
    Ok(Some(Box::new(io::stdin())))
}

fn looks_like_a_path(name: &str) -> bool {
    let begins = ["./", "../", "/"].iter().any(|start| name.starts_with(start));
    let ends = [".log", ".txt"].iter().any(|end| name.ends_with(end));
    (begins || ends) && !name.contains(char::is_whitespace)
}
