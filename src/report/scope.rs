//! The brake: whom Events may be about. What it holds back goes to log, lines and metrics all the same. Pure.

use std::sync::Arc;

use crate::model::diagnosis::Subject;
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
    globs.iter().any(|glob| matches(glob, name))
}

/// Whether the whole of `name` fits `glob`, in which each `*` stands for any text.
fn matches(glob: &str, name: &str) -> bool {
    let Some((head, rest)) = glob.split_once('*') else {
        return glob == name;
    };
    let Some(mut left) = name.strip_prefix(head) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = left.split_once(part) else {
            return false;
        };
        left = after;
    }
    left.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_fit_whole_names() {
        for (glob, name, fits) in [
            ("shop", "shop", true),
            ("shop", "shop-2", false),
            ("shop-*", "shop-2", true),
            ("*-test", "shop-test", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("*", "anything", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(glob, name), fits, "{glob} {name}");
        }
    }
}
