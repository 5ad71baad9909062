//! Causes that keep a container from being created or started and that lie in what its pod asks for: its environment, its
//! user, its command, its mounts. And two in which the runtime is too slow with it.

use super::USUAL;
use crate::model::cause::{Cause, Owner, Scope};
use crate::model::sign::{Operation, Sign};
use crate::model::stage::Stage;

/// A container is created or started, or the sandbox's own.
pub(super) const START: &[Operation] = &[Operation::Container, Operation::Sandbox];

/// The object is wanted by a volume, which keeps the sandbox away and is another cause.
const FOR_A_VOLUME: &[&str] = &[
    "mountvolume",
    "for volume",
    "mount volumes",
    "volumes=[",
    "references non-existent",
    "couldn't get configmap",
    "couldn't get secret",
    "provision volume",
    "kubernetes.io/csi:",
];

/// Programs that the node should have, or that somebody else than the container runs: CNI, volumes, hooks.
const NOT_OF_THE_IMAGE: &[&str] = &[
    "runc\":",
    "crun\":",
    "runsc\":",
    "youki\":",
    "kata-runtime\":",
    "conmon\":",
    "docker-init\":",
    "apparmor_parser",
    "nvidia-container",
    "containerd-shim",
    "systemd-run\":",
    "modprobe\":",
    "iptables\":",
    "exec: \"mkfs",
    "exec: \"mount",
    "fork/exec /",
    "plugin type=",
    "failed (add)",
    "to network ",
    "network for sandbox",
    "networkplugin cni",
    "mountvolume",
    "nodestagevolume",
    "nodepublishvolume",
];

/// A ConfigMap or Secret of the environment, or a key in it, does not exist; or a pull secret.
pub const CONFIG_REFERENCE_MISSING: Cause = Cause {
    id: "ConfigReferenceMissing",
    stage: Stage::Create,
    owner: Owner::App,
    summary: "The container's environment takes from a ConfigMap, Secret or key that does not exist, or the pod names a pull secret that does not.",
    says: "[{missing}. Container {container} takes {variables} from it; its image is here, node and network are fine|{missing}, and container {container} takes from it; node and network are fine|{missing}, and a container of the pod takes from it; node and network are fine|The kubelet could not get pull secret {pullsecret} from the pod's namespace; without it a private image cannot be pulled|{secretless} of the pod; without it a private image cannot be pulled|A ConfigMap, Secret or key that the pod takes from does not exist; node and network are fine].",
    rules_out: "Node and network are fine: the API server answered that there is no such object.",
    advice: "[create {pullsecret} there, or take it off the pod and its ServiceAccount|create it, or mark the reference optional; the pod then starts by itself within 15 s].",
    mends: "No restart is needed.",
    steps: &[
        "See what is referenced: `kubectl get pod POD -o yaml` (`env`, `envFrom`, `imagePullSecrets`).",
        "See what is there: `kubectl get configmap,secret -n NAMESPACE` and `kubectl describe configmap NAME` for its keys; names and keys are case-sensitive.",
        "Create the object or the key in the pod's own namespace (one of another namespace is never used), or correct the reference in the workload.",
        "If the container can do without it: `optional: true` on the reference.",
    ],
    signs: &[
        Sign::of(&["configmap \"", "\" not found"]).but(FOR_A_VOLUME),
        Sign::of(&["configmaps \"", "\" not found"]).but(FOR_A_VOLUME),
        Sign::of(&["secret \"", "\" not found"]).but(FOR_A_VOLUME),
        Sign::of(&["secrets \"", "\" not found"]).but(FOR_A_VOLUME),
        Sign::of(&["couldn't find key ", " in configmap "]),
        Sign::of(&["couldn't find key ", " in secret "]),
        Sign::of(&["unable to retrieve some image pull secrets"]),
    ],
    examples: &[
        r#"Error: configmap "cart-settings" not found"#,
        "Error: couldn't find key db-host in ConfigMap shop/cart-settings",
        r#"failed to "StartContainer" for "web" with CreateContainerConfigError: "secret \"cart-db\" not found""#,
        "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.",
    ],
    ..USUAL
};

/// The pod must not run as root, and would, or nobody can tell.
pub(super) const RUN_AS_ROOT_FORBIDDEN: Cause = Cause {
    id: "RunAsRootForbidden",
    stage: Stage::Create,
    owner: Owner::App,
    summary: "The pod forbids root (runAsNonRoot), and the container would run as root or as a user that is not a number.",
    says: "The kubelet does not create the container: runAsNonRoot forbids root, and the user[ ({user})] is root, or a name that cannot be checked. Image, node and network are fine.",
    rules_out: "The image is here; node and network are fine.",
    advice: "set securityContext.runAsUser to a number other than 0, or USER to one in the image.",
    mends: "It will not mend itself.",
    steps: &[
        "See what is demanded: `kubectl get pod POD -o yaml` (`securityContext` of the pod and of each container; the container's wins).",
        "See the image's user: `crictl inspecti IMAGE | grep -i user` or `skopeo inspect --config docker://IMAGE`; empty means root.",
        "Set `runAsUser: 10001` (any number the image's files are readable for), or build the image with a numeric `USER 10001`: a name as in `USER app` is not enough.",
        "If the container truly needs root, take `runAsNonRoot` off, if the namespace's policy allows it.",
    ],
    signs: &[
        Sign::of(&["runasnonroot and image"]),
        Sign::of(&["runasnonroot", "will run as root"]),
        Sign::of(&["no runasuser and image will run as root"]),
        Sign::of(&["cannot verify user is non-root"]),
        Sign::of(&["non-root policy", "runasuser"]),
    ],
    examples: &[
        r#"Error: container has runAsNonRoot and image will run as root (pod: "cart-0_shop(0f4c)", container: web)"#,
        "Error: container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root",
        r#"container's runAsUser breaks non-root policy (pod: "cart-0_shop(0f4c)", container: web)"#,
    ],
    ..USUAL
};

/// The program the container should run is not in its image.
pub const COMMAND_NOT_FOUND: Cause = Cause {
    id: "CommandNotFound",
    stage: Stage::Start,
    owner: Owner::App,
    summary: "The command of the container does not exist in its image.",
    says: "[Container {container}|The container] cannot start: [its image {image} has no {command}|its image has no {command}|the program that it should run is not in its image]. The image was pulled and unpacked; node and network are fine.",
    rules_out: "The image was pulled and unpacked; node and network are fine.",
    advice: "correct command: in the pod's spec, or the image (is it the right tag? has it a shell?).",
    mends: "It will not mend itself.",
    steps: &[
        "See what is to run: `kubectl get pod POD -o yaml` (`command` replaces the image's entrypoint, `args` its arguments; a whole line in one string is one program name).",
        "See what the image brings: `crictl inspecti IMAGE` (Entrypoint, Cmd, WorkingDir), `kubectl debug POD -it --image=busybox` for its files.",
        "If the file is there: its interpreter (first line #!/bin/bash, with a carriage return behind it?) or its loader (a glibc program in an Alpine image) is missing.",
        "Is a volume mounted over the directory of the program? Then it hides it.",
    ],
    signs: &[
        Sign::of(&["not found in $path"]).within(START).but(NOT_OF_THE_IMAGE),
        Sign::of(&["exec: \"", "executable file not found in"]).within(START).but(NOT_OF_THE_IMAGE),
        Sign::of(&["exec: \"", "\": stat ", "no such file or directory"]).within(START).but(NOT_OF_THE_IMAGE),
        Sign::of(&["exec: \"", "\": stat ", ": not a directory"]).within(START).but(NOT_OF_THE_IMAGE),
        Sign::of(&["exec: \"", "\": no such file or directory"]).within(START).but(NOT_OF_THE_IMAGE),
        Sign::of(&["exec: \"", "cannot run executable found relative to"]).within(START).but(NOT_OF_THE_IMAGE),
        Sign::of(&["exec user process caused", "no such file or directory"]),
        Sign::of(&["exec /", ": no such file or directory"]).but(NOT_OF_THE_IMAGE),
        Sign::of(&["executable file `", "not found"]),
        Sign::of(&["executable file '", "not found"]).but(NOT_OF_THE_IMAGE),
        Sign::of(&["open executable", "no such file or directory"]),
        Sign::of(&["exec container process", "no such file or directory"]),
        Sign::of(&["executable for container process", "not found"]),
        Sign::of(&["error finding executable"]),
        Sign::of(&["failed to find executable"]).within(START).but(NOT_OF_THE_IMAGE),
        Sign::of(&["container command", "not found or does not exist"]),
        Sign::of(&["the file ", " was not found"]).within(START),
        Sign::of(&["createprocess", "the system cannot find the "]),
        Sign::of(&["no command specified"]).within(START),
        Sign::of(&["executable path is not specified"]),
    ],
    examples: &[
        r#"Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/bin/cart": stat /bin/cart: no such file or directory: unknown"#,
        "Error: container create failed: executable file `cart` not found in $PATH: No such file or directory",
        r#"Error: failed to start container "web": Error response from daemon: OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "bash": executable file not found in $PATH: unknown"#,
        "exec /docker-entrypoint.sh: no such file or directory",
    ],
    ..USUAL
};

/// The program is there and must not be executed.
pub(super) const COMMAND_NOT_EXECUTABLE: Cause = Cause {
    id: "CommandNotExecutable",
    stage: Stage::Start,
    owner: Owner::App,
    summary: "The command of the container exists in its image and may not be executed.",
    says: "The container cannot start: its command[ ({command})] is there, but may not be executed. The image was pulled and unpacked; node and network are fine.",
    rules_out: "The file exists; image, node and network are fine.",
    advice: "give the file the execute bit (chmod +x) for the container's user, and let command: name a file.",
    mends: "It will not mend itself.",
    steps: &[
        "Which file and which user: `kubectl get pod POD -o yaml` (`command`, `runAsUser`), `crictl inspecti IMAGE` (Entrypoint, User).",
        "A file of the image: `RUN chmod 0755 FILE` in its Dockerfile; every directory above it must be open to the user too.",
        "A script from a ConfigMap: `defaultMode: 0755` on the volume, or run it as `sh FILE`.",
        "A file on a volume: is the volume mounted `noexec`? Is the command a directory?",
    ],
    signs: &[
        Sign::of(&["exec: \"", "\": permission denied"]).but(NOT_OF_THE_IMAGE),
        Sign::of(&["exec: \"", "\": stat ", ": permission denied"]).but(NOT_OF_THE_IMAGE),
        Sign::of(&["exec: \"", "\": is a directory"]).but(NOT_OF_THE_IMAGE),
        Sign::of(&["exec: \"", "\": operation not permitted"]).but(NOT_OF_THE_IMAGE),
        Sign::of(&["exec: \"", "\": text file busy"]).but(NOT_OF_THE_IMAGE),
        Sign::of(&["exec user process caused", "permission denied"]),
        Sign::of(&["exec user process caused", "operation not permitted"]),
        Sign::of(&["exec /", ": permission denied"]).but(NOT_OF_THE_IMAGE),
        Sign::of(&["exec /", ": operation not permitted"]).but(NOT_OF_THE_IMAGE),
        Sign::of(&["open executable", "permission denied"]),
        Sign::of(&["exec container process", "permission denied"]),
        Sign::of(&["executable file `", "permission denied"]),
        Sign::of(&["exists but it's not executable"]).within(START),
        Sign::of(&["exists but is not executable"]).within(START),
        Sign::of(&["container command could not be invoked"]),
        Sign::of(&["createprocess", "access is denied"]),
    ],
    examples: &[
        r#"Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "/entrypoint.sh": permission denied: unknown"#,
        "Error: container create failed: open executable: Permission denied",
        r#"standard_init_linux.go:228: exec user process caused: permission denied"#,
    ],
    ..USUAL
};

/// The program is for another kind of processor, or is no program.
pub(super) const EXEC_FORMAT_MISMATCH: Cause = Cause {
    id: "ExecFormatMismatch",
    stage: Stage::Start,
    owner: Owner::App,
    summary: "The command of the container is built for another processor than this node's, or is no program at all.",
    says: "The kernel cannot run the container's command[ {command}]: it is built for another processor, or is a script without #! line. Pull, node and network are fine.",
    rules_out: "The image was pulled and unpacked; node and network are fine.",
    advice: "build the image for this node's architecture too, or select nodes that fit (kubernetes.io/arch).",
    mends: "It will not mend itself.",
    steps: &[
        "The node's processor: `kubectl get node NODE -L kubernetes.io/arch`; the image's: `crictl inspecti IMAGE | grep -i architecture`.",
        "Build for all: `docker buildx build --platform linux/amd64,linux/arm64`; or `nodeSelector: {kubernetes.io/arch: amd64}` in the pod.",
        "Same on both sides? Then the program inside was built for another one (a base image pinned by digest), is empty, or is a script whose first line is not #!/bin/sh.",
    ],
    signs: &[
        Sign::of(&["exec format error"]).but(NOT_OF_THE_IMAGE),
        Sign::of(&["cannot execute binary file"]),
        Sign::of(&["qemu-", "could not open '/lib"]),
    ],
    examples: &[
        r#"Error: failed to start container "web": Error response from daemon: OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "/cart": exec format error: unknown"#,
        "standard_init_linux.go:228: exec user process caused: exec format error",
        "Error: container create failed: exec container process `/cart`: Exec format error",
    ],
    ..USUAL
};

/// An earlier attempt to create this container holds its name.
pub(super) const CONTAINER_NAME_CONFLICT: Cause = Cause {
    id: "ContainerNameConflict",
    stage: Stage::Create,
    scope: Scope::Pod,
    summary: "An earlier attempt to create this container has not ended, and holds its name.",
    says: "The runtime still works on an earlier attempt to create this container, which holds its name. Image and configuration of the pod are not the cause.",
    rules_out: "Image, configuration and network of the pod are fine.",
    advice: "look what holds the runtime up: slow disk, load, a hung mount (crictl ps -a).",
    mends: "Once that attempt ends the kubelet's next one passes.",
    steps: &[
        "Is the runtime slow in everything? `time crictl ps -a`, `cat /proc/pressure/io /proc/pressure/cpu`, `journalctl -u containerd -u crio --since -15min`.",
        "A process in state D: `ps -eo pid,stat,wchan:30,args | grep ' D'`; a hung NFS or FUSE mount blocks the creation of the container.",
        "If the holder is left over (`crictl ps -a | grep NAME` shows it as Created or Exited): `crictl rm ID`; with Docker `docker rm -f ID`.",
        "If nothing moves: drain what still runs, then restart the runtime.",
    ],
    signs: &[
        Sign::of(&["reserve container name"]),
        Sign::of(&["reserving ctr name"]),
        Sign::of(&["container name \"", "is already in use by"]).but(&["k8s_pod_", "create a sandbox"]),
        Sign::of(&["conflict. the name \"", "already in use"]).but(&["k8s_pod_", "create a sandbox"]),
        Sign::of(&["that name is already in use"]).but(&["k8s_pod_", "create a sandbox", "pod sandbox"]),
    ],
    examples: &[
        r#"Error: failed to reserve container name "web_cart-0_shop_0f4c_0": name "web_cart-0_shop_0f4c_0" is reserved for "5d2a""#,
        "Error: Kubelet may be retrying requests that are timing out in CRI-O due to system load: context deadline exceeded: error reserving ctr name k8s_web_cart-0_shop_0f4c_0 for id 5d2a: name is reserved",
        r#"Error response from daemon: Conflict. The container name "/k8s_web_cart-0_shop_0f4c_0" is already in use by container "5d2a". You have to remove (or rename) that container to be able to reuse that name."#,
    ],
    ..USUAL
};

/// Creating or starting the container took longer than the kubelet waits, and nothing says why.
pub(super) const CONTAINER_CREATE_TIMEOUT: Cause = Cause {
    id: "ContainerCreateTimeout",
    stage: Stage::Create,
    scope: Scope::Node,
    summary: "The runtime did not create or start the container within the time that the kubelet waits.",
    says: "The runtime did not create or start the container within the kubelet's 2 min, and says nothing else. The image is here; the pod's configuration was accepted.",
    rules_out: "The image is here and the pod's configuration was accepted.",
    advice: "look what holds the runtime up here: slow disk, load, a hung mount or shim.",
    mends: "Retried every 10 to 15 s.",
    rest: true,
    steps: &[
        "Pressure: `cat /proc/pressure/io /proc/pressure/cpu /proc/pressure/memory`, `iostat -x 2 3`.",
        "The runtime's own words at that time: `journalctl -u containerd -u crio --since -15min`.",
        "Hung processes: `ps -eo pid,stat,wchan:30,args | grep ' D'`; relabelling or chown of a big volume takes its time too.",
        "If only this pod: its mounts (NFS, FUSE); if all: cordon the node and relieve its disk.",
    ],
    signs: &[
        Sign::of(&["deadline exceeded"]).within(&[Operation::Container]).but(NOT_THE_CALL),
        Sign::of(&["code = deadlineexceeded"]).within(&[Operation::Container]).but(NOT_THE_CALL),
        Sign::of(&["operation timeout"]).within(&[Operation::Container]).but(NOT_THE_CALL),
        Sign::of(&["error: context deadline exceeded"]).but(NOT_THE_CALL),
        Sign::of(&["error: rpc error: code = deadlineexceeded"]).but(NOT_THE_CALL),
        Sign::of(&["requests that are timing out in cri-o"]).but(&["sandbox", "reserving pod name"]),
    ],
    examples: &[
        r#""CreateContainer in sandbox from runtime service failed" err="rpc error: code = DeadlineExceeded desc = context deadline exceeded""#,
        r#"failed to "StartContainer" for "web" with RunContainerError: "context deadline exceeded""#,
    ],
    ..USUAL
};

/// Another call ran into its deadline: a pull, a sandbox, a command in a running container.
const NOT_THE_CALL: &[&str] = &[
    "rate limiter",
    "errimagepull",
    "imagepullbackoff",
    "pull image",
    "pulling image",
    "execsync",
    "runpodsandbox",
    "create pod sandbox",
    "createpodsandbox",
    "start sandbox",
    "create a sandbox",
    "vsock",
    "network for sandbox",
    "networkplugin",
    "failed (add)",
    "mountvolume",
];

/// What is to be mounted into the container is not there, is of the wrong type, or has no place to go.
pub(super) const MOUNT_SOURCE_INVALID: Cause = Cause {
    id: "MountSourceInvalid",
    stage: Stage::Create,
    owner: Owner::App,
    summary: "Something the pod mounts (hostPath, subPath, a file) is missing on the node, is of the wrong type, or has no place in the image to go.",
    says: "A mount of the pod cannot be made[ at {target}][ from {source}][ (volume {volume})]: the source is missing or of the wrong type, or the target cannot be made. Image and network are fine.",
    rules_out: "The image is here; network and runtime are fine.",
    advice: "check hostPath and subPath: are they there?",
    mends: "Retried every 10 to 15 s.",
    steps: &[
        "Which mount: the message names source and target; `kubectl get pod POD -o yaml` (`volumes`, `volumeMounts`, `subPath`).",
        "On the node: `stat SOURCE`. A hostPath must exist on every node the pod may run on; `type: DirectoryOrCreate` makes a directory, never a file.",
        "`subPath` of a ConfigMap or Secret must be one of its keys; otherwise an empty directory is mounted where a file is expected.",
        "`read-only file system`: the mount point is missing below another, read-only mount (or the image's root is read-only): mount it elsewhere, or create the directory in the image.",
        "`not a shared mount`: `mount --make-rshared /` on the node, or take `mountPropagation` off.",
    ],
    signs: &[
        Sign::of(&["trying to mount a directory onto a file"]),
        Sign::of(&["mount source path '"]),
        Sign::of(&["bind source path does not exist"]),
        Sign::of(&["invalid mount config for type"]),
        Sign::of(&["invalid volume specification"]),
        Sign::of(&["cannot mount volume over existing file"]),
        Sign::of(&["error: statfs /", "no such file or directory"]),
        Sign::of(&["mounting \"/", "to rootfs", "no such file or directory"]),
        Sign::of(&["mounting \"/", "to rootfs", "not a directory"]),
        Sign::of(&["mounting \"/", "to rootfs", "is a directory"]),
        Sign::of(&["mounting \"/", "to rootfs", "file exists"]),
        // A mount point that the image lacks, below a read-only one, is the runtime's own affair.
        Sign::of(&["mounting \"/", "to rootfs", "read-only file system"]).but(&[
            "caused \"mkdir",
            "/merged/",
            "caused: mkdir",
        ]),
        Sign::of(&["mounting \"/", "to rootfs", "too many levels of symbolic links"]),
        Sign::of(&["failed to stat \""]).within(&[Operation::Container]),
        Sign::of(&["failed to mkdir \"/"]).within(&[Operation::Container]).but(&["no space left on device"]),
        Sign::of(&["failed to resolve symlink"]).within(&[Operation::Container]),
        Sign::of(&["relabel \"/", "no such file or directory"]).within(&[Operation::Container]),
        Sign::of(&["mount `/", "no such file or directory"]).within(&[Operation::Container]),
        Sign::of(&["mount `/", "not a directory"]).within(&[Operation::Container]),
        Sign::of(&["creating `/", "not a directory"]).within(&[Operation::Container]),
        Sign::of(&["creating `/", "is a directory"]).within(&[Operation::Container]),
        Sign::of(&["stat'ing file `/"]).within(&[Operation::Container]),
        Sign::of(&["cannot stat `/"]).within(&[Operation::Container]),
        Sign::of(&["cannot mount ", "path does not exist"]),
        Sign::of(&["not a shared mount"]),
        Sign::of(&["not a shared or slave mount"]),
        Sign::of(&["error: stat /", "no such file or directory"]).but(&["exec: \""]),
        Sign::of(&["error: lstat /", "no such file or directory"]),
        Sign::of(&["stat /", ": no such file or directory"]).within(&[Operation::Container]).but(NOT_A_BARE_STAT),
        Sign::of(&["hostpath type check failed"]),
        Sign::of(&["subpath for volumemount"]),
        Sign::of(&["subpath directory for volumemount"]),
        Sign::of(&["failed to prepare subpath"]),
    ],
    examples: &[
        r#"Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting "/var/lib/kubelet/pods/0f4c/volume-subpaths/conf/web/0" to rootfs at "/etc/cart.yaml": not a directory: unknown"#,
        r#"MountVolume.SetUp failed for volume "data" : hostPath type check failed: /srv/cart is not a directory"#,
        r#"Error: failed to generate container "5d2a" spec: failed to generate spec: failed to stat "/srv/cart": stat /srv/cart: no such file or directory"#,
        r#"Error: failed to prepare subPath for volumeMount "conf" of container "web""#,
    ],
    ..USUAL
};

/// Who looked for the file was not the kubelet, for a volume of the pod.
const NOT_A_BARE_STAT: &[&str] =
    &["oci runtime", "exec: \"", "fork/exec /", "/proc/", "stat /run/", "stat /usr/", "shim", "runc"];
