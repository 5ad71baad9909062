//! Causes that keep a container from being created or started and that lie below the pod: in security profiles, devices,
//! limits, cgroups, hooks, and in the OCI runtime itself.

use super::USUAL;
use super::container::START;
use crate::model::cause::{Cause, Owner, Scope};
use crate::model::sign::{Operation, Sign};
use crate::model::stage::Stage;

/// A security profile that the container needs is not there, or the kernel does not take it.
pub(super) const SECURITY_PROFILE_MISSING: Cause = Cause {
    id: "SecurityProfileMissing",
    stage: Stage::Create,
    scope: Scope::Pod,
    summary: "An AppArmor, seccomp or SELinux profile that the container runs under is missing on this node or cannot be loaded.",
    says: "The container's security profile[ {profile}] is not on this node, or its kernel does not take it, so the container is not created. Image and network are fine.",
    rules_out: "The image is here and the network is up.",
    advice: "load the profile on every node (aa-status; /var/lib/kubelet/seccomp), or name one that is there.",
    mends: "Tried again every 10 to 15 s.",
    steps: &[
        "What the pod asks for: `kubectl get pod POD -o yaml` (`appArmorProfile`, `seccompProfile`, `seLinuxOptions`, or annotations `container.apparmor.security.beta.kubernetes.io`).",
        "AppArmor: `cat /sys/module/apparmor/parameters/enabled`, `aa-status | grep PROFILE`; `apparmor_parser -r -W FILE` loads one; without the package `apparmor` on the node the runtime's default profile fails too.",
        "seccomp: a Localhost profile is a file below `/var/lib/kubelet/seccomp/` on each node.",
        "SELinux: `getenforce`, `rpm -q container-selinux`, `ausearch -m AVC -ts recent`.",
    ],
    signs: &[
        Sign::of(&["cannot enforce apparmor"]),
        Sign::of(&["apparmor_parser"]),
        Sign::of(&["apparmor spec opts"]),
        Sign::of(&["applying apparmor profile"]),
        Sign::of(&["apparmor profile"]).within(START),
        Sign::of(&["apparmor"]).within(START).but(A_SPEC),
        Sign::of(&["seccomp spec opts"]),
        Sign::of(&["load seccomp profile"]),
        Sign::of(&["seccomp profile"]).within(START),
        Sign::of(&["seccomp"]).within(START).but(A_SPEC),
        Sign::of(&["/attr/keycreate"]),
        Sign::of(&["/attr/exec"]).within(START),
        Sign::of(&["selinux"]).within(START).but(A_SPEC),
    ],
    examples: &[
        r#"Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: unable to apply apparmor profile: apparmor failed to apply profile: write /proc/self/attr/apparmor/exec: no such file or directory: unknown"#,
        r#"Error: failed to generate security options for container "web": failed to generate seccomp security options for container: cannot load seccomp profile "/var/lib/kubelet/seccomp/cart.json": open /var/lib/kubelet/seccomp/cart.json: no such file or directory"#,
        r#"Pod was rejected: Cannot enforce AppArmor: profile "cart" is not loaded"#,
        r#"Error: failed to generate container "5d2a" spec: failed to generate apparmor spec opts: apparmor profile not found cart"#,
    ],
    ..USUAL
};

/// The text carries the container's whole specification, in which every setting has its name (Kubernetes:
/// pkg/kubelet/kuberuntime/kuberuntime_manager.go, "start failed in pod"); or it is of a file's label, not of a profile.
const A_SPEC: &[&str] = &["&container{", "securitycontext", "relabel"];

/// A GPU or another device cannot be given to the container.
pub(super) const DEVICE_UNAVAILABLE: Cause = Cause {
    id: "DeviceUnavailable",
    stage: Stage::Create,
    scope: Scope::Node,
    summary: "A device (usually a GPU) cannot be given to the container: driver, device plugin or CDI description is missing or broken on this node.",
    says: "The device[ {device}] that the container asks for cannot be given to it on this node: its driver, device plugin or CDI description is broken or not ready. Image and network are fine.",
    rules_out: "The image is here; network and the pod's command are not the cause.",
    advice: "check the driver here (nvidia-smi) and the device plugin's pod. App: delete the pod to move it.",
    mends: "",
    steps: &[
        "Does the driver work? `nvidia-smi` on the node; `dmesg | grep -iE 'nvrm|xid'`; after a kernel update the module may be missing.",
        "Does the plugin run, and what does it offer? `kubectl get pods -A -o wide | grep device-plugin`, `kubectl describe node NODE` (allocatable).",
        "CDI: `nvidia-ctk cdi list`, files in `/etc/cdi` and `/var/run/cdi`; `nvidia-ctk cdi generate` writes them anew.",
        "`Allocate failed` or `no healthy devices`: the pod was rejected for good; delete it (its owner makes another) once the plugin reports healthy devices.",
    ],
    signs: &[
        Sign::of(&["nvidia-container-cli"]).within(START),
        Sign::of(&["nvidia-container-runtime"]).within(START),
        Sign::of(&["ing hook", "nvidia"]).within(START),
        Sign::of(&["nvml error"]),
        Sign::of(&["nvml: "]),
        Sign::of(&["gpu is lost"]),
        Sign::of(&["initialize nvml"]),
        Sign::of(&["load nvml"]),
        Sign::of(&["unresolvable cdi device"]),
        Sign::of(&["inject", "cdi device"]),
        Sign::of(&["cdi device injection"]),
        Sign::of(&["failed", "cdi device"]).within(START),
        Sign::of(&["could not select device driver"]),
        Sign::of(&["allocate failed due to"]).but(&["no space left on device"]),
        Sign::of(&["no healthy devices"]),
        Sign::of(&["unregistered device"]),
        Sign::of(&["number of devices unavailable"]),
        Sign::of(&["gathering device information"]),
        Sign::of(&["not a device node"]),
        Sign::of(&["device plugin ", " rpc failed"]),
        Sign::of(&["register device plugin", "fail"]),
        Sign::of(&["could not register device plugin"]),
        Sign::of(&["listandwatch ended unexpectedly"]),
        Sign::of(&["prepare dynamic resources"]),
        Sign::of(&["dra driver ", "not registered"]),
        Sign::of(&["list of registered dra plugins"]),
        Sign::of(&["lstat /dev/", "no such file or directory"]).within(START),
    ],
    examples: &[
        "Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error running hook #0: error running hook: exit status 1, stdout: , stderr: nvidia-container-cli: initialization error: load library failed: libnvidia-ml.so.1: cannot open shared object file: no such file or directory: unknown",
        "Pod was rejected: Allocate failed due to no healthy devices present; cannot allocate unhealthy devices example.com/fpga, which is unexpected",
        "Error: failed to create containerd task: failed to generate spec: CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=0",
        "Error: container create failed: error executing hook `/usr/bin/nvidia-container-toolkit` (exit code: 1)",
    ],
    ..USUAL
};

/// The memory limit does not even suffice to start the container.
pub(super) const MEMORY_LIMIT_TOO_LOW: Cause = Cause {
    id: "MemoryLimitTooLow",
    stage: Stage::Start,
    scope: Scope::Pod,
    owner: Owner::App,
    summary: "The container's memory limit is too low even to start it.",
    says: "The memory limit[ ({limit} bytes)] is too low to start the container: it is used up before the command runs. The image is here; node and network are fine.",
    rules_out: "The image is here; the node has memory: it is the container's own limit that is hit.",
    advice: "raise resources.limits.memory, and check its unit: 128Mi, not 128m (thousandths of a byte).",
    mends: "It will not mend itself.",
    steps: &[
        "See the limit: `kubectl get pod POD -o yaml` (`resources.limits.memory`); `m` is thousandths, `M` 10^6, `Mi` 2^20; a LimitRange may have set it.",
        "A container runtime needs about 10 MiB of the container's own limit to start it; a big Secret or emptyDir in memory counts too.",
        "If a running container's limit was lowered: it uses more than that already; restart it.",
    ],
    signs: &[
        Sign::of(&["oom-killed"]).within(START),
        Sign::of(&["memory limit too low"]),
        Sign::of(&["memory limit could be too low"]),
        Sign::of(&["set memory limit ", "too low"]),
        Sign::of(&["unable to set memory limit to"]),
        Sign::of(&["minimum memory limit allowed"]),
        Sign::of(&["memory.limit_in_bytes", "device or resource busy"]),
        Sign::of(&["memory.max", "device or resource busy"]),
        Sign::of(&["out of memory", "runc:["]),
        Sign::of(&["oom-kill", "task=runc:["]),
    ],
    examples: &[
        "Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: container init was OOM-killed (memory limit too low?): unknown",
        "Error: set memory limit 4194304 too low; should be at least 12582912 bytes",
        "Memory cgroup out of memory: Killed process 4711 (runc:[2:INIT]) total-vm:1203944kB, anon-rss:3840kB",
    ],
    ..USUAL
};

/// The control group of a pod or container cannot be made or set up.
pub(super) const CGROUP_FAILURE: Cause = Cause {
    id: "CgroupFailure",
    stage: Stage::Create,
    scope: Scope::Node,
    summary: "The control group of the pod or container cannot be made or set up: a wrong driver, systemd that does not answer, or the kernel's limit.",
    says: "This node cannot make the control group of the pod or container: cgroup drivers that differ, systemd not answering, or a limit of the kernel. Image, network and the pod are fine.",
    rules_out: "Image, network and the pod itself are fine.",
    advice: "kubelet and runtime must use one cgroup driver; see systemctl status, and /proc/cgroups for leaked groups.",
    mends: "",
    steps: &[
        "One driver for both: `grep cgroupDriver /var/lib/kubelet/config.yaml`, containerd `SystemdCgroup`, CRI-O `cgroup_manager`; with cgroup v2 use systemd.",
        "systemd: `systemctl is-system-running`, `systemctl list-units --type=slice --type=scope | wc -l`, `busctl --system list | head`; after a D-Bus restart `systemctl daemon-reexec`.",
        "`no space left on device` or `cannot allocate memory` on a mkdir below /sys/fs/cgroup is no full disk: `cat /proc/cgroups` (65,535 memory groups are the limit); old kernels leak them, a reboot frees them.",
        "A controller that is missing: `cat /sys/fs/cgroup/cgroup.controllers`, the kernel's command line (`cgroup_enable=memory`).",
    ],
    signs: &[
        Sign::of(&["cgroup"]).within(START).but(NOISE_OF_CGROUPS),
        Sign::of(&["sd-bus call"]),
        Sign::of(&["dbus"]).within(START).but(&["plugin type="]),
        Sign::of(&["systemd", "unit"]).within(START).but(&["plugin type="]),
        Sign::of(&["unit ", ".slice"]).within(START),
        Sign::of(&["unit ", ".scope"]).within(START),
        Sign::of(&["devices.allow"]).within(START),
        Sign::of(&["cpu.cfs_"]).within(START),
        Sign::of(&["cpuset.cpus"]).within(START),
        Sign::of(&["writing file `cpu"]).within(START),
        Sign::of(&["failed to create container for [kubepods"]),
        Sign::of(&["unable to ensure pod container exists"]),
        Sign::of(&["cgroups exist and are correctly applied"]),
        Sign::of(&["cgroup driver", "different from"]),
        Sign::of(&["cgroup driver", "misconfiguration"]),
        Sign::of(&["slice:prefix:name"]),
        Sign::of(&["should be a valid slice named"]),
        Sign::of(&["qos", "cgroup", "fail"]).but(NOISE_OF_CGROUPS),
        Sign::of(&["top level qos containers", "fail"]),
        Sign::of(&["node allocatable", "cgroup"]),
        Sign::of(&["cgroup subsystem", "not mounted"]),
        Sign::of(&["cgroup mountpoint does not exist"]),
        Sign::of(&["cgroup isn't mounted"]),
        Sign::of(&["mountpoint for ", "not found"]).within(START),
        Sign::of(&["mkdir /sys/fs/cgroup/"]),
    ],
    examples: &[
        r#"Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: unable to apply cgroup configuration: unable to start unit "cri-containerd-5d2a.scope": Unit cri-containerd-5d2a.scope already exists.: unknown"#,
        "unable to ensure pod container exists: failed to create container for [kubepods burstable pod0f4c] : mkdir /sys/fs/cgroup/memory/kubepods/burstable/pod0f4c: no space left on device",
        r#"failed to run Kubelet: misconfiguration: kubelet cgroup driver: "cgroupfs" is different from docker cgroup driver: "systemd""#,
        "Error: container create failed: sd-bus call: Connection timed out",
    ],
    ..USUAL
};

/// Words about cgroups in texts that have another cause, or none.
const NOISE_OF_CGROUPS: &[&str] = &[
    "inotify",
    "cgroup stats",
    "stats for",
    "remove cgroup",
    "oom kill count",
    "subsystem does not exist",
    "delete cgroup",
    "plugin type=",
    "networkplugin",
    "network for sandbox",
    "mountvolume",
];

/// A hook around the container's start failed.
pub(super) const HOOK_FAILED: Cause = Cause {
    id: "HookFailed",
    stage: Stage::Hook,
    scope: Scope::Pod,
    owner: Owner::App,
    summary: "A hook that runs around the container's start failed: the pod's postStart hook, or one that the runtime was told to run.",
    says: "A hook at the container's start failed (postStart, or one of the runtime's), so it was stopped. Image, network and the container's own command are not the cause.",
    rules_out: "Image and network are fine, and so is the container's own command.",
    advice: "run the postStart command in the container by hand; a runtime hook's own log says more.",
    mends: "Retried at most 5 min apart.",
    steps: &[
        "What it runs: `kubectl get pod POD -o yaml` (`lifecycle.postStart`); it starts beside the container's command, so what it needs may not be up yet: let it retry.",
        "Its output is not in the Event: `journalctl -u kubelet | grep -i hook` on the node; in the container `kubectl exec POD -- COMMAND`.",
        "The program of an exec hook must be in the container's own image.",
        "A runtime hook (`error running hook`): `/usr/share/containers/oci/hooks.d`, `/etc/containers/oci/hooks.d`, or the runtime's wrapper.",
    ],
    signs: &[
        Sign::of(&["poststarthook failed"]),
        Sign::of(&["poststarthookerror"]),
        Sign::of(&["failedpoststarthook"]),
        Sign::of(&["lifecycle hook", "fail"]).but(&["prestop"]),
        Sign::of(&["poststart hook"]),
        Sign::of(&["poststart handler"]),
        Sign::of(&["prestarthook"]),
        Sign::of(&["prestart hook"]),
        Sign::of(&["precreatecontainer hook failed"]),
        Sign::of(&["prestartcontainer hook failed"]),
        Sign::of(&["running hook"]).within(START),
        Sign::of(&["error running ", " hook #"]),
        Sign::of(&["error executing hook"]),
    ],
    examples: &[
        r#"Exec lifecycle hook ([/bin/sh -c /warm-up]) for Container "web" in Pod "cart-0_shop(0f4c)" failed - error: command '/bin/sh -c /warm-up' exited with 1: , message: """#,
        "PostStartHook failed",
        "Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error running prestart hook #0: exit status 2, stdout: , stderr: : unknown",
    ],
    ..USUAL
};

/// The OCI runtime or its shim failed, in a way that no other cause names.
pub(super) const RUNTIME_FAILED: Cause = Cause {
    id: "RuntimeFailed",
    stage: Stage::Start,
    scope: Scope::Pod,
    summary: "The OCI runtime (runc, crun …) or its shim failed to make the container.",
    says: "The OCI runtime or its shim failed, in a way that names no other cause. The image was pulled; registry and pod network are not the cause.",
    rules_out: "The image was pulled; registry and pod network are not the cause.",
    advice: "read the runtime's log here (journalctl -u containerd -u crio); does another pod start on this node?",
    mends: "Retried at most 5 min apart.",
    rest: true,
    steps: &[
        "The words that say most stand last in the kubelet's Event: `kubectl describe pod POD`; more in `journalctl -u containerd -u crio --since -15min`.",
        "Is it the node? Start a plain pod on it: `kubectl run probe --image=IMAGE --overrides='{\"spec\":{\"nodeName\":\"NODE\"}}'`.",
        "Are the runtime's own programs there, and do their versions fit? `which runc crun containerd-shim-runc-v2 conmon`, `runc --version`, `uname -r`.",
        "Is it the pod? Take off what is special about it, one by one: user, workingDir, sysctls, capabilities, hostUsers, runtimeClassName.",
    ],
    signs: &[
        Sign::of(&["oci runtime", "fail"]).but(ANOTHER_STEP),
        Sign::of(&["oci runtime", "error"]).but(ANOTHER_STEP),
        Sign::of(&["containerd task", "fail"]),
        Sign::of(&["shim task", "fail"]),
        Sign::of(&["create shim:"]),
        Sign::of(&["start shim"]),
        Sign::of(&["containerd-shim", "fail"]),
        Sign::of(&["containerd-shim", "exec: \""]),
        Sign::of(&["ttrpc: closed"]),
        Sign::of(&["runc create failed"]),
        Sign::of(&["runc did not terminate"]),
        Sign::of(&["runtime create failed"]),
        Sign::of(&["runtime start failed"]),
        Sign::of(&["runtime exec failed"]),
        Sign::of(&["exec: \"runc\""]),
        Sign::of(&["fork/exec /", "/runc:"]),
        Sign::of(&["fork/exec /", "/crun:"]),
        Sign::of(&["container create failed"]),
        Sign::of(&["container creation error"]),
        Sign::of(&["container start failed"]).but(ANOTHER_STEP),
        Sign::of(&["create container failed"]).but(ANOTHER_STEP),
        Sign::of(&["start container failed"]).but(ANOTHER_STEP),
        Sign::of(&["containerd container", "fail"]),
        Sign::of(&["failed to generate container \""]),
        Sign::of(&["starting container process"]),
        Sign::of(&["start container process"]),
        Sign::of(&["container_linux.go"]),
        Sign::of(&["create new parent process"]),
        Sign::of(&["is not in created state"]),
        Sign::of(&["cannot start a stopped process"]),
        Sign::of(&["cannot start a container that has stopped"]),
        Sign::of(&["createcontainer failed"]),
        Sign::of(&["creating container storage"]),
        Sign::of(&["creating read-write layer"]),
        Sign::of(&["relabel", "failed"]).within(&[Operation::Container]),
        Sign::of(&["error response from daemon"]).within(&[Operation::Container]).but(ANOTHER_STEP),
        Sign::of(&["failed to exec in container"]).but(&["deadline exceeded"]),
        Sign::of(&["start sandbox container", "error response from daemon"]).but(&["no such container"]),
        Sign::of(&["from runtime service failed"]).within(&[Operation::Container]).but(ANOTHER_STEP),
        Sign::of(&["failed to start container \""]).but(ANOTHER_STEP),
        Sign::of(&["failed to create container"]).but(ANOTHER_STEP),
        Sign::of(&["docker container with error"]).but(ANOTHER_STEP),
        Sign::of(&["runcontainer: "]).but(ANOTHER_STEP),
        Sign::of(&["runcontainererror"]).but(ANOTHER_STEP),
        Sign::of(&["createcontainererror"]).but(ANOTHER_STEP),
        Sign::of(&["unable to find user "]),
        Sign::of(&["unable to find group "]),
        Sign::of(&["no matching entries in passwd file"]),
        Sign::of(&["crun: "]),
        Sign::of(&["conmon", "fail"]),
    ],
    examples: &[
        "Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: can't get final child's PID from pipe: EOF: unknown",
        r#"failed to start shim: start failed: exec: "containerd-shim-runc-v2": executable file not found in $PATH"#,
        "Error: container create failed: crun: openat2 `proc/sys/net/core/somaxconn`: Permission denied",
        r#"Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: chdir to cwd ("/srv/cart") set in config.json failed: permission denied: unknown"#,
    ],
    ..USUAL
};

/// The words name a step before or after the runtime's.
const ANOTHER_STEP: &[&str] = &[
    "errimagepull",
    "imagepullbackoff",
    "crashloopbackoff",
    "restarting failed",
    "execsync",
    "pull image",
    "pull and unpack",
];
