//! The configuration of the lab's containerd. Version 2 is read by 1.6, 1.7 and 2.1 alike.

use std::path::Path;

use super::Options;
use crate::namespaces::{CAP_SYS_RESOURCE, capable};

/// The group that may use the socket beside root: that of deploy/non-root.
const SOCKET_GROUP: u32 = 9470;

/// The file's text. It leaves nothing outside `dir` and its home, and asks nothing of the machine that a plain kernel lacks: no
/// AppArmor profile to load, no OOM score that this process may not set.
pub(super) fn text(dir: &Path, options: &Options) -> String {
    let dir = dir.display();
    let Options { sandbox_image, snapshotter, parallel_downloads, home, .. } = options;
    let (root, state, socket) = (home.root.display(), home.state.display(), home.socket.display());
    let (conf, bin, hosts) = (options.cni_conf.display(), options.cni_bin.display(), options.hosts.display());
    let restrict_oom = !capable(CAP_SYS_RESOURCE);
    format!(
        r#"version = 2
root = "{root}"
state = "{state}"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "{socket}"
  gid = {SOCKET_GROUP}

[plugins."io.containerd.internal.v1.opt"]
  path = "{dir}/opt"

[plugins."io.containerd.nri.v1.nri"]
  disable = true

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{sandbox_image}"
  disable_apparmor = true
  disable_tcp_service = true
  restrict_oom_score_adj = {restrict_oom}
  max_concurrent_downloads = {parallel_downloads}

[plugins."io.containerd.grpc.v1.cri".cni]
  conf_dir = "{conf}"
  bin_dir = "{bin}"
  max_conf_num = 1

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "{snapshotter}"
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "{hosts}"
"#
    )
}
