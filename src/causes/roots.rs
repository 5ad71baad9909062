//! Which cause of the node brings which others about: where both are found the first is told, and the second is evidence for
//! it. Data; a row claims no more than that one cause by itself explains the other.

/// What looks like the runtime's own fault.
const RUNTIME: &[&str] = &["RuntimeDown", "RuntimeSlow", "RuntimeCrashLooping", "RuntimeFailed", "CgroupFailure"];
/// What looks like the kubelet's own fault.
const KUBELET: &[&str] = &["KubeletDown", "KubeletCrashLooping"];
/// What a pod that starts runs into where nothing can be written. Here as below `NodeCannotStartPods` is that of pods of
/// which no more is known than that they wait: of others that together, what each fails for counts.
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
    ("FileDescriptorsExhausted", &[RUNTIME, TIMEOUTS, &["PauseImageMissing", "SandboxImageUnavailable"]]),
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
    ("CniPodNotRunning", &[&["CniBackendDown", "CniFailed", "CniConfigMissing", "NodeCannotStartPods"]]),
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
    use std::time::Duration;

    use super::*;
    use crate::causes;
    use crate::model::stage::Stage;

    /// When something is found wrong each probe looks again within a fifth of its period and a half (observe/host/prober).
    const LOOKED_WITHIN: Duration = Duration::from_secs(5);

    #[test]
    fn no_symptom_is_told_before_its_root_had_the_time_for_a_look() {
        /// Known only after three starts: whatever brings them about was there before.
        const LATE: &[&str] = &["KubeletCrashLooping", "RuntimeCrashLooping"];
        let symptoms = ROOTS.iter().flat_map(|(_, symptoms)| symptoms.iter().copied().flatten());
        for symptom in symptoms.filter(|id| !LATE.contains(id)) {
            let cause = causes::by_id(symptom).unwrap();
            // What is told on pods alone is in the kubelet's words, and names the root by itself where there is one.
            let of_node = cause.told_on_node() || cause.stage == Stage::Node;
            assert!(!of_node || cause.after >= LOOKED_WITHIN, "{symptom} after {:?}", cause.after);
        }
    }

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
