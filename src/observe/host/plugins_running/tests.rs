//! A process table laid out in files → the plugins that run.

use super::*;
use crate::model::ids::PodUid;
use crate::model::making::CniCall;
use crate::model::settings::Timing;
use crate::model::since;

/// A host's root with a process table of its own.
struct Host(tempfile::TempDir);

impl Host {
    fn new() -> Self {
        let host = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(host.0.path().join("proc/sys")).unwrap();
        std::fs::write(host.0.path().join("proc/uptime"), "5000.50 19000.00\n").unwrap();
        host
    }

    /// `started` in hundredths of a second after boot.
    fn process(&self, pid: u32, comm: &str, (state, parent, started): (char, u32, u64), line: &[&str]) -> PathBuf {
        let dir = self.0.path().join(format!("proc/{pid}"));
        std::fs::create_dir_all(&dir).unwrap();
        let zeros = "0 ".repeat(17);
        std::fs::write(dir.join("stat"), format!("{pid} ({comm}) {state} {parent} {zeros}{started} 0 0\n")).unwrap();
        std::fs::write(dir.join("cmdline"), line.iter().flat_map(|word| [word, "\0"]).collect::<String>()).unwrap();
        dir
    }

    fn look(&self) -> Vec<PluginProcess> {
        let clock = Clock::starting_at("2026-11-21T03:00:00Z".parse().unwrap());
        look(self.0.path(), &["/opt/cni/bin".into()], clock).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn plugins_are_told_from_all_else_and_know_their_age_and_who_called_them() {
    let host = Host::new();
    host.process(1, "systemd", ('S', 0, 1), &["/sbin/init"]);
    host.process(2, "kthreadd", ('S', 0, 1), &[]);
    host.process(50, "containerd", ('S', 1, 100), &["/usr/bin/containerd"]);
    host.process(60, "bridge", ('S', 50, 495_050), &["/opt/cni/bin/bridge"]);
    host.process(61, "sh", ('S', 60, 495_051), &["sh", "-c", "exec"]);
    host.process(62, "host-local", ('D', 61, 496_050), &["/opt/cni/bin/host-local"]);
    host.process(
        70,
        "a-plugin-with-a",
        ('S', 50, 496_050),
        &["/bin/sh", "-e", "/opt/cni/bin/a-plugin-with-a-long-name"],
    );
    host.process(71, "dhcp", ('S', 1, 100), &["/opt/cni/bin/dhcp", "daemon"]);
    host.process(80, "vim", ('S', 1, 496_050), &["vim", "/opt/cni/bin/bridge"]);
    host.process(81, "bridge", ('S', 1, 496_050), &["/opt/cni/bin/old/bridge"]);
    host.process(82, "a) R (b", ('S', 1, 496_050), &["/opt/cni/bin/a) R (b"]);
    std::fs::write(host.0.path().join("proc/82/stat"), "82 (a) R (").unwrap();
    let found = host.look();
    let told: Vec<_> = found.iter().map(|p| (p.pid, &*p.plugin, p.caller, p.uninterruptible)).collect();
    let expected = [
        (60, "bridge", None, false),
        (62, "host-local", Some(60), true),
        (70, "a-plugin-with-a-long-name", None, false),
    ];
    assert_eq!(told, expected);
    let age = since(found[0].began, "2026-11-21T03:00:00Z".parse().unwrap());
    assert_eq!(age.as_millis(), 50_000);
    assert!(found.iter().all(|process| process.call.is_none()), "no environment could be read");
}

#[tokio::test(start_paused = true)]
async fn of_an_environment_only_the_parameters_of_cni_are_kept() {
    let host = Host::new();
    let dir = host.process(60, "bridge", ('S', 50, 495_050), &["/opt/cni/bin/bridge"]);
    let text = "PASSWORD=hunter2\0CNI_COMMAND=ADD\0CNI_CONTAINERID=db9e\0CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAME=cart;K8S_POD_UID=0ef6\0\u{1}";
    std::fs::write(dir.join("environ"), text).unwrap();
    let found = host.look();
    let call = CniCall { command: "ADD".into(), sandbox: "db9e".into(), pod: Some(PodUid::new("0ef6")) };
    assert_eq!(found[0].call, Some(call));
    assert!(!format!("{found:?}").contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn a_process_table_that_is_not_mounted_is_said_once_and_only_while_it_is_wanted() {
    let host = tempfile::tempdir().unwrap();
    let (want, wanted) = watch::channel(false);
    let (_engine, busy) = watch::channel(true);
    let (_name, dirs) = watch::channel(CniDirs::default());
    let clock = Clock::starting_at("2026-11-21T03:00:00Z".parse().unwrap());
    let pace = Pace::new(busy, &Timing::default(), clock);
    let (out, mut seen) = mpsc::channel(8);
    let observer = PluginObserver { root: host.path().to_owned(), dirs, wanted, pace, clock };
    let stop = CancellationToken::new();
    let running = tokio::spawn(observer.run(out, stop.clone()));
    sleep(Duration::from_secs(60)).await;
    assert!(seen.try_recv().is_err(), "nobody wanted to know");
    want.send_replace(true);
    let told = seen.recv().await.unwrap().seen;
    assert_eq!(told, Seen::Plugins(Err("/proc of the host is not mounted".to_owned())));
    std::fs::create_dir(host.path().join("proc")).unwrap();
    std::fs::write(host.path().join("proc/uptime"), "1.0 1.0").unwrap();
    assert_eq!(seen.recv().await.unwrap().seen, Seen::Plugins(Ok(Vec::new())), "the next news is that it is seen");
    stop.cancel();
    running.await.unwrap();
}
