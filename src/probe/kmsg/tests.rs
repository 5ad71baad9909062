//! What is made of the kernel's log: in a file that holds records as the device gives them.

use super::super::fixture::{Host, find};
use super::*;
use crate::model::reading::Verdict::{Broken, Fine, Suspect, Unknown};

/// An hour after the start.
fn host(log: impl AsRef<[u8]>) -> Host {
    Host::default().file(UPTIME, "3600.00 7000.00\n").file(LOG, log)
}

fn said(priority: u32, seconds: u64, message: &str) -> String {
    format!("{priority},339,{},-;{message}\n SUBSYSTEM=block\n DEVICE=b8:0\n", seconds * 1_000_000)
}

#[test]
fn each_pattern_is_the_first_that_fits_its_sample() {
    for pattern in PATTERNS {
        let first = PATTERNS.iter().find(|one| one.fits(pattern.sample));
        assert!(first.is_some_and(|first| std::ptr::eq(first, pattern)), "{}", pattern.sample);
        assert!(KINDS.contains(&pattern.kind));
        for (name, after, until) in pattern.facts {
            let (_, value) = pattern.sample.split_once(after).unwrap_or_else(|| panic!("{name}: {}", pattern.sample));
            assert!(!value.starts_with(|c| until.contains(c)) && value.contains(|c| until.contains(c)), "{name}");
        }
    }
}

#[test]
fn a_young_message_of_the_kernel_is_told_with_its_facts() {
    let log = [
        said(4, 3500, "INFO: task sh:1 blocked for more than 120 seconds."),
        said(3, 3590, "INFO: task kubelet:77 blocked for more than 122 seconds."),
        said(6, 3595, "eth0: link up"),
    ];
    let readings = look(&host(log.concat()).node());
    let hung = find(&readings, "hung tasks");
    assert_eq!((hung.verdict, hung.cause), (Broken, "KernelFault"));
    assert_eq!(hung.says, "2 times, last 10 s ago: INFO: task kubelet:77 blocked for more than 122 seconds.");
    assert_eq!(hung.facts, [("task", "kubelet".to_owned()), ("for", "122 seconds".to_owned())]);
    assert_eq!(readings.iter().filter(|one| one.verdict == Fine).count(), KINDS.len() - 1);
}

#[test]
fn what_is_old_or_was_written_by_a_process_does_not_count() {
    let message = "watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [kworker/3:1:77]";
    for (record, verdict) in [
        (said(0, 3000, message), Broken),
        // Its clock runs ahead.
        (said(0, 3700, message), Broken),
        (said(0, 2999, message), Fine),
        (said(12, 3590, message), Fine),
    ] {
        assert_eq!(find(&look(&host(&record).node()), "lockups").verdict, verdict, "{record}");
    }
}

#[test]
fn the_pod_that_the_kernel_killed_is_found_by_its_cgroup() {
    const UID: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
    let kills = PATTERNS.iter().filter(|pattern| pattern.kind == "memory");
    for pattern in kills {
        assert_eq!(pod(pattern.sample).as_deref(), Some(UID), "{}", pattern.sample);
        let readings = look(&host(said(6, 3590, pattern.sample)).node());
        let memory = find(&readings, "memory");
        assert_eq!(memory.verdict, pattern.verdict);
        assert_eq!(memory.facts, [("pod", UID.to_owned())]);
    }
    assert_eq!(pod("oom-kill:constraint=CONSTRAINT_NONE,task_memcg=/system.slice/cron.service"), None);
    assert_eq!(pod("task_memcg=/kubepods.slice/kubepods-podcast.slice"), None);
}

#[test]
fn what_is_worse_counts_more_than_what_is_later() {
    let log = [
        said(0, 3500, "{1}[Hardware Error]: event severity: fatal"),
        said(3, 3590, "{2}[Hardware Error]: event severity: corrected"),
    ];
    assert_eq!(find(&look(&host(log.concat()).node()), "hardware").verdict, Broken);
    assert_eq!(find(&look(&host(&log[1]).node()), "hardware").verdict, Suspect);
}

#[test]
fn nonsense_and_endless_lines_are_no_messages() {
    for log in [&b""[..], b";", b"1;x", b"a,b,c;d", b"\xff\xfe;\n\n\n", b"0,1,99999999999999999999;BUG: x"] {
        assert!(look(&host(log).node()).iter().all(|one| one.verdict == Fine));
    }
    assert!(look(&host("").huge(LOG).node()).iter().all(|one| one.verdict == Fine));
}

#[test]
fn without_the_device_or_the_time_nothing_is_known() {
    let every = |host: &Host, missing| look(&host.node()).iter().all(|one| one.verdict == Unknown(missing));
    assert!(every(&Host::default().file(UPTIME, "3600.00 1\n"), Missing::Access));
    assert!(every(&Host::default().file(UPTIME, "3600.00 1\n").fifo(LOG), Missing::Answer));
    assert!(every(&host("").file(UPTIME, "soon"), Missing::Answer));
    assert!(every(&host("").mounted(&["/run"], ""), Missing::Access));
}
