//! How many inotify instances and watches root's processes hold, and who holds most: counted from the descriptors of each
//! process, which only a privileged agent may see. Whether one more can be had `inotify` tells without that right.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::Node;
use super::lost::unknown;
use crate::model::reading::{Missing, Reading, Unit};

/// Its id.
pub const ID: &str = "inotify-use";

/// Beyond these nothing is counted: a look at all of them would cost more than a calm node should spend on it.
const PROCESSES: usize = 5_000;
const DESCRIPTORS: usize = 50_000;
/// Of the description of one instance, a line of some 90 bytes for each watch.
const BYTES_AT_MOST: u64 = 8 << 20;
const SIZE_AT_MOST: u64 = 4096;
/// Above this share it will run out soon.
const SOON: f64 = 0.9;

/// What one process holds, or all of them.
#[derive(Clone, Debug, Default)]
struct Held {
    instances: u64,
    watches: u64,
}

/// What was counted.
#[derive(Debug, Default)]
struct Census {
    all: Held,
    most: (u64, String),
    descriptors: usize,
    /// There are more than were counted.
    cut: bool,
    hidden: bool,
}

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    let of = ["instances", "watches"];
    let proc = match node.root().find(Path::new("/proc")) {
        Ok(proc) => proc,
        Err(lost) => return of.map(|of| unknown(ID, of, Path::new("/proc"), &lost)).into(),
    };
    let census = count(&proc);
    if census.hidden {
        let why = "the descriptors of other processes can't be seen: that needs a privileged agent";
        return of.map(|of| Reading::unknown(ID, of, Missing::Access, why)).into();
    }
    let [instances, watches] = of;
    vec![judge(node, instances, census.all.instances, &census), judge(node, watches, census.all.watches, &census)]
}

fn judge(node: &Node, of: &'static str, used: u64, census: &Census) -> Reading {
    let file = format!("/proc/sys/fs/inotify/max_user_{of}");
    let limit = match node.root().read(Path::new(&file), SIZE_AT_MOST) {
        Ok(content) => String::from_utf8_lossy(&content).trim().parse::<u64>(),
        Err(lost) => return unknown(ID, of, Path::new(&file), &lost),
    };
    let Ok(limit) = limit else {
        return Reading::unknown(ID, of, Missing::Answer, format!("{file} does not hold a number"));
    };
    #[expect(clippy::cast_precision_loss, reason = "neither is anywhere near 52 bits")]
    let (amount, of_limit) = (used as f64, limit as f64);
    let says = match census.most.0 {
        0 => format!("{used} of {limit}"),
        most => format!("{used} of {limit}, most instances ({most}) by {}", census.most.1),
    };
    let reading = match amount < SOON * of_limit {
        true if census.cut => {
            return Reading::unknown(ID, of, Missing::Answer, format!("more than {says}: too many to count them all"));
        }
        true => Reading::fine(ID, of, says),
        false => Reading::suspect(ID, of, "InotifyExhausted", says),
    };
    reading.of_amount(amount, of_limit, Unit::Count).with("what", of).with("limit", limit.to_string())
}

fn count(proc: &Path) -> Census {
    let mut census = Census::default();
    let processes = fs::read_dir(proc).into_iter().flatten().flatten();
    let numbered = processes.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok());
    for (n, process) in numbered.map(|entry| entry.path()).enumerate() {
        census.cut |= n >= PROCESSES;
        if census.is_over() {
            break;
        }
        // Each user has limits of its own.
        if process.metadata().is_ok_and(|process| process.uid() == 0) {
            census.take(&process);
        }
    }
    census
}

impl Census {
    /// Nothing that would be counted now would be told.
    fn is_over(&self) -> bool {
        self.hidden || self.cut
    }

    fn take(&mut self, process: &Path) {
        let Some(held) = self.held(process) else { return };
        self.all.instances += held.instances;
        self.all.watches += held.watches;
        if held.instances > self.most.0 {
            self.most = (held.instances, name(process));
        }
    }

    /// None for a process that has ended, or that is hidden.
    fn held(&mut self, process: &Path) -> Option<Held> {
        let descriptors = self.unless_hidden(fs::read_dir(process.join("fd")))?;
        let mut held = Held::default();
        for descriptor in descriptors.flatten() {
            self.descriptors += 1;
            self.cut |= self.descriptors > DESCRIPTORS;
            if self.is_over() {
                break;
            }
            // It says so of itself (Linux: anon_inode_getfd in fs/notify/inotify/inotify_user.c).
            let target = self.unless_hidden(fs::read_link(descriptor.path()));
            if target.is_some_and(|target| target == Path::new("anon_inode:inotify")) {
                held.instances += 1;
                held.watches += watches(&process.join("fdinfo").join(descriptor.file_name()));
            }
        }
        Some(held)
    }

    /// Root may list the descriptors of every process of root; what each of them is takes a right more (Linux:
    /// proc_fd_access_allowed in fs/proc/base.c).
    fn unless_hidden<T>(&mut self, seen: io::Result<T>) -> Option<T> {
        self.hidden |= seen.as_ref().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
        seen.ok()
    }
}

/// One line `inotify wd:…` each (Linux: proc_pid_fdinfo(5)).
fn watches(description: &Path) -> u64 {
    let is_file = description.symlink_metadata().is_ok_and(|found| found.is_file());
    let Some(file) = is_file.then(|| File::open(description).ok()).flatten() else { return 0 };
    let lines = BufReader::new(file.take(BYTES_AT_MOST)).split(b'\n').map_while(Result::ok);
    lines.filter(|line| line.starts_with(b"inotify ")).count() as u64
}

/// The kernel's short name of it.
fn name(process: &Path) -> String {
    let file = process.join("comm");
    let is_file = file.symlink_metadata().is_ok_and(|found| found.is_file());
    let mut name = Vec::new();
    if let Some(file) = is_file.then(|| File::open(file).ok()).flatten() {
        _ = file.take(64).read_to_end(&mut name);
    }
    String::from_utf8_lossy(&name).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Host, find};
    use super::*;
    use crate::model::reading::Verdict;

    /// `process` of the user who runs the tests: whether that is root decides whether it is counted.
    fn host(instances: u32, limit: &str) -> Host {
        let host = Host::default().file("/proc/7/comm", "systemd\n").dir("/proc/7/fd").dir("/proc/sys");
        let host = host.file("/proc/sys/fs/inotify/max_user_instances", limit).link("/proc/7/fd/0", "/dev/null");
        let host = host.file("/proc/sys/fs/inotify/max_user_watches", "8192\n");
        (0..instances).fold(host, |host, n| {
            let description = "pos:\t0\nflags:\t02004000\ninotify wd:2 ino:1 sdev:2 mask:3\ninotify wd:1 ino:4\n";
            let host = host.link(&format!("/proc/7/fd/1{n}"), "anon_inode:inotify");
            host.file(&format!("/proc/7/fdinfo/1{n}"), description)
        })
    }

    fn held(host: &Host) -> (u64, u64) {
        let mut census = Census::default();
        let held = census.held(&host.at("/proc/7")).unwrap();
        (held.instances, held.watches)
    }

    #[test]
    fn instances_are_descriptors_and_watches_lines_of_their_description() {
        assert_eq!(held(&host(3, "128")), (3, 6));
        assert_eq!(held(&host(1, "128").huge("/proc/7/fdinfo/10")), (1, 0));
        let pipe = host(1, "128").fifo("/proc/7/fdinfo/9").link("/proc/7/fd/9", "anon_inode:inotify");
        assert_eq!(held(&pipe), (2, 2));
    }

    #[test]
    fn near_the_limit_it_is_suspect_and_who_has_most_is_named() {
        let host = host(0, "128");
        let node = host.node();
        let census = Census { most: (70, "systemd".into()), ..Census::default() };
        let [few, many] = [61, 120].map(|used| judge(&node, "instances", used, &census));
        assert_eq!((few.verdict, many.verdict), (Verdict::Fine, Verdict::Suspect));
        assert_eq!(many.says, "120 of 128, most instances (70) by systemd");
    }

    #[test]
    fn nothing_is_counted_once_it_would_not_be_told() {
        let host = host(3, "128");
        for mut census in
            [Census { hidden: true, ..Census::default() }, Census { descriptors: DESCRIPTORS, ..Census::default() }]
        {
            assert_eq!(census.held(&host.at("/proc/7")).unwrap().instances, 0);
            assert!(census.descriptors <= DESCRIPTORS + 1);
        }
        let cut = Census { cut: true, ..Census::default() };
        let verdict = |used| judge(&host.node(), "instances", used, &cut).verdict;
        assert_eq!([verdict(61), verdict(120)], [Verdict::Unknown(Missing::Answer), Verdict::Suspect]);
    }

    #[test]
    fn a_process_that_hides_what_it_holds_makes_the_count_unknown() {
        let mut census = Census::default();
        assert_eq!(census.unless_hidden::<()>(Err(ErrorKind::NotFound.into())), None);
        assert!(!census.hidden, "it has ended");
        assert_eq!(census.unless_hidden::<()>(Err(ErrorKind::PermissionDenied.into())), None);
        assert!(census.hidden);
    }

    #[test]
    fn a_limit_that_makes_no_sense_is_no_answer() {
        for limit in ["", "none"] {
            let readings = look(&host(1, limit).node());
            assert_eq!(find(&readings, "instances").verdict, Verdict::Unknown(Missing::Answer));
        }
    }
}
