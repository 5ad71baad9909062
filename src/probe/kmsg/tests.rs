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
        said(4, 3510, "INFO: task kubelet:70 blocked for more than 120 seconds."),
        said(3, 3590, "INFO: task kubelet:77 blocked for more than 122 seconds."),
        said(6, 3595, "eth0: link up"),
    ];
    let readings = look(&host(log.concat()).node());
    let hung = find(&readings, "hung tasks");
    assert_eq!((hung.verdict, hung.cause), (Broken, "KernelFault"));
    assert_eq!(hung.says, "2 times, last 10 s ago: INFO: task kubelet:77 blocked for more than 122 seconds.");
    let reach = "kubelet, waiters".to_owned();
    assert_eq!(hung.facts, [("task", "kubelet".to_owned()), ("for", "122 seconds".to_owned()), (REACH, reach)]);
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
        assert_eq!(memory.fact("pod"), Some(UID));
    }
    assert_eq!(pod("oom-kill:constraint=CONSTRAINT_NONE,task_memcg=/system.slice/cron.service"), None);
    assert_eq!(pod("task_memcg=/kubepods.slice/kubepods-podcast.slice"), None);
}

/// The kubelet's directory lies on `sda1`, as all does.
fn on_sda1(log: &str) -> Reading {
    let host = host(log);
    let line = format!("27 1 {} / / rw - ext4 /dev/sda1 rw\n", host.device());
    let readings = look(&host.file("/proc/1/mountinfo", line).node());
    readings.into_iter().find(|one| ["disks", "file systems"].contains(&&*one.of) && one.verdict != Fine).unwrap()
}

#[test]
fn a_disk_of_a_pod_is_not_the_node_s() {
    let io = |disk: &str| said(3, 3590, &format!("I/O error, dev {disk}, sector 1 op 0x0:(READ) flags 0x0"));
    let broken = on_sda1(&io("sda"));
    assert_eq!((broken.verdict, broken.cause), (Broken, "KernelFault"));
    assert_eq!(broken.fact(REACH), Some("kubelet disk, logs disk"));
    for message in
        ["EXT4-fs error (device sdq): ext4_find_entry:1455: x", "EXT4-fs (sdq): Remounting filesystem read-only"]
    {
        let of_a_pod = on_sda1(&said(3, 3590, message));
        assert_eq!((of_a_pod.verdict, of_a_pod.fact(REACH)), (Suspect, Some(NOBODY)), "{message}");
        assert!(of_a_pod.says.contains("(no disk of the node's own)"));
    }
    assert_eq!(on_sda1(&[io("sda"), io("sdq")].concat()).verdict, Broken, "whichever is heard last");
}

#[test]
fn a_medium_that_was_taken_out_is_no_fault() {
    for device in ["fd0", "sr0", "loop3", "nbd0"] {
        let log = said(3, 3590, &format!("Buffer I/O error on dev {device}, logical block 0, async page read"));
        assert!(look(&host(log).node()).iter().all(|one| one.verdict == Fine), "{device}");
    }
}

#[test]
fn what_a_fault_takes_along_depends_on_what_it_is() {
    for (message, reach) in [
        ("watchdog: Watchdog detected hard LOCKUP on cpu 12", "machine"),
        ("unregister_netdevice: waiting for lo to become free. Usage count = 2", "network"),
        ("ens5 (ena): NETDEV WATCHDOG: CPU: 3: transmit queue 1 timed out 5248 ms", NOBODY),
        ("INFO: task containerd-shim:40221 blocked for more than 120 seconds.", "waiters"),
        ("INFO: task containerd:812 blocked for more than 120 seconds.", "runtime"),
    ] {
        let readings = look(&host(said(3, 3590, message)).node());
        let broken = readings.iter().find(|one| one.verdict == Broken).unwrap();
        assert_eq!(broken.fact(REACH), Some(reach), "{message}");
    }
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
