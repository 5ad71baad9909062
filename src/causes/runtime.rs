//! Causes that lie in the container runtime itself.

use std::time::Duration;

use super::USUAL;
use crate::model::cause::{Cause, Probe, Scope};
use crate::model::sign::{
    Operation::{Node, RuntimeCall},
    Sign,
};
use crate::model::stage::Stage;

/// Where a lost connection is that of a driver or of a plugin, not that of the runtime.
const NOT_THE_RUNTIME: &[&str] =
    &["mountvolume", "attachvolume", "csi", "plugin type", "failed (add)", "failed (delete)"];

/// Nobody answers at the CRI socket, or only refuses.
pub const RUNTIME_DOWN: Cause = Cause {
    id: "RuntimeDown",
    stage: Stage::Runtime,
    scope: Scope::Node,
    summary: "The container runtime does not answer on its CRI socket.",
    says: "{runtime} does not answer on this node: {failure}. No pod can start or be stopped here[; {pods} waiting].",
    rules_out: "Images, network and the pods themselves are not the cause.",
    advice: "systemctl status {service}; journalctl -u {service} -n 50[; {hint}].",
    mends: "Once it answers, pods go on by themselves.",
    after: Duration::from_secs(5),
    steps: &[
        "`systemctl status containerd` (or `crio`, `docker`, `cri-docker`) and `journalctl -u containerd -n 50`: does it run, and on what did it end?",
        "`crictl --runtime-endpoint unix:///run/containerd/containerd.sock version`: does the socket answer? `ls -l` it; the kubelet's `--container-runtime-endpoint` must name the same one.",
        "\"unknown service runtime.v1\": the CRI plugin is off (`disabled_plugins = [\"cri\"]` in `/etc/containerd/config.toml`, as the docker.io package installs it) or the runtime is too old for this kubelet.",
        "`df -h /var/lib/containerd /run` and `dmesg -T | tail`: a full disk or a killed process is a usual reason. Then `systemctl restart containerd`; running containers survive it.",
    ],
    signs: &[
        Sign::of(&["dial unix", "containerd.sock"]),
        Sign::of(&["dial unix", "crio.sock"]),
        Sign::of(&["dial unix", "dockershim.sock"]),
        Sign::of(&["dial unix", "docker.sock"]),
        Sign::of(&["dial unix", "cri-dockerd.sock"]),
        Sign::of(&["dial unix", "/isulad.sock"]),
        Sign::of(&["failed to dial \"/run/", "containerd.sock"]),
        Sign::of(&["failed to dial", "containerd.sock", "deadline exceeded"]),
        Sign::of(&["//./pipe/containerd-containerd", "cannot find the file"]),
        Sign::of(&["//./pipe/docker_engine", "cannot find the file"]),
        Sign::of(&["cannot connect to the docker daemon"]),
        Sign::of(&["container runtime is down"]),
        Sign::of(&["container runtime is not up"]),
        Sign::of(&["container runtime is not running"]),
        Sign::of(&["runtime is unhealthy"]).within(&[RuntimeCall]),
        Sign::of(&["containerd is unhealthy"]),
        Sign::of(&["docker is unhealthy"]),
        Sign::of(&["runtimeready=false"]),
        Sign::of(&["unknown service runtime.v1"]),
        Sign::of(&["cri v1", "api is not implemented"]),
        Sign::of(&["get remote runtime typed version failed"]),
        Sign::of(&["unable to determine runtime api version"]),
        Sign::of(&["failed to connect to cri"]),
        Sign::of(&["failed to connect to containerd"]),
        Sign::of(&["connect endpoint 'unix://", "make sure you are running as root and the endpoint has been started"]),
        Sign::of(&["connect: connect endpoint 'unix://", "context deadline exceeded"]),
        Sign::of(&["unable to connect to cri"]),
        Sign::of(&["container runtime did not respond"]),
        Sign::of(&["container runtime sanity check failed"]),
        Sign::of(&["server is not initialized yet"]).within(&[RuntimeCall, Node]),
        Sign::of(&["code = unavailable", "transport is closing"]).but(NOT_THE_RUNTIME),
        Sign::of(&["code = unavailable", "error reading from server: eof"]).but(NOT_THE_RUNTIME),
        Sign::of(&["code = unavailable", "closing transport"]).but(NOT_THE_RUNTIME),
        Sign::of(&["all subconns are in transientfailure"]).but(NOT_THE_RUNTIME),
    ],
    needs: &[],
    examples: &[
        r#"rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused""#,
        "[container runtime is down, PLEG is not healthy: pleg was last seen active 4m12s ago; threshold is 3m0s]",
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        r#"validate service connection: CRI v1 runtime API is not implemented for endpoint "unix:///run/containerd/containerd.sock": rpc error: code = Unimplemented desc = unknown service runtime.v1.RuntimeService"#,
    ],
    probe: Some(Probe::RuntimeCalls),
    ..USUAL
};

/// The runtime answers, but so slowly that the kubelet gives up on it.
pub(super) const RUNTIME_SLOW: Cause = Cause {
    id: "RuntimeSlow",
    stage: Stage::Runtime,
    scope: Scope::Node,
    summary: "The container runtime answers too slowly: the kubelet's calls to it run into their deadlines.",
    says: "The container runtime of this node is slow or hangs: the kubelet gets no answer in time[ (PLEG last active {active} ago)]. Pods cannot start or stop; they are not the cause.",
    rules_out: "Pods, images and registries are not the cause; the runtime's socket is there.",
    advice: "time crictl ps; cat /proc/pressure/io; processes in state D? A drain may hang.",
    mends: "It goes on by itself if the load falls.",
    after: Duration::from_secs(5),
    steps: &[
        "`time crictl ps -a` and `time crictl pods`: does a list take seconds? `crictl ps -aq | wc -l`: thousands of dead containers make it slow.",
        "`cat /proc/pressure/io /proc/pressure/cpu`, `iostat -x 2 3`: a saturated disk is the commonest reason; a cloud disk out of burst credits looks the same.",
        "`ps -eo pid,stat,wchan:32,args | awk '$2 ~ /D/'`: a shim or the runtime on a dead mount (NFS) hangs every list. Bring that server back.",
        "`journalctl -u containerd --since -15min | grep -iE 'timeout|deadline'`; `kill -USR1 $(pidof containerd)` writes its stacks to its log. Then restart it.",
    ],
    signs: &[
        Sign::of(&["pleg was last seen active"]),
        Sign::of(&["pleg is not healthy"]).but(&["yet to be successful"]),
        Sign::of(&["listpodsandbox", "deadlineexceeded"]),
        Sign::of(&["listpodsandbox", "deadline exceeded"]),
        Sign::of(&["listcontainers", "deadline exceeded"]),
        Sign::of(&["podsandboxstatus", "deadline exceeded"]),
        Sign::of(&["containerstatus", "deadline exceeded"]),
        Sign::of(&["status from runtime service failed", "deadline exceeded"]),
        Sign::of(&["version from runtime service failed", "deadline exceeded"]),
        Sign::of(&["imagefsinfo", "deadline exceeded"]),
        Sign::of(&["listimages", "deadline exceeded"]),
        Sign::of(&["genericpleg", "deadline exceeded"]),
        Sign::of(&["unable to retrieve pods", "deadline exceeded"]),
        Sign::of(&["failed to get sandbox status", "deadline exceeded"]),
        Sign::of(&["container runtime sanity check", "deadline exceeded"]),
        Sign::of(&["stopcontainer", "deadline exceeded"]),
        Sign::of(&["stoppodsandbox", "deadline exceeded"]),
        Sign::of(&["killcontainererror", "deadline exceeded"]),
        Sign::of(&["killpodsandboxerror", "deadline exceeded"]),
        Sign::of(&["removecontainer", "deadline exceeded"]),
        Sign::of(&["removepodsandbox", "deadline exceeded"]),
    ],
    examples: &[
        "PLEG is not healthy: pleg was last seen active 3m41.2s ago; threshold is 3m0s",
        r#""ListPodSandbox with filter from runtime service failed" err="rpc error: code = DeadlineExceeded desc = context deadline exceeded" filter="nil""#,
        r#"error killing pod: failed to "KillContainer" for "web" with KillContainerError: "rpc error: code = DeadlineExceeded desc = context deadline exceeded""#,
    ],
    ..USUAL
};
