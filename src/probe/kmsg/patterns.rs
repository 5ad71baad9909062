//! Which words of the kernel mean which fault: data, each with a message as the kernel writes it. Of several patterns that
//! fit, the first counts.

use crate::model::reading::NOBODY;
use crate::model::reading::Verdict::{self, Broken, Suspect};

/// Words, and what they mean.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Which kind of fault, one of [`KINDS`].
    pub(super) kind: &'static str,
    /// All of these are in the message, in this order.
    pub(super) words: &'static [&'static str],
    /// None of these is.
    pub(super) but: &'static [&'static str],
    /// How it then stands.
    pub(super) verdict: Verdict,
    /// The cause, if the catalogue has one.
    pub(super) cause: &'static str,
    /// Whom it takes along.
    pub(super) reach: Reach,
    /// What the cause's template asks for: its name, the words before it, and the characters of which the first ends it.
    pub(super) facts: &'static [(&'static str, &'static str, &'static str)],
    /// As the kernel says it: from its sources, or from a machine.
    #[cfg_attr(not(test), expect(dead_code, reason = "what the tests read"))]
    pub(super) sample: &'static str,
}

/// How it is told whom a fault takes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Always these, in the words of the table of roots.
    These(&'static str),
    /// Those who need its `device`: where that is a disk which only pods have, the node is well.
    Device,
    /// By the name of its `task`.
    Task,
}

/// What a task that hangs holds up: a shim is no runtime. All others only
/// wait for something.
const TASKS: &[(&str, &str)] = &[
    ("containerd", "runtime"),
    ("crio", "runtime"),
    ("dockerd", "runtime"),
    ("cri-dockerd", "runtime"),
    ("kubelet", "kubelet"),
    ("kubelite", "kubelet"),
    ("k3s-server", "kubelet"),
    ("k3s-agent", "kubelet"),
];
const WAITERS: &str = "waiters";

/// Whom a task that hangs takes along.
pub(super) fn of_task(task: &str) -> &'static str {
    TASKS.iter().find(|(name, _)| *name == task).map_or(WAITERS, |(_, whom)| whom)
}

/// A medium that was taken out is no fault of the node, nor is a server that is away.
const MEDIA: &[&str] = &["dev fd0", "dev sr0", "dev loop", "dev nbd"];

impl Pattern {
    /// What decides whom it takes along: the task or the device that a message names.
    pub(super) fn subject<'a>(&self, message: &'a str) -> Option<&'a str> {
        let name = match self.reach {
            Reach::These(_) => return None,
            Reach::Device => "device",
            Reach::Task => "task",
        };
        self.found(message).find(|(fact, _)| *fact == name).map(|(_, value)| value)
    }

    /// The facts that a message holds.
    pub(super) fn found<'a>(&self, message: &'a str) -> impl Iterator<Item = (&'static str, &'a str)> {
        self.facts.iter().filter_map(move |(name, after, until)| {
            let (_, rest) = message.split_once(after)?;
            let end = rest.find(|c| until.contains(c)).unwrap_or(rest.len());
            Some((*name, rest.get(..end)?))
        })
    }

    /// Whether it means this message.
    pub(super) fn fits(&self, message: &str) -> bool {
        let found = self.words.iter().try_fold(message, |rest, word| rest.split_once(word).map(|(_, rest)| rest));
        found.is_some() && !self.but.iter().any(|word| message.contains(word))
    }
}

/// What each answer is about.
pub(super) const KINDS: &[&str] =
    &["hung tasks", "lockups", "crashes", "disks", "file systems", "memory", "hardware", "network"];

const USUAL: Pattern = Pattern {
    kind: "",
    words: &[],
    but: &[],
    verdict: Broken,
    cause: "KernelFault",
    reach: Reach::These("machine"),
    facts: &[],
    sample: "",
};

pub(super) const PATTERNS: &[Pattern] = &[
    // kernel/hung_task.c
    Pattern {
        kind: "hung tasks",
        words: &["INFO: task ", " blocked for more than ", " seconds"],
        reach: Reach::Task,
        facts: &[("task", "INFO: task ", " :"), ("for", "blocked for more than ", ".")],
        sample: "INFO: task containerd-shim:40221 blocked for more than 120 seconds.",
        ..USUAL
    },
    // kernel/watchdog.c
    Pattern {
        kind: "lockups",
        words: &["BUG: soft lockup - CPU#", " stuck for "],
        facts: &[("for", "stuck for ", "! ")],
        sample: "watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [kworker/3:1:77]",
        ..USUAL
    },
    // kernel/watchdog.c
    Pattern {
        kind: "lockups",
        words: &["Watchdog detected hard LOCKUP on cpu "],
        sample: "watchdog: Watchdog detected hard LOCKUP on cpu 12",
        ..USUAL
    },
    // kernel/rcu/tree_stall.h
    Pattern {
        kind: "lockups",
        words: &["rcu: INFO: ", "detected stall"],
        sample: "rcu: INFO: rcu_preempt self-detected stall on CPU",
        ..USUAL
    },
    // arch/x86/mm/fault.c
    Pattern {
        kind: "crashes",
        words: &["BUG: kernel NULL pointer dereference, address: "],
        sample: "BUG: kernel NULL pointer dereference, address: 0000000000000008",
        ..USUAL
    },
    // arch/x86/mm/fault.c
    Pattern {
        kind: "crashes",
        words: &["BUG: unable to handle "],
        sample: "BUG: unable to handle page fault for address: ffffb3c0c0a5f000",
        ..USUAL
    },
    // arch/arm64/mm/fault.c
    Pattern {
        kind: "crashes",
        words: &["Unable to handle kernel "],
        sample: "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010",
        ..USUAL
    },
    // lib/bug.c
    Pattern { kind: "crashes", words: &["kernel BUG at "], sample: "kernel BUG at fs/ext4/inode.c:2709!", ..USUAL },
    // arch/x86/kernel/traps.c
    Pattern { kind: "crashes", words: &["divide error: 0000 ["], sample: "divide error: 0000 [#1] SMP NOPTI", ..USUAL },
    // fs/ext4/super.c, __ext4_abort and ext4_handle_error
    Pattern {
        kind: "file systems",
        words: &["EXT4-fs (", "Remounting filesystem read-only"],
        cause: "FilesystemReadOnly",
        reach: Reach::Device,
        facts: &[("device", "EXT4-fs (", ")")],
        sample: "EXT4-fs (nvme0n1p1): Remounting filesystem read-only",
        ..USUAL
    },
    // fs/ext4/super.c, __ext4_error_inode and its like
    Pattern {
        kind: "file systems",
        words: &["EXT4-fs error (device "],
        reach: Reach::Device,
        facts: &[("device", "(device ", ")")],
        sample: "EXT4-fs error (device nvme1n1): ext4_find_entry:1455: inode #262145: comm postgres: reading directory lblock 0",
        ..USUAL
    },
    // fs/ext4/super.c, __ext4_warning
    Pattern {
        kind: "file systems",
        words: &["EXT4-fs warning (device "],
        verdict: Suspect,
        reach: Reach::Device,
        facts: &[("device", "(device ", ")")],
        sample: "EXT4-fs warning (device sda1): ext4_dx_add_entry:2516: inode #2: comm java: Directory index full!",
        ..USUAL
    },
    // fs/xfs/xfs_fsops.c, xfs_do_force_shutdown
    Pattern {
        kind: "file systems",
        words: &["XFS (", "Shutting down filesystem"],
        reach: Reach::Device,
        facts: &[("device", "XFS (", ")")],
        sample: "XFS (dm-3): Corruption of in-memory data (0x8) detected at xfs_trans_cancel+0x15b/0x170 [xfs] (fs/xfs/xfs_trans.c:1098).  Shutting down filesystem.",
        ..USUAL
    },
    // fs/xfs/xfs_error.c
    Pattern {
        kind: "file systems",
        words: &["XFS (", "Metadata corruption detected"],
        reach: Reach::Device,
        facts: &[("device", "XFS (", ")")],
        sample: "XFS (sdb1): Metadata corruption detected at xfs_agi_verify+0x126/0x1a0 [xfs], xfs_agi block 0x2",
        ..USUAL
    },
    // fs/btrfs/messages.c
    Pattern {
        kind: "file systems",
        words: &["BTRFS: error (device ", "forced readonly"],
        cause: "FilesystemReadOnly",
        reach: Reach::Device,
        facts: &[("device", "(device ", " )")],
        sample: "BTRFS: error (device sda2 state A) in btrfs_finish_ordered_io:3319: errno=-5 IO failure, forced readonly",
        ..USUAL
    },
    // fs/buffer.c, buffer_io_error
    Pattern {
        kind: "disks",
        words: &["Buffer I/O error on dev "],
        but: MEDIA,
        reach: Reach::Device,
        facts: &[("device", "on dev ", ",")],
        sample: "Buffer I/O error on dev sda1, logical block 524288, lost async page write",
        ..USUAL
    },
    // block/blk-core.c, blk_print_req_error
    Pattern {
        kind: "disks",
        words: &["I/O error, dev ", ", sector "],
        but: MEDIA,
        reach: Reach::Device,
        facts: &[("device", "error, dev ", ",")],
        sample: "I/O error, dev sda, sector 123456 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2",
        ..USUAL
    },
    // drivers/nvme/host/pci.c, nvme_timeout
    Pattern {
        kind: "disks",
        words: &["nvme nvme", " timeout, "],
        reach: Reach::Device,
        facts: &[("device", "nvme ", ":")],
        sample: "nvme nvme0: I/O tag 12 (100c) opcode 0x1 (I/O Cmd) QID 4 timeout, aborting req_op:WRITE(1) size:4096",
        ..USUAL
    },
    // mm/oom_kill.c, dump_oom_summary: of the whole node
    Pattern {
        kind: "memory",
        words: &["oom-kill:constraint=CONSTRAINT_NONE,"],
        cause: "MemoryPressure",
        reach: Reach::These(NOBODY),
        sample: "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/kubepods/besteffort/pod0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9/2c3d,task=java,pid=40221,uid=1000",
        ..USUAL
    },
    // mm/oom_kill.c, dump_oom_summary: at the limit of all pods together, that is of what the node has for them
    Pattern {
        kind: "memory",
        words: &["oom-kill:constraint=CONSTRAINT_MEMCG,", "oom_memcg=/kubepods.slice,"],
        cause: "MemoryPressure",
        reach: Reach::These(NOBODY),
        sample: "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/kubepods.slice,task_memcg=/kubepods.slice/kubepods-pod0a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9.slice/cri-containerd-2c3d.scope,task=java,pid=40221,uid=1000",
        ..USUAL
    },
    Pattern {
        kind: "memory",
        words: &["oom-kill:constraint=CONSTRAINT_MEMCG,", "oom_memcg=/kubepods,"],
        cause: "MemoryPressure",
        reach: Reach::These(NOBODY),
        sample: "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/kubepods,task_memcg=/kubepods/pod0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9/2c3d,task=java,pid=40221,uid=1000",
        ..USUAL
    },
    // mm/oom_kill.c, dump_oom_summary: at the limit of one pod or container, which is no fault of the node's
    Pattern {
        kind: "memory",
        words: &["oom-kill:constraint=CONSTRAINT_MEMCG,"],
        verdict: Suspect,
        cause: "",
        reach: Reach::These(NOBODY),
        sample: "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=cri-containerd-2c3d.scope,mems_allowed=0,oom_memcg=/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9.slice,task_memcg=/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9.slice/cri-containerd-2c3d.scope,task=java,pid=40221,uid=1000",
        ..USUAL
    },
    // drivers/firmware/efi/cper.c, cper_estatus_print: mended by the hardware itself
    Pattern {
        kind: "hardware",
        words: &["[Hardware Error]: event severity: corrected"],
        verdict: Suspect,
        sample: "{1}[Hardware Error]: event severity: corrected",
        ..USUAL
    },
    // drivers/firmware/efi/cper.c, cper_estatus_print
    Pattern {
        kind: "hardware",
        words: &["[Hardware Error]: event severity: "],
        but: &["severity: info"],
        sample: "{3}[Hardware Error]: event severity: fatal",
        ..USUAL
    },
    // arch/x86/kernel/cpu/mce/core.c, __print_mce
    Pattern {
        kind: "hardware",
        words: &["mce: [Hardware Error]: CPU ", "Machine Check"],
        sample: "mce: [Hardware Error]: CPU 4: Machine Check: 0 Bank 5: be00000000800400",
        ..USUAL
    },
    // drivers/edac/edac_mc.c, edac_ue_error and edac_ce_error
    Pattern {
        kind: "hardware",
        words: &["EDAC MC", " UE "],
        sample: "EDAC MC0: 1 UE memory read error on CPU_SrcID#0_Ha#0_Chan#1_DIMM#0 (channel:1 slot:0 page:0x10b7f23 offset:0x0 grain:32)",
        ..USUAL
    },
    Pattern {
        kind: "hardware",
        words: &["EDAC MC", " CE "],
        verdict: Suspect,
        sample: "EDAC MC1: 1 CE memory read error on CPU_SrcID#1_MC#0_Chan#0_DIMM#0 (channel:0 slot:0 page:0x1a2b3c offset:0x0 grain:32 syndrome:0x0)",
        ..USUAL
    },
    // mm/memory-failure.c, action_result
    Pattern {
        kind: "hardware",
        words: &["Memory failure: 0x", ": recovery action for "],
        sample: "Memory failure: 0x10b7f23: recovery action for dirty LRU page: Recovered",
        ..USUAL
    },
    // net/core/dev.c, netdev_wait_allrefs_any
    Pattern {
        kind: "network",
        words: &["unregister_netdevice: waiting for ", " to become free. Usage count = "],
        reach: Reach::These("network"),
        sample: "unregister_netdevice: waiting for lo to become free. Usage count = 2",
        ..USUAL
    },
    // net/netfilter/nf_conntrack_core.c, __nf_conntrack_alloc
    Pattern {
        kind: "network",
        words: &["nf_conntrack: table full, dropping packet"],
        cause: "ConntrackFull",
        reach: Reach::These(NOBODY),
        sample: "nf_conntrack: nf_conntrack: table full, dropping packet",
        ..USUAL
    },
    // net/sched/sch_generic.c, dev_watchdog
    Pattern {
        kind: "network",
        words: &["NETDEV WATCHDOG: ", "timed out"],
        reach: Reach::These(NOBODY),
        sample: "ens5 (ena): NETDEV WATCHDOG: CPU: 3: transmit queue 1 timed out 5248 ms",
        ..USUAL
    },
];
