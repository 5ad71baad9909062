//! The page on causes, from the catalogue: one section for each, to be found by its Event's reason.

use std::fmt::Write as _;

use crate::causes;
use crate::diagnose::example;
use crate::model::cause::{Cause, Grows, Owner, Probe, Right, Scope};
use crate::model::profile::{Profile, Telling};
use crate::model::sign::{Operation, Sign};
use crate::model::stage::Stage;
use crate::model::wording::span;

const OPENING: &str = "# Causes

<!-- Made by `kubewhy docs`. -->

Every cause that kubewhy names. The name is the reason of its Event, and stays. What the agent can watch on the node itself is
told on the Node, and each pod that suffers from it gets one short Event that points there; all else is told on the pod.
`kubewhy explain` names the same causes from a message alone. A pre-pull that fails is told on the Node, by the same causes.
The sentences are examples: names and numbers are made up. Standalone is `--standalone`: no API server, and what is found goes to
the log and, as JSON, to stdout.

";

const RIGHTS: &str = "
## What it needs

Each cause needs evidence. Where the agent may not see it, or it is not there, the cause is not told: not as broken, not as well.

| needs | which is | without it |
|---|---|---|
";

const RIGHTS_IN_ORDER: [Right; 10] = [
    Right::Pods,
    Right::PodEvents,
    Right::Containerd,
    Right::CniDirs,
    Right::Proc,
    Right::KubeletDirs,
    Right::NodeState,
    Right::Traces,
    Right::KernelLog,
    Right::Storage,
];

const PROFILES: &str = "
## What each profile tells

The profiles are `deploy/socket`, `deploy/base` and `deploy/deep`. Where they differ:

* **yes**: the agent looks for itself.
* **in part**: it is told, without what only the environment and the descriptors of other processes or the kernel's log show.
* **in words**: the agent can't look; it is told once kubelet, runtime or kernel say so of a pod or of the Node in words.
* **no**: it is not told, neither as broken nor as well.

What the runtime's file system lacks every profile sees, for the agent's own container lies on it; a disk of the kubelet's own only
those with its directories. Every other cause is told alike by all three. `tests/e2e/profiles.rs` runs each of them, as a pod, against
faults of a real node.

";

/// The page.
pub(super) fn page() -> String {
    let mut text = format!("{OPENING}| cause | who acts | |\n|---|---|---|\n");
    let mut causes = causes::ALL.to_vec();
    causes.sort_by_key(|cause| cause.stage); // the order of the catalogue is for machines: which of two causes decides
    for cause in &causes {
        let anchor = cause.id.to_lowercase();
        _ = writeln!(text, "| [{}](#{anchor}) | {} | {} |", cause.id, cause.owner.as_str(), cause.summary);
    }
    text.push_str(RIGHTS);
    for right in RIGHTS_IN_ORDER {
        let (name, what, without) = described(right);
        _ = writeln!(text, "| {name} | {what} | {without} |");
    }
    profiles(&mut text, &causes);
    causes.iter().for_each(|cause| section(&mut text, cause));
    text
}

/// A row for each cause that not every profile tells as a whole.
fn profiles(text: &mut String, causes: &[&Cause]) {
    _ = writeln!(text, "{PROFILES}| cause | {} |\n|---|---|---|---|", Profile::ALL.map(Profile::name).join(" | "));
    for cause in causes {
        let cells = Profile::ALL.map(|profile| profile.tells(cause));
        if cells.iter().any(|cell| *cell != Telling::Whole) {
            let anchor = cause.id.to_lowercase();
            _ = writeln!(text, "| [{}](#{anchor}) | {} |", cause.id, cells.map(told).join(" | "));
        }
    }
}

fn told(telling: Telling) -> &'static str {
    match telling {
        Telling::Whole => "yes",
        Telling::InPart => "in part",
        Telling::ByWords => "in words",
        Telling::Not => "no",
    }
}

fn section(text: &mut String, cause: &Cause) {
    _ = write!(text, "\n## {}\n\n{}\n", cause.id, cause.summary);
    if !cause.examples.is_empty() {
        text.push_str("\nMessages that say so:\n\n```text\n");
        cause.examples.iter().for_each(|example| _ = writeln!(text, "{example}"));
        text.push_str("```\n");
    }
    _ = write!(text, "\nWhat kubewhy makes of it:\n\n> {}\n", example::of(cause));
    if !cause.steps.is_empty() {
        text.push_str("\nWhat to do:\n\n");
        cause.steps.iter().for_each(|step| _ = writeln!(text, "* {step}"));
    }
    text.push_str("\n| | |\n|---|---|\n");
    let rows = [
        ("told on", on(cause).to_owned()),
        ("who acts", format!("{}: {}", cause.owner.as_str(), who(cause.owner))),
        ("stage", bites_at(cause).to_owned()),
        ("Event type", grows(cause.kind)),
        ("told after", told_after(cause)),
        ("known from", known_from(cause).to_owned()),
        ("rules out", cause.rules_out.to_owned()),
        ("afterwards", cause.mends.to_owned()),
        ("needs", needs(cause)),
        ("standalone", standalone(cause).to_owned()),
    ];
    rows.iter()
        .filter(|(_, value)| !value.is_empty())
        .for_each(|(name, value)| _ = writeln!(text, "| {name} | {value} |"));
    signs(text, cause);
}

fn on(cause: &Cause) -> &'static str {
    match cause.scope {
        _ if cause.kind == Grows::Silent => "nothing: it is named only when somebody asks",
        Scope::Node if cause.told_on_node() => "the Node, and with a short word on each pod that suffers from it",
        Scope::Node if seen_on_node(cause) && cause.signs.is_empty() => "the Node",
        Scope::Node if seen_on_node(cause) => {
            "the Node, where this agent sees it there, and with a short word on each pod that it holds up; else each Pod whose words name it"
        }
        Scope::Node => "each Pod whose words name it, as the node's fault",
        Scope::Pod => "the Pod",
    }
}

/// Told without a pod that suffers from it.
fn seen_on_node(cause: &Cause) -> bool {
    matches!(cause.probe, Some(Probe::Node | Probe::Crowd | Probe::OwnPull))
}

fn told_after(cause: &Cause) -> String {
    format!("{}, unless `causes.{}.after` says otherwise", span(cause.after), cause.id)
}

fn who(owner: Owner) -> &'static str {
    match owner {
        Owner::App => "whoever deploys the pod",
        Owner::Platform => "whoever runs the nodes",
        Owner::Registry => "whoever runs the registry",
    }
}

fn bites_at(cause: &Cause) -> &'static str {
    if is_the_rest(cause) { "any" } else { stage(cause.stage) }
}

/// What is said where no other cause fits.
fn is_the_rest(cause: &Cause) -> bool {
    cause.id == causes::UNCLASSIFIED.id
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Admission => "the kubelet takes the pod up",
        Stage::Volumes => "volumes, Secrets, devices",
        Stage::Sandbox => "the pod's sandbox: network namespace, CNI, pause container",
        Stage::ImageQueue => "the image waits for its turn",
        Stage::ImagePull => "the image is pulled",
        Stage::Create => "the container is created",
        Stage::Start => "the container is started",
        Stage::Hook => "a postStart hook runs",
        Stage::Running => "all containers run",
        Stage::Runtime => "the node's container runtime",
        Stage::Network => "the node's pod network",
        Stage::Node => "the node itself: kubelet, kernel, disks, memory",
        Stage::Prepull => "images pulled ahead",
        Stage::Agent => "the agent itself",
    }
}

fn grows(kind: Grows) -> String {
    match kind {
        Grows::Silent => "none: the kubelet's own Event says it".to_owned(),
        Grows::Normal => "Normal".to_owned(),
        Grows::Warning => "Warning".to_owned(),
        Grows::WarningAfter(limit) => format!("Normal, a Warning after {}", span(limit)),
    }
}

/// The evidence that decides is the rarest one the cause needs.
fn known_from(cause: &Cause) -> &'static str {
    let needs = |right| cause.needs.contains(&right);
    match () {
        () if cause.probe == Some(Probe::Starts) => {
            "the pod's status beside the runtime's lists, and how long neither moved"
        }
        () if cause.probe == Some(Probe::Making) => {
            "containerd's own records of sandboxes in the making, and CNI plugins in the host's process table (which pod a plugin runs for: read in the deep profile, else concluded where one runs for one sandbox); where neither shows it, the pod's status beside the runtime's lists, and how long neither moved"
        }
        () if cause.probe == Some(Probe::NetworkPods) => {
            "the status of the DaemonSets' pods on this node that write to the host's CNI directories, while pods wait for a network"
        }
        () if cause.probe == Some(Probe::Node) && cause.signs.is_empty() => {
            "the node's own files and local ports, which `kubewhy check` and the agent look at"
        }
        () if cause.probe == Some(Probe::Node) => {
            "the node's own files and local ports, which `kubewhy check` and the agent look at; and the words of others"
        }
        () if cause.probe == Some(Probe::Crowd) => {
            "the causes of pods that fail, their owners, and the last sandbox that came up"
        }
        () if cause.probe == Some(Probe::OwnPull) => {
            "the runtime's list of images, and a pull of the agent's own where the pause image is not in it"
        }
        () if cause.probe == Some(Probe::Volumes) => {
            "the kubelet's directories and the host's mounts, and the objects behind the pod's volumes and claims"
        }
        () if needs(Right::PodEvents) => "the kubelet's Events of a pod that is stuck before its sandbox is up",
        () if needs(Right::Containerd) => {
            "containerd's list of layers under way, looked at while a pod waits for its image"
        }
        () if needs(Right::CniDirs) => "the host's CNI directories, and what the runtime says of its network",
        () if needs(Right::Pods) => "the kubelet's words in the pod's status",
        () => "calls on the runtime's CRI socket",
    }
}

fn needs(cause: &Cause) -> String {
    let names: Vec<_> = cause.needs.iter().map(|right| described(*right).0).collect();
    if names.is_empty() { "nothing but the runtime's socket".to_owned() } else { names.join(", ") }
}

/// A right's name, what it is, and what is lost without it.
fn described(right: Right) -> (&'static str, &'static str, &'static str) {
    match right {
        Right::Pods => (
            "pods",
            "`list` and `watch` of `pods`, narrowed to this node",
            "the kubelet's words are not heard: no cause of a single pod is told",
        ),
        Right::PodEvents => (
            "events of a pod",
            "`list` of `events`, of one stuck pod at a time and at most 6 in an hour",
            "what only the kubelet's Events say is not told",
        ),
        Right::Containerd => (
            "containerd's own API",
            "on the same socket as CRI; CRI-O has none",
            "the progress of a pull cannot be seen",
        ),
        Right::CniDirs => (
            "CNI directories",
            "`/etc/cni` and `/opt/cni` of the host, read-only",
            "a missing plugin is not told, a missing configuration only if the runtime says so in words",
        ),
        Right::Proc => (
            "host's /proc",
            "`/proc` of the host, read-only",
            "what the kernel runs out of, and which processes run, is not seen",
        ),
        Right::KubeletDirs => (
            "kubelet directories",
            "`/var/lib/kubelet` and `/var/log` of the host, read-only",
            "a wait for volumes is hardly told from the making of a sandbox, and no mount is seen",
        ),
        Right::NodeState => (
            "state of the node",
            "`/run`, `/var/lib/cni` and `/sys/fs` of the host, read-only",
            "network daemons, addresses that are taken and errors of file systems are not seen",
        ),
        Right::Traces => (
            "other processes",
            "environment and descriptors of other processes: the deep profile",
            "whose plugin runs is told only where one runs for one sandbox, and who holds inotify instances is not",
        ),
        Right::KernelLog => (
            "kernel's log",
            "`/dev/kmsg`: the deep profile",
            "of the kernel's faults only the errors that ext4 counts are seen",
        ),
        Right::Storage => (
            "storage objects",
            "`get` of `persistentvolumeclaims`, `persistentvolumes`, `volumeattachments`, `csinodes`, `csidrivers` and `resourceclaims`, by name, for a pod that waits; in `deploy/storage`, each of them optional",
            "which volume waits is told, and not what it lacks",
        ),
    }
}

fn standalone(cause: &Cause) -> &'static str {
    let needs = |right| cause.needs.contains(&right);
    match (needs(Right::Pods), needs(Right::Containerd)) {
        _ if matches!(cause.probe, Some(Probe::Node | Probe::OwnPull)) => "told",
        (false, _) => "told",
        (true, true) if cause.stage == Stage::ImageQueue => "not told: which pods wait comes from the API server",
        (true, true) => "told of the image, without the pod's name",
        (true, false) => "not told of pods: the kubelet's words come from the API server",
    }
}

fn signs(text: &mut String, cause: &Cause) {
    if cause.signs.is_empty() {
        let why =
            if is_the_rest(cause) { "No wording of another cause fits." } else { "No wording names it: it is seen." };
        _ = writeln!(text, "\n{why}");
        return;
    }
    text.push_str(
        "\n<details><summary>Wordings that name it; one line suffices, upper and lower case are the same</summary>\n\n",
    );
    cause.signs.iter().for_each(|sign| _ = writeln!(text, "* {}", wording(sign)));
    text.push_str("\n</details>\n");
}

fn wording(sign: &Sign) -> String {
    let quoted = |parts: &[&str], word: &str| parts.iter().map(|part| code(part.trim())).collect::<Vec<_>>().join(word);
    let mut text = quoted(sign.all, " and ");
    if !sign.within.is_empty() {
        let spoken: Vec<_> = sign.within.iter().map(|operation| operation_name(*operation)).collect();
        _ = write!(text, ", where the text speaks of {}", spoken.join(" or "));
    }
    if !sign.none.is_empty() {
        _ = write!(text, ", but not {}", quoted(sign.none, " or "));
    }
    text
}

fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Pull => "a pull",
        Operation::Sandbox => "a sandbox",
        Operation::Network => "a CNI plugin",
        Operation::Container => "a container's creation",
        Operation::Volume => "a volume",
        Operation::RuntimeCall => "the runtime",
        Operation::ApiCall => "the API server",
        Operation::Node => "the kubelet or its node",
        Operation::Kernel => "the kernel",
    }
}

/// As Markdown's code, where the text may hold a backtick itself.
fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}
