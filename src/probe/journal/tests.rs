//! Journals that systemd wrote, in both of its layouts, and files that only look like one.

use super::*;
use crate::model::after;
use crate::probe::scene::{Host, recorded};

const FILE: &str = "var/log/journal/fedcba9876543210fedcba9876543210/system.journal";

/// A recorded journal. What is kept of it are its pages that hold something, each behind its offset, without those of the
/// table of hashes, which is not read.
fn journal(recording: &str) -> Host {
    let mut content = vec![0; 8 << 20];
    for page in recorded(&format!("{recording}.journal.pages")).chunks(8 + 1024) {
        let at = usize::try_from(u64::from_le_bytes(*page.first_chunk().unwrap())).unwrap();
        content[at..at + 1024].copy_from_slice(&page[8..]);
    }
    Host::new().file(FILE, content)
}

fn since(second: u64) -> Time {
    after("2026-11-21T03:00:00Z".parse().unwrap(), Duration::from_secs(second))
}

fn start() -> Time {
    Time::from_microsecond(1_795_230_000_000_000).unwrap()
}

fn words(host: &Host, unit: &str, since: Time) -> Vec<String> {
    last_words(host.node().root(), unit, since).unwrap().into_iter().map(|line| line.text).collect()
}

#[test]
fn a_unit_s_last_lines_are_told_with_what_systemd_says_of_it() {
    for recording in ["compact", "plain"] {
        let host = journal(recording);
        let late = after(start(), Duration::from_secs(61));
        let lines = words(&host, "kubelet.service", late);
        assert_eq!(lines.len(), 5, "{recording}: {lines:?}");
        assert!(lines[0].contains("running with swap on is not supported"));
        assert_eq!(lines[2], "kubelet.service: Main process exited, code=exited, status=1/FAILURE");
        assert!(lines[3].starts_with("goroutine 1 [running]: main.main()"), "a long line is packed: {}", lines[3]);
        assert!(lines[3].len() <= LINE_AT_MOST);
        assert_eq!(words(&host, "containerd.service", late).len(), 1);
        assert!(words(&host, "crio.service", late).is_empty());
        assert_eq!(words(&host, "kubelet.service", start()).len(), 65);
    }
}

#[test]
fn secrets_in_lines_are_taken_out() {
    let lines = words(&journal("compact"), "kubelet.service", start()).join("\n");
    assert!(lines.contains("pulling with") && !lines.contains("hunter2") && !lines.contains("eyJ"));
}

#[test]
fn a_journal_cut_or_changed_anywhere_ends_and_does_no_harm() {
    let host = journal("compact");
    let whole = fs::read(host.path(FILE)).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    for at in (0..used).step_by(used / 50) {
        let host = Host::new().file(FILE, &whole[..at]);
        drop(last_words(host.node().root(), "kubelet.service", start()));
        let mut changed = whole.clone();
        changed[at..(at + 16).min(used)].fill(0xff);
        let host = Host::new().file(FILE, changed);
        drop(last_words(host.node().root(), "kubelet.service", start()));
    }
}

#[test]
fn without_a_journal_the_log_files_are_read() {
    let log = "cut off\nNov 21 03:00:00 node-7 kubelet[812]: E1121 failed\nNov 21 03:00:01 node-7 sshd[9]: kubelet\n";
    let host = Host::new().file("var/log/syslog", log);
    assert_eq!(words(&host, "kubelet.service", since(0)), ["Nov 21 03:00:00 node-7 kubelet[812]: E1121 failed"]);
    let own = Host::new().file("var/log/kubelet.log", "cut off\npanic: no\n");
    assert_eq!(words(&own, "kubelet.service", since(0)), ["panic: no"]);
    let none = Host::new().file("var/log/x", "").file("run/x", "");
    assert!(matches!(last_words(none.node().root(), "kubelet.service", since(0)), Err(Lost::Missing)));
    let unseen = Host::new().file("run/x", "");
    assert!(matches!(last_words(unseen.node().root(), "kubelet.service", since(0)), Err(Lost::Unknown(_))));
}

#[test]
fn hostile_files_are_no_journals() {
    for host in [
        Host::new().huge(FILE),
        Host::new().pipe(FILE).file("var/log/syslog", "x\n"),
        Host::new().link(FILE, "system.journal"),
    ] {
        let lines = last_words(host.node().root(), "kubelet.service", since(0));
        assert!(lines.map_or(true, |lines| lines.is_empty()));
    }
}
