//! Which lines of the kubelet's journal are of one pod, and the Events that it makes of the same words. Pure.

use crate::model::ids::PodId;
use crate::model::pod::PodEvent;
use crate::probe::journal::Line;

/// A form of line, and the Event with the same words.
struct Form {
    /// What the line has, in this order; the last is what its words begin behind.
    marks: &'static [&'static str],
    reason: &'static str,
    /// Nobody else knows more of it.
    suffices: bool,
}

const FORMS: &[Form] = &[
    // Kubernetes: pkg/kubelet/kuberuntime/kuberuntime_sandbox.go, in the words of pod_workers.go
    Form {
        marks: &[
            "\"Error syncing pod, skipping\"",
            "err=\"failed to \\\"CreatePodSandbox\\\"",
            "CreatePodSandboxError: ",
        ],
        reason: "FailedCreatePodSandBox",
        suffices: true,
    },
    // pkg/volume/util/nestedpendingoperations
    Form { marks: &["Operation for \"{", "failed. ", "Error: MountVolume."], reason: "FailedMount", suffices: true },
    // pkg/kubelet/volumemanager/volume_manager.go, WaitForAttachAndMount: why is known to those who attach
    Form {
        marks: &["\"Error syncing pod, skipping\"", "err=\"unmounted volumes="],
        reason: "FailedMount",
        suffices: false,
    },
];

/// Of one of them each kind the newest, in order.
pub(super) fn of(lines: &[Line], pod: &PodId) -> Vec<PodEvent> {
    let mut found: Vec<PodEvent> = Vec::new();
    for line in lines.iter().filter(|line| line.text.contains(pod.uid.as_str())) {
        if let Some(event) = event(line) {
            found.retain(|known| known.reason != event.reason);
            found.push(event);
        }
    }
    found
}

/// They leave no question to others.
pub(super) fn suffice(events: &[PodEvent]) -> bool {
    let known = |event: &PodEvent| !event.message.starts_with(UNMOUNTED);
    !events.is_empty() && events.iter().all(known)
}

/// As the Event has it in front (pkg/kubelet/kubelet.go, FailedMountVolume).
const UNMOUNTED: &str = "Unable to attach or mount volumes: ";

fn event(line: &Line) -> Option<PodEvent> {
    let form = FORMS.iter().find(|form| in_order(&line.text, form.marks))?;
    let mark = form.marks.last()?;
    let (_, words) = line.text.split_once(mark)?;
    let message = match form.suffices {
        true => format!("{mark}{words}"),
        false => format!("{UNMOUNTED}unmounted volumes={words}"),
    };
    // What nobody dated may be of long ago.
    Some(PodEvent { reason: form.reason.into(), message: message.into(), from: "kubelet".into(), at: Some(line.at?) })
}

fn in_order(text: &str, marks: &[&str]) -> bool {
    marks.iter().try_fold(text, |rest, mark| rest.split_once(mark).map(|(_, rest)| rest)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::PodUid;

    const UID: &str = "29c05738-0651-466f-9f1c-f703c967c5fb";
    /// Recorded of a kubelet 1.36.
    const SANDBOX: &str = r#"E1121 02:57:54.077023   31528 pod_workers.go:1324] "Error syncing pod, skipping" err="failed to \"CreatePodSandbox\" for \"cart_shop(29c05738-0651-466f-9f1c-f703c967c5fb)\" with CreatePodSandboxError: \"Failed to create sandbox for pod \\\"cart_shop(29c05738-0651-466f-9f1c-f703c967c5fb)\\\": rpc error: code = Unknown desc = failed to setup network for sandbox \\\"0d90\\\": plugin type=\\\"bridge\\\" failed (add): failed to allocate for range 0: no IP addresses available in range set: 10.89.0.1-10.89.0.2\"" pod="shop/cart" podUID="29c05738-0651-466f-9f1c-f703c967c5fb""#;
    /// Kubernetes: pkg/volume/util/nestedpendingoperations/nestedpendingoperations.go.
    const MOUNT: &str = r#"E1121 02:57:54.077023   31528 nestedpendingoperations.go:348] Operation for "{volumeName:kubernetes.io/configmap/29c05738-0651-466f-9f1c-f703c967c5fb-conf podName:29c05738-0651-466f-9f1c-f703c967c5fb nodeName:}" failed. No retries permitted until 2026-11-21 02:58:54 +0000 UTC m=+9 (durationBeforeRetry 1m4s). Error: MountVolume.SetUp failed for volume "conf" (UniqueName: "kubernetes.io/configmap/29c05738-conf") pod "cart" (UID: "29c05738-0651-466f-9f1c-f703c967c5fb") : configmap "cart-settings" not found"#;
    /// pkg/kubelet/volumemanager/volume_manager.go.
    const WAIT: &str = r#"E1121 02:57:54.077023   31528 pod_workers.go:1324] "Error syncing pod, skipping" err="unmounted volumes=[data], unattached volumes=[], failed to process volumes=[]: context deadline exceeded" pod="shop/cart" podUID="29c05738-0651-466f-9f1c-f703c967c5fb""#;

    fn said(texts: &[&str]) -> Vec<PodEvent> {
        let at = "2026-11-21T02:57:54Z".parse().ok();
        let lines: Vec<_> = texts.iter().map(|text| Line { at, text: (*text).to_owned() }).collect();
        of(&lines, &PodId { uid: PodUid::new(UID), namespace: "shop".into(), name: "cart".into() })
    }

    #[test]
    fn real_lines_are_the_events_that_the_kubelet_makes_of_them() {
        for (line, reason, part) in [
            (SANDBOX, "FailedCreatePodSandBox", "no IP addresses available in range set"),
            (MOUNT, "FailedMount", "Error: MountVolume.SetUp failed for volume \"conf\""),
            (WAIT, "FailedMount", "Unable to attach or mount volumes: unmounted volumes=[data], unattached"),
        ] {
            let events = said(&["I1121 of nobody", line]);
            assert_eq!((events.len(), &*events[0].reason), (1, reason));
            assert!(events[0].message.contains(part), "{}", events[0].message);
            assert!(events[0].by_those_who_start_it() && events[0].at.is_some());
            assert_eq!(suffice(&events), line != WAIT, "who attaches may know why");
        }
    }

    #[test]
    fn lines_of_others_and_of_nothing_that_failed_tell_nothing() {
        let other = SANDBOX.replace("29c05738", "11111111");
        let good = r#"I1121 02:57:54 31528 kubelet.go:2400] "SyncLoop ADD" source="api" pods=["shop/cart"] podUID="29c05738-0651-466f-9f1c-f703c967c5fb""#;
        assert!(said(&[&other, good]).is_empty() && !suffice(&[]));
    }

    #[test]
    fn of_several_of_one_kind_the_newest_counts() {
        let first = SANDBOX.replace("no IP addresses available", "another reason");
        let events = said(&[&first, SANDBOX]);
        assert!(events.len() == 1 && events[0].message.contains("no IP addresses available"));
    }
}
