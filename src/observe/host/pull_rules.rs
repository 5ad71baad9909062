//! Reads how the kubelet pulls from its configuration, every few minutes: the files and flags that its command line names
//! where the process can be seen, else `config.yaml` in its root directory. What can't be read is unknown, never the
//! default.

mod certain;
mod command;
mod file;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::command::{Command, Running};
use self::file::Choices;
use super::asking::Asking;
use crate::clock::Clock;
use crate::host::Mounts;
use crate::host::{Lost, Root};
use crate::model::Time;
use crate::model::intent::PullRules;
use crate::model::observation::{Observation, Seen};
use crate::model::verification::Verification;
use crate::observe::Outlet;

/// A kubelet's configuration changes with a restart of it.
const PERIOD: Duration = Duration::from_secs(180);
/// Where installers put it (kubeadm: cmd/kubeadm/app/constants).
const USUAL_FILE: &str = "config.yaml";
/// More drop-in files than a node has, and deeper than they nest.
const DROP_INS_AT_MOST: usize = 64;
const DEPTH: usize = 8;

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
    /// Runs until stopped. Sends [`Seen::PullRules`] and [`Seen::Verification`] for the first look and on a change.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let out = Outlet::new(out, self.clock);
        let looking = async {
            let mut asking = Asking::default();
            let mut sent: Option<Told> = None;
            loop {
                let (root, kubelet, now) = (self.root.clone(), self.kubelet.clone(), self.clock.hosts_time());
                let told = asking.ask(move || look(&root, &kubelet, now)).await.unwrap_or_default();
                let Told { rules, verification } = &told;
                if sent.as_ref().is_none_or(|sent| sent.rules != *rules) {
                    tracing::info!(%rules, "how the kubelet pulls images");
                    out.tell(Seen::PullRules(*rules)).await;
                }
                if sent.as_ref().is_none_or(|sent| sent.verification != *verification) {
                    tracing::info!(%verification, "who may use images that are present");
                    out.tell(Seen::Verification(verification.clone())).await;
                }
                sent = Some(told);
                tokio::time::sleep(PERIOD).await;
            }
        };
        stop.run_until_cancelled(looking).await;
    }
}

/// What a look tells; unknown where any part that may decide can't be read.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    rules: PullRules,
    verification: Verification,
}

fn look(root: &Path, kubelet: &Path, now: Time) -> Told {
    let Ok(mounts) = Mounts::at(root) else { return Told::default() };
    let root = Root(&mounts);
    let Some(chosen) = chosen(root, kubelet) else { return Told::default() };
    Told { rules: chosen.choices.rules(), verification: certain::verification(root, kubelet, &chosen, now) }
}

/// What the kubelet was told, and where.
struct Chosen {
    choices: Choices,
    /// The files and directories that say so, as the host names them.
    places: Vec<PathBuf>,
    /// The kubelets that run, in the process table.
    running: Vec<PathBuf>,
}

/// Flags go before drop-in files, which go before the file (Kubernetes: cmd/kubelet/app/server.go).
fn chosen(root: Root<'_>, kubelet: &Path) -> Option<Chosen> {
    let (command, running) = match command::running(root) {
        Ok(Some(Running { command, places })) => (command, places),
        // Another program may hold the kubelet, and the process table may not be mounted: then only a file tells.
        Ok(None) => (Command { file: Some(kubelet.join(USUAL_FILE)), ..Command::default() }, Vec::new()),
        Err(()) => return None,
    };
    let mut choices = Choices::default();
    let mut places: Vec<_> = command.file.into_iter().collect();
    if let Some(directory) = command.drop_ins {
        drop_ins(root, &directory, DEPTH, &mut places)?;
    }
    for file in places.iter().filter(|place| !is_directory(root, place)) {
        choices = choices.under(file::read(root, file)?);
    }
    Some(Chosen { choices: choices.under(command.flags), places, running })
}

/// A directory of drop-in files, and these, with the directories in it, in the order of their names (Kubernetes:
/// mergeKubeletConfigurations).
fn drop_ins(root: Root<'_>, directory: &Path, depth: usize, places: &mut Vec<PathBuf>) -> Option<()> {
    let found = match root.find(directory) {
        Err(Lost::Missing) => return Some(()),
        found => found.ok()?,
    };
    places.push(directory.to_owned());
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(found).ok()?.take(DROP_INS_AT_MOST + 1) {
        entries.push(entry.ok()?);
    }
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in &entries {
        let path = directory.join(entry.file_name());
        if entry.file_type().ok()?.is_dir() {
            drop_ins(root, &path, depth.checked_sub(1)?, places)?;
        } else if path.extension().is_some_and(|extension| extension == "conf") {
            places.push(path);
        }
    }
    (entries.len() <= DROP_INS_AT_MOST).then_some(())
}

fn is_directory(root: Root<'_>, place: &Path) -> bool {
    root.find(place).is_ok_and(|found| found.is_dir())
}

#[cfg(test)]
mod tests;
