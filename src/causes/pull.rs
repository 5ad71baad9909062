//! Causes of pulls that take long, that are given up or not begun, and of images that arrive and cannot be unpacked.

use std::time::Duration;

use super::USUAL;
use crate::model::cause::{Cause, Grows, Owner, Probe, Right, Scope};
use crate::model::sign::{Operation, Sign};
use crate::model::stage::Stage;

const PULL: &[Operation] = &[Operation::Pull];

/// Unpacking was stopped from outside: it did not fail by itself.
const GIVEN_UP: &[&str] = &["context canceled", "context deadline exceeded"];

/// Company in which a deadline or a cancelled context is not the pull's own.
const NOT_THE_PULL: &[&str] = &["inspect image", "podsandbox", "pod sandbox", "sandbox container", "mountvolume"];

/// The image arrives, but slowly.
pub const IMAGE_PULL_SLOW: Cause = Cause {
    id: "ImagePullSlow",
    stage: Stage::ImagePull,
    owner: Owner::Platform,
    summary: "The image is downloading and takes long: it is big or the way to it is narrow.",
    says: "The image[ of {host}] is downloading, slowly. {done} of {total}[ ({percent})] in {for}, {rate}[, about {left} left]. Nothing is broken: wait.",
    gist: "[{percent}|{done}] of {total}, {rate}[, {left} left]",
    rules_out: "Nothing is broken: bytes arrive.",
    advice: "put [{path}|it] in a pre-pull set, and the next start takes seconds.",
    mends: "",
    steps: &[
        "How far it is: `kubewhy status` on the node; the runtime's own view: `crictl images`, and `ctr -n k8s.io content active` with containerd.",
        "How fast the way is: `curl -o /dev/null -w '%{speed_download}' https://REGISTRY/v2/…` from the node; whether the disk is the narrow part: `cat /proc/pressure/io`.",
        "Make the image smaller, keep a mirror near the nodes, or put the image in a pre-pull set.",
    ],
    after: Duration::from_secs(60),
    kind: Grows::Normal,
    needs: &[Right::Pods, Right::Containerd],
    probe: Some(Probe::Layers),
    ..USUAL
};

/// The image began to arrive, and no byte has come since.
pub const IMAGE_PULL_STALLED: Cause = Cause {
    id: "ImagePullStalled",
    stage: Stage::ImagePull,
    owner: Owner::Platform,
    summary: "A pull is under way and no byte arrives.",
    says: "[The image of {silent} does not begin to arrive: no answer since the pull began {still} ago|The image of {mute} does not begin to arrive: a registry answered, and has sent no manifest for {still}|Another pull of this node fetches layer {shared} of the image, and no byte of it came for {still}|The image stopped arriving: no byte for {still}, while this node's disks kept all work waiting {pressure} of the time, so its registry may be fine|The image of {host} stopped arriving: no byte for {still}][, at {done} of {total}][ ({percent})][, layer {layer}][. {fine} are fine].",
    gist: "[{silent}: no answer for {still}|{mute}: no manifest for {still}|no byte for {still}][, at {percent}]",
    rules_out: "Nobody refused: no error has come. Where bytes had come, name lookup, login and image are fine.",
    advice: "[look at the way to {silent} (name lookup, firewall, proxy or mirror), then at it|find that pull with kubewhy status; its registry or a proxy holds layer {shared}|first look at this node's disks ({pressure}: cat /proc/pressure/io; iostat -x 1)|look at registry, mirror, proxy].[ App: {move}][ Retried after {patience} without a byte.]",
    mends: "",
    steps: &[
        "Whether bytes still arrive: `ctr -n k8s.io content active` twice; whether a connection stands: `ss -tnp | grep containerd`.",
        "A pull without a byte: the runtime still looks up the name, connects, or waits for an answer; `getent hosts REGISTRY` and `ss -tnp state syn-sent` tell which.",
        "Try the same way by hand: `curl -v https://REGISTRY/v2/` from the node, through the runtime's proxy if it has one.",
        "A proxy or firewall that drops idle connections is the usual reason; restarting the runtime's pull needs no more than deleting the pod.",
        "By default containerd gives a pull up after 1 min (1.7.0 to 1.7.8) or 5 min (1.7.10 and later) without a byte, and the kubelet asks for it again; containerd 1.6 waits for ever.",
    ],
    after: Duration::from_secs(28),
    needs: &[Right::Pods, Right::Containerd],
    probe: Some(Probe::Layers),
    ..USUAL
};

/// containerd's records promise content that its store does not have.
pub const IMAGE_STORE_CORRUPT: Cause = Cause {
    id: "ImageStoreCorrupt",
    stage: Stage::Create,
    summary: "The runtime's image store lost content that its own records promise.",
    says: "The runtime of this node says that it has [{image}|the image] and lacks a layer of it: its image store is damaged. Registry, network and login are fine.",
    rules_out: "Registry, network and login are not the cause: nothing was asked of them.",
    advice: "crictl rmi the image, delete the pod so that it is pulled anew; check the disk.",
    mends: "It will not mend itself.",
    steps: &[
        "`crictl rmi IMAGE` (all its tags), then delete the pod: the kubelet pulls it anew. `ctr -n k8s.io images check` lists which others are incomplete.",
        "The usual reasons are a power loss, a disk that was full, and files removed by hand below `/var/lib/containerd`: `dmesg -T | grep -iE 'i/o error|ext4|xfs'`, `last -x | head`.",
        "Several images: drain, stop kubelet and runtime, empty `/var/lib/containerd`, start them again. `discard_unpacked_layers = true` with two snapshotters loses layers by design.",
    ],
    ..USUAL
};

/// Everything arrived, and the node cannot make a file system of it.
pub const IMAGE_UNPACK_FAILED: Cause = Cause {
    id: "ImageUnpackFailed",
    stage: Stage::ImagePull,
    owner: Owner::Platform,
    summary: "The image was downloaded, but the node could not unpack it.",
    says: "[{path}:{version}|The image] was downloaded, but this node could not unpack it. Its name, the registry, network and login are fine.",
    rules_out: "Name, registry, network and login are fine: the image arrived.",
    advice: "look at the runtime's log (journalctl -u containerd, crio or docker) and at its image store.",
    mends: "The kubelet retries at most 5 min apart.",
    steps: &[
        "The last words of the error name the file and the reason; the whole of it: `journalctl -u containerd | grep -i extract` (crio, docker).",
        "Look at the store: `df -h` and `df -i` of `/var/lib/containerd` (`/var/lib/containers`, `/var/lib/docker`), `dmesg -T | tail`, `mount | grep overlay`.",
        "`lchown` and \"insufficient UIDs or GIDs\": the runtime runs in a user namespace with too few ids (`/etc/subuid`), or nested in another container.",
        "\"failed to stat parent\", \"snapshot … does not exist\", \"layer not known\": the store lost what its index promises. Drain, stop the runtime, empty the store, start it again.",
    ],
    signs: &[
        Sign::of(&["failed to extract layer"]).but(GIVEN_UP),
        Sign::of(&["failed to unpack image on snapshotter"]).but(GIVEN_UP),
        Sign::of(&["unable to unpack image"]),
        Sign::of(&["error unpacking image"]),
        Sign::of(&["failed to register layer"]),
        Sign::of(&["failed to prepare extraction snapshot"]),
        Sign::of(&["apply failure, attempting cleanup"]),
        Sign::of(&["error processing tar file"]),
        Sign::of(&["unpacking failed (error"]),
        Sign::of(&["adding layer with blob"]),
        Sign::of(&["potentially insufficient uids or gids"]),
        Sign::of(&["hcsshim::importlayer"]),
        Sign::of(&["applylayer"]),
        Sign::of(&["untar re-exec"]),
        Sign::of(&["untar error on re-exec"]),
        Sign::of(&["failed to create image rootfs"]),
        Sign::of(&["getimageblob"]),
        Sign::of(&["lchown"]).within(PULL),
        Sign::of(&["failed to unpack"]).within(PULL),
        Sign::of(&["failed to apply layer"]).within(PULL),
        Sign::of(&["failed to apply diff"]).within(PULL),
        Sign::of(&["storing blob to file"]).within(PULL).but(&["read", "fetch"]),
        Sign::of(&["layer not known"]).within(PULL),
        Sign::of(&["snapshot sha256:", "does not exist"]).within(PULL),
        Sign::of(&["snapshotter ", "not found"]).within(PULL),
        Sign::of(&["content digest", "not found"]).within(PULL),
        Sign::of(&["failed to convert whiteout file"]).within(PULL),
    ],
    examples: &[
        r#"Failed to pull image "registry.example.com/shop/cart:2.14.1": failed to pull and unpack image "registry.example.com/shop/cart:2.14.1": failed to extract layer sha256:9f86d081: mount callback failed on /var/lib/containerd/tmpmounts/containerd-mount1: lchown /data: operation not permitted: unknown"#,
        r#"Error response from daemon: failed to register layer: ApplyLayer exit status 1 stdout: stderr: unlinkat /opt/app: invalid argument"#,
        r#"copying system image from manifest list: writing blob: adding layer with blob "sha256:9f86d081": unpacking failed (error: exit status 1; output: potentially insufficient UIDs or GIDs available in user namespace (requested 1000600000:0))"#,
        r#"failed to pull and unpack image "registry.example.com/shop/cart:2.14.1": failed to unpack image on snapshotter overlayfs: failed to prepare extraction snapshot "extract-1 sha256:9f86d081": failed to stat parent: no such file or directory"#,
    ],
    ..USUAL
};

/// The pull began and was given up; the text does not say on what.
pub(super) const IMAGE_PULL_TIMEOUT: Cause = Cause {
    id: "ImagePullTimeout",
    stage: Stage::ImagePull,
    owner: Owner::Platform,
    summary: "The pull began and was given up before its end: a deadline passed, or nothing arrived for too long.",
    says: "The pull of [{path}:{version} from {host}|the image] was given up before its end (deadline, or no progress). The runtime names no error.",
    rules_out: "No refusal is known: neither the registry nor the network named an error.",
    advice: "is the way there slow, a proxy stuck, or the disk busy (cat /proc/pressure/io)?",
    mends: "The kubelet tries again at most 5 min apart.",
    steps: &[
        "See where it stood: `journalctl -u containerd` (or `crio`, `docker`) around that time; `crictl pull IMAGE` by hand shows whether it ends at all.",
        "Measure the way: `curl -v https://REGISTRY/v2/` from the node, and through the proxy of the runtime (`systemctl cat containerd`).",
        "Look at the disk: `iostat -x 1`, `cat /proc/pressure/io`; unpacking on a saturated disk passes deadlines too.",
        "Big images: raise the limit (containerd `image_pull_progress_timeout`, CRI-O `pull_progress_timeout`, cri-dockerd `--image-pull-progress-deadline`), or use a nearer mirror.",
    ],
    rest: true,
    signs: &[
        Sign::of(&["because of no progress"]),
        Sign::of(&["cancel pulling image"]),
        Sign::of(&["context canceled"]).within(PULL).but(NOT_THE_PULL),
        Sign::of(&["context cancelled"]).within(PULL).but(NOT_THE_PULL),
        Sign::of(&["deadline exceeded"]).within(PULL).but(NOT_THE_PULL),
        Sign::of(&["deadlineexceeded"]).within(PULL).but(NOT_THE_PULL),
        Sign::of(&["operation was canceled"]).within(PULL).but(NOT_THE_PULL),
        Sign::of(&["request canceled"]).within(PULL).but(NOT_THE_PULL),
        Sign::of(&["context cancellation"]).within(PULL).but(NOT_THE_PULL),
        Sign::of(&["timed out"]).within(PULL).but(NOT_THE_PULL),
        Sign::of(&["pull canceled"]).within(PULL),
        Sign::of(&["pull cancelled"]).within(PULL),
        Sign::of(&["pull progress timeout"]),
    ],
    examples: &[
        r#"Failed to pull image "registry.example.com/shop/cart:2.14.1": rpc error: code = Canceled desc = failed to pull and unpack image "registry.example.com/shop/cart:2.14.1": context canceled"#,
        r#"Failed to pull image "registry.example.com/shop/cart:2.14.1": rpc error: code = DeadlineExceeded desc = context deadline exceeded"#,
        r#"Cancel pulling image "shop/cart:2.14.1" because of no progress for 1m0s, latest progress: "1f2e3d4c5b6a: Extracting""#,
        r#"copying system image from manifest list: writing blob: storing blob to file "/var/tmp/storage12/1": happened during read: context canceled"#,
    ],
    ..USUAL
};

/// The kubelet itself holds the pull back.
pub(super) const KUBELET_PULL_THROTTLED: Cause = Cause {
    id: "KubeletPullThrottled",
    stage: Stage::ImagePull,
    scope: Scope::Node,
    owner: Owner::Platform,
    summary: "The kubelet postponed the pull: this node asks for more images a second than its limit allows.",
    says: "The kubelet postponed this pull[ of {path}:{version}]: this node asks for more images than its limit allows ([{budget}|registryPullQPS])[; {others}]. No registry was asked.",
    rules_out: "The registry, the network and the image are not at fault: nobody was asked.",
    advice: "if it lasts, raise these limits in the kubelet's configuration.",
    mends: "The kubelet tries again by itself.",
    steps: &[
        "See the limits: `kubectl get --raw /api/v1/nodes/NODE/proxy/configz` and look for `registryPullQPS` (5 by default) and `registryBurst` (10).",
        "See who asks: `kubectl get pods -A --field-selector spec.nodeName=NODE`; many pods at once after a restart or a drain are usual, and pass.",
        "If it happens every day, raise both limits, set `imagePullPolicy: IfNotPresent`, or fetch the images ahead with a pre-pull set.",
    ],
    kind: Grows::WarningAfter(Duration::from_secs(300)),
    signs: &[Sign::of(&["pull qps exceeded"])],
    examples: &[
        r#"Failed to pull image "registry.example.com/shop/cart:2.14.1": pull QPS exceeded"#,
        r#"Error syncing pod, skipping: failed to "StartContainer" for "web" with ErrImagePull: "pull QPS exceeded.""#,
    ],
    ..USUAL
};
