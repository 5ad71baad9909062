//! The container runtime's process: whether it is there and can run, and how many files it has open of those that it may.
//! Whether it answers is asked on its socket, by the observer of the runtime.

mod serving;

use super::{Node, journal};
use crate::host::Process;
use crate::model::reading::{Missing, Reading, Unit, Verdict};
use crate::model::wording::span;

/// Its id.
pub const ID: &str = "runtime";

const DOWN: &str = "RuntimeDown";
const NO_FILES_LEFT: &str = "FileDescriptorsExhausted";
/// Above this share it will run out soon.
const SOON: f64 = 0.9;
/// From this share on a call that opens a handful of files fails.
const OUT: f64 = 0.99;

/// A runtime: its program, its systemd unit, and the programs that it leaves beside each container, which outlive it.
struct Runtime {
    program: &'static str,
    unit: &'static str,
    shims: &'static [&'static str],
}

const RUNTIMES: &[Runtime] = &[
    Runtime {
        program: "containerd",
        unit: "containerd",
        shims: &["containerd-shim-runc-v2", "containerd-shim-runc-v1", "containerd-shim"],
    },
    Runtime { program: "crio", unit: "crio", shims: &["conmon", "conmonrs"] },
    Runtime { program: "cri-dockerd", unit: "cri-docker", shims: &[] },
];

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    match serving::find(node) {
        Ok(Some((runtime, process))) => alive(node, runtime, &process),
        Ok(None) => vec![absent(node)],
        Err(lost) => vec![Reading::unknown(ID, "", Missing::Access, lost.to_string())],
    }
}

fn alive(node: &Node, runtime: &Runtime, process: &Process) -> Vec<Reading> {
    [Some(stands(node, runtime, process)), files(node, runtime, process)].into_iter().flatten().collect()
}

/// No process of it is there, but of its containers: it has ended. A host that has neither never had one, or was drained.
fn absent(node: &Node) -> Reading {
    let missing = if node.processes().are_all() { Missing::Subject } else { Missing::Access };
    match serving::orphaned(node) {
        Some(runtime) => with_words(node, runtime, down(runtime, "its containers run, but it does not".to_owned())),
        None => Reading::unknown(ID, "", missing, "no process of containerd, CRI-O or cri-dockerd is found"),
    }
}

fn stands(node: &Node, runtime: &Runtime, process: &Process) -> Reading {
    let pid = process.pid;
    let says = match node.processes().uptime() {
        Ok(uptime) => format!("process {pid}, up for {}", span(process.age(uptime))),
        Err(_) => format!("process {pid}"),
    };
    match process.state {
        'T' | 't' => down(runtime, format!("its process {pid} was stopped (state T)")),
        'D' => {
            let says = format!("its process {pid} waits for a disk or a mount (state D)");
            Reading { verdict: Verdict::Suspect, ..down(runtime, says) }
        }
        _ => Reading::fine(ID, runtime.program, says).with("instance", process.instance()),
    }
}

fn down(runtime: &Runtime, failure: String) -> Reading {
    Reading::broken(ID, runtime.program, DOWN, failure.clone())
        .with("runtime", runtime.program)
        .with("state", failure)
        .with("service", runtime.unit)
        .with("journal", format!("-u {}", runtime.unit))
}

/// With what it said before it ended.
fn with_words(node: &Node, runtime: &Runtime, reading: Reading) -> Reading {
    match journal::last_of_any(node, &[&format!("{}.service", runtime.unit)]) {
        Some(words) => reading.with("words", words),
        None => reading,
    }
}

fn files(node: &Node, runtime: &Runtime, process: &Process) -> Option<Reading> {
    let (used, limit) = node.processes().descriptors(process.pid)?;
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    let [used, limit] = [used, limit].map(|count| count as f64);
    let (of, says) = (format!("{}, open files", runtime.program), format!("{used} of {limit}"));
    let share = used / limit.max(1.0);
    let reading = match () {
        () if share >= OUT => Reading::broken(ID, &of, NO_FILES_LEFT, says),
        () if share >= SOON => Reading::suspect(ID, &of, NO_FILES_LEFT, says),
        () => Reading::fine(ID, &of, says),
    };
    let reading =
        reading.with("process", runtime.program).with("used", used.to_string()).with("limit", limit.to_string());
    Some(reading.of_amount(used, limit, Unit::Count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::scene::{Host, of, verdict};

    const CONTAINERD: &[&str] = &["/usr/bin/containerd"];
    const SHIM: &[&str] = &["/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", "5db402"];

    fn with_files(host: Host, open: usize, limit: &str) -> Host {
        let limits =
            format!("Limit   Soft Limit  Hard Limit  Units\nMax open files            {limit}       {limit}   files\n");
        (0..open).fold(host.file("proc/70/limits", limits), |host, fd| host.file(&format!("proc/70/fd/{fd}"), ""))
    }

    #[test]
    fn a_runtime_that_runs_is_fine_and_its_files_are_counted() {
        let host = with_files(Host::new().whole().process(70, 'S', CONTAINERD), 0, "1048576");
        assert_eq!(verdict(&look(&host.node()), "containerd"), (Verdict::Fine, ""));
        let few = with_files(Host::new().whole().process(70, 'S', CONTAINERD), 3, "unlimited");
        assert_eq!(look(&few.node()).len(), 1, "no limit, no share");
    }

    #[test]
    fn a_stopped_one_is_down_and_one_in_the_kernel_may_be() {
        let stopped = look(&Host::new().process(70, 'T', CONTAINERD).node());
        assert_eq!(verdict(&stopped, "containerd"), (Verdict::Broken, "RuntimeDown"));
        assert_eq!(of(&stopped, "containerd").says, "its process 70 was stopped (state T)");
        let waiting = look(&Host::new().process(70, 'D', CONTAINERD).node());
        assert_eq!(of(&waiting, "containerd").verdict, Verdict::Suspect);
    }

    #[test]
    fn containers_without_their_runtime_prove_that_it_ended() {
        let host = Host::new().whole().process(71, 'S', SHIM);
        assert_eq!(verdict(&look(&host.node()), "containerd"), (Verdict::Broken, "RuntimeDown"));
        let none = Host::new().whole().process(72, 'S', &["/usr/bin/init"]);
        assert_eq!(verdict(&look(&none.node()), ""), (Verdict::Unknown(Missing::Subject), ""));
        let unseen = Host::new().process(1, 'S', &["/usr/bin/app"]);
        assert_eq!(verdict(&look(&unseen.node()), ""), (Verdict::Unknown(Missing::Access), ""));
    }

    #[test]
    fn what_it_said_before_it_ended_goes_with_it() {
        let log = "cut off\nNov 21 02:59:00 node-7 containerd[70]: containerd: write /var/lib/containerd/x: no space left on device\n";
        let host = Host::new().whole().process(71, 'S', SHIM).file("var/log/syslog", log);
        let words = look(&host.node()).remove(0).fact("words").map(str::to_owned);
        assert!(words.unwrap().ends_with("no space left on device"));
    }

    #[test]
    fn another_s_containerd_and_its_containers_are_not_the_pods() {
        let shim = |namespace: &'static str| ["/usr/bin/containerd-shim-runc-v2", "-namespace", namespace, "-id", "5d"];
        let podman = &["/usr/bin/conmon", "--api-version", "1", "--exit-dir", "/run/libpod/exits"];
        let bottlerocket = &["/usr/bin/containerd", "--config", "/etc/host-containerd/config.toml"];
        let talos = &["/bin/containerd", "--address", "/system/run/containerd/containerd.sock"];
        let host = Host::new().whole().process(70, 'S', bottlerocket).process(71, 'S', talos);
        let host = host.process(72, 'S', podman).process(73, 'S', &shim("default")).process(74, 'S', &shim("system"));
        assert_eq!(verdict(&look(&host.node()), ""), (Verdict::Unknown(Missing::Subject), ""));
        let host = host.process(75, 'S', CONTAINERD);
        assert!(of(&look(&host.node()), "containerd").says.starts_with("process 75"));
        let crio = &["/usr/bin/conmon", "-b", "/x", "--exit-dir", "/var/run/crio/exits"];
        let orphans = Host::new().whole().process(72, 'S', podman).process(76, 'S', crio);
        assert_eq!(verdict(&look(&orphans.node()), "crio"), (Verdict::Broken, "RuntimeDown"));
    }

    #[test]
    fn of_several_the_one_that_has_the_socket_serves_the_pods() {
        let k3s = &["containerd", "-c", "/var/lib/rancher/k3s/agent/etc/containerd/config.toml"];
        let config =
            "version = 3\n[debug]\n  address = \"/x\"\n[grpc]\n  address = \"/run/k3s/containerd/containerd.sock\"\n";
        let host = Host::new().whole().process(70, 'S', CONTAINERD).process(900, 'S', k3s);
        let host = host.file("var/lib/rancher/k3s/agent/etc/containerd/config.toml", config);
        let of_pids = |socket: &str| {
            let socket = Some(host.path(socket));
            of(&look(&Node { runtime_socket: socket, ..host.node() }), "containerd").says.clone()
        };
        assert!(of_pids("/run/k3s/containerd/containerd.sock").starts_with("process 900"));
        assert!(of_pids("/var/run/containerd/containerd.sock").starts_with("process 70"));
        assert!(of_pids("/elsewhere/x.sock").starts_with("process 70"), "nobody knows better");
    }

    #[test]
    fn a_runtime_in_a_pod_is_another_cluster_s() {
        let inside = "0::/../../kubepods-besteffort-podfecd2321_17b5.slice/cri-containerd-39.scope\n";
        let host = Host::new().whole().process(70, 'S', CONTAINERD).process(71, 'S', SHIM);
        let host = host.file("proc/70/cgroup", inside).file("proc/71/cgroup", inside);
        assert_eq!(verdict(&look(&host.node()), ""), (Verdict::Unknown(Missing::Subject), ""));
        let nested = host.file("proc/1/cgroup", inside);
        assert_eq!(verdict(&look(&nested.node()), "containerd"), (Verdict::Fine, ""), "all of this node is in one");
    }

    #[test]
    fn docker_s_own_containerd_is_not_the_pods() {
        let own = &["containerd", "--config", "/var/run/docker/containerd/containerd.toml"];
        let shim = &["/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", "5db402"];
        let host = Host::new().whole().process(70, 'S', own).process(71, 'S', shim);
        assert_eq!(verdict(&look(&host.node()), ""), (Verdict::Unknown(Missing::Subject), ""));
    }

    #[test]
    fn hostile_files_hide_what_they_would_tell_and_nothing_else() {
        let host = Host::new().whole().process(70, 'S', CONTAINERD).huge("proc/70/limits").link("proc/70/fd", "fd");
        let host = host.pipe("proc/71/cmdline").huge("proc/72/cmdline");
        let readings = look(&host.node());
        assert_eq!(readings.len(), 1, "{readings:?}");
        assert_eq!(readings[0].verdict, Verdict::Fine);
    }
}
