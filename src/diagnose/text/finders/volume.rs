//! Facts about volumes and their drivers.

use super::Shape::*;
use super::{Finder, find};

/// In order of trust.
pub(super) const FINDERS: &[Finder] = &[
    find("volume", "for volume \"", "\"", Word),
    find("volume", "attach volume \"", "\"", Word),
    find("volume", "unmounted volumes=[", "]", Any),
    find("driver", "driver name ", " ", Word),
    find("driver", "does not contain driver ", " :,", Word),
    find("driver", "/var/lib/kubelet/plugins/", "/: ", Word),
    find("driver", "external-attacher of ", " ", Word),
    find("configmap", "configmap \"", "\"", Word),
    find("configmap", "configmaps \"", "\"", Word),
    find("secret", "secret \"", "\"", Word),
    find("secret", "secrets \"", "\"", Word),
    find("pullsecret", "image pull secrets (", ")", Any),
    find("claim", "persistentvolumeclaim \"", "\"", Word),
    find("claim", "persistentvolumeclaims \"", "\"", Word),
    find("persistent", "persistentvolume \"", "\"", Word),
    find("persistent", "persistentvolumes \"", "\"", Word),
    find("class", "secretproviderclass.secrets-store.csi.x-k8s.io \"", "\"", Word),
    find("class", "secretproviderclasses.secrets-store.csi.x-k8s.io \"", "\"", Word),
    find("account", "serviceaccount \"", "\"", Word),
    find("account", "serviceaccounts \"", "\"", Word),
    find("key", "references non-existent secret key: ", " ,]", Word),
    find("key", "references non-existent config key: ", " ,]", Word),
    find("filesystem", "mounting arguments: -t ", " ", Word),
    find("filesystem", "mount -t ", " ", Word),
    find("fileserver", "-t nfs ", ":", Host),
    find("fileserver", "-t nfs4 ", ":", Host),
    find("fileserver", "while mounting ", ":", Host),
    find("fileserver", "mount.nfs: mounting ", ":", Host),
    find("fileserver", "resolve server ", ": ", Host),
    find("fileserver", "nfs: server ", " ", Host),
];
