//! `log:`, what is logged. The flag says what is while this says nothing.

use std::sync::Arc;

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::reader::Section;

const WANTED: &str = "give error, warn, info, debug or trace, or such as info,kubewhy=debug";

/// What is to be logged: a level for all, or one for each module named.
///
/// # Errors
/// It is no filter, or one that [`Targets`] takes for something else than what it looks like: a lone word that is no level
/// for a module, after which nothing else is logged, and an empty level for `error`.
pub fn filter(text: &str) -> Result<Targets, &'static str> {
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    let is_module = |word: &str| !word.is_empty() && !word.contains('[');
    let is_known = |part: &str| match part.split_once('=') {
        Some((module, level)) => is_module(module) && is_level(level),
        None => is_level(part),
    };
    match text.parse() {
        Ok(targets) if text.split(',').map(str::trim).all(is_known) => Ok(targets),
        _ => Err(WANTED),
    }
}

pub(super) fn read(section: &mut Section<'_>) -> Option<Arc<str>> {
    let level = |text: &str| filter(text).map(drop).map_err(|_| "this is no level");
    section.take("level").and_then(|item| item.checked(level, WANTED)).map(Arc::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_refused_rather_than_silence_everything() {
        for good in ["info", "info,kubewhy=debug", "kubewhy::report=trace", "off", "WARN"] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["", "loud", "info,", "info,kubewhy", "info,kubewhy=", "info,kubewhy[x]=debug", "info;debug"] {
            assert!(filter(bad).is_err(), "{bad}");
        }
    }
}
