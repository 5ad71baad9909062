//! What a text says besides its cause, by name: image, host, plugin, path, volume … as the finders know where to look.

use super::{INDEX, finders};
use crate::diagnose::phrase::Facts;
use crate::model::image::Reference;
use crate::model::redact::redact;
use crate::model::wording::cut;

/// Longer values are cut: a fact is a name, not a story.
const BYTES_AT_MOST: usize = 120;

/// The facts of a peeled text, without its secrets. Of several finders for one fact the first that finds something decides.
#[must_use]
pub fn facts(text: &str) -> Facts {
    let text = &*redact(text);
    let marks = INDEX.scan(text);
    let mut facts = Facts::default();
    for (finder, at) in INDEX.finders(&marks) {
        if facts.get(finder.fact).is_some() {
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        if let Some(value) = finders::value(finder, rest) {
            facts.set(finder.fact, cut(value, BYTES_AT_MOST));
        }
    }
    of_image(facts)
}

/// An image's parts are facts of their own.
fn of_image(facts: Facts) -> Facts {
    let Some(image) = facts.get("image").map(str::to_owned) else { return facts };
    let reference = Reference::parse(&image);
    let parts = [
        ("host", reference.host),
        ("name", reference.host_name()),
        ("path", &*reference.path),
        ("version", reference.version()),
    ];
    parts
        .into_iter()
        .fold(facts, |facts, (name, value)| if facts.get(name).is_some() { facts } else { facts.with(name, value) })
}
