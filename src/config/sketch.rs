//! What the readers would take, written down while they read where no file is. So whoever must tell it, as the schema
//! does, has it from the readers themselves, and no key, word or bound is said a second time.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Something that a reader takes at one place. A place may be asked for several: any of them is right.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A text, not empty.
    Text,
    /// An empty text.
    Empty,
    /// One certain word.
    Word(String),
    /// A duration.
    Span(RangeInclusive<Duration>),
    /// A whole number.
    Count(RangeInclusive<usize>),
    /// A percentage, more than nothing and less than all.
    Share,
    /// A list.
    List(At),
    /// A list must not be empty.
    NotEmpty,
    /// A map whose keys are the author's own.
    Pairs(At),
    /// A map of settings.
    Section(Vec<Setting>),
}

/// One key of a section.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) value: At,
    /// It has no default.
    pub(super) required: bool,
}

/// A place in the sketch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At(usize);

/// The places, in the order in which they were asked about; the first is the whole file.
#[derive(Debug)]
pub(super) struct Sketch {
    places: RefCell<Vec<Vec<Kind>>>,
}

impl Sketch {
    /// The whole file, of which nothing is known.
    pub(super) const WHOLE: At = At(0);

    pub(super) fn new() -> Self {
        Self { places: RefCell::new(vec![Vec::new()]) }
    }

    pub(super) fn blank(&self, at: At) -> Blank<'_> {
        Blank { sketch: self, at }
    }

    /// What is taken there.
    pub(super) fn kinds(&self, at: At) -> Vec<Kind> {
        self.places.borrow().get(at.0).cloned().unwrap_or_default()
    }

    fn add(&self) -> At {
        let mut places = self.places.borrow_mut();
        places.push(Vec::new());
        At(places.len() - 1)
    }
}

/// Stands where a value would stand in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blank<'a> {
    sketch: &'a Sketch,
    at: At,
}

impl Blank<'_> {
    /// This is taken here.
    pub(super) fn takes(self, kind: Kind) {
        if let Some(kinds) = self.sketch.places.borrow_mut().get_mut(self.at.0) {
            kinds.push(kind);
        }
    }

    /// A list is taken here; each of its items.
    pub(super) fn list(self) -> Self {
        let item = self.sketch.add();
        self.takes(Kind::List(item));
        Self { at: item, ..self }
    }

    /// A map with keys of the author's is taken here; each of its values.
    pub(super) fn pairs(self) -> Self {
        let value = self.sketch.add();
        self.takes(Kind::Pairs(value));
        Self { at: value, ..self }
    }

    /// Settings are taken here.
    pub(super) fn section(self) -> Self {
        self.takes(Kind::Section(Vec::new()));
        self
    }

    /// The settings have this key; its value.
    pub(super) fn setting(self, key: &'static str) -> Self {
        let value = self.sketch.add();
        self.settings(|settings| settings.push(Setting { key, value, required: false }));
        Self { at: value, ..self }
    }

    /// That key must be there.
    pub(super) fn requires(self, key: &'static str) {
        self.settings(|settings| {
            settings.iter_mut().filter(|setting| setting.key == key).for_each(|setting| setting.required = true);
        });
    }

    fn settings(self, change: impl FnOnce(&mut Vec<Setting>)) {
        let mut places = self.sketch.places.borrow_mut();
        let last = places.get_mut(self.at.0).and_then(|kinds| kinds.last_mut());
        if let Some(Kind::Section(settings)) = last {
            change(settings);
        }
    }
}
