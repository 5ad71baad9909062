//! Text → cause: which wordings of the catalogue are in an error message, and which of their causes is the root. Pure,
//! linear in the text, total; quotes nothing, claims nothing that the words do not say.

mod facts;
mod finders;
mod index;
mod peel;

use std::sync::LazyLock;

use crate::causes::benign;
use crate::model::cause::Cause;
use crate::model::diagnosis::Confidence;
use crate::model::sign::Sign;

pub(super) use facts::bare;
pub use facts::facts;
pub use peel::peel;

use index::Index;

/// Built at the first question: a process that is never asked pays nothing.
static INDEX: LazyLock<Index> = LazyLock::new(Index::new);

/// What a text says.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The root cause; none if the catalogue has no wording for the text, or the text is no bad news.
    pub cause: Option<&'static Cause>,
    /// The wording that named it.
    pub sign: Option<&'static Sign>,
    /// The text speaks of something that went well, or of the application alone.
    pub good_news: bool,
    /// Causes that the text names too, most decisive first: symptoms, or what an earlier attempt failed on.
    pub also: Vec<&'static Cause>,
}

impl Reading {
    /// How sure it is: a wording of its own, or only that no other cause fits.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        match self.cause {
            Some(cause) if !cause.rest => Confidence::Observed,
            Some(_) => Confidence::Inferred,
            None => Confidence::Suspected,
        }
    }
}

/// The cause that `text` names, or none.
#[must_use]
pub fn classify(text: &str) -> Option<&'static Cause> {
    read(&peel(text), None).cause
}

/// A text as the finders of a pull's host read it: peeled, in lower case.
pub(super) fn normalise(text: &str) -> String {
    let mut text = peel(text);
    text.make_ascii_lowercase();
    text
}

/// What a peeled text says; `reason` is that of the Event or the waiting container it came with, if any.
#[must_use]
pub fn read(text: &str, reason: Option<&str>) -> Reading {
    let reason = reason.unwrap_or_default();
    let marks = INDEX.scan(text);
    if benign::REASONS.contains(&reason) || INDEX.is_benign(&marks) {
        return Reading { good_news: true, ..Reading::default() };
    }
    let mut named = INDEX.named(&marks, INDEX.operations(&marks, reason)).into_iter();
    let root = named.next();
    Reading {
        cause: root.map(|(cause, _)| cause),
        sign: root.map(|(_, sign)| sign),
        good_news: false,
        also: named.map(|(cause, _)| cause).filter(|other| !other.rest).collect(),
    }
}

#[cfg(test)]
mod tests;
