//! The kubelet: whether its process is there and can run, and whether it answers on its local health port. One alone may
//! mislead: a kubelet of another name is not found, and a port that is silent may be another network's.

pub(super) mod daemon;
mod healthz;

use super::kubelet_config::KubeletConfig;
use super::{Node, journal};
use crate::host::{Lost, Mounts, Process, Root};
use crate::model::Time;
use crate::model::reading::{Missing, Reading, Verdict};
use crate::model::wording::span;

use healthz::Health;

/// Its id.
pub const ID: &str = "kubelet";

const DOWN: &str = "KubeletDown";
/// The units that the kubelet runs in, by distribution: its own, or one that it shares.
const UNITS: &[&str] = &[
    "kubelet.service",
    "k3s.service",
    "k3s-agent.service",
    "rke2-server.service",
    "rke2-agent.service",
    "k0sworker.service",
    "k0scontroller.service",
    "snap.microk8s.daemon-kubelite.service",
    "snap.k8s.kubelet.service",
    "snap.kubelet-eks.daemon.service",
    "microshift.service",
];
/// Lines of one that runs; those of a few minutes, on most nodes.
const WORDS_AT_MOST: usize = 300;
const PROCESS: &str = "process";
const HEALTHZ: &str = "healthz";

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    let found = daemon::find(node);
    let running = found.as_ref().ok().and_then(Option::as_ref);
    let config = KubeletConfig::of(node, running).ok();
    let health = Health::ask(node, daemon::healthz(config.as_ref()));
    let process = match &found {
        Ok(Some(process)) => stands(node, process),
        Ok(None) => absent(node, &health),
        Err(lost) => Reading::unknown(ID, PROCESS, Missing::Access, lost.to_string()),
    };
    let told = config.is_some_and(|config| running.is_none() || config.is_certain());
    let health = answers(&health, running, told && node.processes().are_all());
    let last = [&process, &health]
        .iter()
        .any(|reading| reading.verdict == Verdict::Broken)
        .then(|| journal::last_of_any(node, UNITS))
        .flatten();
    let with_words = |reading: Reading| match &last {
        Some(words) if reading.verdict == Verdict::Broken => reading.with("words", words.as_str()),
        _ => reading,
    };
    vec![with_words(process), with_words(health)]
}

/// What it wrote in its journal since then, the last line last; nothing where there is none that can be read.
#[must_use]
pub fn words(mounts: &Mounts, since: Time) -> Vec<journal::Line> {
    let lines = |unit: &str| journal::dated_words(Root(mounts), unit, since, WORDS_AT_MOST).ok();
    let said = |unit: &&str| lines(unit).filter(|lines| !lines.is_empty());
    UNITS.iter().find_map(said).unwrap_or_default()
}

fn stands(node: &Node, process: &Process) -> Reading {
    let pid = process.pid;
    let says = match node.processes().uptime() {
        Ok(uptime) => format!("process {pid}, up for {}", span(process.age(uptime))),
        Err(_) => format!("process {pid}"),
    };
    match process.state {
        'T' | 't' => down(PROCESS, format!("its process {pid} was stopped (state T)")),
        'D' => {
            let flaw = format!("its process {pid} waits for a disk or a mount (state D)");
            Reading::suspect(ID, PROCESS, DOWN, flaw.clone()).with("flaw", flaw)
        }
        _ => Reading::fine(ID, PROCESS, says).with("instance", process.instance()),
    }
}

/// No process is a kubelet's. That counts where all processes are seen, and nobody answers for it either.
fn absent(node: &Node, health: &Health) -> Reading {
    if matches!(node.root().find(&node.kubelet_root), Err(Lost::Missing)) {
        return Reading::unknown(ID, PROCESS, Missing::Subject, "this host has no kubelet");
    }
    match (health, node.processes().are_all()) {
        (Health::Refused(_), true) => down(PROCESS, "no process of it runs"),
        (Health::Well, _) => Reading::fine(ID, PROCESS, "it answers, under a name that is not known"),
        (Health::Off, true) => down(PROCESS, "no process of it runs"),
        (_, true) => {
            let says = "no process of it is found";
            Reading::suspect(ID, PROCESS, DOWN, says).with("flaw", says)
        }
        (_, false) => Reading::unknown(ID, PROCESS, Missing::Access, "the host's processes are not all seen"),
    }
}

/// `sure` says that the port is the kubelet's own word, not its default, and the network the host's: its first process is
/// seen.
fn answers(health: &Health, running: Option<&Process>, sure: bool) -> Reading {
    match health {
        Health::Well => Reading::fine(ID, HEALTHZ, "ok"),
        Health::Off => Reading::unknown(ID, HEALTHZ, Missing::Subject, "switched off (healthzPort: 0)"),
        Health::Fails(flaw) => down(HEALTHZ, flaw.clone()),
        Health::Refused(at) if sure => down(HEALTHZ, format!("nobody listens on {at}")),
        Health::Refused(at) => {
            let missing = if running.is_some() { Missing::Access } else { Missing::Subject };
            Reading::unknown(
                ID,
                HEALTHZ,
                missing,
                format!("nobody listens on {at}, which may be another's port or network"),
            )
        }
        Health::Unseen(why) => Reading::unknown(ID, HEALTHZ, Missing::Access, why.clone()),
    }
}

fn down(of: &str, flaw: impl Into<String>) -> Reading {
    let flaw = flaw.into();
    Reading::broken(ID, of, DOWN, flaw.clone()).with("flaw", flaw)
}

#[cfg(test)]
mod tests;
