//! Whether the mounts of pods answer that need a server or a driver of their own. Whoever asks
//! a mount whose server is dead waits in the kernel and may never be ended, so each is asked by a process of its own, which
//! is killed at its deadline, and left behind if it can't die: then nobody else is sent after it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use rustix::io::Errno;

use super::Node;
use super::lost::unknown;
use super::places::HOST_MOUNTS;
use crate::host::mountinfo::{Mount, holding, lines};
use crate::host::{Mounts, Root};
use crate::model::reading::{Missing, Reading};

/// Its id.
pub const ID: &str = "mounts";

/// The subcommand of our own that asks one mount.
pub const SUBCOMMAND: &str = "probe-mount";

/// Our own program, though its file may have been replaced since it was started.
const OWN: &str = "/proc/self/exe";
/// A disk that is alive answers within it, whatever it has to do.
const DEADLINE: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_millis(20);
const AT_ONCE: usize = 4;
/// Of one look; the deadlines of all of them are then shorter than what a probe is given.
const AT_MOST: usize = 12;
/// While so many could not be ended, nobody else is sent.
const LEFT_AT_MOST: usize = 32;
const TABLE_AT_MOST: u64 = 8 << 20;
/// File systems that wait for somebody who may be gone: a server or, for FUSE, a process.
const SERVED: &[&str] = &["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "glusterfs", "lustre", "afs"];
const FUSE: &str = "fuse";

/// It can't be seen from here: the exit code of [`SUBCOMMAND`].
const UNSEEN: u8 = 2;
/// Errors of a mount that is dead and says so at once, their exit codes, and what they mean: NFS whose server does not know the
/// handle any more (Linux: nfs_statfs in fs/nfs/super.c), FUSE whose process is gone (Linux: fuse_get_req in fs/fuse/dev.c).
const DEAD: &[(Errno, u8, &str)] = &[
    (Errno::STALE, 3, "is stale: its server does not know it any more (ESTALE)"),
    (Errno::NOTCONN, 4, "has lost the process that served it (ENOTCONN)"),
];

/// How one mount answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Given,
    None,
    /// That it is dead, and how.
    Dead(&'static str),
    /// It is not seen from here, or nobody could be sent.
    NotAsked,
}

/// Who was sent and is not yet seen to have ended, by the number of the file system's device: the kernel gives it to no other
/// file system while somebody is in this one.
#[derive(Debug, Default)]
pub struct Left(Mutex<BTreeMap<String, Child>>);

impl Left {
    /// All who still live; the others are let go.
    fn living(&self) -> MutexGuard<'_, BTreeMap<String, Child>> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|_, child| matches!(child.try_wait(), Ok(None)));
        left
    }
}

impl Answer {
    /// Of one who could not tell that it answers.
    fn of(code: Option<i32>) -> Self {
        let dead = DEAD.iter().find(|(_, told, _)| code == Some((*told).into()));
        dead.map_or(Self::NotAsked, |(.., how)| Self::Dead(how))
    }

    fn dead(self) -> Option<&'static str> {
        if let Self::Dead(how) = self { Some(how) } else { None }
    }
}

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    vec![ask_all(node, Path::new(OWN))]
}

/// Asks one mount, and may never return: the work of [`SUBCOMMAND`].
///
/// # Errors
/// It can't be seen from here, or it answers with an error.
pub fn ask(host_root: &Path, path: &Path) -> io::Result<()> {
    let mounts = Mounts::at(host_root)?;
    let find = |path| Root(&mounts).find(path).map_err(io::Error::other);
    let at = match (path.parent(), path.file_name()) {
        // The mount itself is asked last and alone, so that its own word is heard.
        (Some(parent), Some(name)) => find(parent)?.join(name),
        _ => find(path)?,
    };
    if at.symlink_metadata()?.is_symlink() {
        return Err(io::Error::other("a symbolic link is no mount"));
    }
    rustix::fs::statvfs(at)?;
    Ok(())
}

/// The exit code of [`SUBCOMMAND`] that tells this answer.
#[must_use]
pub fn exit_code(answer: &io::Result<()>) -> u8 {
    let Err(error) = answer else { return 0 };
    let dead = DEAD.iter().find(|(errno, ..)| error.raw_os_error() == Some(errno.raw_os_error()));
    dead.map_or(UNSEEN, |(_, code, _)| *code)
}

fn ask_all(node: &Node, program: &Path) -> Reading {
    // Those who waited for a mount that is gone by now are let go too.
    let waiting: Vec<String> = node.left.living().keys().cloned().collect();
    let table = match node.root().read(Path::new(HOST_MOUNTS), TABLE_AT_MOST) {
        Ok(table) => table,
        Err(lost) => return unknown(ID, "", Path::new(HOST_MOUNTS), &lost),
    };
    let suspects = suspects(&table, node);
    let (hung, asked): (Vec<_>, Vec<_>) =
        suspects.iter().take(AT_MOST).partition(|(device, _)| waiting.contains(device));
    let (asked, spared) = asked.split_at(asked.len().min(LEFT_AT_MOST.saturating_sub(waiting.len())));
    let mut answers: Vec<_> = hung.into_iter().map(|(_, path)| (path, Answer::None)).collect();
    answers.extend(asked.chunks(AT_ONCE).flat_map(|mounts| ask_some(node, program, mounts)));
    answers.extend(spared.iter().map(|(_, path)| (*path, Answer::NotAsked)));
    judge(&table, &answers)
}

/// The number of its device, and where it is mounted.
type Suspect<'a> = (&'a String, &'a PathBuf);

/// Each file system below the kubelet's root that may hang, once: all its mounts hang together.
fn suspects(table: &[u8], node: &Node) -> BTreeMap<String, PathBuf> {
    let served = |mount: &Mount| SERVED.contains(&&*mount.kind) || mount.kind.split('.').next() == Some(FUSE);
    let below = lines(table).filter(|line| concerns(node, &line.point));
    below.filter_map(|line| line.read()).filter(served).map(|mount| (mount.device, mount.point)).collect()
}

/// Below the kubelet's root, and of a pod that is in doubt where it is known which are (Kubernetes: GetPodDir in
/// pkg/kubelet/kubelet_getters.go).
fn concerns(node: &Node, point: &Path) -> bool {
    let Ok(inside) = point.strip_prefix(&node.kubelet_root) else { return false };
    let Some(suspects) = &node.suspects else { return true };
    let pod = inside.strip_prefix("pods").ok().and_then(|inside| inside.components().next());
    pod.is_some_and(|pod| suspects.iter().any(|suspect| pod.as_os_str() == suspect.as_str()))
}

fn judge(table: &[u8], answers: &[(&PathBuf, Answer)]) -> Reading {
    let all = answers.len();
    let with = |answer: Answer| answers.iter().filter(move |(_, given)| *given == answer).map(|(path, _)| path);
    match (with(Answer::None).next(), with(Answer::NotAsked).next()) {
        (Some(path), _) => {
            let hung = with(Answer::None).count();
            let says = format!("{} does not answer ({hung} of {all} that were asked)", path.display());
            Reading::broken(ID, "", "MountHung", says).with("filesystem", kind(table, path))
        }
        _ if let Some((path, how)) = answers.iter().find_map(|(path, answer)| answer.dead().map(|how| (path, how))) => {
            let says = format!("{} {how}", path.display());
            Reading::suspect(ID, "", "MountHung", says).with("filesystem", kind(table, path))
        }
        (None, Some(path)) => {
            Reading::unknown(ID, "", Missing::Access, format!("{} can't be asked from here", path.display()))
        }
        (None, None) if all == 0 => Reading::fine(ID, "", "no pod has one that could hang"),
        (None, None) => Reading::fine(ID, "", format!("all {all} that were asked answer")),
    }
}

fn ask_some<'a>(node: &Node, program: &Path, mounts: &[Suspect<'a>]) -> Vec<(&'a PathBuf, Answer)> {
    let mut sent: Vec<_> = mounts.iter().map(|(_, path)| send(node, program, path)).collect();
    let mut waited = Duration::ZERO;
    while waited < DEADLINE && sent.iter_mut().any(Sent::waits) {
        pause();
        waited += STEP;
    }
    sent.into_iter().zip(mounts).map(|(sent, (device, path))| (*path, sent.conclude(device, &node.left))).collect()
}

/// One who was sent to ask.
enum Sent {
    Child(Child),
    Nobody,
}

fn send(node: &Node, program: &Path, path: &Path) -> Sent {
    let mut command = Command::new(program);
    command.arg(SUBCOMMAND).arg("--host-root").arg(node.mounts.prefix()).arg("--").arg(path);
    // Whatever its environment holds is not its business.
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_or(Sent::Nobody, Sent::Child)
}

impl Sent {
    fn waits(&mut self) -> bool {
        match self {
            Self::Child(child) => matches!(child.try_wait(), Ok(None)),
            Self::Nobody => false,
        }
    }

    fn conclude(self, device: &str, left: &Left) -> Answer {
        match self {
            Self::Nobody => Answer::NotAsked,
            Self::Child(mut child) => match child.try_wait() {
                Ok(Some(status)) if status.success() => Answer::Given,
                Ok(Some(status)) => Answer::of(status.code()),
                Err(_) => Answer::NotAsked,
                Ok(None) => {
                    // One that waits in the kernel for a dead server may die at once, later, or never.
                    _ = child.kill();
                    left.living().insert(device.to_owned(), child);
                    Answer::None
                }
            },
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a probe has a thread of its own, and a child can't be waited for with a deadline"
)]
fn pause() {
    sleep(STEP);
}

/// The type of its file system; its server belongs to the pod's owner, and is not named.
fn kind(table: &[u8], path: &Path) -> String {
    holding(table, path).map(|mount| mount.kind).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;
    use std::time::Instant;

    use super::super::fixture::Host;
    use super::*;
    use crate::model::ids::PodUid;
    use crate::model::reading::Verdict;

    /// Where the program that is sent does this, and pods have these mounts.
    fn reading(script: &str, suspects: &[&str]) -> Reading {
        look_again(&Arc::default(), script, suspects)
    }

    fn look_again(left: &Arc<Left>, script: &str, suspects: &[&str]) -> Reading {
        let line = |(n, path): (usize, &&str)| {
            let path = path.replace(' ', "\\040");
            format!("3{n} 27 0:5{n} / /var/lib/kubelet/pods/{path} rw - nfs4 10.0.0.5:/x rw\n")
        };
        let table: String = suspects.iter().enumerate().map(line).collect();
        let table = format!("27 1 8:1 / / rw - ext4 /dev/sda1 rw\n{table}");
        let host = Host::default().file("/asks", format!("#!/bin/sh\n{script}\n")).file(HOST_MOUNTS, table);
        std::fs::set_permissions(host.at("/asks"), std::fs::Permissions::from_mode(0o755)).unwrap();
        ask_all(&Node { left: left.clone(), ..host.node() }, &host.at("/asks"))
    }

    #[test]
    fn a_mount_whose_process_waits_past_its_deadline_hangs() {
        let begun = Instant::now();
        let hung = reading("exec sleep 60", &["a", "b"]);
        assert_eq!((hung.verdict, hung.cause), (Verdict::Broken, "MountHung"));
        assert_eq!(hung.says, "/var/lib/kubelet/pods/a does not answer (2 of 2 that were asked)");
        assert_eq!(hung.facts, [("filesystem", "nfs4".to_owned())]);
        assert!(begun.elapsed() < 2 * DEADLINE, "they are asked at once");
    }

    #[test]
    fn who_was_killed_is_let_go_at_a_later_look() {
        let dir = tempfile::tempdir().unwrap();
        let told = dir.path().join("pid");
        let left = Arc::default();
        let script = format!("echo $$ > {}; exec sleep 60", told.display());
        assert_eq!(look_again(&left, &script, &["a"]).verdict, Verdict::Broken);
        let process = Path::new("/proc").join(std::fs::read_to_string(told).unwrap().trim());
        let looks = (0..1_000).take_while(|_| process.exists() && look_again(&left, "", &[]).verdict == Verdict::Fine);
        assert!(looks.count() < 1_000, "a zombie stays");
        assert_eq!(look_again(&left, "exit 0", &["a"]).verdict, Verdict::Fine, "and another may ask");
    }

    /// Who still sleep there, by device.
    fn sleepers(devices: impl Iterator<Item = String>) -> Arc<Left> {
        let sleeps = |device| (device, Command::new("sleep").arg("60").spawn().unwrap());
        Arc::new(Left(Mutex::new(devices.map(sleeps).collect())))
    }

    #[test]
    fn nobody_is_sent_after_one_who_still_waits_nor_where_too_many_wait() {
        let one = sleepers(["0:50".to_owned()].into_iter());
        let hung = look_again(&one, "exit 0", &["a", "b"]);
        assert_eq!(hung.says, "/var/lib/kubelet/pods/a does not answer (1 of 2 that were asked)");
        let many = sleepers((0..LEFT_AT_MOST).map(|n| format!("1:{n}")));
        assert_eq!(look_again(&many, "exit 0", &["a"]).verdict, Verdict::Unknown(Missing::Access));
        for left in [one, many] {
            left.living().values_mut().for_each(|child| drop(child.kill()));
        }
    }

    #[test]
    fn what_answers_or_is_not_there_is_fine_and_what_is_not_seen_unknown() {
        assert_eq!(reading("exit 0", &["c"]).verdict, Verdict::Fine);
        assert_eq!(reading("exit 0", &[]).verdict, Verdict::Fine);
        assert_eq!(reading("exit 2", &["d"]).verdict, Verdict::Unknown(Missing::Access));
    }

    #[test]
    fn a_mount_that_says_that_it_is_dead_is_no_mystery() {
        for (code, word) in [(3, "ESTALE"), (4, "ENOTCONN")] {
            let dead = reading(&format!("exit {code}"), &["a"]);
            assert_eq!((dead.verdict, dead.cause), (Verdict::Suspect, "MountHung"));
            assert!(dead.says.contains(word), "{dead:?}");
        }
        let told = |errno: Errno| exit_code(&Err(errno.into()));
        assert_eq!([Errno::STALE, Errno::NOTCONN, Errno::ACCESS].map(told), [3, 4, UNSEEN]);
    }

    #[test]
    fn the_process_asks_what_it_is_given() {
        let script = r#"[ "$1" = probe-mount ] && [ "$2" = --host-root ] && [ "$4" = -- ] && [ "$5" = "/var/lib/kubelet/pods/with space" ]"#;
        assert_eq!(reading(script, &["with space"]).verdict, Verdict::Fine);
    }

    #[test]
    fn a_file_system_that_needs_somebody_is_asked_once_and_only_below_the_kubelet_s_root() {
        let table = b"\
            27 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            30 27 0:52 / /home rw - nfs 10.0.0.5:/x rw\n\
            31 27 0:53 / /var/lib/kubelet/pods/a rw - fuse.s3fs x rw\n\
            32 27 0:53 / /var/lib/kubelet/pods/b rw - fuse.s3fs x rw\n\
            33 27 0:54 / /var/lib/kubelet/pods/c rw - tmpfs tmpfs rw\n";
        let node = Host::default().node();
        let suspects = |node: &Node| suspects(table, node).into_values().collect::<Vec<_>>();
        assert_eq!(suspects(&node), [Path::new("/var/lib/kubelet/pods/b")]);
        let of = |pod: &str| Node { suspects: Some([PodUid::new(pod)].into()), ..Host::default().node() };
        assert_eq!(suspects(&of("a")), [Path::new("/var/lib/kubelet/pods/a")], "of a pod that is in doubt");
        assert!(suspects(&of("d")).is_empty());
    }

    #[test]
    fn a_mount_is_asked_below_the_prefix() {
        let host = Host::default().dir("/data");
        assert!(ask(&host.at("/"), Path::new("/data")).is_ok());
        assert!(ask(&host.at("/"), Path::new("/nowhere")).is_err());
    }
}
