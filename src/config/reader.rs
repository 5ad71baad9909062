//! Reads typed values off the tree. Each reading that fails is remarked with its place and yields `None`, so that the
//! reading goes on and the next fault is found too. A section knows which keys were asked for; what nobody asked for is
//! an unknown key.
//!
//! Where no file is but a [`Blank`], the same readings write down what they would take, and yield nothing.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::fault::{Place, Remarks, one_line};
use super::sketch::{Blank, Kind};
use super::tree::{Entry, Node, Value};
use super::{span, spelling};

/// A value of the file, with where to complain about it.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    source: Source<'a>,
    remarks: &'a Remarks,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    Written(&'a Node),
    Blank(Blank<'a>),
}

impl<'a> Item<'a> {
    pub(super) fn new(node: &'a Node, remarks: &'a Remarks) -> Self {
        Self { source: Source::Written(node), remarks }
    }

    /// In place of a value: what is asked of it is written down there.
    pub(super) fn blank(blank: Blank<'a>, remarks: &'a Remarks) -> Self {
        Self { source: Source::Blank(blank), remarks }
    }

    fn asks(self, kind: Kind) {
        if let Source::Blank(blank) = self.source {
            blank.takes(kind);
        }
    }

    fn value(self) -> Option<&'a Value> {
        match self.source {
            Source::Written(node) => Some(&node.value),
            Source::Blank(_) => None,
        }
    }

    /// Remarks a fault here: what is wrong, what would be right.
    pub(super) fn wrong<T>(self, what: impl Display, right: impl Display) -> Option<T> {
        if let Source::Written(node) = self.source
            && !matches!(node.value, Value::Refused)
        {
            self.remarks.fault(node.at, format!("{what}; {right}"));
        }
        None
    }

    /// Remarks something the author should know.
    pub(super) fn note(self, says: impl AsRef<str>) {
        if let Source::Written(node) = self.source {
            self.remarks.note(node.at, says);
        }
    }

    /// What a fault calls the value: short, on one line.
    fn shown(self) -> String {
        match self.value() {
            None => "nothing".to_owned(),
            Some(Value::Scalar { text, .. }) if text.is_empty() => "nothing".to_owned(),
            Some(Value::Scalar { text, .. }) => shorten(text),
            Some(Value::List(_)) => "a list".to_owned(),
            Some(Value::Map(_)) => "a map".to_owned(),
            Some(Value::Refused) => "an alias".to_owned(),
        }
    }

    /// One word or text, as it was written.
    pub(super) fn text(self) -> Option<&'a str> {
        self.asks(Kind::Text);
        match self.value() {
            Some(Value::Scalar { text, .. }) if !text.is_empty() => Some(text),
            _ => self.wrong(format!("{} stands here", self.shown()), "a text is wanted"),
        }
    }

    /// A text that passes a check; the check says what is wrong, `right` what would be right.
    pub(super) fn checked<E: Display>(self, check: impl FnOnce(&str) -> Result<(), E>, right: &str) -> Option<&'a str> {
        let text = self.text()?;
        match check(text) {
            Ok(()) => Some(text),
            Err(what) => self.wrong(format!("{}: {what}", shorten(text)), right),
        }
    }

    /// As [`Self::checked`]; an empty text is right too.
    pub(super) fn checked_or_empty<E: Display>(
        self,
        check: impl FnOnce(&str) -> Result<(), E>,
        right: &str,
    ) -> Option<&'a str> {
        self.asks(Kind::Empty);
        self.scalar().filter(|text| text.is_empty()).or_else(|| self.checked(check, right))
    }

    /// `true` or `false`.
    pub(super) fn flag(self) -> Option<bool> {
        self.word(&[("true", true), ("false", false)])
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(self, words: &[(&str, T)]) -> Option<T> {
        words.iter().for_each(|(word, _)| self.asks(Kind::Word((*word).to_owned())));
        let text = self.scalar().unwrap_or_default();
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.wrong(format!("{} stands here", self.shown()), format!("one of {} is wanted", all.join(", ")))
    }

    /// Whether exactly this was written.
    pub(super) fn is_word(self, word: &str) -> bool {
        self.asks(Kind::Word(word.to_owned()));
        self.scalar() == Some(word)
    }

    /// A duration within bounds.
    pub(super) fn span(self, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        self.asks(Kind::Span(bounds.clone()));
        let wanted = "a duration such as 10s, 5m or 1h30m is wanted";
        match self.scalar().and_then(span::parse) {
            Some(value) => self.within(value, bounds, span::show),
            None => self.wrong(format!("{} is no duration", self.shown()), wanted),
        }
    }

    /// A whole number within bounds.
    pub(super) fn count(self, bounds: RangeInclusive<usize>) -> Option<usize> {
        self.asks(Kind::Count(bounds.clone()));
        match self.scalar().and_then(|text| text.parse().ok()) {
            Some(value) => self.within(value, bounds, |n| n.to_string()),
            None => self.wrong(format!("{} is no whole number", self.shown()), "a number such as 2 is wanted"),
        }
    }

    /// A part of a whole in percent: more than nothing and less than all.
    pub(super) fn share(self) -> Option<u8> {
        self.asks(Kind::Share);
        let number = self.scalar().and_then(|text| text.strip_suffix('%')).and_then(|text| text.parse().ok());
        let share: Option<usize> = match number {
            Some(value) => self.within(value, 1..=99, |n| format!("{n}%")),
            None => self.wrong(format!("{} is no percentage", self.shown()), "a share such as 20% is wanted"),
        };
        share.and_then(|share| u8::try_from(share).ok())
    }

    fn within<T: PartialOrd>(self, value: T, bounds: RangeInclusive<T>, show: impl Fn(T) -> String) -> Option<T> {
        if bounds.contains(&value) {
            return Some(value);
        }
        let (from, to) = bounds.into_inner();
        self.wrong(format!("{} is out of bounds", show(value)), format!("{} to {} is possible", show(from), show(to)))
    }

    fn scalar(self) -> Option<&'a str> {
        match self.value() {
            Some(Value::Scalar { text, .. }) => Some(text),
            _ => None,
        }
    }

    /// The items of a list that could be read.
    pub(super) fn list<T>(self, mut read: impl FnMut(Item<'a>) -> Option<T>) -> Option<Vec<T>> {
        if let Source::Blank(blank) = self.source {
            return Some(read(Item::blank(blank.list(), self.remarks)).into_iter().collect());
        }
        match self.value() {
            Some(Value::List(nodes)) => {
                Some(nodes.iter().filter_map(|node| read(Item::new(node, self.remarks))).collect())
            }
            _ => self.wrong(format!("{} stands here", self.shown()), "a list is wanted: [a, b] or one - line for each"),
        }
    }

    /// A list was written, and nothing stands in it.
    pub(super) fn is_empty_list(self) -> bool {
        self.asks(Kind::NotEmpty);
        matches!(self.value(), Some(Value::List(nodes)) if nodes.is_empty())
    }

    /// A map whose keys are the author's own: each key, as a text that can be complained about, with its value.
    pub(super) fn pairs<T>(self, mut read: impl FnMut(Key<'a>, Item<'a>) -> Option<T>) -> Option<Vec<T>> {
        if let Source::Blank(blank) = self.source {
            let key = Key { text: "", at: Place::default(), remarks: self.remarks };
            return Some(read(key, Item::blank(blank.pairs(), self.remarks)).into_iter().collect());
        }
        let entries = self.entries()?;
        let pair = |entry: &'a Entry| {
            let key = Key { text: &entry.key, at: entry.at, remarks: self.remarks };
            read(key, Item::new(&entry.value, self.remarks))
        };
        Some(entries.iter().filter_map(pair).collect())
    }

    /// A map of settings. Keys that `read` does not take are remarked when it returns.
    pub(super) fn section<T>(self, read: impl FnOnce(&mut Section<'a>) -> T) -> Option<T> {
        let (at, written) = match self.source {
            Source::Written(node) if node.is_null() => (node.at, Written::Entries(&[])),
            Source::Written(node) => (node.at, Written::Entries(self.entries()?)),
            Source::Blank(blank) => (Place::default(), Written::Blank(blank.section())),
        };
        let mut section = Section { at, written, asked: Vec::new(), remarks: self.remarks };
        let value = read(&mut section);
        section.remark_unknown();
        Some(value)
    }

    fn entries(self) -> Option<&'a [Entry]> {
        match self.value() {
            Some(Value::Map(entries)) => Some(entries),
            _ => self.wrong(format!("{} stands here", self.shown()), "settings are wanted: key: value, one a line"),
        }
    }
}

/// A key the author chose.
#[derive(Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) text: &'a str,
    at: Place,
    remarks: &'a Remarks,
}

impl Key<'_> {
    /// Remarks a fault at the key.
    pub(super) fn wrong<T>(self, what: impl Display, right: impl Display) -> Option<T> {
        self.remarks.fault(self.at, format!("{}: {what}; {right}", shorten(self.text)));
        None
    }

    /// Remarks something the author should know.
    pub(super) fn note(self, says: impl Display) {
        self.remarks.note(self.at, format!("{}: {says}", shorten(self.text)));
    }
}

/// A map of settings while it is read.
pub(super) struct Section<'a> {
    at: Place,
    written: Written<'a>,
    asked: Vec<&'static str>,
    remarks: &'a Remarks,
}

#[derive(Clone, Copy)]
enum Written<'a> {
    Entries(&'a [Entry]),
    Blank(Blank<'a>),
}

impl<'a> Section<'a> {
    /// The value of a key; `None` if it is absent or left empty. A reader asks for every key it knows, whatever the others
    /// say: what it does not ask for is an unknown key.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.asked.push(key);
        let entries = match self.written {
            Written::Entries(entries) => entries,
            Written::Blank(blank) => return Some(Item::blank(blank.setting(key), self.remarks)),
        };
        let entry = entries.iter().find(|entry| entry.key == key)?;
        (!entry.value.is_null()).then(|| Item::new(&entry.value, self.remarks))
    }

    /// The value of a key that must be there.
    pub(super) fn require(&mut self, key: &'static str) -> Option<Item<'a>> {
        let item = self.take(key);
        if let Written::Blank(blank) = self.written {
            blank.requires(key);
        }
        if item.is_none() {
            self.remarks.fault(self.at, format!("{key} is missing; it has no default"));
        }
        item
    }

    /// The settings of a part of this section; its defaults if the part is absent or unreadable.
    pub(super) fn part<T: Default>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'a>) -> T) -> T {
        self.take(key).and_then(|item| item.section(read)).unwrap_or_default()
    }

    /// Unknown keys of this file are notes from now on.
    pub(super) fn be_lenient(&self) {
        self.remarks.be_lenient();
    }

    fn remark_unknown(&self) {
        let Written::Entries(entries) = self.written else { return };
        for entry in entries.iter().filter(|entry| !self.asked.contains(&entry.key.as_str())) {
            let hint = match spelling::nearest(&entry.key, self.asked.iter().copied()) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("here stand {}", self.asked.join(", ")),
            };
            self.remarks.unknown(entry.at, format!("{} is no setting; {hint}", shorten(&entry.key)));
        }
    }
}

/// As much of a text of the author's as a fault quotes.
fn shorten(text: &str) -> String {
    one_line(text, 60)
}
