//! Which cause of the node brings which others about: where both are found the first is told, and the second is evidence for
//! it. Data; a row claims no more than that one cause by itself explains the other.

/// What looks like the runtime's own fault.
const RUNTIME: &[&str] = &["RuntimeDown", "RuntimeSlow", "RuntimeCrashLooping", "RuntimeFailed", "CgroupFailure"];
/// What looks like the kubelet's own fault.
const KUBELET: &[&str] = &["KubeletDown", "KubeletCrashLooping"];
/// What a pod that starts runs into where nothing can be written.
const WRITES: &[&str] = &[
    "PauseImageMissing",
    "SandboxImageUnavailable",
    "ImageUnpackFailed",
    "ImageCorrupt",
    "CniFailed",
    "VolumeMountFailed",
    "NodeCannotStartPods",
];
/// What calls to the runtime run into that end too late.
const TIMEOUTS: &[&str] = &[
    "SandboxTimeout",
    "ContainerCreateTimeout",
    "SandboxNameConflict",
    "ContainerNameConflict",
    "NodeCannotStartPods",
];
/// What nobody can tell of a node whose runtime does not answer, or what follows from that.
const OF_A_DEAD_RUNTIME: &[&str] = &[
    "RuntimeSlow",
    "CniHung",
    "CniConfigMissing",
    "CniPodNotRunning",
    "PauseImageMissing",
    "SandboxImageUnavailable",
    "KubeletCrashLooping",
];

/// A cause, and lists of those that it brings about. Most fundamental first.
const ROOTS: &[(&str, &[&[&str]])] = &[
    ("KernelFault", &[&["FilesystemReadOnly", "MountHung", "NodeIoSaturated"], RUNTIME, KUBELET, WRITES, TIMEOUTS]),
    ("FilesystemReadOnly", &[RUNTIME, KUBELET, WRITES]),
    ("DiskFull", &[RUNTIME, KUBELET, WRITES, TIMEOUTS]),
    ("InodesExhausted", &[RUNTIME, KUBELET, WRITES]),
    ("MountHung", &[&["NodeIoSaturated"], RUNTIME, KUBELET, TIMEOUTS]),
    ("MemoryPressure", &[&["NodeIoSaturated", "NodeCpuStarved"], RUNTIME, KUBELET, TIMEOUTS]),
    ("NodeIoSaturated", &[&["NodeCpuStarved", "RuntimeSlow"], TIMEOUTS]),
    ("NodeCpuStarved", &[&["RuntimeSlow"], TIMEOUTS]),
    ("FileDescriptorsExhausted", &[RUNTIME, TIMEOUTS]),
    ("PidsExhausted", &[RUNTIME, KUBELET]),
    ("InotifyExhausted", &[RUNTIME, KUBELET, &["CniConfigMissing"]]),
    ("SwapUnsupported", &[KUBELET]),
    ("CgroupV1Refused", &[KUBELET]),
    ("CgroupFailure", &[KUBELET]),
    ("KubeletConfigInvalid", &[KUBELET]),
    ("KubeletPortTaken", &[KUBELET]),
    ("ClockSkewed", &[KUBELET, &["KubeletCredentialInvalid", "ApiServerUnreachable"]]),
    ("KubeletCredentialInvalid", &[KUBELET]),
    ("ApiServerUnreachable", &[KUBELET, &["CniBackendDown", "CniFailed"]]),
    ("ServiceVipUnreachable", &[&["CniBackendDown", "CniFailed"]]),
    ("RuntimeCrashLooping", &[&["RuntimeDown"], OF_A_DEAD_RUNTIME, TIMEOUTS]),
    ("RuntimeTooOld", &[KUBELET, &["RuntimeDown"], OF_A_DEAD_RUNTIME, TIMEOUTS]),
    ("RuntimeDown", &[OF_A_DEAD_RUNTIME, TIMEOUTS]),
    ("RuntimeSlow", &[TIMEOUTS]),
    ("KubeletCrashLooping", &[&["KubeletDown"]]),
    ("CniHung", &[&["RuntimeSlow"], TIMEOUTS]),
    ("CniConfigInvalid", &[&["CniConfigMissing", "CniFailed"]]),
    ("CniPluginMissing", &[&["CniFailed"]]),
    ("CniBackendDown", &[&["CniFailed", "CniConfigMissing"], TIMEOUTS]),
    ("CniPodNotRunning", &[&["CniBackendDown", "CniFailed", "CniConfigMissing"]]),
    ("PodIpLeaked", &[&["PodIpExhausted"]]),
    ("PauseImageMissing", &[&["SandboxImageUnavailable"]]),
];

/// Whether `root` by itself explains `symptom`.
#[must_use]
pub fn explains(root: &str, symptom: &str) -> bool {
    let row = ROOTS.iter().find(|(id, _)| *id == root);
    row.is_some_and(|(_, symptoms)| symptoms.iter().any(|list| list.contains(&symptom)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes;

    #[test]
    fn every_row_names_causes_of_the_catalogue_and_none_explains_itself() {
        for (root, symptoms) in ROOTS {
            assert!(causes::by_id(root).is_some(), "{root}");
            for symptom in symptoms.iter().copied().flatten() {
                assert!(causes::by_id(symptom).is_some(), "{symptom} of {root}");
                assert_ne!(root, symptom);
                assert!(!explains(symptom, root), "{root} and {symptom} explain each other");
            }
        }
    }
}
