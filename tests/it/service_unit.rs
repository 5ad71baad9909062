//! Holds deploy/systemd to what it promises: the agent under systemd has what the DaemonSet gives it and no more, by variables that
//! there are. What systemd makes of it is not seen here: `systemd-analyze verify` says that.

use std::path::Path;

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// All values of a setting, in their order.
fn values(setting: &str) -> Vec<String> {
    let of = |line: &str| line.split_once('=').filter(|(name, _)| *name == setting).map(|(_, value)| value.to_owned());
    file("deploy/systemd/kubewhy.service").lines().filter_map(of).collect()
}

#[test]
fn the_service_has_the_memory_and_the_state_directory_of_the_daemonset() {
    let daemonset = file("deploy/base/daemonset.yaml");
    assert_eq!(values("MemoryMax"), ["64M"]);
    assert!(daemonset.contains("limits:\n              memory: 64Mi\n"), "systemd's M is 1024², as Mi is");
    // The same one: so two agents on a node see each other.
    assert_eq!(values("StateDirectory"), ["kubewhy"]);
    assert_eq!(values("RuntimeDirectory"), ["kubewhy"]);
    assert!(values("Environment").contains(&"KUBEWHY_STATE_DIR=/var/lib/kubewhy".into()));
    assert!(daemonset.contains("path: /var/lib/kubewhy\n") && daemonset.contains("path: /run/kubewhy\n"));
    assert_eq!(values("RuntimeDirectoryPreserve"), ["yes"], "a pod may have it mounted");
}

#[test]
fn the_service_has_no_more_rights_than_the_daemonset() {
    assert_eq!(values("CapabilityBoundingSet"), [""]);
    for setting in ["NoNewPrivileges", "ProtectKernelTunables", "PrivateDevices", "RestrictNamespaces"] {
        assert_eq!(values(setting), ["yes"], "{setting}");
    }
    assert_eq!(values("ProtectSystem"), ["strict"]);
}

#[test]
fn the_service_waits_for_nothing_that_it_is_there_to_explain_and_always_comes_back() {
    for setting in ["After", "Requires", "Wants", "BindsTo", "Requisite"] {
        assert_eq!(values(setting), Vec::<String>::new(), "{setting}");
    }
    assert_eq!(values("Restart"), ["always"]);
    assert_eq!(values("StartLimitIntervalSec"), ["0"]);
    assert_eq!(values("RestartPreventExitStatus"), ["64"], "a mistake in the flags is not mended by another start");
}

#[test]
fn every_variable_that_the_service_and_its_page_name_is_one_of_ours() {
    let flags = file("docs/flags.md");
    let named = file("deploy/systemd/kubewhy.service") + &file("docs/systemd.md");
    let words = named.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
    let ours: Vec<&str> = words.filter(|word| word.starts_with("KUBEWHY_")).collect();
    assert!(ours.contains(&"KUBEWHY_STANDALONE"));
    for variable in ours {
        assert!(flags.contains(&format!("`{variable}`")), "{variable} is no variable of kubewhy");
    }
}
