//! A lab sees nothing of the machine's network, runtimes and processes, and leaves nothing behind.

use std::path::Path;

use kubewhy_lab::namespaces::{self, GROUND};
use kubewhy_lab::{Lab, in_lab};

use crate::cri::Cri;

fn names_in(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What a lab must not change: mounts, interfaces, and where runtimes and CNI plugins keep their state.
fn machine() -> Vec<String> {
    let mut found = vec![
        std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default(),
        std::fs::read_to_string("/proc/net/dev")
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.split_once(':').map(|(name, _)| format!("{name} ")))
            .collect(),
    ];
    for folder in ["/run", "/run/containerd", "/var/lib", "/var/lib/cni", "/opt", "/sys/fs/cgroup"] {
        // The cgroups of the labs of other tests come and go.
        let names: Vec<String> =
            names_in(folder).into_iter().filter(|name| !name.starts_with("kubewhy-lab-")).collect();
        found.push(format!("{folder}: {names:?}"));
    }
    found
}

#[test]
fn inside_a_lab_there_is_a_loopback_and_nothing_of_the_machine() {
    in_lab!(async {
        let run = names_in("/run");
        assert!(run.iter().all(|name| ["kubewhy-lab", "mount"].contains(&name.as_str())), "{run:?}");
        assert_eq!(names_in("/var/lib"), Vec::<String>::new());
        let network = std::fs::read_to_string("/proc/net/dev")?;
        assert_eq!(network.lines().skip(2).count(), 1, "{network}");
        assert!(names_in("/proc").iter().filter_map(|name| name.parse::<u32>().ok()).count() < 5);
        assert!(std::env::temp_dir().starts_with(GROUND));
        Ok(())
    });
}

#[test]
fn a_lab_leaves_the_machine_as_it_was() {
    let before = machine();
    a_pod_in_a_lab();
    if namespaces::cgroup().is_none() {
        assert_eq!(machine(), before);
        assert!(!Path::new(GROUND).exists());
    }
}

fn a_pod_in_a_lab() {
    namespaces::run_test("isolation::a_lab_leaves_the_machine_as_it_was", || async {
        let lab = Lab::start().await?;
        Cri::of(&lab)?.run_sandbox("left-behind").await.map_err(anyhow::Error::msg)?;
        Ok(())
    });
}
