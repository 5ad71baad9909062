//! The volumes of a container that are plain directories: of the host, empty, of a ConfigMap, of its account (Kubernetes:
//! pkg/volume/{hostpath,emptydir,configmap,projected}). Made as the container is, without Events of their own, and written once:
//! an edit of a ConfigMap does not reach them. `recursiveReadOnly: IfPossible` counts as not possible, as with containerd before 2.0.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use k8s_cri::v1::{Mount, MountPropagation};
use k8s_openapi::api::core::v1::{Container, HostPathVolumeSource, Pod, Volume, VolumeMount};

use super::Parts;
use super::environment::Source;
use crate::kubelet::Account;
use crate::kubelet::sandbox::Identity;
use crate::kubelet::status::spec;

/// Where a pod finds its token (Kubernetes: plugin/pkg/admission/serviceaccount).
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// What CreateContainer is asked for; volumes of other kinds are left out.
pub(super) async fn of(parts: &Arc<Parts>, pod: &Pod, container: &Container) -> Result<Vec<Mount>, String> {
    let (spec, id) = (spec(pod), Identity::of(pod));
    let mut mounts = Vec::new();
    for mount in container.volume_mounts.iter().flatten() {
        let volume = spec.volumes.iter().flatten().find(|volume| volume.name == mount.name);
        let volume = volume.ok_or_else(|| format!("volumeMount {} names no volume", mount.name))?;
        if let Some(place) = place(parts, &id, volume).await? {
            mounts.push(mounted(mount, &place));
        }
    }
    if let (Some(account), Some(true)) = (&parts.options.account, spec.automount_service_account_token) {
        let place = folder(parts, &id, "projected", "kube-api-access");
        write(&place, account_files(account, &id)).map_err(|error| error.to_string())?;
        let mount = VolumeMount { mount_path: TOKEN.to_owned(), read_only: Some(true), ..VolumeMount::default() };
        mounts.push(mounted(&mount, &place));
    }
    Ok(mounts)
}

async fn place(parts: &Arc<Parts>, id: &Identity, volume: &Volume) -> Result<Option<PathBuf>, String> {
    let set_up = |error: io::Error| format!("MountVolume.SetUp failed for volume \"{}\" : {error}", volume.name);
    if let Some(host) = &volume.host_path {
        return of_the_host(host).map(Some).map_err(set_up);
    }
    if volume.empty_dir.is_some() {
        let place = folder(parts, id, "empty-dir", &volume.name);
        // Whoever the pod runs as may write there (Kubernetes: pkg/volume/emptydir, perm 0777).
        fs::create_dir_all(&place).and_then(|()| fs::set_permissions(&place, open_to_all())).map_err(set_up)?;
        return Ok(Some(place));
    }
    let Some(map) = &volume.config_map else { return Ok(None) };
    let source = Source { parts, namespace: &id.namespace };
    let files = source.config_map(&map.name, map.optional).await?.unwrap_or_default();
    let place = folder(parts, id, "configmap", &volume.name);
    write(&place, files).map_err(set_up)?;
    Ok(Some(place))
}

fn open_to_all() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o777)
}

/// Directories and character devices are checked to be that (Kubernetes: pkg/volume/hostpath, checkType); other types are not.
fn of_the_host(host: &HostPathVolumeSource) -> io::Result<PathBuf> {
    let path = PathBuf::from(&host.path);
    let kind = host.type_.as_deref().unwrap_or_default();
    if kind == "DirectoryOrCreate" {
        fs::create_dir_all(&path)?;
    }
    let is = |right: fn(&fs::FileType) -> bool| fs::metadata(&path).is_ok_and(|found| right(&found.file_type()));
    let right = match kind {
        "Directory" | "DirectoryOrCreate" => is(fs::FileType::is_dir),
        "CharDevice" => is(FileTypeExt::is_char_device),
        _ => true,
    };
    let wrong = || io::Error::other(format!("hostPath type check failed: {} is not a {kind}", host.path));
    right.then_some(path).ok_or_else(wrong)
}

/// Where the kubelet keeps a volume of a pod.
fn folder(parts: &Parts, id: &Identity, plugin: &str, name: &str) -> PathBuf {
    let volumes = parts.options.root.join("pods").join(&id.uid).join("volumes");
    volumes.join(format!("kubernetes.io~{plugin}")).join(name)
}

fn write(place: &Path, files: BTreeMap<String, String>) -> io::Result<()> {
    fs::create_dir_all(place)?;
    files.iter().try_for_each(|(name, content)| fs::write(place.join(name), content))
}

fn account_files(account: &Account, id: &Identity) -> BTreeMap<String, String> {
    [("token", &account.token), ("ca.crt", &account.authority), ("namespace", &id.namespace)]
        .map(|(name, content)| (name.to_owned(), content.clone()))
        .into()
}

fn mounted(mount: &VolumeMount, place: &Path) -> Mount {
    let propagation = match mount.mount_propagation.as_deref() {
        Some("HostToContainer") => MountPropagation::PropagationHostToContainer,
        Some("Bidirectional") => MountPropagation::PropagationBidirectional,
        _ => MountPropagation::PropagationPrivate,
    };
    Mount {
        container_path: mount.mount_path.clone(),
        host_path: place.display().to_string(),
        readonly: mount.read_only == Some(true),
        propagation: propagation.into(),
        ..Mount::default()
    }
}
