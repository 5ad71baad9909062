//! `report:`, what is said and to whom.

use std::sync::Arc;
use std::time::Duration;

use crate::model::settings::{EventScope, ReportSettings};

use super::reader::{Item, Section};

const EVENTS: &[(&str, EventScope)] = &[("off", EventScope::Off), ("node", EventScope::Node), ("all", EventScope::All)];
const SPREAD_AT_MOST: Duration = Duration::from_secs(600);
const SLOW_START: std::ops::RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(24 * 3_600);

pub(super) fn read(section: &mut Section<'_>) -> ReportSettings {
    let default = ReportSettings::default();
    let (include, exclude) = section.part("namespaces", namespaces);
    ReportSettings {
        events: section.take("events").and_then(|item| item.word(EVENTS)).unwrap_or(default.events),
        include,
        exclude,
        cross_namespace_names: section
            .take("crossNamespaceNames")
            .and_then(Item::flag)
            .unwrap_or(default.cross_namespace_names),
        spread: section
            .take("spread")
            .and_then(|item| item.span(Duration::ZERO..=SPREAD_AT_MOST))
            .unwrap_or(default.spread),
        slow_start: section.take("slowStart").and_then(slow_start),
        node_condition: section.take("nodeCondition").and_then(Item::flag).unwrap_or(default.node_condition),
        runbook_url: section.take("runbookURL").and_then(runbook_url).map(Arc::from),
    }
}

/// `off`, or how long a start may take.
fn slow_start(item: Item<'_>) -> Option<Duration> {
    if item.is_word("off") { None } else { item.span(SLOW_START) }
}

fn namespaces(section: &mut Section<'_>) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
    let globs =
        |item: Item<'_>| item.list(|item| item.checked(glob, "write a name such as shop or ci-*").map(Arc::from));
    let include = section.take("include").and_then(globs).unwrap_or_default();
    let exclude = section.take("exclude").and_then(globs).unwrap_or_default();
    (include, exclude)
}

fn glob(text: &str) -> Result<(), &'static str> {
    let fits = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '*'));
    if fits && text.len() <= 63 { Ok(()) } else { Err("no namespace is called so") }
}

/// What is wrong with it is said without quoting it: it may hold a password.
fn runbook_url(item: Item<'_>) -> Option<&str> {
    let text = item.text()?;
    match runbook(text) {
        Ok(()) => Some(text),
        Err(what) => item.wrong(what, "write an address such as https://wiki.example.com/kubewhy/{cause}"),
    }
}

/// It stands in Events, which many can read and which hold 1024 bytes: no credentials in it, and not half of a message.
fn runbook(text: &str) -> Result<(), &'static str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let other_braces = text.replace("{cause}", "").contains(['{', '}']);
    match () {
        () if host.is_empty() => Err("this is no http address"),
        () if host.contains('@') => Err("it carries credentials, and Events are widely readable"),
        () if text.chars().any(|c| c.is_whitespace() || c.is_control()) => Err("it has blanks in it"),
        () if other_braces => Err("only {cause} is filled in"),
        () if text.len() > 200 => Err("it is longer than 200 characters, and an Event is short"),
        () => Ok(()),
    }
}
