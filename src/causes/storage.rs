//! Causes for which a pod waits before its sandbox without an Event: what its volumes and resource claims lack. Each says
//! the one thing that was seen to be missing, and where nothing was, only that the pod waits.

use std::time::Duration;

use super::USUAL;
use crate::model::cause::{Cause, Grows, Owner, Probe, Right};
use crate::model::stage::Stage;

/// What these have in common: attaching a disk takes its time, so it is Normal for a while.
const SILENT: Cause = Cause {
    stage: Stage::Volumes,
    after: Duration::from_secs(45),
    kind: Grows::WarningAfter(Duration::from_secs(180)),
    probe: Some(Probe::Volumes),
    needs: &[Right::Pods, Right::PodEvents, Right::KubeletDirs, Right::Storage],
    ..USUAL
};

/// A volume is not there.
pub const VOLUME_NOT_READY: Cause = Cause {
    id: "VolumeNotReady",
    summary: "A volume of the pod is not ready, and the kubelet waits for it without a word.",
    says: "This pod has waited {for} for volume {volume}[ and {others}][, and {events}][: claim {absent} does not exist|: claim {unbound} (class {class}) is not bound to a PersistentVolume|: claim {unbound} is not bound to a PersistentVolume|: PersistentVolume {gone} does not exist|: CSI driver {unregistered} is not registered on this node|: CSI driver {socketless} has no socket on this node|: no VolumeAttachment of {unasked} puts it on this node|: {unattached} has not attached it to this node: {answer}|: {unattached} has not attached it to this node|: {unused} has attached it; the kubelet has not noted it in volumesInUse|: {staged} has staged it on this node, and not mounted it for the pod|: {unmounted} has not mounted it for the pod|: its {plugin} mount is not there]. Image and network are untested.",
    rules_out: "Image and pod network are untested: the kubelet waits for volumes before either.",
    advice: "[App: create claim {absent}, or correct its name|kubectl describe pvc {unbound} says what its provisioner waits for|give the claim a volume again: {gone} was deleted|does the node pod of {unregistered} run here? kubectl get csinode|does the node pod of {socketless} run here? kubectl get csinode|kubectl get volumeattachment: another node may still hold this volume of {unasked}|read kubectl get volumeattachment and the log of {unattached}'s controller|read journalctl -u kubelet: it notes {unused} in its Node's status first|read the log of the pod of {staged} on this node|read the log of the pod of {unmounted} on this node|is its {plugin} server in reach of this node? journalctl -u kubelet says more|look at kubectl get pvc, volumeattachment and csinode, and at the driver's pod on this node].",
    mends: "The pod goes on by itself then.",
    steps: &[
        "`kubectl -n NAMESPACE get pvc` and `kubectl describe pvc CLAIM`: Bound, or what its provisioner waits for. A class that binds on the first consumer needs a pod that the scheduler placed: one with `nodeName` in its spec waits for ever.",
        "`kubectl get volumeattachment | grep PV`: `ATTACHED true` for this node? If another node holds it, that node's pod must end first; a dead node keeps its volumes for 6 min.",
        "`kubectl get csinode NODE -o yaml`: is the driver listed? Its node pod (a DaemonSet) must run here: `kubectl get pods -A -o wide --field-selector spec.nodeName=NODE`.",
        "Attached and not mounted: the log of the driver's pod on this node, `kubectl -n NAMESPACE logs POD -c DRIVER`; a NodeStageVolume or NodePublishVolume without its end hangs there.",
        "On the node: `journalctl -u kubelet | grep -i volume | tail`; the kubelet writes no Event when it only times out.",
    ],
    ..SILENT
};

/// The kubelet gives the files of a volume to the pod's group.
pub const VOLUME_OWNERSHIP_SLOW: Cause = Cause {
    id: "VolumeOwnershipSlow",
    owner: Owner::App,
    summary: "The kubelet gives every file of a volume to the pod's fsGroup, and there are many.",
    says: "[The kubelet gives every file of volume {volume} to this pod's fsGroup: {files} files so far, for {for}|The kubelet gives every file of volume {volume} to this pod's fsGroup, for {for}|All volumes of this pod are mounted and it has not gone on for {for}: with an fsGroup, the kubelet is likely giving every file to that group]. Driver, image and network are not the cause.",
    rules_out: "The driver is not the cause: the volume is mounted. Image and network are untested.",
    advice: "[it sets {policy} already, so this start is the first with this group|set securityContext.fsGroupChangePolicy: OnRootMismatch; then only the first start does it].",
    mends: "It ends by itself.",
    steps: &[
        "`kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.securityContext}'`: `fsGroup` makes the kubelet visit every file at every start, unless `fsGroupChangePolicy` is `OnRootMismatch`.",
        "`kubectl -n NAMESPACE get events --field-selector reason=VolumePermissionChangeInProgress`: how many files it has done.",
        "A driver that sets the group while it mounts (`fsGroupPolicy: File` and the capability VOLUME_MOUNT_GROUP) makes this needless.",
    ],
    ..SILENT
};

/// A driver has not prepared the pod's devices.
pub const RESOURCE_CLAIM_NOT_PREPARED: Cause = Cause {
    id: "ResourceClaimNotPrepared",
    summary: "A resource claim of the pod is not prepared on this node, and the kubelet tries again only once a minute.",
    says: "This pod has waited {for} for its resource claim {claim}[, and {events}][: it was not made from {unmade} yet|: ResourceClaim {absent} does not exist|: ResourceClaim {unallocated} has no device allocated|: ResourceClaim {unreserved} is not reserved for this pod|: driver {socketless} has no socket on this node|: driver {driver} has not prepared it]. Image and network are untested.",
    rules_out: "The pod's volumes are there. Image and pod network are untested: claims are prepared before either.",
    advice: "[read the log of kube-controller-manager, which makes claims from {unmade}|App: create ResourceClaim {absent}, or correct its name|kubectl describe resourceclaim {unallocated}: was the pod placed by the scheduler?|kubectl describe resourceclaim {unreserved}: who has it?|does the pod of {socketless} run on this node?|read the log of the pod of {driver} on this node|look at kubectl describe resourceclaim, and at the driver's pod on this node].",
    mends: "After a failure the kubelet tries again only after 60 to 90 s.",
    steps: &[
        "`kubectl -n NAMESPACE get resourceclaim CLAIM -o yaml`: `status.allocation` and `status.reservedFor` must be set, by the scheduler.",
        "`kubectl get resourceslice --field-selector spec.nodeName=NODE`: does the driver offer devices here? Its pod must run on this node.",
        "`ls /var/lib/kubelet/plugins_registry` on the node: the driver's socket must be there; the driver's log has its NodePrepareResources calls.",
        "`journalctl -u kubelet | grep -i dra | tail`: what the kubelet got.",
    ],
    ..SILENT
};
