//! `causes:`, per cause: off, another dwell, another Event type.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::cause::EventType;
use crate::model::settings::CauseSettings;

use super::reader::{Item, Key, Section};
use super::spelling;

const AFTER_AT_MOST: Duration = Duration::from_secs(24 * 3600);
const TYPES: &[(&str, EventType)] = &[("Normal", EventType::Normal), ("Warning", EventType::Warning)];

/// Reads the settings of the causes. `catalogue` has the ids this version knows.
pub(super) fn read(item: Item<'_>, catalogue: &[&str]) -> Option<BTreeMap<Arc<str>, CauseSettings>> {
    let pairs = item.pairs(|key, item| {
        let settings = item.section(one)?;
        known(key, catalogue).then(|| (Arc::from(key.text), settings))
    })?;
    Some(pairs.into_iter().collect())
}

fn one(section: &mut Section<'_>) -> CauseSettings {
    CauseSettings {
        enabled: section.take("enabled").and_then(Item::flag),
        after: section.take("after").and_then(|item| item.span(Duration::ZERO..=AFTER_AT_MOST)),
        kind: section.take("type").and_then(|item| item.word(TYPES)),
    }
}

/// Causes come with versions, and one file serves a cluster while its agents are updated or rolled back. So an id that
/// no catalogue entry resembles is noted and has no effect; one that is a slip of a known id, or no id at all, is a fault.
fn known(key: Key<'_>, catalogue: &[&str]) -> bool {
    if catalogue.contains(&key.text) {
        return true;
    }
    match spelling::nearest(key.text, catalogue.iter().copied()) {
        Some(meant) => _ = key.wrong::<()>("there is no such cause", format!("did you mean {meant}?")),
        None if is_id(key.text) => key.note("this version knows no such cause, so this changes nothing"),
        None => _ = key.wrong::<()>("this is no cause", "a cause is called, for instance, ImagePullSlow"),
    }
    false
}

fn is_id(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
}
