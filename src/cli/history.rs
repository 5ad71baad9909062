//! `kubewhy history`: what the agent of this node has told, from the files in its state directory; long after the Events have
//! expired, and also while no agent runs.

use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::Output;
use super::line::{BAD, FAINT, GOOD, Line, PLAIN, STRONG};
use super::status::screen;
use crate::clock::Clock;
use crate::config::span;
use crate::model::cause::EventType;
use crate::model::{Time, since};
use crate::report::history::{self, Found};
use crate::report::notice::Telling;
use crate::report::told::{Told, Whom};

const HEADINGS: [&str; 4] = ["TIME", "TELLING", "CAUSE", "SUBJECT"];

/// What is to be shown, and how.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// NAME or NAMESPACE/NAME of a pod, or the node's name; all if none is given.
    pub subject: Option<String>,
    /// Only what was told within this time, such as 2h or 3d [default: all that is kept].
    #[arg(long, env = "KUBEWHY_HISTORY_SINCE", value_parser = duration)]
    pub since: Option<Duration>,
    /// The form of the answer.
    #[arg(short, long, env = "KUBEWHY_OUTPUT", value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// The agent's state directory.
    #[arg(long, env = "KUBEWHY_STATE_DIR", default_value = "/var/lib/kubewhy")]
    pub state_dir: PathBuf,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
enum NoHistory {
    #[error(
        "no history is in {dir}: no agent has run with this state directory. Name the agent's with --state-dir; or ask in its \
         pod, with kubectl -n kubewhy exec POD -- kubewhy history",
        dir = .0.display()
    )]
    None(PathBuf),
    #[error("not allowed to read the history in {dir}; run this as the agent's user, which is root", dir = .0.display())]
    Forbidden(PathBuf),
    #[error("the history in {dir} can't be read", dir = .0.display())]
    Io(PathBuf, #[source] io::Error),
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    span::parse(text).ok_or("a duration such as 30m, 2h or 3d is wanted")
}

/// Reads the history and shows what is asked for.
///
/// # Errors
/// There is none, it may not be read, or the answer can't be written.
pub fn run(args: &HistoryArgs) -> anyhow::Result<ExitCode> {
    let Found { mut told, damaged } = history::read(&args.state_dir).map_err(|error| unread(&args.state_dir, error))?;
    let now = Clock::start().now();
    told.retain(|one| wanted(one, args.subject.as_deref(), args.since, now));
    let mut out = anstream::stdout().lock();
    match args.output {
        Output::Json => write!(out, "{}", document(&told)?)?,
        Output::Text => {
            let width = if io::stdout().is_terminal() { screen::size().0 } else { usize::MAX };
            table(&told).into_iter().try_for_each(|line| writeln!(out, "{}", line.cut(width)))?;
        }
    }
    if damaged > 0 {
        writeln!(io::stderr(), "kubewhy: {damaged} damaged lines of the history are left out")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn unread(dir: &Path, error: io::Error) -> NoHistory {
    let dir = dir.to_owned();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => NoHistory::None(dir),
        ErrorKind::PermissionDenied => NoHistory::Forbidden(dir),
        _ => NoHistory::Io(dir, error),
    }
}

fn wanted(told: &Told, subject: Option<&str>, within: Option<Duration>, now: Time) -> bool {
    let is_subject = |name: &str| name == &*told.subject.name || name == full_name(&told.subject);
    subject.is_none_or(is_subject) && within.is_none_or(|within| since(told.at, now) <= within)
}

fn full_name(of: &Whom) -> String {
    match &of.namespace {
        Some(namespace) => format!("{namespace}/{}", of.name),
        None => format!("node {}", of.name),
    }
}

/// One document, with one object a line: for programs, and for grep.
fn document(told: &[Told]) -> Result<String, serde_json::Error> {
    let lines = told.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    Ok(if lines.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", lines.join(",\n")) })
}

fn table(told: &[Told]) -> Vec<Line> {
    if told.is_empty() {
        return vec![Line::of(PLAIN, "Nothing was told.")];
    }
    let rows: Vec<_> = told.iter().map(|one| (cells(one), one)).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|(cells, _)| cells.get(column)).map(String::as_str);
        cells.chain(HEADINGS.get(column).copied()).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; 4] = std::array::from_fn(width);
    let top = HEADINGS.iter().zip(widths).fold(Line::default(), |line, (cell, width)| line.cell(STRONG, cell, width));
    let row = |(cells, one): &([String; 4], &Told)| {
        let styles = [FAINT, PLAIN, style(one), PLAIN];
        let cells = cells.iter().zip(styles).zip(widths);
        let line = cells.fold(Line::default(), |line, ((cell, style), width)| line.cell(style, cell, width));
        line.then(PLAIN, &one.sentence)
    };
    std::iter::once(top.then(STRONG, "SENTENCE")).chain(rows.iter().map(row)).collect()
}

fn cells(of: &Told) -> [String; 4] {
    [format!("{:.0}", of.at), of.kind.as_str().to_owned(), of.cause.to_string(), full_name(&of.subject)]
}

/// What needed a person, and what is over.
fn style(of: &Told) -> anstyle::Style {
    match (of.kind, of.event) {
        (Telling::Ended, _) => GOOD,
        (_, EventType::Warning) => BAD,
        _ => PLAIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(at: &str, kind: Telling, namespace: Option<&str>, name: &str) -> Told {
        Told {
            at: at.parse().unwrap(),
            kind,
            event: EventType::Warning,
            cause: "ImageNotFound".into(),
            subject: Whom {
                kind: if namespace.is_some() { "Pod" } else { "Node" }.into(),
                namespace: namespace.map(Into::into),
                name: name.into(),
                uid: "u".into(),
            },
            sentence: "It is\u{1b}[2J so.".into(),
            first: at.parse().unwrap(),
            count: 1,
        }
    }

    #[test]
    fn a_line_each_and_nothing_of_it_moves_the_cursor() {
        let first = told("2026-11-21T03:00:00.123Z", Telling::First, Some("shop"), "cart");
        let ended = told("2026-11-21T03:09:40Z", Telling::Ended, None, "node-7");
        let lines: Vec<_> = table(&[first, ended]).iter().map(|line| line.render(false)).collect();
        assert_eq!(
            lines,
            [
                "TIME                  TELLING  CAUSE          SUBJECT      SENTENCE",
                "2026-11-21T03:00:00Z  first    ImageNotFound  shop/cart    It is [2J so.",
                "2026-11-21T03:09:40Z  ended    ImageNotFound  node node-7  It is [2J so.",
            ]
        );
        assert_eq!(table(&[])[0].render(false), "Nothing was told.");
    }

    #[test]
    fn a_subject_is_meant_by_its_name_with_or_without_its_namespace() {
        let now = "2026-11-21T05:00:00Z".parse().unwrap();
        let pod = told("2026-11-21T03:00:00Z", Telling::First, Some("shop"), "cart");
        let is = |name| wanted(&pod, Some(name), None, now);
        assert!(is("cart") && is("shop/cart") && !is("bank/cart") && !is("car"));
        let within = |hours: u64| wanted(&pod, None, Some(Duration::from_secs(hours * 3_600)), now);
        assert!(within(2) && !within(1));
    }

    #[test]
    fn programs_get_one_document() {
        let pod = || told("2026-11-21T03:00:00Z", Telling::First, Some("shop"), "cart");
        let read: Vec<Told> = serde_json::from_str(&document(&[pod(), pod()]).unwrap()).unwrap();
        assert_eq!((read.len(), document(&[]).unwrap().as_str()), (2, "[]\n"));
    }

    #[test]
    fn who_may_not_read_it_is_told_who_may() {
        let said = |kind: ErrorKind| unread(Path::new("/var/lib/kubewhy"), kind.into()).to_string();
        assert!(said(ErrorKind::PermissionDenied).contains("run this as the agent's user"));
        assert!(said(ErrorKind::NotFound).contains("--state-dir"));
    }
}
