//! One made-up case of each cause, with facts as long as they usually are: what the documentation shows as its sentence,
//! and what tests hold to its length. Nothing of it is ever reported.

use super::phrase::{Facts, sentence};
use super::{extract, text};
use crate::model::cause::Cause;

/// Facts of the example, by cause. Causes of one stage share theirs; a template takes what it names.
const FACTS: &[(&str, &[(&str, &str)])] = &[
    (
        "RuntimeDown",
        &[
            ("runtime", "containerd"),
            ("failure", "nobody listens on /run/containerd/containerd.sock"),
            ("service", "containerd"),
            ("journal", "-u containerd"),
            ("pods", "2 pods"),
        ],
    ),
    (
        "SandboxImageUnavailable",
        &[
            ("image", "registry.k8s.io/pause:3.10"),
            ("inner", "its registry's name does not resolve"),
            ("pods", "2 pods"),
        ],
    ),
    (
        "PauseImageMissing",
        &[("image", "registry.k8s.io/pause:3.10"), ("inner", "no answer in time"), ("ready", "Ready")],
    ),
    ("KubeletCrashLooping", &[("starts", "4"), ("words", "running with swap on is not supported")]),
    ("RuntimeCrashLooping", &[("starts", "4"), ("words", "panic: assertion failed: Page expected to be: 7")]),
    (
        "NodeCannotStartPods",
        &[
            ("which", "Pods with their own network"),
            ("ready", "Ready"),
            ("failed", "11"),
            ("began", "02:51 UTC"),
            ("cause", "CniFailed"),
            ("why", "CniFailed. The CNI plugin failed for a reason of its own."),
        ],
    ),
    ("CniConfigMissing", &[("dir", "/etc/cni/net.d"), ("runtime", "containerd"), ("pods", "2 pods")]),
    (
        "CniPluginMissing",
        &[
            ("ready", "Ready"),
            ("plugin", "flannel"),
            ("dirs", "/opt/cni/bin"),
            ("network", "cbr0"),
            ("file", "/etc/cni/net.d/10-flannel.conflist"),
            ("pods", "2 pods"),
        ],
    ),
    (
        "RegistryNameUnresolved",
        &[
            ("registry", "registry.example.com"),
            ("spelled", "registry.example.com"),
            ("server", "10.0.0.2:53"),
            ("answer", "no such host"),
        ],
    ),
    (
        "RegistryUnreachable",
        &[
            ("registry", "registry.example.com"),
            ("url", "https://registry.example.com/v2/"),
            ("resolved", "203.0.113.9:443"),
            ("answer", "no answer in time"),
        ],
    ),
    (
        "ImageAccessDenied",
        &[
            ("asked", "registry.example.com"),
            ("answer", "403"),
            ("secrets", "The pod uses pull secret regcred"),
            ("login", "renew pull secret regcred (expired token?)"),
        ],
    ),
    (
        "ImagePullStalled",
        &[
            ("still", "28 s"),
            ("done", "3.1 GB"),
            ("total", "9.8 GB"),
            ("percent", "31 %"),
            ("layer", "7ade81c7589d"),
            ("fine", "Name, login and image"),
            ("move", "delete the pod: its ReplicaSet makes another, maybe elsewhere."),
            ("patience", "5 min"),
        ],
    ),
    (
        "ImagePullSlow",
        &[
            ("done", "3.1 GB"),
            ("total", "9.8 GB"),
            ("percent", "31 %"),
            ("for", "4 min"),
            ("rate", "13 MB/s"),
            ("left", "8 min 35 s"),
        ],
    ),
    (
        "ConfigReferenceMissing",
        &[("missing", "ConfigMap cart-settings does not exist in namespace shop"), ("variables", "DB_HOST")],
    ),
    ("CommandNotFound", &[("image", "registry.example.com/shop/cart:2.14.1"), ("command", "program /bin/cart")]),
    ("KubeletPullThrottled", &[("budget", "registryPullQPS 5, registryBurst 10"), ("others", "27 other pods wait")]),
    ("ImageUnpackSlow", &[("total", "9.8 GB"), ("layers", "12 layers"), ("for", "1 min 20 s")]),
    (
        "ImagePullQueued",
        &[
            ("for", "5 min 4 s"),
            ("at_once", "one"),
            ("head", "bank/ledger"),
            ("ahead", "another namespace's (name withheld)"),
            ("progress", "no byte for 4 min"),
            ("before", "2 more"),
            ("remedy", "serializeImagePulls: false helps"),
            ("move", "wait; a DaemonSet's pod belongs to its node."),
        ],
    ),
    (
        "SandboxStalled",
        &[
            ("plugin", "cilium-cni"),
            ("command", "ADD"),
            ("age", "1 min 34 s"),
            ("process", "pid 24711"),
            ("pid", "24711"),
            ("runtime", "containerd"),
            ("for", "1 min 34 s"),
            ("daemon", "kube-system/cilium-x7k2p, the network's daemon here, is in CrashLoopBackOff"),
        ],
    ),
    (
        "CniHung",
        &[
            ("runtime", "containerd"),
            ("plugin", "cilium-cni"),
            ("age", "1 min 34 s"),
            ("process", "pid 24711"),
            ("pid", "24711"),
            ("pods", "2 pods"),
        ],
    ),
    (
        "CniPodNotRunning",
        &[
            ("daemon", "kube-system/cilium-x7k2p"),
            ("stands", "is in CrashLoopBackOff"),
            ("namespace", "kube-system"),
            ("name", "cilium-x7k2p"),
            ("pods", "2 pods"),
        ],
    ),
    (
        "VolumeNotReady",
        &[
            ("for", "1 min 4 s"),
            ("volume", "data (PVC data-cart-0)"),
            ("events", "no Event says why"),
            ("unattached", "ebs.csi.aws.com"),
        ],
    ),
    ("VolumeOwnershipSlow", &[("for", "1 min 4 s"), ("volume", "pvc-0a1b"), ("files", "184210")]),
    (
        "ResourceClaimNotPrepared",
        &[("for", "1 min 4 s"), ("claim", "gpu"), ("events", "no Event says why"), ("driver", "gpu.example.com")],
    ),
    ("HookRunning", &[("for", "1 min 4 s"), ("runtime", "containerd")]),
    (
        "SidecarNotStarted",
        &[("container", "proxy"), ("which", "2 of 2"), ("for", "1 min 4 s"), ("namespace", "shop"), ("pod", "cart-0")],
    ),
    (
        "InitContainerRunning",
        &[
            ("container", "migrate"),
            ("which", "1 of 2"),
            ("for", "1 min 4 s"),
            ("restarts", "after 2 restarts"),
            ("namespace", "shop"),
            ("pod", "cart-0"),
        ],
    ),
    ("MountHung", &[("filesystem", "nfs4")]),
    ("NodeIoSaturated", &[("stalled", "71 %")]),
    ("NodeCpuStarved", &[("waited", "97 %")]),
    ("ServiceVipUnreachable", &[("api", "api.example.com:6443"), ("vip", "10.96.0.1:443")]),
    (
        "PodIpLeaked",
        &[
            ("leaked", "41"),
            ("used", "253"),
            ("limit", "253"),
            ("range", "10.244.7.0/24"),
            ("dir", "/var/lib/cni/networks/cbr0"),
        ],
    ),
    ("KubeletNotSyncing", &[("for", "1 min 4 s"), ("runtime", "containerd"), ("others", "no other pod")]),
    ("Unclassified", &[("stage", "Start"), ("quote", "failed to create shim task: ttrpc: closed")]),
];

/// What every case about a container and its image has.
const COMMON: &[(&str, &str)] = &[
    ("container", "web"),
    ("host", "registry.example.com"),
    ("path", "shop/cart"),
    ("version", "2.14.1"),
    ("tested", "Login and image are untested"),
];

/// The facts of a usual case of this cause: its own, then what its first example says, then what every case has.
#[must_use]
pub fn facts(cause: &Cause) -> Facts {
    let own = FACTS.iter().find(|(id, _)| *id == cause.id).map_or(&[][..], |(_, facts)| facts);
    let told = cause.examples.first().map(|text| extract::told(cause, &text::peel(text))).unwrap_or_default();
    collect(own).or(told).or(collect(COMMON))
}

fn collect(facts: &[(&'static str, &str)]) -> Facts {
    facts.iter().fold(Facts::default(), |facts, (name, value)| facts.with(name, value))
}

/// What its Event says in that case.
#[must_use]
pub fn of(cause: &Cause) -> String {
    sentence(cause, &facts(cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes;
    use crate::diagnose::phrase::fill;

    #[test]
    fn the_usual_event_of_every_cause_stays_under_three_hundred_bytes() {
        let long: Vec<_> = causes::ALL.iter().map(|cause| of(cause)).filter(|said| said.len() >= 300).collect();
        assert!(long.is_empty(), "{:#?}", long.iter().map(|said| (said.len(), said)).collect::<Vec<_>>());
    }

    #[test]
    fn an_advice_stands_without_any_fact() {
        for cause in causes::ALL {
            let (advice, lacks) = fill(cause.advice, &Facts::default());
            assert!(lacks.is_empty() && advice.len() > 10, "{}: {advice}", cause.id);
        }
    }

    #[test]
    fn every_example_knows_all_that_its_sentence_names() {
        for cause in causes::ALL {
            for template in [cause.says, cause.gist, cause.advice] {
                assert_eq!(fill(template, &facts(cause)).1, Vec::<&str>::new(), "{}", cause.id);
            }
        }
    }
}
