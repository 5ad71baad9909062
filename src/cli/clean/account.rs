//! What came of each thing that `kubewhy clean` has found, as lines for a person and as JSON.

use std::fmt;
use std::io::{self, Write as _};

use anstyle::Style;
use serde::Serialize;

use crate::cli::Output;
use crate::cli::line::{BAD, FAINT, GOOD, Line, PLAIN, SLOW};

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Lease,
    Pin,
    Condition,
    Label,
    File,
    Socket,
    Directory,
    /// All that the runtime may hold, which could not be looked for.
    Runtime,
    /// All that may be on the Node, likewise.
    Node,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// It is there, and only that was asked.
    Found,
    /// It is gone.
    Removed,
    /// It is not ours to remove.
    Left,
    /// It could not be taken away, or not even be looked for.
    Failed,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) outcome: Outcome,
    /// What more there is to say, such as what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) says: Option<String>,
}

impl Item {
    pub(super) fn new(kind: Kind, name: impl Into<String>, outcome: Outcome) -> Self {
        Self { kind, name: name.into(), outcome, says: None }
    }

    pub(super) fn failed(kind: Kind, name: impl Into<String>, why: impl fmt::Display) -> Self {
        Self::new(kind, name, Outcome::Failed).saying(why)
    }

    pub(super) fn saying(self, words: impl fmt::Display) -> Self {
        Self { says: Some(words.to_string()), ..self }
    }

    /// By how its removal went.
    pub(super) fn of<E: fmt::Display>(self, removed: Result<(), E>) -> Self {
        match removed {
            Ok(()) => Self { outcome: Outcome::Removed, ..self },
            Err(error) => Self { outcome: Outcome::Failed, ..self }.saying(error),
        }
    }

    fn line(&self) -> Line {
        let (word, style) = match self.outcome {
            Outcome::Found => ("found", PLAIN),
            Outcome::Removed => ("removed", GOOD),
            Outcome::Left => ("left", SLOW),
            Outcome::Failed => ("failed", BAD),
        };
        let line = Line::default().cell(style, word, "removed".len());
        let line = line.then(PLAIN, format!("{} {}", self.kind.word(), self.name).trim_end());
        match &self.says {
            Some(words) => line.then(PLAIN, ": ").then(PLAIN, words),
            None => line,
        }
    }
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Pin => "pin of",
            Self::Condition => "condition",
            Self::Label => "label",
            Self::File => "file",
            Self::Socket => "socket",
            Self::Directory => "directory",
            Self::Runtime => "what is in the runtime",
            Self::Node => "what is on the Node",
        }
    }
}

/// Whether all that is ours is gone.
pub(super) fn is_clean(items: &[Item]) -> bool {
    items.iter().all(|item| item.outcome != Outcome::Failed)
}

/// Tells all of it on stdout.
pub(super) fn tell(items: &[Item], dry_run: bool, output: Output) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, items)?;
            writeln!(out)
        }
        Output::Text => {
            items.iter().try_for_each(|item| writeln!(out, "{}", item.line()))?;
            let (style, words) = verdict(items, dry_run);
            writeln!(out, "{}", Line::of(style, words))
        }
    }
}

fn verdict(items: &[Item], dry_run: bool) -> (Style, &'static str) {
    match (is_clean(items), dry_run) {
        (false, true) => (BAD, "Not all could be looked for; mend what is named as failed."),
        (false, false) => (BAD, "Something of kubewhy may be left; mend what is named as failed, and run this again."),
        (true, true) if items.iter().any(|item| item.outcome == Outcome::Found) => {
            (FAINT, "Nothing was changed; without --dry-run what is named as found goes.")
        }
        (true, _) => (GOOD, "Nothing of kubewhy is left on this node."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_became_of_it_and_the_last_one_whether_all_is_gone() {
        let removed = Item::new(Kind::Pin, "r.example.com/a:1", Outcome::Removed);
        let failed = Item::new(Kind::Lease, "kubewhy-1", Outcome::Found).of(Err("no answer"));
        assert_eq!(removed.line().render(false), "removed  pin of r.example.com/a:1");
        assert_eq!(failed.line().render(false), "failed   lease kubewhy-1: no answer");
        assert!(verdict(&[removed.clone(), failed], false).1.contains("run this again"));
        assert!(verdict(std::slice::from_ref(&removed), false).1.starts_with("Nothing of kubewhy is left"));
        let found = Item { outcome: Outcome::Found, ..removed };
        assert!(verdict(&[found], true).1.contains("without --dry-run"));
        assert!(verdict(&[], true).1.starts_with("Nothing of kubewhy is left"));
    }
}
