//! Templates and the facts that fill them: how a catalogue entry becomes a sentence about one pod.
//!
//! `{name}` is replaced by that fact. `[…]` is an optional part: it is left out as a whole if a fact in it is not known.
//! `[…|…]` offers several: the first of which all facts are known stands. A fact outside such a part must be known; tests
//! hold every cause to that.

use std::collections::BTreeMap;

use crate::model::cause::Cause;
use crate::model::wording::{MESSAGE_LIMIT, cut, one_line};

/// What is known about one case, by name: `host`, `path`, `plugin` … Values are clean single lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    known: BTreeMap<&'static str, String>,
    /// What stands instead where the reader is the node's operator.
    withheld: BTreeMap<&'static str, String>,
}

impl Facts {
    /// Adds a fact, for chaining. An empty value is no fact.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        self.set(name, value);
        self
    }

    /// Adds a fact. An empty value is no fact.
    pub fn set(&mut self, name: &'static str, value: impl AsRef<str>) {
        let value = one_line(value.as_ref());
        if !value.is_empty() {
            self.known.insert(name, value);
        }
    }

    /// Adds what only the node's operator is to read in place of the fact of that name, for chaining.
    #[must_use]
    pub fn withholding(mut self, name: &'static str, value: &str) -> Self {
        self.withheld.insert(name, one_line(value));
        self
    }

    /// The same facts as the node's operator may read them; none where nothing is withheld.
    #[must_use]
    pub fn in_full(&self) -> Option<Self> {
        let full = Self { known: self.withheld.clone(), ..Self::default() };
        (!self.withheld.is_empty()).then(|| full.or(self.clone()))
    }

    /// The names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.known.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Adds what `others` knows and this does not.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        for (name, value) in others.known {
            self.known.entry(name).or_insert(value);
        }
        self
    }

    /// The value of a fact.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.known.get(name).map(String::as_str)
    }
}

/// What is wrong and how that is known; who does what; whether it mends itself. At most 1024 bytes.
#[must_use]
pub fn sentence(cause: &Cause, facts: &Facts) -> String {
    let brings = facts.get("brings").map(|symptoms| format!(" It brings {symptoms}.")).unwrap_or_default();
    let mut text = format!("{}{brings} {}", says(cause, facts), addressed(cause, facts));
    if !cause.mends.is_empty() {
        text.push(' ');
        text.push_str(cause.mends);
    }
    cut(&text, MESSAGE_LIMIT)
}

/// Who does what. The cause's owner acts, unless the advice itself begins with the App: then the App alone does.
fn addressed(cause: &Cause, facts: &Facts) -> String {
    let (advice, _) = fill(cause.advice, facts);
    match advice.starts_with("App: ") {
        true => advice,
        false => format!("{}: {advice}", cause.owner.as_str()),
    }
}

/// What is wrong and how that is known: by name where the facts are known, else what the cause is.
#[must_use]
pub fn says(cause: &Cause, facts: &Facts) -> String {
    match fill(cause.says, facts) {
        (says, lacks) if lacks.is_empty() => says,
        _ => cause.summary.to_owned(),
    }
}

/// What is wrong, in a few words; empty where the cause has none for it, or lacks a fact.
#[must_use]
pub fn gist(cause: &Cause, facts: &Facts) -> String {
    match fill(cause.gist, facts) {
        (gist, lacks) if lacks.is_empty() => gist,
        _ => String::new(),
    }
}

/// Fills `template` from `facts`. The second value names facts that were required and are not known.
#[must_use]
pub fn fill<'t>(template: &'t str, facts: &Facts) -> (String, Vec<&'t str>) {
    let mut text = String::new();
    let mut missing = Vec::new();
    for part in parts(template) {
        if part.optional {
            let known = part.text.split('|').map(|one| fill_part(one, facts)).find(|(_, lacks)| lacks.is_empty());
            text.extend(known.map(|(filled, _)| filled));
        } else {
            let (filled, lacks) = fill_part(part.text, facts);
            text.push_str(&filled);
            missing.extend(lacks);
        }
    }
    (text, missing)
}

struct Part<'t> {
    text: &'t str,
    optional: bool,
}

fn parts(template: &str) -> impl Iterator<Item = Part<'_>> {
    template.split('[').enumerate().flat_map(|(n, piece)| {
        let (inside, after) = match piece.split_once(']') {
            Some((inside, after)) if n > 0 => (inside, after),
            _ => ("", piece),
        };
        [Part { text: inside, optional: true }, Part { text: after, optional: false }]
    })
}

fn fill_part<'t>(part: &'t str, facts: &Facts) -> (String, Vec<&'t str>) {
    let mut text = String::new();
    let mut lacks = Vec::new();
    let mut pieces = part.split('{');
    text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (name, after) = piece.split_once('}').unwrap_or((piece, ""));
        match facts.get(name) {
            Some(value) => text.push_str(value),
            None => {
                text.push('?');
                lacks.push(name);
            }
        }
        text.push_str(after);
    }
    (text, lacks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_parts_vanish_when_a_fact_is_not_known() {
        let facts = Facts::default().with("host", "r.example.com");
        let (text, missing) = fill("{host} refuses[ ({answer})][ from {host}].", &facts);
        assert_eq!(text, "r.example.com refuses from r.example.com.");
        assert!(missing.is_empty());
    }

    #[test]
    fn of_several_parts_the_first_that_is_known_stands() {
        let template = "look at [{unit} of {node}|{unit}|the runtime].";
        assert_eq!(fill(template, &Facts::default().with("unit", "crio")).0, "look at crio.");
        assert_eq!(fill(template, &Facts::default()), ("look at the runtime.".to_owned(), Vec::new()));
    }

    #[test]
    fn a_required_fact_that_is_not_known_is_named() {
        let (text, missing) = fill("{host} has no {tag}", &Facts::default().with("host", "h"));
        assert_eq!((text.as_str(), missing), ("h has no ?", vec!["tag"]));
    }

    #[test]
    fn facts_cannot_bring_line_breaks_or_placeholders_of_their_own() {
        let facts = Facts::default().with("a", "x\n\u{1b}y {b}").with("b", "secret");
        assert_eq!(fill("{a}", &facts).0, "x y {b}");
    }
}
