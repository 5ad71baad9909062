//! Why the kubelet of this node ended, by the last words of its own that are kept in the journal. Pure. Words of an earlier
//! run name nothing, and neither does a kubelet that was told to stop.

use crate::causes::{KUBELET_CRASH_LOOPING, KUBELET_DOWN, endings, roots};
use crate::model::cause::{Cause, Scope};

use super::phrase::Facts;
use super::{extract, text};

/// What the last words say.
#[derive(Clone, Debug)]
pub struct Named<'w> {
    /// Why it ended.
    pub cause: &'static Cause,
    /// The line that says so.
    pub line: &'w str,
    /// What else that line tells.
    pub facts: Facts,
}

/// The line on which it ended, of all that it and systemd wrote, last line last; none where that line is not known for one.
#[must_use]
pub fn ending(words: &str) -> Option<&str> {
    for line in words.lines().rev() {
        let spoken = line.to_lowercase();
        let says = |parts: &[&str]| parts.iter().any(|part| spoken.contains(part));
        // syslog puts the writer in front: `kubelet[812]: `.
        let own = spoken.split_once("]: ").map_or(&*spoken, |(_, own)| own);
        if says(endings::LAST) || endings::LAST_BEGINS.iter().any(|part| own.starts_with(part)) {
            return Some(line);
        }
        if says(endings::STOPPED) || says(endings::FIRST) {
            return None;
        }
    }
    None
}

/// Why it ended, where those words name it.
#[must_use]
pub fn named(words: &str) -> Option<Named<'_>> {
    let line = ending(words)?;
    let plain = text::peel(line);
    let cause = by_its_end(&plain).or_else(|| text::read(&plain, None).cause.filter(|cause| ends_a_kubelet(cause)))?;
    Some(Named { cause, line, facts: extract::told(cause, &plain) })
}

/// What that line says, without what logs put around it: the error, of a line that has one.
#[must_use]
pub fn spoken(line: &str) -> String {
    let plain = text::peel(line);
    let parts = ["err=\"", "msg=\""].iter().find_map(|mark| plain.split_once(mark));
    parts.map(|(_, said)| said.trim_end_matches('"').to_owned()).unwrap_or(plain)
}

fn by_its_end(plain: &str) -> Option<&'static Cause> {
    let spoken = plain.to_lowercase();
    endings::NAMED.iter().find(|(parts, _)| parts.iter().all(|part| spoken.contains(part))).map(|(_, cause)| *cause)
}

/// Its own end is no reason for itself.
fn ends_a_kubelet(cause: &Cause) -> bool {
    let explains = |symptom: &Cause| roots::explains(cause.id, symptom.id);
    cause.scope == Scope::Node && (explains(&KUBELET_DOWN) || explains(&KUBELET_CRASH_LOOPING))
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: &str = r#"E1121 03:00:02.000000 812 run.go:72] "command failed" err="failed to run Kubelet: running with swap on is not supported, please disable swap or set --fail-swap-on flag to false""#;

    #[test]
    fn systemd_s_words_behind_it_are_not_the_kubelet_s() {
        let words = format!("I1121 a line\n{END}\nkubelet.service: Main process exited, code=exited, status=1/FAILURE");
        let named = named(&words).unwrap();
        assert_eq!((named.cause.id, named.line), ("SwapUnsupported", END));
    }

    #[test]
    fn words_of_an_earlier_run_and_of_one_that_was_stopped_name_nothing() {
        for newer in ["Started kubelet.service - kubelet: The Kubernetes Node Agent.", "Stopping kubelet.service..."] {
            let words = format!("{END}\n{newer}\nkubelet.service: Main process exited, code=killed, status=9/KILL");
            assert!(named(&words).is_none(), "{newer}");
        }
    }

    #[test]
    fn an_end_that_is_not_known_names_nothing_and_can_be_quoted() {
        let words = "panic: runtime error: invalid memory address or nil pointer dereference\nkubelet.service: x";
        assert!(named(words).is_none());
        assert!(ending(words).unwrap().starts_with("panic: runtime error"));
        assert!(ending("I1121 nothing of note").is_none());
    }
}
