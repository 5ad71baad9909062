//! Causes that keep a volume from reaching the pod: its source, its driver, its attachment, its mount.

use std::time::Duration;

use super::USUAL;
use crate::model::cause::{Cause, Owner, Probe, Right, Scope};
use crate::model::sign::{Operation::Volume, Sign};
use crate::model::stage::Stage;

/// What the causes of this file have in common: the kubelet tells volume errors in Events only.
const OF_VOLUMES: Cause = Cause { stage: Stage::Volumes, needs: &[Right::Pods, Right::PodEvents], ..USUAL };

/// Texts about a volume in which the runtime, not the kubelet's volume manager, failed.
const OF_THE_RUNTIME: &[&str] = &["oci runtime", "runc create", "containerd task", "to rootfs at"];

/// Texts of a mount that never was one: not yet known to the kubelet, or being taken down.
const NO_MOUNT: &[&str] = &["not registered", "unmountvolume", "oci runtime", "runc create", "containerd task"];

/// The object a volume is made from does not exist.
pub(super) const VOLUME_SOURCE_MISSING: Cause = Cause {
    id: "VolumeSourceMissing",
    owner: Owner::App,
    summary: "A volume of the pod is made from a ConfigMap, Secret, key, claim or class that does not exist.",
    says: "[Volume {volume}|A volume of the pod] is made from something that does not exist[: ConfigMap {configmap}][: Secret {secret}][: PVC {claim}][: PersistentVolume {persistent}][: SecretProviderClass {class}][: ServiceAccount {account}][: key {key}]. The node is fine; the image is untested.",
    rules_out: "The node is fine: the API server answered that it has no such object. The image is untested.",
    advice: "create it in the pod's namespace, correct its name, or mark the volume optional.",
    mends: "Once it exists the pod goes on by itself within 2 min.",
    steps: &[
        "`kubectl -n NAMESPACE describe pod POD`: the FailedMount Event names the volume and the object it wants.",
        "`kubectl -n NAMESPACE get configmap,secret,pvc` (and `secretproviderclass`): is it there, in the pod's own namespace, under that very name? Names end in a hash where kustomize or Helm made them.",
        "A missing key: `kubectl -n NAMESPACE describe configmap NAME` lists the keys; `items:` of the volume must name one of them.",
        "A PVC that is there and not Bound: `kubectl -n NAMESPACE describe pvc NAME` says what its provisioner waits for.",
        "Create it, correct the name in the pod's template, or set `optional: true` where the application can do without.",
    ],
    signs: &[
        Sign::of(&["configmap \"", "\" not found"]).within(&[Volume]).but(OF_THE_RUNTIME),
        Sign::of(&["configmaps \"", "\" not found"]).within(&[Volume]).but(OF_THE_RUNTIME),
        Sign::of(&["secret \"", "\" not found"]).within(&[Volume]).but(OF_THE_RUNTIME),
        Sign::of(&["secrets \"", "\" not found"]).within(&[Volume]).but(OF_THE_RUNTIME),
        Sign::of(&["couldn't get secret ", "not found"]).within(&[Volume]),
        Sign::of(&["couldn't get configmap ", "not found"]).within(&[Volume]),
        Sign::of(&["references non-existent "]),
        Sign::of(&["persistentvolumeclaim \"", "\" not found"]),
        Sign::of(&["persistentvolumeclaims \"", "\" not found"]),
        Sign::of(&["persistentvolume \"", "\" not found"]),
        Sign::of(&["persistentvolumes \"", "\" not found"]),
        Sign::of(&["error processing pvc ", "pvc is not bound"]),
        Sign::of(&["error processing pvc ", "pvc is being deleted"]),
        Sign::of(&["secretproviderclass", "not found"]),
        Sign::of(&["serviceaccount \"", "\" not found"]).within(&[Volume]),
        Sign::of(&["serviceaccounts \"", "\" not found"]).within(&[Volume]),
        Sign::of(&["clustertrustbundle", "not found"]).within(&[Volume]),
    ],
    examples: &[
        r#"MountVolume.SetUp failed for volume "settings" : configmap "cart-settings" not found"#,
        r#"MountVolume.SetUp failed for volume "tls" : secret "cart-tls" not found"#,
        r#"MountVolume.SetUp failed for volume "tls" : references non-existent secret key: tls.key"#,
        r#"Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[data], failed to process volumes=[data]: error processing PVC shop/data-cart-0: failed to fetch PVC from API server: persistentvolumeclaims "data-cart-0" not found"#,
        r#"MountVolume.SetUp failed for volume "vault" : rpc error: code = Unknown desc = failed to get secretproviderclass shop/cart-vault, error: SecretProviderClass.secrets-store.csi.x-k8s.io "cart-vault" not found"#,
    ],
    ..OF_VOLUMES
};

/// The CSI driver of a volume does not run on this node.
pub(super) const CSI_DRIVER_MISSING: Cause = Cause {
    id: "CsiDriverMissing",
    scope: Scope::Node,
    summary: "The CSI driver of a volume is not registered with the kubelet of this node.",
    says: "[Volume {volume} waits: ][CSI driver {driver}|Its CSI driver] does not run on this node, or is not registered. Image and runtime are not the cause.",
    rules_out: "Image and runtime are not the cause: the pod waits for its volume before either is used.",
    advice: "does the driver's pod run here? kubectl get csinode; kubectl get pods -A -o wide.",
    mends: "The mount goes on within 2 min of its registration.",
    after: Duration::from_secs(5),
    steps: &[
        "`kubectl get csinode NODE -o yaml`: the drivers registered on this node. Another spelling of the driver there means a mistake in the StorageClass, PV or volume.",
        "`kubectl get pods -A -o wide --field-selector spec.nodeName=NODE`: the node pod of the driver (a DaemonSet) must run here; taints, node selectors and a missing image keep it away.",
        "`kubectl -n NAMESPACE logs POD -c node-driver-registrar`: the registrar says why a registration failed; its paths must be those of the kubelet (`/var/lib/kubelet/plugins_registry`; other distributions move it).",
        "On a new node the pod is only too early: it goes on by itself. Else install the driver or delete its node pod so that it registers anew.",
    ],
    signs: &[
        Sign::of(&["not found in the list of registered csi drivers"]),
        Sign::of(&["has no nodeid annotation"]),
        Sign::of(&["no csidriver object"]),
        Sign::of(&["csinode", "does not contain driver"]),
        Sign::of(&["dial unix", "/csi.sock"]),
        Sign::of(&["dial unix", "/plugins/", "csi", ".sock"]),
        Sign::of(&["driver not found in csinode"]),
    ],
    examples: &[
        r#"MountVolume.MountDevice failed for volume "pvc-0a1b" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name ebs.csi.aws.com not found in the list of registered CSI drivers"#,
        r#"AttachVolume.Attach failed for volume "pvc-0a1b" : CSINode node-7 does not contain driver disk.csi.azure.com"#,
        r#"MountVolume.MountDevice failed for volume "pvc-0a1b" : rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /var/lib/kubelet/plugins/ebs.csi.aws.com/csi.sock: connect: connection refused""#,
    ],
    ..OF_VOLUMES
};

/// The disk cannot be attached to this node.
pub(super) const VOLUME_ATTACH_FAILED: Cause = Cause {
    id: "VolumeAttachFailed",
    summary: "A volume cannot be attached to this node: another node holds it, or the storage refuses.",
    says: "[Volume {volume}|A volume] is not attached to this node: attaching failed, or another node still holds it. Image and runtime are not the cause.",
    rules_out: "Image, runtime and the mount on this node are not the cause: it did not come to a mount.",
    advice: "look at its VolumeAttachment (kubectl get volumeattachment); an old node or pod may still hold it.",
    mends: "It is tried again at most 2 min apart.",
    steps: &[
        "`kubectl get volumeattachment | grep PV`: which node has it, and `kubectl describe volumeattachment NAME`: the storage's own error.",
        "Multi-Attach: another pod uses a ReadWriteOnce volume on another node. `kubectl get pods -A -o wide` shows it; a Deployment with such a volume needs `strategy: Recreate`.",
        "A dead node keeps its volumes for 6 min; when it is surely off, `kubectl taint node NODE node.kubernetes.io/out-of-service=nodeshutdown:NoExecute` frees them at once.",
        "The attacher's log says what the storage answered: `kubectl -n NAMESPACE logs deploy/CSI-CONTROLLER -c csi-attacher`. Limits on disks a node, zones and rights of the node's role are the usual reasons.",
    ],
    signs: &[
        Sign::of(&["multi-attach error"]),
        Sign::of(&["attachvolume.", "failed"]).but(&["failed to watch"]),
        Sign::of(&["attach failed for volume"]),
        Sign::of(&["waitforattach failed"]),
        Sign::of(&["failed to attach"]).within(&[Volume]),
        Sign::of(&["failed to attach: rpc error"]),
        Sign::of(&["error processing \"csi-"]),
        Sign::of(&["could not attach"]).within(&[Volume]),
        Sign::of(&["error attaching"]).within(&[Volume]),
        Sign::of(&["attachdetachment timeout"]),
        Sign::of(&["external-attacher", "timed out"]),
        Sign::of(&["volume attachment is being deleted"]),
        Sign::of(&["get error for volume attachment"]),
        Sign::of(&["volume not attached"]),
        Sign::of(&["not attached to node"]),
        Sign::of(&["not attached to the node"]),
        Sign::of(&["not attached to instance"]),
        Sign::of(&["is not attached"]).within(&[Volume]),
        Sign::of(&["not yet attached"]).within(&[Volume]),
        Sign::of(&["hasn't been attached"]).within(&[Volume]),
        Sign::of(&["has not been attached"]).within(&[Volume]),
        Sign::of(&["already attached to"]).within(&[Volume]),
        Sign::of(&["already exclusively attached"]),
        Sign::of(&["already used by pod(s)"]),
        Sign::of(&["is still being used"]).within(&[Volume]),
        Sign::of(&["is already being used by"]).within(&[Volume]),
        Sign::of(&["resource_in_use_by_another_resource"]),
        Sign::of(&["has not been added to the list of volumesinuse"]),
        Sign::of(&["controllerpublishvolume", "err"]),
    ],
    examples: &[
        r#"Multi-Attach error for volume "pvc-0a1b" Volume is already exclusively attached to one node and can't be attached to another"#,
        r#"AttachVolume.Attach failed for volume "pvc-0a1b" : rpc error: code = Internal desc = Could not attach volume "vol-0a1b" to node "i-0a1b": attachment of disk "vol-0a1b" failed, expected device to be attached but was attaching"#,
        r#"MountVolume.WaitForAttach failed for volume "pvc-0a1b" : timed out waiting for external-attacher of ebs.csi.aws.com CSI driver to attach volume vol-0a1b"#,
        r#"MountVolume.MountDevice failed for volume "pvc-0a1b" : rpc error: code = InvalidArgument desc = volume pvc-0a1b hasn't been attached yet"#,
    ],
    ..OF_VOLUMES
};

/// The volume is there, and mounting it on this node fails.
pub(super) const VOLUME_MOUNT_FAILED: Cause = Cause {
    id: "VolumeMountFailed",
    rest: true,
    summary: "A volume cannot be mounted on this node: the mount itself, its helper, its server or its file system fails.",
    says: "[Volume {volume}|A volume] [waits on this node: {pending}|cannot be mounted on this node][ as {filesystem}][ from server {fileserver}][: {how}]. Image and pod network are not the cause.",
    rules_out: "Image and pod network are not the cause: the pod waits for its volume before either is used.",
    advice: "[read the driver's log on this node: {pending}|read the driver's log on this node; check server, export, rights and file system].",
    mends: "The kubelet tries again at most 2 min apart.",
    steps: &[
        "`kubectl -n NAMESPACE describe pod POD`: the `Output:` of the FailedMount Event is what the mount command itself said.",
        "\"bad option\", \"need a /sbin/mount.TYPE helper program\", \"unknown filesystem type\": the node lacks a package or kernel module (`nfs-common`, `cifs-utils`, `ceph-common`).",
        "\"Connection timed out\", \"No route to host\", \"stale file handle\": the server. From the node: `showmount -e SERVER`, `nc -vz SERVER 2049`; a stale handle goes with `umount -f -l PATH`.",
        "\"access denied by server\", \"Permission denied\": the export list or credentials of the share do not include this node.",
        "\"wrong fs type, bad superblock\", \"Structure needs cleaning\": `dmesg | tail`, then `fsck` on the detached device. A CSI driver's own words: `kubectl -n NAMESPACE logs POD -c DRIVER` of its pod on this node.",
    ],
    signs: &[
        Sign::of(&["mountvolume.", "failed for volume"]).but(NO_MOUNT),
        Sign::of(&["mountvolume.", "failed"]).but(NO_MOUNT),
        Sign::of(&["mapvolume.", "failed"]).but(&["not registered", "unmapvolume"]),
        Sign::of(&["mounting command:"]).but(&["unmounting command"]),
        Sign::of(&["mounting arguments:"]).but(&["unmounting arguments"]),
        Sign::of(&["setup failed for volume"]).but(NO_MOUNT),
        Sign::of(&["nodestagevolume", "err"]).but(NO_MOUNT),
        Sign::of(&["nodepublishvolume", "err"]).but(NO_MOUNT),
        Sign::of(&["nodestagevolume", "fail"]).but(NO_MOUNT),
        Sign::of(&["nodepublishvolume", "fail"]).but(NO_MOUNT),
        Sign::of(&["mount.nfs: "]),
        Sign::of(&["mount.nfs4: "]),
        Sign::of(&["mount error("]),
        Sign::of(&["mount: ", "unknown filesystem type"]),
        Sign::of(&["exit status 32"]).within(&[Volume]),
        Sign::of(&["wrong fs type, bad option, bad superblock"]),
        Sign::of(&["stale nfs file handle"]),
        Sign::of(&["stale file handle"]).but(OF_THE_RUNTIME),
        Sign::of(&["nfs: server ", "not responding"]),
        Sign::of(&["transport endpoint is not connected"]).within(&[Volume]).but(OF_THE_RUNTIME),
        Sign::of(&["mount failed: "]).within(&[Volume]),
        Sign::of(&["failed to mount"]).within(&[Volume]).but(OF_THE_RUNTIME),
        Sign::of(&["could not mount"]).within(&[Volume]).but(OF_THE_RUNTIME),
        Sign::of(&["failed to format"]).within(&[Volume]),
        Sign::of(&["applyfsgroup failed"]),
        Sign::of(&["error processing pvc "]),
        Sign::of(&["rbd: map failed"]),
        Sign::of(&["code = internal desc = mount failed"]),
        Sign::of(&["no volume plugin matched"]),
    ],
    examples: &[
        "MountVolume.SetUp failed for volume \"share\" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs 10.0.0.9:/export/cart /var/lib/kubelet/pods/0a1b/volumes/kubernetes.io~nfs/share\nOutput: mount.nfs: access denied by server while mounting 10.0.0.9:/export/cart",
        "MountVolume.MountDevice failed for volume \"pvc-0a1b\" : rpc error: code = Internal desc = failed to format and mount device from \"/dev/nvme1n1\" to \"/var/lib/kubelet/plugins/kubernetes.io/csi/ebs.csi.aws.com/0a1b/globalmount\" with fstype \"xfs\" and options \"[]\": exit status 32: wrong fs type, bad option, bad superblock on /dev/nvme1n1, missing codepage or helper program, or other error.",
        r#"MountVolume.SetUp failed for volume "share" : stat /var/lib/kubelet/pods/0a1b/volumes/kubernetes.io~nfs/share: stale NFS file handle"#,
        r#"MountVolume.SetUp failed for volume "media" : kubernetes.io/csi: mounter.SetUpAt failed: rpc error: code = PermissionDenied desc = access to file share media was denied"#,
    ],
    ..OF_VOLUMES
};

/// A mount hangs: whoever touches it waits in the kernel.
pub(super) const MOUNT_HUNG: Cause = Cause {
    id: "MountHung",
    stage: Stage::Node,
    scope: Scope::Node,
    summary: "A mount on the node does not answer: whatever touches it hangs, and cannot be ended.",
    says: "A mount on this node[ ({filesystem})] does not answer: whatever touches it hangs, also the kubelet and the runtime. Images and pod network are not the cause.",
    rules_out: "Images and pod network are not the cause.",
    advice: "is its server or driver alive? Else umount -f -l it. A drain may hang.",
    mends: "What hangs goes on once its server answers.",
    after: Duration::from_secs(5),
    steps: &[
        "`kubewhy check` on the node names the mount; `findmnt -t nfs,nfs4,cifs,ceph,fuse` shows its server, `timeout 5 stat -f PATH` whether it answers.",
        "NFS, CIFS: is the server reached from this node (`nc -vz SERVER 2049`)? `dmesg | grep 'not responding'`. FUSE: does the process of its driver still run?",
        "`ps -eo pid,stat,wchan:32,args | awk '$2 ~ /D/'`: who hangs. Bring the server back and they go on; else `umount -f -l PATH`, and a reboot if they stay.",
    ],
    probe: Some(Probe::Node),
    needs: &[Right::Proc, Right::KubeletDirs],
    ..USUAL
};

/// The volumes did not come in time, and nothing says why.
pub(super) const VOLUME_TIMEOUT: Cause = Cause {
    id: "VolumeTimeout",
    rest: true,
    summary: "The pod's volumes were not ready in time, and the kubelet says no more than that.",
    says: "[Volume {volume} was not ready in time: {hanging}|A volume was not ready in time: {hanging}|The pod's volumes ({volume}) were not ready in time; the kubelet says no more|The pod's volumes were not ready in time; the kubelet says no more]. Image and pod network are untested.",
    rules_out: "Image and pod network are untested: the kubelet waits for volumes before either.",
    advice: "[read the driver's log on this node: {hanging}|look for an earlier FailedMount or FailedAttachVolume Event, then at kubectl get volumeattachment].",
    mends: "The kubelet goes on waiting by itself.",
    after: Duration::from_secs(5),
    steps: &[
        "`kubectl -n NAMESPACE get events --field-selector involvedObject.name=POD`: an earlier FailedMount or FailedAttachVolume says more than the timeout does.",
        "`kubectl get volumeattachment` and `kubectl get csinode NODE -o yaml`: is the disk attached here (`ATTACHED true`), is its driver registered?",
        "On the node: `journalctl -u kubelet | grep -i volume | tail`; a volume with many files and an `fsGroup` takes minutes to change owners: set `fsGroupChangePolicy: OnRootMismatch`.",
        "The driver's pod on this node and its controller: `kubectl -n NAMESPACE logs POD -c DRIVER`; a call that hangs there hangs here.",
    ],
    signs: &[
        Sign::of(&["unable to attach or mount volumes", "timed out waiting for the condition"]),
        Sign::of(&["unable to attach or mount volumes", "context deadline exceeded"]),
        Sign::of(&["unable to mount volumes", "timed out waiting for the condition"]),
        Sign::of(&["timeout expired waiting for volumes"]),
        Sign::of(&["unmounted volumes=[", "timed out waiting for the condition"]),
        Sign::of(&["unmounted volumes=[", "context deadline exceeded"]),
        Sign::of(&["for volume \"", " : timed out waiting for the condition"]).but(NO_MOUNT),
        Sign::of(&["failed to sync ", " cache: timed out waiting for the condition"]).within(&[Volume]),
        Sign::of(&["couldn't get ", "failed to sync ", " cache: timed out waiting for the condition"]),
        Sign::of(&["couldn't propagate object cache: timed out"]),
        Sign::of(&["desc = timed out waiting for the condition"]).within(&[Volume]).but(NO_MOUNT),
        Sign::of(&["mount volumes for pod", "timed out waiting for the condition"]),
        Sign::of(&["code = deadlineexceeded desc = context deadline exceeded"]).within(&[Volume]).but(NO_MOUNT),
    ],
    examples: &[
        "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[data kube-api-access-x2k4j], failed to process volumes=[]: timed out waiting for the condition",
        r#"MountVolume.SetUp failed for volume "settings" : failed to sync configmap cache: timed out waiting for the condition"#,
        r#"MountVolume.MountDevice failed for volume "pvc-0a1b" : rpc error: code = DeadlineExceeded desc = context deadline exceeded"#,
    ],
    ..OF_VOLUMES
};
