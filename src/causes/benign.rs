//! Good news, and news that is neither good nor bad. A text that is one of these names no cause, whatever else is in it:
//! a claim made on it would be a false alarm.

/// Reasons of Events and conditions that come when things go well, or that speak of the application.
pub const REASONS: &[&str] = &[
    "Pulled",
    "Pulling",
    "Created",
    "Started",
    "Scheduled",
    "Killing",
    "FailedPreStopHook",
    "Unhealthy",
    "AddedInterface",
    "Preempting",
    "NodeReady",
    "KubeletReady",
    "NodeSchedulable",
    "NodeNotSchedulable",
    "RegisteredNode",
    "NodeAllocatableEnforced",
    "NodeHasSufficientMemory",
    "NodeHasNoDiskPressure",
    "NodeHasSufficientPID",
    "NodeHasSufficientDisk",
    "KubeletHasSufficientMemory",
    "KubeletHasNoDiskPressure",
    "KubeletHasSufficientPID",
    "KubeletHasSufficientDisk",
    "SuccessfulAttachVolume",
    "SuccessfulMountVolume",
    "SuccessfulCreate",
    "SuccessfulDelete",
    "LeaderElection",
];

/// Parts of texts that come when things go well, in lower case.
pub const PARTS: &[&str] = &[
    "already present on machine",
    "successfully pulled image",
    "successfully assigned",
    "status is now: nodeready",
    "status is now: nodehasnodiskpressure",
    "status is now: nodehassufficient",
    "attachvolume.attach succeeded",
    "mountvolume.setup succeeded",
    "kubelet is posting ready status",
    "kubelet has sufficient",
    "kubelet has no disk pressure",
    "probe failed",
    "probe errored",
];
