//! Causes that are a resource of the node at its end: disk, inodes, memory, processes, descriptors, watches, connections.

use super::OF_THE_NODE;
use crate::model::cause::{Cause, Right};
use crate::model::sign::{
    Operation::{Kernel, Node},
    Sign,
};

/// Where "no space left on device" speaks of another limit than a disk's: watches, cgroups, user namespaces, keys, BPF maps.
const NO_DISK: &[&str] = &[
    "inotify",
    "fsnotify",
    "directory watch",
    " to watch",
    "file watcher",
    "/sys/fs/cgroup",
    "cgroup.procs",
    "cpuset.",
    "fork/exec",
    "unshare",
    "user namespace",
    "clone",
    "session key",
    "keyring",
    "bpf",
    "semget",
    "allocating lock",
    "device, watch",
    "/dev/shm",
];

/// A file system of the node has no room left.
pub(super) const DISK_FULL: Cause = Cause {
    id: "DiskFull",
    summary: "A disk of the node is full, or so short of room that the kubelet evicts pods.",
    says: "A disk of this node[ ({disk})] [{full}|will be full in about {soon}|is short of room][: no room for {file}][; {available} available, threshold {threshold}]. Registry and network are not the cause.",
    rules_out: "Registry and network are not the cause; a pod that writes much may be.",
    advice: "df -h; remove what fills it, or cordon the node.",
    mends: "The kubelet removes unused images by itself.",
    steps: &[
        "`kubectl describe node NODE | grep -A8 Conditions` (DiskPressure), and on the node `df -h /var/lib/containerd /var/lib/kubelet /var/log /`: which file system is it? A read of 100 % on `/run` or `/dev/shm` is a tmpfs, thus memory.",
        "`du -xsh /var/lib/containerd/* /var/lib/kubelet/pods/* /var/log/* | sort -h | tail`: images, emptyDir volumes or logs?",
        "`crictl rmi --prune` removes unused images; `journalctl --vacuum-size=500M` journals; a deleted file that is still open (`lsof +L1`) frees its room only when its process ends.",
        "Lasting: a larger disk, `ephemeral-storage` limits on pods, `imageGCHighThresholdPercent` and `containerLogMaxSize` of the kubelet.",
    ],
    signs: &[
        Sign::of(&["no space left on device"]).but(NO_DISK),
        Sign::of(&["disk quota exceeded"]).but(NO_DISK),
        Sign::of(&["not enough space on the disk"]),
        Sign::of(&["insufficient free space"]),
        Sign::of(&["insufficient disk space"]),
        Sign::of(&["not enough disk space"]),
        Sign::of(&["free data blocks which is less than minimum"]),
        Sign::of(&["database or disk is full"]),
        Sign::of(&["nodehasdiskpressure"]),
        Sign::of(&["nodeoutofdisk"]),
        Sign::of(&["kubelet has disk pressure"]),
        Sign::of(&["diskpressure]"]),
        Sign::of(&["condition", "[diskpressure"]),
        Sign::of(&["outofdisk"]).but(&["hassufficientdisk"]),
        Sign::of(&["low on resource: ephemeral-storage"]),
        Sign::of(&["low on resource: nodefs"]).but(&["inodes"]),
        Sign::of(&["low on resource: imagefs"]).but(&["inodes"]),
        Sign::of(&["low on resource: containerfs"]).but(&["inodes"]),
        Sign::of(&["low on resource: disk"]),
        Sign::of(&["low on resource: storage"]),
        Sign::of(&["reclaim ephemeral-storage"]),
        Sign::of(&["reclaim", "nodefs"]).but(&["inodes"]),
        Sign::of(&["reclaim", "imagefs"]).but(&["inodes"]),
        Sign::of(&["reclaim", "resourcename=\"ephemeral-storage\""]),
        Sign::of(&["failed to garbage collect required amount of images"]),
        Sign::of(&["disk usage on image filesystem", "over the high threshold"]),
        Sign::of(&["disk usage on image filesystem", "exceeds"]),
    ],
    examples: &[
        r#"failed to pull and unpack image "registry.example.com/shop/cart:2.14.1": failed to extract layer sha256:0a1b: write /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs/app.jar: no space left on device: unknown"#,
        "The node was low on resource: ephemeral-storage. Threshold quantity: 10120387530, available: 9811132Ki. Container web was using 36Ki, request is 0, has larger consumption of ephemeral-storage.",
        "Failed to garbage collect required amount of images. Attempted to free 4738424832 bytes, but only found 0 bytes eligible to free.",
        "Node node-7 status is now: NodeHasDiskPressure",
    ],
    needs: &[Right::Pods],
    ..OF_THE_NODE
};

/// A file system of the node has room but no inodes.
pub(super) const INODES_EXHAUSTED: Cause = Cause {
    id: "InodesExhausted",
    summary: "A file system of the node has no inodes left: too many small files.",
    says: "This node runs out of inodes[ in about {soon}]: too many small files[ on {disk}][; {available} left, threshold {threshold}]. Bytes may be free; registry and network are not the cause.",
    rules_out: "Registry and network are not the cause; room in bytes may be left.",
    advice: "df -i /var/lib/containerd /var/lib/kubelet; find the folder of many files, or cordon the node.",
    mends: "The kubelet removes unused images by itself.",
    steps: &[
        "`df -i /var/lib/containerd /var/lib/kubelet /var/log /`: which file system has IUse% near 100?",
        "`du --inodes -xd3 /var/lib | sort -n | tail`: which folder holds them? Unpacked images (`node_modules`), an emptyDir used as a cache, sessions and mail spools are the usual ones.",
        "`crictl rmi --prune` and the removal of that cache help at once. ext4 fixes its inodes when it is made: `mkfs.ext4 -i 8192`, or XFS.",
    ],
    signs: &[
        Sign::of(&["low on resource: inodes"]),
        Sign::of(&["low on resource:", "inodesfree"]),
        Sign::of(&["low on resource:", "fsinodes"]),
        Sign::of(&["low on resource:", "fs inodes"]),
        Sign::of(&["reclaim", "inodes"]),
        Sign::of(&["out of inodes"]),
        Sign::of(&["no free inodes"]),
        Sign::of(&["no inodes left"]),
        Sign::of(&["inodepressure"]),
    ],
    examples: &[
        "The node was low on resource: inodes. Threshold quantity: 131071, available: 98240.",
        "Attempting to reclaim inodes",
        r#""Eviction manager: must evict pod(s) to reclaim" resourceName="inodes""#,
    ],
    needs: &[Right::Pods],
    ..OF_THE_NODE
};

/// The node runs out of memory.
pub(super) const MEMORY_PRESSURE: Cause = Cause {
    id: "MemoryPressure",
    summary: "The node runs out of memory: the kubelet evicts pods, or the kernel kills processes.",
    says: "This node is short of memory[: {available} available, threshold {threshold}]. It is the node's memory, not the limit of one container.",
    rules_out: "The limit of this container is not the cause: the whole node is short.",
    advice: "kubectl top pod -A: who uses more than it requests? App: set requests to real use.",
    mends: "The condition goes 5 min after memory is free again.",
    steps: &[
        "`kubectl describe node NODE`: MemoryPressure, and requests against allocatable; `kubectl top pod -A --sort-by=memory`: who uses more than was asked for?",
        "On the node: `free -m`, `ps aux --sort=-rss | head`, `dmesg | grep -i 'out of memory'`. Processes outside pods count too: `systemd-cgtop -m`.",
        "Give the pods honest requests, the system its share (`systemReserved`, `kubeReserved`), or the node more memory.",
    ],
    signs: &[
        Sign::of(&["nodehasinsufficientmemory"]),
        Sign::of(&["kubelet has insufficient memory"]),
        Sign::of(&["low on resource: memory"]),
        Sign::of(&["low on compute resources"]),
        Sign::of(&["low on resource: allocatablememory"]),
        Sign::of(&["condition", "[memorypressure"]),
        Sign::of(&["memorypressure]"]),
        Sign::of(&["reclaim memory"]),
        Sign::of(&["reclaim allocatablememory"]),
        Sign::of(&["reclaim", "resourcename=\"memory\""]),
        Sign::of(&["system oom encountered"]),
        Sign::of(&["out of memory: kill"]).but(&["memory cgroup"]),
        Sign::of(&["killed process", "total-vm:"]).but(&["memory cgroup"]),
        Sign::of(&["oom-kill:constraint=constraint_none"]),
        Sign::of(&["page allocation failure"]),
        Sign::of(&["fork", "cannot allocate memory"]).but(&["/sys/fs/cgroup"]),
        Sign::of(&["cannot allocate memory"]).but(&["cgroup", "oci runtime", "runc create", "crun"]),
        Sign::of(&["newosproc", "errno=12"]),
        Sign::of(&["os thread", "errno=12"]),
    ],
    examples: &[
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 82144Ki. Container web was using 812Mi, request is 128Mi, has larger consumption of memory.",
        "Node node-7 status is now: NodeHasInsufficientMemory",
        "System OOM encountered, victim process: java, pid: 40221",
    ],
    ..OF_THE_NODE
};

/// No process or thread can be made any more.
pub(super) const PIDS_EXHAUSTED: Cause = Cause {
    id: "PidsExhausted",
    summary: "No new process or thread can be made: the node's or the pod's limit of process ids is reached.",
    says: "No new process can be started[: {available} process ids left, threshold {threshold}|: {used} of {limit} are in use]. The limit is the pod's, the runtime's or the node's; image and network are not the cause.",
    rules_out: "Image and network are not the cause: the kernel refuses new processes.",
    advice: "ps -eLf | wc -l against sysctl kernel.pid_max; find who forks without end.",
    mends: "It goes on as soon as processes end.",
    steps: &[
        "On the node: `ps -eLf | wc -l` against `sysctl kernel.pid_max kernel.threads-max`; `ps -eo nlwp,pid,args --sort=-nlwp | head` shows who has the threads; `ps -eo stat,ppid | grep ^Z` zombies and their parent.",
        "A pod's own limit: `cat /sys/fs/cgroup/kubepods.slice/*/*/pids.max` and `pids.current`; it is the kubelet's `podPidsLimit`.",
        "The services' limits: `systemctl show containerd kubelet -p TasksMax`; containerd needs `TasksMax=infinity`.",
        "Restart the pod that leaks; raise `kernel.pid_max` (4194304 is fine), or set `podPidsLimit` so that one pod can't take all.",
    ],
    signs: &[
        Sign::of(&["fork", "resource temporarily unavailable"]),
        Sign::of(&["clone", "resource temporarily unavailable"]),
        Sign::of(&["thread", "resource temporarily unavailable"]),
        Sign::of(&["pthread_create failed"]).but(&["cannot allocate memory", "operation not permitted"]),
        Sign::of(&["newosproc", "errno=11"]),
        Sign::of(&["os thread", "errno=11"]),
        Sign::of(&["can't start new thread"]),
        Sign::of(&["cannot create gc thread"]),
        Sign::of(&["unable to create new native thread"]),
        Sign::of(&["low on resource: pids"]),
        Sign::of(&["reclaim pids"]),
        Sign::of(&["reclaim", "resourcename=\"pids\""]),
        Sign::of(&["nodehasinsufficientpid"]),
        Sign::of(&["kubelet has insufficient pid"]),
        Sign::of(&["condition", "[pidpressure"]),
        Sign::of(&["pidpressure]"]),
        Sign::of(&["fork rejected by pids controller"]),
        Sign::of(&["pids.max", "limit reached"]),
        Sign::of(&["may need to increase max user processes"]),
    ],
    examples: &[
        r#"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: fork/exec /proc/self/exe: resource temporarily unavailable: unknown"#,
        "The node was low on resource: pids. Threshold quantity: 3276, available: 211.",
        "runtime: failed to create new OS thread (have 2 already; errno=11)",
        "cgroup: fork rejected by pids controller in /kubepods/burstable/pod0a1b/2c3d",
    ],
    ..OF_THE_NODE
};

/// No file, socket or pipe can be opened any more.
pub(super) const FILE_DESCRIPTORS_EXHAUSTED: Cause = Cause {
    id: "FileDescriptorsExhausted",
    summary: "No more files or sockets can be opened: a process or the node is at its limit of file descriptors.",
    says: "\"too many open files\"[ at {file}| in {process}, {used} of {limit} open| ({used} of {limit})]: a process of this node, or the node itself, is at its limit. Disk and network are not the cause.",
    rules_out: "Disk, image and network are not the cause: the kernel gives out no more descriptors.",
    advice: "cat /proc/sys/fs/file-nr; count /proc/PID/fd of containerd and kubelet; raise LimitNOFILE.",
    mends: "A restart of a leaking process frees them.",
    steps: &[
        "`cat /proc/sys/fs/file-nr`: in use, free, limit of the whole node (`sysctl fs.file-max`, `fs.nr_open`).",
        "`for p in $(pidof containerd kubelet crio dockerd); do echo $p $(ls /proc/$p/fd | wc -l) $(grep 'open files' /proc/$p/limits); done`: which of them is at its limit? Thousands of sockets or pipes are a leak.",
        "`systemctl edit containerd`: `LimitNOFILE=1048576`; a leak needs a newer version, a restart gives time.",
        "If nothing is near its limit, it is inotify after all: `sysctl fs.inotify`.",
    ],
    signs: &[
        Sign::of(&["too many open files"]).but(&[
            "inotify",
            "fsnotify",
            "directory watch",
            "watcher",
            "files, watch",
            "cni conf monitor",
        ]),
        Sign::of(&["file-max limit", "reached"]),
        Sign::of(&["file table overflow"]),
    ],
    examples: &[
        "http: Accept error: accept unix /run/containerd/containerd.sock: accept4: too many open files; retrying in 1s",
        "VFS: file-max limit 808914 reached",
        r#"failed to do request: Head "https://registry.example.com/v2/shop/cart/manifests/2.14.1": dial tcp 10.0.0.9:443: socket: too many open files"#,
    ],
    ..OF_THE_NODE
};

/// The table of connections is full, and packets are dropped.
pub(super) const CONNTRACK_FULL: Cause = Cause {
    id: "ConntrackFull",
    summary: "The kernel's connection tracking table is full, so new connections of the node are dropped.",
    says: "The kernel's table of connections (conntrack) is full on this node[ ({used} of {limit})], so new ones are dropped: pulls and DNS time out at random. Registry and pods are not the cause.",
    rules_out: "Registry, DNS and pods are not the cause of their timeouts: this node drops their packets.",
    advice: "raise net.netfilter.nf_conntrack_max (kube-proxy: conntrack.maxPerCore).",
    mends: "It comes and goes with the load.",
    steps: &[
        "`sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max`: are they equal? `conntrack -S` counts `drop` and `insert_failed`.",
        "`conntrack -L | awk '{print $5}' | sort | uniq -c | sort -n | tail`: which source has them? UDP DNS and connections that are never closed are the usual ones.",
        "Raise `net.netfilter.nf_conntrack_max` (kube-proxy sets it: `conntrack.maxPerCore`, `conntrack.min`), shorten `nf_conntrack_tcp_timeout_established`, use a node-local DNS cache.",
    ],
    signs: &[
        Sign::of(&["conntrack", "table full"]),
        Sign::of(&["conntrack table is full"]).but(&["not full"]),
        Sign::of(&["conntrackfull"]).but(&["not full"]),
        Sign::of(&["conntracktablefull"]).but(&["not full"]),
        Sign::of(&["conntrack", "full", "dropping packet"]),
    ],
    examples: &[
        "nf_conntrack: nf_conntrack: table full, dropping packet",
        "kernel: [81234.5] nf_conntrack: table full, dropping packet",
    ],
    ..OF_THE_NODE
};

/// No more files can be watched.
pub(super) const INOTIFY_EXHAUSTED: Cause = Cause {
    id: "InotifyExhausted",
    summary: "The node's limit of inotify watches or instances is reached; it is no disk that is full.",
    says: "This node's limit of inotify [{what} ({limit})|watches or instances] is reached. The kernel words it as \"no space left\" or \"too many open files\", but no disk is full.",
    rules_out: "Disks and file descriptors are not the cause, though the error names them.",
    advice: "sysctl -w fs.inotify.max_user_instances=8192 fs.inotify.max_user_watches=524288.",
    mends: "It works at the next try.",
    steps: &[
        "`sysctl fs.inotify`: the defaults (128 instances, 8192 watches and up) are a user's, and all of the node's root processes share them.",
        "`find /proc/*/fd -lname anon_inode:inotify 2>/dev/null | cut -d/ -f3 | sort | uniq -c | sort -n | tail`: which process has the instances?",
        "`sysctl -w fs.inotify.max_user_instances=8192 fs.inotify.max_user_watches=524288`, and the same in `/etc/sysctl.d/` for the next start.",
        "Then `systemctl restart containerd` or `kubelet`, if it was one of them that failed.",
    ],
    signs: &[
        Sign::of(&["inotify", "no space left on device"]),
        Sign::of(&["inotify", "too many open files"]),
        Sign::of(&["fsnotify", "no space left on device"]),
        Sign::of(&["fsnotify", "too many open files"]),
        Sign::of(&["file watcher", "no space left on device"]),
        Sign::of(&["directory watch", "no space left on device"]),
        Sign::of(&[" to watch", "no space left on device"]).within(&[Node, Kernel]),
        Sign::of(&["to watch: no space left on device"]),
        Sign::of(&["no space left on device, watch"]),
        Sign::of(&["watch", "too many open files"]).but(&["dial ", "accept", "socket: ", "*v1."]),
        Sign::of(&["cni conf monitor", "too many open files"]),
        Sign::of(&["system limit for number of file watchers"]),
        Sign::of(&["inotify watches", "limit"]),
        Sign::of(&["inotify instances", "limit"]),
        Sign::of(&["inotify", "limit reached"]),
        Sign::of(&["inotify", "exhausted"]),
    ],
    examples: &[
        "failed to create CRI service: failed to create cni conf monitor for default: failed to create fsnotify watcher: too many open files",
        "Failed to start cAdvisor: inotify_add_watch /sys/fs/cgroup/cpu,cpuacct/kubepods.slice: no space left on device",
        "Failed to add /run/systemd/ask-password to directory watch: No space left on device",
    ],
    needs: &[Right::Pods, Right::Proc, Right::Traces],
    ..OF_THE_NODE
};

/// A file system of the node can't be written any more.
pub(super) const FILESYSTEM_READ_ONLY: Cause = Cause {
    id: "FilesystemReadOnly",
    summary: "A file system of the node has become read-only, as the kernel does after an error of its disk.",
    says: "A file system of this node is read-only[: {file} cannot be written][; device {device}]. Usually a disk error did that. Image, network and pod are not the cause.",
    rules_out: "Image, network and the pod itself are not the cause; the disk is broken, not full.",
    advice: "dmesg -T | tail -50; cordon and drain the node, check or replace its disk.",
    mends: "It will not mend itself.",
    steps: &[
        "`findmnt -o TARGET,SOURCE,OPTIONS | grep -w ro`: which one is it? Image-based systems mount `/usr` read-only on purpose.",
        "`dmesg -T | grep -iE 'ext4-fs error|remounting|xfs|i/o error|nvme'`: the error before it says whether disk, controller or file system is broken.",
        "`kubectl cordon NODE`, move the pods, then `fsck` on the unmounted device, or replace disk or node. `mount -o remount,rw` on a broken disk loses data.",
    ],
    signs: &[
        Sign::of(&["remounting filesystem read-only"]),
        Sign::of(&["filesystem is read-only"]).but(&["not read-only"]),
        Sign::of(&["filesystem read-only"]).within(&[Kernel]),
        Sign::of(&["forced readonly"]),
        Sign::of(&["has become read-only"]),
        Sign::of(&["read-only file system"]).but(&[
            "rootfs",
            "/sys/fs/cgroup",
            "/proc/sys",
            "mount source path",
            "failed to mkdir",
            "flexvolume",
            "kubelet-plugins/volume/exec",
            "applyfsgroup",
            "lchown",
            "is write-protected",
            "mounting arguments",
            "failed (30",
            "errno 30",
            "erofs:",
            "cannot touch",
            "cannot create",
            "can't create",
        ]),
    ],
    examples: &[
        "mkdir /var/lib/kubelet/pods/0a1b2c: read-only file system",
        "EXT4-fs (nvme0n1p1): Remounting filesystem read-only",
        r#"failed to create containerd container: failed to prepare snapshot: open /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/metadata.db: read-only file system"#,
    ],
    ..OF_THE_NODE
};
