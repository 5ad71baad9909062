//! What is wrong with a file, where, and what would be right; collected while the file is read, so that one look at it
//! finds every fault. Never stops the reading.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::Serialize;

/// A remark is one line of at most this many characters, whatever it quotes.
const CHARACTERS: usize = 300;
/// More than this many are not listed: such a file is not a configuration.
const AT_MOST: usize = 100;

/// A place in the file, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A remark on one place of the file: a fault, or a note on something that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Remark {
    /// Where.
    #[serde(flatten)]
    pub at: Place,
    /// What is wrong; what would be right.
    pub says: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.at.line, self.at.column, self.says)
    }
}

/// What the reading of one file has remarked so far. Shared by all readers of the file's parts.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    faults: RefCell<Vec<Remark>>,
    notes: RefCell<Vec<Remark>>,
    lenient: Cell<bool>,
}

impl Remarks {
    /// Something that makes the file unacceptable.
    pub(super) fn fault(&self, at: Place, says: impl AsRef<str>) {
        self.faults.borrow_mut().push(Remark { at, says: one_line(says.as_ref(), CHARACTERS) });
    }

    /// Something the author should know of a file that is accepted.
    pub(super) fn note(&self, at: Place, says: impl AsRef<str>) {
        self.notes.borrow_mut().push(Remark { at, says: one_line(says.as_ref(), CHARACTERS) });
    }

    /// A key nobody took: a fault, or a note when the file is written for a newer version than this one.
    pub(super) fn unknown(&self, at: Place, says: String) {
        if self.lenient.get() { self.note(at, says) } else { self.fault(at, says) }
    }

    /// From now on unknown keys are notes.
    pub(super) fn be_lenient(&self) {
        self.lenient.set(true);
    }

    /// The faults and the notes, each in the order of the file.
    pub(super) fn into_parts(self) -> (Vec<Remark>, Vec<Remark>) {
        (in_order(self.faults.into_inner()), in_order(self.notes.into_inner()))
    }
}

fn in_order(mut remarks: Vec<Remark>) -> Vec<Remark> {
    remarks.sort();
    let more = remarks.len().saturating_sub(AT_MOST);
    remarks.truncate(AT_MOST);
    if let (Some(last), true) = (remarks.last(), more > 0) {
        let at = last.at;
        remarks.push(Remark { at, says: format!("and {more} more") });
    }
    remarks
}

/// A text without control characters, cut with an ellipsis after so many characters.
pub(super) fn one_line(text: &str, characters: usize) -> String {
    let mut line: String = text.chars().filter(|c| !c.is_control()).take(characters + 1).collect();
    if let Some((end, _)) = line.char_indices().nth(characters) {
        line.truncate(end);
        line.push('…');
    }
    line
}
