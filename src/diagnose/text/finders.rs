//! Where facts stand in texts: behind which words, up to which character, in which shape. Data, one table for each field.

mod container;
mod image;
mod network;
mod node;
mod phrases;
mod volume;

pub(super) use phrases::{PHRASES, Phrase};

/// Where one fact may stand.
#[derive(Debug)]
pub(super) struct Finder {
    /// The fact's name, as templates use it.
    pub(super) fact: &'static str,
    /// The words in front of it, in lower case.
    pub(super) after: &'static str,
    /// The first of these characters ends it; an end of the text does too.
    pub(super) until: &'static str,
    /// What it must look like to be believed.
    pub(super) shape: Shape,
}

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Anything but nothing.
    Any,
    /// No blank in it.
    Word,
    /// An absolute path.
    Path,
    /// A host or an address, with or without a port: letters, digits, `.`, `-`, `:`, `[`, `]`.
    Host,
    /// Begins with a digit.
    Number,
}

const fn find(fact: &'static str, after: &'static str, until: &'static str, shape: Shape) -> Finder {
    Finder { fact, after, until, shape }
}

/// All finders; for one fact, the more trustworthy place comes first.
pub(super) fn all() -> impl Iterator<Item = &'static Finder> {
    [image::FINDERS, network::FINDERS, container::FINDERS, volume::FINDERS, node::FINDERS].into_iter().flatten()
}

/// The value at the beginning of `rest`, if it has the finder's shape; the full stop behind a name is the sentence's.
pub(super) fn value<'t>(finder: &Finder, rest: &'t str) -> Option<&'t str> {
    let end = rest.find(|c| finder.until.contains(c)).unwrap_or(rest.len());
    let value = rest.get(..end)?.trim();
    let value = if finder.shape == Shape::Any { value } else { value.trim_end_matches('.') };
    finder.shape.fits(value).then_some(value)
}

impl Shape {
    fn fits(self, value: &str) -> bool {
        let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        !value.is_empty()
            && match self {
                Self::Any => true,
                Self::Word => !value.contains(char::is_whitespace),
                Self::Path => value.starts_with('/'),
                Self::Host => {
                    value.chars().all(host) && value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
                }
                Self::Number => value.starts_with(|c: char| c.is_ascii_digit()),
            }
    }
}
