//! What the demo shows. Writes to stdout, in colour where that is a terminal; decides nothing.

use std::time::Duration;

use anstream::println;
use anstyle::{AnsiColor, Style};
use serde_json::Value;
use tokio::process::Command;

use crate::apiserver::resources::{EVENTS, NODES, PODS};
use crate::describe;

use super::act::{Act, Outcome};
use super::scene::{NAMESPACE, NODE, On, Scene};

/// Lines are broken here.
const WIDTH: usize = 118;
/// `kubectl` answers at once or not at all.
const KUBECTL_WITHIN: Duration = Duration::from_secs(10);

/// A line of the Events table that came from the agent.
const OURS: &str = "  kubewhy  ";

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const TOLD: Style = AnsiColor::Yellow.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

pub(super) fn begin(acts: usize, config: &str) {
    println!("{BOLD}kubewhy, on a real node that is broken on purpose{BOLD:#}");
    println!("{acts} faults, one after the other. The agent's configuration, shortened for an audience:\n");
    config.lines().for_each(|line| println!("    {DIM}{line}{DIM:#}"));
    println!();
}

pub(super) fn ready(scene: &Scene) {
    let runtime = scene.lab.containerd.version();
    println!(
        "{GOOD}✓{GOOD:#} containerd {runtime}, runc, CNI plugins and registry run; node {NODE} is Ready; kubewhy watches it.\n"
    );
}

pub(super) fn act(number: usize, of: usize, act: &Act) {
    println!("{BOLD}━━ {number}/{of}  {}{BOLD:#}", act.title);
}

/// What `kubectl describe` shows by now. On the node the tellings of earlier acts are left out.
pub(super) async fn told(scene: &Scene, act: &Act, on: On, after: Option<Duration>) {
    println!("   {DIM}$ kubectl describe {}{DIM:#}", on.describe().join(" "));
    let text = described(scene, on).await;
    let earlier = |line: &&str| on == On::Node && line.contains(OURS) && !line.contains(act.cause);
    text.lines().filter(|line| !earlier(line)).for_each(event_line);
    match text.lines().filter(earlier).count() {
        0 => {}
        count => println!("   {DIM}  ({count} of earlier acts left out here){DIM:#}"),
    }
    match after {
        Some(after) => println!("   {GOOD}✓{GOOD:#} said {:.1} s after the fault", after.as_secs_f64()),
        None => println!("   {BAD}✗ not said in time{BAD:#}"),
    }
}

fn event_line(line: &str) {
    let style = if line.contains(OURS) { TOLD } else { DIM };
    for (n, part) in wrap(line, WIDTH).iter().enumerate() {
        let indent = if n == 0 { "   " } else { "         " };
        println!("{indent}{style}{part}{style:#}");
    }
}

pub(super) fn ended(ending: Option<&Value>, after: Option<Duration>) {
    match (ending, after) {
        (Some(event), Some(after)) => {
            let (after, message) = (after.as_secs_f64(), event["message"].as_str().unwrap_or_default());
            println!("   mended; {after:.1} s later:  Normal  Resolved  kubewhy  {GOOD}{message}{GOOD:#}");
        }
        _ => println!("   {BAD}✗ mended, and no ending was told{BAD:#}"),
    }
}

pub(super) fn outcome(outcome: &Outcome) {
    for said in outcome.beside.iter().filter(|_| outcome.named.is_none()) {
        println!("   {BAD}said instead:{BAD:#} {said}");
    }
    println!();
}

pub(super) fn table(outcomes: &[(&Act, Outcome)], written: usize) {
    println!("{:<26} {:<6} {:>10} {:>10}", "cause", "on", "named", "ended");
    for (act, outcome) in outcomes {
        let on = if act.on == On::Node { "node" } else { "pod" };
        let (style, mark) = if outcome.right() { (GOOD, "✓") } else { (BAD, "✗") };
        let (named, ended) = (seconds(outcome.named), seconds(outcome.ended));
        println!("{:<26} {on:<6} {named:>10} {ended:>10} {style}{mark}{style:#}", act.cause);
    }
    let named = outcomes.iter().filter(|(_, outcome)| outcome.named.is_some()).count();
    println!("\n{named} of {} faults named; {written} writes of Events in all", outcomes.len());
}

fn seconds(span: Option<Duration>) -> String {
    span.map_or_else(|| "-".to_owned(), |span| format!("{:.1} s", span.as_secs_f64()))
}

/// The Events of a `kubectl describe`: of the real one where there is one, else of the lab's own.
async fn described(scene: &Scene, on: On) -> String {
    let mut kubectl = Command::new("kubectl");
    kubectl.env("KUBECONFIG", &scene.kubeconfig).arg("describe").args(on.describe()).kill_on_drop(true);
    let text = match tokio::time::timeout(KUBECTL_WITHIN, kubectl.output()).await {
        Ok(Ok(output)) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        _ => described_here(scene, on),
    };
    match text.find("\nEvents:") {
        Some(at) => text.get(at + 1..).unwrap_or_default().to_owned(),
        None => text,
    }
}

fn described_here(scene: &Scene, on: On) -> String {
    let store = scene.api.store();
    let events: Vec<Value> = store.list(&EVENTS, None).iter().map(|event| Value::clone(event)).collect();
    let now = jiff::Timestamp::now();
    let text = match on {
        On::Node => store.get(&NODES, "", NODE).map(|node| describe::node(&node, &events, now)),
        On::Pod(name) => store.get(&PODS, NAMESPACE, name).map(|pod| describe::pod(&pod, &events, now)),
    };
    text.unwrap_or_default()
}

/// Breaks a line at spaces.
fn wrap(line: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split_inclusive(' ') {
        match lines.last_mut() {
            Some(last) if last.chars().count() + word.chars().count() <= width || last.is_empty() => {
                last.push_str(word)
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
