//! Reads how the kubelet pulls from its configuration, every few minutes: the files and flags that its command line names
//! where the process can be seen, else `config.yaml` in its root directory. What can't be read is unknown, never the
//! default.

mod command;
mod file;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::command::Command;
use self::file::Choices;
use super::asking::Asking;
use crate::clock::Clock;
use crate::host::Mounts;
use crate::host::{Lost, Root};
use crate::model::intent::PullRules;
use crate::model::observation::{Observation, Seen};
use crate::observe::Outlet;

/// A kubelet's configuration changes with a restart of it.
const PERIOD: Duration = Duration::from_secs(180);
/// Where installers put it (kubeadm: cmd/kubeadm/app/constants).
const USUAL_FILE: &str = "config.yaml";

/// Reads how this node's kubelet pulls.
#[derive(Debug)]
pub struct PullRulesObserver {
    /// Where the host's root is visible; `/` outside a container.
    pub root: PathBuf,
    /// The kubelet's root directory, as the host names it.
    pub kubelet: PathBuf,
    /// The agent's clock.
    pub clock: Clock,
}

impl PullRulesObserver {
    /// Runs until stopped. Sends [`Seen::PullRules`] for the first look and on a change.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let out = Outlet::new(out, self.clock);
        let looking = async {
            let mut asking = Asking::default();
            let mut sent = None;
            loop {
                let (root, kubelet) = (self.root.clone(), self.kubelet.clone());
                let rules = asking.ask(move || look(&root, &kubelet)).await.unwrap_or_default();
                if sent != Some(rules) {
                    sent = Some(rules);
                    tracing::info!(%rules, "how the kubelet pulls images");
                    out.tell(Seen::PullRules(rules)).await;
                }
                tokio::time::sleep(PERIOD).await;
            }
        };
        stop.run_until_cancelled(looking).await;
    }
}

/// The rules, unknown where any part that may decide can't be read.
fn look(root: &Path, kubelet: &Path) -> PullRules {
    let choices = Mounts::at(root).ok().and_then(|mounts| chosen(Root(&mounts), kubelet));
    choices.map(Choices::rules).unwrap_or_default()
}

/// Flags go before drop-in files, which go before the file (Kubernetes: cmd/kubelet/app/server.go).
fn chosen(root: Root<'_>, kubelet: &Path) -> Option<Choices> {
    let command = match command::running(root) {
        Ok(Some(command)) => command,
        // Another program may hold the kubelet, and the process table may not be mounted: then only a file tells.
        Ok(None) => Command { file: Some(kubelet.join(USUAL_FILE)), ..Command::default() },
        Err(()) => return None,
    };
    let mut choices = Choices::default();
    for file in command.file.iter().cloned().chain(drop_ins(root, command.drop_ins.as_deref())?) {
        choices = choices.under(file::read(root, &file)?);
    }
    Some(choices.under(command.flags))
}

/// The drop-in files, in their order.
fn drop_ins(root: Root<'_>, directory: Option<&Path>) -> Option<Vec<PathBuf>> {
    const AT_MOST: usize = 64;
    let Some(directory) = directory else { return Some(Vec::new()) };
    let found = match root.find(directory) {
        Err(Lost::Missing) => return Some(Vec::new()),
        found => found.ok()?,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(found).ok()?.take(AT_MOST + 1) {
        let name = PathBuf::from(entry.ok()?.file_name());
        if name.extension().is_some_and(|extension| extension == "conf") {
            files.push(directory.join(name));
        }
    }
    files.sort();
    (files.len() <= AT_MOST).then_some(files)
}

#[cfg(test)]
mod tests;
