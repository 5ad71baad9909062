//! Why a kubelet ended, by real lines of it: one line each in `messages/last_words.tsv`, with where it was seen.

use kubewhy::causes::{self, roots};
use kubewhy::diagnose::last_words::named;
use kubewhy::diagnose::phrase::sentence;

const TABLE: &str = include_str!("messages/last_words.tsv");
/// What systemd adds.
const EXITED: &str = "kubelet.service: Main process exited, code=exited, status=1/FAILURE\n\
                      kubelet.service: Failed with result 'exit-code'.\n\
                      kubelet.service: Scheduled restart job, restart counter is at 17.";

/// The cause, or none, and the line.
fn lines() -> impl Iterator<Item = (Option<&'static str>, &'static str)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).map(|line| match line.splitn(3, '\t').collect::<Vec<_>>()[..] {
        [cause, _, words] => ((cause != "-").then_some(cause), words),
        _ => panic!("three cells are wanted: {line:?}"),
    })
}

#[test]
fn real_last_words_of_a_kubelet_are_named_rightly_or_not_at_all() {
    for (cause, line) in lines() {
        let words = format!("Started kubelet.service - kubelet: The Kubernetes Node Agent.\n{line}\n{EXITED}");
        assert_eq!(named(&words).map(|named| named.cause.id), cause, "{line}");
    }
}

#[test]
fn what_they_name_is_told_in_place_of_a_kubelet_that_is_down() {
    for (cause, line) in lines() {
        let Some(cause) = cause else { continue };
        let explains = |symptom| roots::explains(cause, symptom);
        assert!(explains("KubeletDown") || explains("KubeletCrashLooping"), "{cause}");
        let told = sentence(causes::by_id(cause).unwrap(), &named(line).unwrap().facts);
        assert!(told.len() < 400, "{told}");
    }
}

#[test]
fn file_field_and_port_are_named() {
    for (part, says) in [
        ("unknown flag: --network-plugin", "not valid: unknown flag: --network-plugin."),
        ("no such file or directory\"", "/var/lib/kubelet/config.yaml"),
        ("10250", "listens on its port 10250."),
    ] {
        let (cause, line) = lines().find(|(cause, line)| line.contains(part) && cause.is_some()).unwrap();
        let told = sentence(causes::by_id(cause.unwrap()).unwrap(), &named(line).unwrap().facts);
        assert!(told.contains(says), "{told}");
    }
}
