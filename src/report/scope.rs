//! The brake: whom Events may be about. What it holds back goes to log, lines and metrics all the same. Pure.

use std::sync::Arc;

use crate::model::diagnosis::Subject;
use crate::model::glob;
use crate::model::settings::{EventScope, ReportSettings};

/// Whether an Event may be written on this subject.
#[must_use]
pub fn admits(settings: &ReportSettings, subject: &Subject) -> bool {
    match (settings.events, subject) {
        (EventScope::Off, _) | (EventScope::Node, Subject::Pod(_)) => false,
        (EventScope::Node | EventScope::All, Subject::Node(_)) => true,
        (EventScope::All, Subject::Pod(pod)) => {
            let included = settings.include.is_empty() || any(&settings.include, &pod.namespace);
            included && !any(&settings.exclude, &pod.namespace)
        }
    }
}

fn any(globs: &[Arc<str>], name: &str) -> bool {
    globs.iter().any(|pattern| glob::fits(pattern, name))
}
