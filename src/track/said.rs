//! A text that others wrote, with the cause that was read from it: read once, however often it is looked at. A new text
//! is a new value, so what is remembered can't be of another text.

use std::sync::{Arc, OnceLock};

use crate::model::cause::Cause;

/// A text and, once somebody read it, the cause that it names.
#[derive(Clone, Debug)]
pub struct Said {
    text: Arc<str>,
    cause: OnceLock<Option<&'static Cause>>,
}

impl Said {
    /// A text that nobody has read yet.
    #[must_use]
    pub fn new(text: Arc<str>) -> Self {
        Self { text, cause: OnceLock::new() }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The cause it names. `read` must depend on the text alone; it is asked the first time only.
    pub fn cause(&self, read: impl FnOnce(&str) -> Option<&'static Cause>) -> Option<&'static Cause> {
        *self.cause.get_or_init(|| read(&self.text))
    }

    /// Takes the place of what was said before, unless it is the same again.
    pub(super) fn say(&mut self, text: &Arc<str>) {
        if self.text != *text {
            *self = Self::new(text.clone());
        }
    }
}

impl PartialEq for Said {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_text_is_read_once_and_a_new_one_again() {
        let reads = Cell::new(0);
        let read = |_: &str| {
            reads.set(reads.get() + 1);
            None
        };
        let mut said = Said::new("manifest unknown".into());
        for _ in 0..3 {
            assert!(said.cause(read).is_none());
            said.say(&"manifest unknown".into());
        }
        assert_eq!(reads.get(), 1);
        said.say(&"401 Unauthorized".into());
        said.cause(read);
        assert_eq!((reads.get(), said.text()), (2, "401 Unauthorized"));
    }
}
