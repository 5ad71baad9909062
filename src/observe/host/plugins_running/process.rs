//! The process table, as Linux shows it in `/proc` (proc(5)): which processes are CNI plugins. Everybody may read `stat` and
//! `cmdline`; `environ` takes the right to trace the process, and without it what a plugin was called for stays unknown.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::host::Stat;
use crate::model::ids::PodUid;
use crate::model::making::CniCall;

/// As much of a command line as is read: the program and its first arguments.
const COMMAND_LINE: u64 = 4 << 10;
/// As much of an environment as is read. A runtime's own is far smaller.
const ENVIRONMENT: u64 = 128 << 10;
/// The kernel cuts the name of a process to so many bytes (TASK_COMM_LEN, linux/sched.h, without its end).
const NAME: usize = 15;
/// A script's name follows its interpreter and that one's argument (execve(2)).
const NAME_WITHIN: usize = 3;
/// So many ancestors of a plugin are looked at for the plugin that called it: a shell or two may lie between.
const ANCESTORS: usize = 4;

/// The process table and the directories whose programs are plugins.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) proc: &'a Path,
    pub(super) bin_dirs: &'a [PathBuf],
}

/// A plugin that was found.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub(super) pid: u32,
    pub(super) caller: Option<u32>,
    pub(super) plugin: Arc<str>,
    /// Seconds after the host's boot.
    pub(super) started: f64,
    pub(super) uninterruptible: bool,
    pub(super) call: Option<CniCall>,
}

impl Table<'_> {
    /// Seconds since the host's boot.
    pub(super) fn uptime(&self) -> io::Result<f64> {
        let text = fs::read_to_string(self.proc.join("uptime"))?;
        let seconds = text.split_whitespace().next().and_then(|word| word.parse().ok());
        seconds.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "uptime is no number"))
    }

    /// The plugins that run. A process that ends meanwhile is left out.
    pub(super) fn plugins(&self) -> io::Result<Vec<Found>> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(self.proc)? {
            let pid = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            if let Some((pid, plugin)) = pid.and_then(|pid| Some((pid, self.plugin(pid)?))) {
                found.insert(pid, plugin);
            }
        }
        let callers: Vec<_> = found.iter().map(|(pid, (_, stat))| (*pid, self.caller(stat.parent, &found))).collect();
        let all = callers.into_iter().filter_map(|(pid, caller)| {
            let (plugin, stat) = found.remove(&pid)?;
            let started = seconds(stat.start);
            Some(Found { pid, caller, plugin, started, uninterruptible: stat.state == 'D', call: self.call(pid) })
        });
        Ok(all.collect())
    }

    /// The name of the plugin that a process is: its program, or the script that its program runs, lies in one of the
    /// directories and bears the process's own name. Plugins are called without arguments; with some they are daemons, such
    /// as that of `dhcp`.
    fn plugin(&self, pid: u32) -> Option<(Arc<str>, Stat)> {
        let line = self.read(pid, "cmdline", COMMAND_LINE)?;
        let words: Vec<_> = line.strip_suffix(&[0])?.split(|byte| *byte == 0).take(NAME_WITHIN + 1).collect();
        let path = Path::new(OsStr::from_bytes(words.last().filter(|_| words.len() <= NAME_WITHIN)?));
        let inside = self.bin_dirs.iter().any(|dir| path.parent() == Some(dir));
        let name = path.file_name().filter(|_| inside)?.to_str()?;
        let stat = self.stat(pid)?;
        let own = name.get(..name.floor_char_boundary(NAME))?;
        (stat.name == own).then(|| (name.into(), stat))
    }

    fn stat(&self, pid: u32) -> Option<Stat> {
        Stat::parse(&String::from_utf8_lossy(&self.read(pid, "stat", COMMAND_LINE)?))
    }

    fn caller(&self, parent: u32, plugins: &BTreeMap<u32, (Arc<str>, Stat)>) -> Option<u32> {
        let mut ancestor = parent;
        for _ in 0..ANCESTORS {
            if plugins.contains_key(&ancestor) {
                return Some(ancestor);
            }
            ancestor = self.stat(ancestor).filter(|stat| stat.parent > 0)?.parent;
        }
        None
    }

    /// The parameters of CNI, which it passes in the environment; none where that may not be read.
    fn call(&self, pid: u32) -> Option<CniCall> {
        let environment = self.read(pid, "environ", ENVIRONMENT)?;
        let entries = environment.split(|byte| *byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok());
        let mut call = CniCall::default();
        for (key, value) in entries.filter_map(|entry| entry.split_once('=')) {
            match key {
                "CNI_COMMAND" => call.command = value.into(),
                "CNI_CONTAINERID" => call.sandbox = value.into(),
                "CNI_ARGS" => call.pod = pod(value),
                _ => {}
            }
        }
        (!call.command.is_empty()).then_some(call)
    }

    fn read(&self, pid: u32, name: &str, limit: u64) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        let file = File::open(self.proc.join(pid.to_string()).join(name)).ok()?;
        file.take(limit).read_to_end(&mut content).ok()?;
        Some(content)
    }
}

/// The pod's UID among the arguments that runtimes pass: `IgnoreUnknown=1;K8S_POD_UID=…` (containerd: toCNILabels,
/// cri-o/ocicni: buildCNIRuntimeConf).
fn pod(arguments: &str) -> Option<PodUid> {
    let mut pairs = arguments.split(';').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, uid)| *key == "K8S_POD_UID" && !uid.is_empty()).map(|(_, uid)| PodUid::new(uid))
}

#[expect(clippy::cast_precision_loss, reason = "a hundredth of a second is finer than is needed")]
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}
