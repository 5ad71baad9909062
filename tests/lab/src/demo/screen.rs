//! What the demo shows. Writes to stdout, in colour where that is a terminal; decides nothing.

use std::io::IsTerminal;
use std::time::Duration;

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

/// Where the demo is shown.
#[derive(Debug)]
pub struct Screen {
    colour: bool,
}

impl Screen {
    /// Standard output.
    #[must_use]
    pub fn here() -> Self {
        Self { colour: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    pub(super) fn begin(&self, acts: usize, config: &str) {
        println!("{}", self.bold("kubewhy, on a real node that is broken on purpose"));
        println!("{acts} faults, one after the other. The agent's configuration, shortened for an audience:\n");
        config.lines().for_each(|line| println!("    {}", self.dim(line)));
        println!();
    }

    pub(super) fn ready(&self, scene: &Scene) {
        let runtime = scene.lab.containerd.version();
        println!(
            "{} {runtime}, runc, CNI plugins and registry run; node node-7 is Ready; kubewhy watches it.\n",
            self.good("✓")
        );
    }

    pub(super) fn act(&self, number: usize, of: usize, act: &Act) {
        println!("{}", self.bold(&format!("━━ {number}/{of}  {}", act.title)));
    }

    /// What `kubectl describe` shows by now. On the node the tellings of earlier acts are left out.
    pub(super) async fn told(&self, scene: &Scene, act: &Act, on: On, after: Option<Duration>) {
        let words = on.describe().join(" ");
        println!("   {}", self.dim(&format!("$ kubectl describe {words}")));
        let text = described(scene, on).await;
        let earlier = |line: &&str| on == On::Node && line.contains(OURS) && !line.contains(act.cause);
        for line in text.lines().filter(|line| !earlier(line)) {
            self.event_line(line);
        }
        match text.lines().filter(earlier).count() {
            0 => {}
            count => println!("   {}", self.dim(&format!("  ({count} of earlier acts left out here)"))),
        }
        match after {
            Some(after) => println!("   {} said {:.1} s after the fault", self.good("✓"), after.as_secs_f64()),
            None => println!("   {} not said in time", self.bad("✗")),
        }
    }

    fn event_line(&self, line: &str) {
        let ours = line.contains(OURS);
        for (n, part) in wrap(line, WIDTH).into_iter().enumerate() {
            let part = if n == 0 { part } else { format!("      {part}") };
            println!("   {}", if ours { self.warn(&part) } else { self.dim(&part) });
        }
    }

    pub(super) fn ended(&self, ending: Option<&Value>, after: Option<Duration>) {
        match (ending, after) {
            (Some(event), Some(after)) => {
                let message = event["message"].as_str().unwrap_or_default();
                println!(
                    "   mended; {:.1} s later:  Normal  Resolved  kubewhy  {}",
                    after.as_secs_f64(),
                    self.good(message)
                );
            }
            _ => println!("   {} mended, and no ending was told", self.bad("✗")),
        }
    }

    pub(super) fn outcome(&self, outcome: &Outcome) {
        for said in &outcome.instead {
            println!("   {} {said}", self.bad("said instead:"));
        }
        println!();
    }

    pub(super) fn table(&self, outcomes: &[(&Act, Outcome)], written: usize) {
        println!("{:<26} {:<6} {:>10} {:>10}", "cause", "on", "named", "ended");
        for (act, outcome) in outcomes {
            let on = match act.on {
                On::Node => "node",
                On::Pod(_) => "pod",
            };
            let mark =
                if outcome.named.is_some() && outcome.ended.is_some() { self.good("✓") } else { self.bad("✗") };
            println!("{:<26} {on:<6} {:>10} {:>10} {mark}", act.cause, seconds(outcome.named), seconds(outcome.ended));
        }
        let named = outcomes.iter().filter(|(_, outcome)| outcome.named.is_some()).count();
        println!("\n{named} of {} faults named; {written} writes of Events in all", outcomes.len());
    }

    fn with(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.with("2", text)
    }

    fn warn(&self, text: &str) -> String {
        self.with("1;33", text)
    }

    fn good(&self, text: &str) -> String {
        self.with("32", text)
    }

    fn bad(&self, text: &str) -> String {
        self.with("31", text)
    }
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
