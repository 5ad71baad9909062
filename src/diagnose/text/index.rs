//! Every part of every wording in one automaton: one pass over a text finds all of them, however many the catalogue has.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::finders::{self, Finder, PHRASES, Phrase};
use crate::causes::{self, benign, operations};
use crate::model::cause::Cause;
use crate::model::sign::{Operation, Sign};

/// The compiled catalogue.
pub(super) struct Index {
    automaton: AhoCorasick,
    /// Parts by which a text is known to be no bad news.
    benign: Vec<Part>,
    operations: Vec<(Operation, Vec<Part>)>,
    /// In the order of the catalogue.
    signs: Vec<Compiled>,
    /// For each part, the signs of which it is the longest part.
    by_key: Vec<Vec<usize>>,
    /// For each part, the finders that begin behind it.
    finders: Vec<(Part, &'static Finder)>,
    phrases: Vec<(Vec<Part>, &'static Phrase)>,
    parts: usize,
}

/// A part of a wording, by its number in the automaton.
type Part = u32;

struct Compiled {
    cause: &'static Cause,
    sign: &'static Sign,
    /// Bits of the operations, one of which the text must speak of; none for no such demand.
    within: u16,
    all: Vec<Part>,
    none: Vec<Part>,
}

/// Which parts are in a text, and where.
pub(super) struct Marks {
    /// One bit a part.
    seen: Vec<u64>,
    /// Each occurrence: the part and the byte behind it, in the order of the text.
    pub(super) places: Vec<(Part, usize)>,
}

impl Marks {
    fn has(&self, part: Part) -> bool {
        self.seen.get(part as usize / 64).is_some_and(|bits| bits >> (part % 64) & 1 == 1)
    }

    fn note(&mut self, part: Part, end: usize) {
        if let Some(bits) = self.seen.get_mut(part as usize / 64) {
            *bits |= 1 << (part % 64);
        }
        self.places.push((part, end));
    }
}

impl Index {
    pub(super) fn new() -> Self {
        let mut parts = Parts::default();
        let benign = parts.numbers(benign::PARTS);
        let operations = operations::ALL.iter().map(|marks| (marks.operation, parts.numbers(marks.parts))).collect();
        let signs: Vec<Compiled> = causes::ALL
            .iter()
            .flat_map(|cause| cause.signs.iter().map(move |sign| (*cause, sign)))
            .map(|(cause, sign)| Compiled::new(cause, sign, &mut parts))
            .collect();
        let finders = finders::all().map(|finder| (parts.number(finder.after), finder)).collect();
        let phrases = PHRASES.iter().map(|phrase| (parts.numbers(phrase.words), phrase)).collect();
        let by_key = by_key(&signs, &parts.texts);
        Self {
            automaton: automaton(&parts.texts),
            benign,
            operations,
            signs,
            by_key,
            finders,
            phrases,
            parts: parts.texts.len(),
        }
    }

    /// Finds every part in `text`, overlapping ones too.
    pub(super) fn scan(&self, text: &str) -> Marks {
        let mut marks = Marks { seen: vec![0; self.parts.div_ceil(64)], places: Vec::with_capacity(32) };
        for found in self.automaton.find_overlapping_iter(text) {
            marks.note(found.pattern().as_u32(), found.end());
        }
        marks
    }

    pub(super) fn is_benign(&self, marks: &Marks) -> bool {
        self.benign.iter().any(|part| marks.has(*part))
    }

    /// What the text speaks of, one bit an operation.
    pub(super) fn operations(&self, marks: &Marks, reason: &str) -> u16 {
        let spoken = self.operations.iter().filter(|(_, parts)| parts.iter().any(|part| marks.has(*part)));
        let by_reason = operations::ALL.iter().filter(|of| of.reasons.contains(&reason));
        spoken.map(|(operation, _)| operation.bit()).chain(by_reason.map(|of| of.operation.bit())).fold(0, |a, b| a | b)
    }

    /// The causes that the text names, in the order of the catalogue, each with its first wording.
    pub(super) fn named(&self, marks: &Marks, operations: u16) -> Vec<(&'static Cause, &'static Sign)> {
        let mut candidates: Vec<usize> = self.keyed(marks).collect();
        candidates.sort_unstable();
        candidates.dedup();
        let signs = candidates.into_iter().filter_map(|at| self.signs.get(at));
        let mut named: Vec<_> =
            signs.filter(|sign| sign.fits(marks, operations)).map(|sign| (sign.cause, sign.sign)).collect();
        named.dedup_by_key(|(cause, _)| cause.id);
        named
    }

    /// Signs whose longest part is in the text: the others need not be looked at.
    fn keyed(&self, marks: &Marks) -> impl Iterator<Item = usize> {
        marks.places.iter().filter_map(|(part, _)| self.by_key.get(*part as usize)).flatten().copied()
    }

    /// The finders that have a place in the text to begin at, with that place; in their own order, which is their rank.
    pub(super) fn finders(&self, marks: &Marks) -> impl Iterator<Item = (&'static Finder, usize)> {
        self.finders.iter().flat_map(|(part, finder)| {
            let places = marks.places.iter().filter(move |(found, _)| found == part);
            places.map(move |(_, end)| (*finder, *end))
        })
    }

    /// The phrases of which all words are in the text, in their own order, which is their rank.
    pub(super) fn phrases(&self, marks: &Marks) -> impl Iterator<Item = &'static Phrase> {
        let spoken = |words: &[Part]| words.iter().all(|part| marks.has(*part));
        self.phrases.iter().filter(move |(words, _)| spoken(words)).map(|(_, phrase)| *phrase)
    }
}

impl Compiled {
    fn new(cause: &'static Cause, sign: &'static Sign, parts: &mut Parts) -> Self {
        let within = sign.within.iter().fold(0, |bits, operation| bits | operation.bit());
        Self { cause, sign, within, all: parts.numbers(sign.all), none: parts.numbers(sign.none) }
    }

    fn fits(&self, marks: &Marks, operations: u16) -> bool {
        (self.within == 0 || self.within & operations != 0)
            && self.all.iter().all(|part| marks.has(*part))
            && !self.none.iter().any(|part| marks.has(*part))
    }
}

/// The parts, each once, in the order of their numbers.
#[derive(Default)]
struct Parts {
    texts: Vec<&'static str>,
    numbers: HashMap<&'static str, Part>,
}

impl Parts {
    fn number(&mut self, part: &'static str) -> Part {
        *self.numbers.entry(part).or_insert_with(|| {
            self.texts.push(part);
            u32::try_from(self.texts.len() - 1).unwrap_or(u32::MAX)
        })
    }

    fn numbers(&mut self, parts: &[&'static str]) -> Vec<Part> {
        parts.iter().map(|part| self.number(part)).collect()
    }
}

fn by_key(signs: &[Compiled], parts: &[&str]) -> Vec<Vec<usize>> {
    let mut keyed = vec![Vec::new(); parts.len()];
    for (at, sign) in signs.iter().enumerate() {
        let longest =
            sign.all.iter().map(|part| *part as usize).max_by_key(|part| parts.get(*part).map(|text| text.len()));
        if let Some(signs) = longest.and_then(|part| keyed.get_mut(part)) {
            signs.push(at);
        }
    }
    keyed
}

#[expect(clippy::expect_used, reason = "the parts are constants, and a test builds the index")]
fn automaton(parts: &[&str]) -> AhoCorasick {
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .match_kind(MatchKind::Standard)
        .ascii_case_insensitive(true)
        .build(parts)
        .expect("a few thousand short parts fit an automaton")
}
