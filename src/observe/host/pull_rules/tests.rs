//! Hosts with a kubelet's command line and files → how it pulls.

use super::*;
use crate::model::intent::{AtOnce, Budget};

/// A host below a directory.
struct Host(tempfile::TempDir);

impl Host {
    fn with(files: &[(&str, &str)]) -> Self {
        let host = Self(tempfile::tempdir().unwrap());
        for dir in ["proc", "var/lib/kubelet", "etc"] {
            std::fs::create_dir_all(host.0.path().join(dir)).unwrap();
        }
        for (path, text) in files {
            let path = host.0.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        host
    }

    fn at_once(&self) -> AtOnce {
        self.told(Time::now()).rules.at_once
    }

    fn told(&self, now: Time) -> Told {
        look(self.0.path(), Path::new("/var/lib/kubelet"), now)
    }
}

fn most(pulls: u32) -> AtOnce {
    AtOnce::AtMost(pulls.try_into().unwrap())
}

const FILE: &str = "var/lib/kubelet/config.yaml";

#[test]
fn the_file_decides_with_the_kubelet_s_defaults_for_what_it_leaves_out() {
    for (text, at_once) in [
        ("kind: KubeletConfiguration\ncgroupDriver: systemd\n", most(1)),
        ("serializeImagePulls: true\n", most(1)),
        ("serializeImagePulls: false\n", AtOnce::All),
        ("serializeImagePulls: false\nmaxParallelImagePulls: 4\n", most(4)),
        ("maxParallelImagePulls: 4\n", most(4)),
        ("maxParallelImagePulls: 1\n", most(1)),
        (r#"{"kind": "KubeletConfiguration", "serializeImagePulls": false}"#, AtOnce::All),
        ("serializeImagePulls: [\n", AtOnce::Unknown),
        ("serializeImagePulls: maybe\n", AtOnce::Unknown),
    ] {
        assert_eq!(Host::with(&[(FILE, text)]).at_once(), at_once, "{text}");
    }
    assert_eq!(Host::with(&[]).at_once(), AtOnce::Unknown, "no file, no process");
}

#[test]
fn the_command_line_names_the_file_and_goes_before_it() {
    let host = |line: &str| {
        let line = line.replace(' ', "\0");
        Host::with(&[
            ("proc/1/comm", "systemd\n"),
            ("proc/1/cmdline", "/sbin/init\0"),
            ("proc/812/comm", "kubelet\n"),
            ("proc/812/cmdline", &line),
            ("etc/kubelet.yaml", "serializeImagePulls: false\n"),
            ("etc/kubelet.d/10.conf", "maxParallelImagePulls: 3\n"),
            ("etc/kubelet.d/20/more.conf", "maxParallelImagePulls: 5\n"),
            ("etc/kubelet.d/30.txt", "maxParallelImagePulls: 7\n"),
            (FILE, "serializeImagePulls: false\nmaxParallelImagePulls: 9\n"),
        ])
        .at_once()
    };
    assert_eq!(host("/usr/bin/kubelet -v 2"), most(1), "without a file it is the defaults that hold");
    assert_eq!(host("/usr/bin/kubelet --config=/etc/kubelet.yaml"), AtOnce::All);
    assert_eq!(host("/usr/bin/kubelet --config /etc/kubelet.yaml --config-dir=/etc/kubelet.d"), most(5));
    assert_eq!(host("/usr/bin/kubelet --config /etc/kubelet.yaml --serialize-image-pulls"), most(1));
    assert_eq!(host("/usr/bin/kubelet --serialize-image-pulls=false --max-parallel-image-pulls 2"), most(2));
    assert_eq!(host("/usr/bin/kubelet --config=/opt/elsewhere.yaml"), AtOnce::Unknown, "it can't be read");
    assert_eq!(host("/usr/bin/kubelet --serialize-image-pulls=perhaps"), AtOnce::Unknown);
}

#[test]
fn two_kubelets_that_differ_leave_it_unknown() {
    let two = |second: &str| {
        let files = [
            ("proc/8/comm", "kubelet\n"),
            ("proc/8/cmdline", "kubelet\0"),
            ("proc/9/comm", "kubelet\n"),
            ("proc/9/cmdline", second),
        ];
        Host::with(&files).at_once()
    };
    assert_eq!(two("kubelet\0"), most(1));
    assert_eq!(two("kubelet\0--serialize-image-pulls=false\0"), AtOnce::Unknown);
}

#[test]
fn the_budget_is_the_kubelet_s_own_or_its_default() {
    let host = Host::with(&[(FILE, "registryPullQPS: 0\n")]);
    assert_eq!(host.told(Time::now()).rules.budget, Some(Budget { per_second: 0, burst: 10 }));
}

/// A kubelet that was started ten seconds ago.
const KUBELET: &[(&str, &str)] = &[
    ("proc/uptime", "1000.00 1.00\n"),
    ("proc/8/comm", "kubelet\n"),
    ("proc/8/stat", "8 (kubelet) S 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 99000 1000 1\n"),
    ("proc/8/cmdline", "kubelet\0--config=/etc/kubelet.yaml\0--config-dir=/etc/kubelet.d\0"),
    ("etc/kubelet.d/README", ""),
    ("var/lib/kubelet/image_manager/pulled/sha256-a", ""),
];
const ALWAYS: (&str, &str) = ("etc/kubelet.yaml", "imagePullCredentialsVerificationPolicy: AlwaysVerify\n");

/// What is told where the files of a host were written long before its kubelet started.
fn policy(files: &[(&str, &str)]) -> Verification {
    Host::with(files).told(Time::now() + Duration::from_secs(60)).verification
}

#[test]
fn the_policy_is_what_the_files_say_with_the_kubelet_s_default() {
    let list = "imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages\n\
                preloadedImagesVerificationAllowlist: [r.io/a, 'q.io/*']\n";
    for (text, expected) in [
        (ALWAYS.1, Verification::Always),
        (list, Verification::Allowlisted(vec!["r.io/a".into(), "q.io/*".into()])),
        ("imagePullCredentialsVerificationPolicy: NeverVerify\n", Verification::Never),
        ("imagePullCredentialsVerificationPolicy: NeverVerifyPreloadedImages\n", Verification::Preloaded),
        ("imagePullCredentialsVerificationPolicy: Sometimes\n", Verification::Unknown),
        ("kind: KubeletConfiguration\n", Verification::Preloaded),
        ("imagePullCredentialsVerificationPolicy: [\n", Verification::Unknown),
    ] {
        assert_eq!(policy(&[KUBELET, &[("etc/kubelet.yaml", text)]].concat()), expected, "{text}");
    }
    let taken_back = ("etc/kubelet.d/a/1.conf", "imagePullCredentialsVerificationPolicy: null\n");
    assert_eq!(policy(&[KUBELET, &[ALWAYS, taken_back]].concat()), Verification::Preloaded);
}

#[test]
fn a_policy_that_verifies_counts_only_where_it_is_certain() {
    let host = Host::with(&[KUBELET, &[ALWAYS]].concat());
    assert_eq!(host.told(Time::now()).verification, Verification::Unknown, "the file is younger than the kubelet");
    let without = |part: &str| -> Vec<_> {
        [KUBELET, &[ALWAYS]].concat().into_iter().filter(|(path, _)| !path.starts_with(part)).collect()
    };
    for part in ["proc/8", "proc/8/stat", "proc/uptime", "var/lib/kubelet/image_manager"] {
        assert_eq!(policy(&without(part)), Verification::Unknown, "without {part}");
    }
    assert_eq!(policy(&without("etc/kubelet.d")), Verification::Always, "a directory need not be there");
    let two = [("proc/9/comm", "kubelet\n"), ("proc/9/cmdline", KUBELET[3].1)];
    assert_eq!(policy(&[KUBELET, &[ALWAYS], &two].concat()), Verification::Unknown, "of two the file may be another's");
}
