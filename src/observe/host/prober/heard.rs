//! What the runtime told, on its socket, that others need: the probes of the host's files, and who looks after the pause
//! image.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::observation::Seen;
use crate::model::runtime::{RuntimeInfo, RuntimeStatus, Sandbox};

/// What the runtime told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Its socket, as this process sees it.
    pub socket: Option<PathBuf>,
    /// Where it keeps images and containers.
    pub root: Option<PathBuf>,
    /// The cgroup driver of its configuration, where the kubelet does not take it from the runtime itself.
    pub cgroup: Option<String>,
    /// The ids of all sandboxes.
    pub sandboxes: Option<Arc<BTreeSet<Arc<str>>>>,
    /// The pause image by its configuration, where it tells.
    pub pause: Option<Arc<str>>,
    /// It tells the kubelet which cgroup driver to use.
    configures: bool,
}

impl Heard {
    /// Takes in what was seen; whether that changed anything.
    pub fn hear(&mut self, seen: &Seen) -> bool {
        match seen {
            Seen::RuntimeFound(info) => self.found(info),
            Seen::RuntimeStatus(status) => self.said(status),
            Seen::Sandboxes(list) => self.listed(list),
            _ => false,
        }
    }

    /// Of containerd, 1.x answers no RuntimeConfig and 2.x does (containerd: internal/cri/server/runtime_config_linux.go); of
    /// others it is not known, so that theirs is not compared.
    fn found(&mut self, info: &RuntimeInfo) -> bool {
        let configures = &*info.name != "containerd" || !info.version.trim_start_matches('v').starts_with("1.");
        let changed = self.configures != configures || self.socket.as_ref() != Some(&info.socket);
        (self.configures, self.socket) = (configures, Some(info.socket.clone()));
        if configures {
            self.cgroup = None;
        }
        changed
    }

    fn said(&mut self, status: &RuntimeStatus) -> bool {
        let driver = |systemd: bool| if systemd { "systemd" } else { "cgroupfs" }.to_owned();
        let cgroup = status.systemd_cgroup.filter(|_| !self.configures).map(driver);
        let new = (status.root_dir.clone(), cgroup, status.sandbox_image.clone());
        let changed = (&self.root, &self.cgroup, &self.pause) != (&new.0, &new.1, &new.2);
        (self.root, self.cgroup, self.pause) = new;
        changed
    }

    fn listed(&mut self, list: &[Sandbox]) -> bool {
        let ids = || list.iter().map(|sandbox| &sandbox.id);
        let same = |known: &BTreeSet<Arc<str>>| known.len() == list.len() && ids().all(|id| known.contains(id));
        let changed = !self.sandboxes.as_deref().is_some_and(same);
        if changed {
            self.sandboxes = Some(Arc::new(ids().cloned().collect()));
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::PodUid;

    fn info(name: &str, version: &str) -> Seen {
        let socket = "/run/containerd/containerd.sock".into();
        Seen::RuntimeFound(RuntimeInfo { name: name.into(), version: version.into(), api: "v1".into(), socket })
    }

    fn status(systemd: bool) -> Seen {
        let root_dir = Some("/var/lib/containerd".into());
        Seen::RuntimeStatus(RuntimeStatus { systemd_cgroup: Some(systemd), root_dir, ..RuntimeStatus::default() })
    }

    #[test]
    fn cgroup_drivers_are_not_compared_where_the_runtime_tells_the_kubelet_which() {
        for (name, version, told) in
            [("containerd", "1.7.27", Some("systemd")), ("containerd", "v2.1.4", None), ("cri-o", "1.37.0", None)]
        {
            let mut known = Heard::default();
            known.hear(&info(name, version));
            assert!(known.hear(&status(true)));
            assert_eq!(known.cgroup.as_deref(), told, "{name} {version}");
            assert_eq!(known.root, Some("/var/lib/containerd".into()));
            assert!(!known.hear(&status(true)), "nothing new");
        }
    }

    #[test]
    fn a_list_of_the_same_sandboxes_is_nothing_new() {
        let sandbox = |id: &str| Sandbox {
            id: id.into(),
            pod: PodUid::new("uid"),
            namespace: "shop".into(),
            name: "cart".into(),
            attempt: 0,
            ready: true,
            created: None,
        };
        let mut known = Heard::default();
        assert!(known.hear(&Seen::Sandboxes(Vec::new())), "none is an answer too");
        assert!(known.hear(&Seen::Sandboxes(vec![sandbox("a")])));
        assert!(!known.hear(&Seen::Sandboxes(vec![sandbox("a")])));
        assert!(known.hear(&Seen::Sandboxes(vec![sandbox("b")])));
    }
}
