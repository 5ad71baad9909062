//! The ring of pre-pulling: images are there before pods ask for them, whatever cuts a pull off, whoever goes first and
//! whatever is wrong with a registry or a disk. What depends on the runtime is had on every containerd that is at hand, the
//! rest on the usual one. Printed past the test harness's capture, with what was measured.
//!
//! One scenario by hand, on the containerd of `KUBEWHY_LAB_CONTAINERD` or the usual one:
//!
//! ```sh
//! cargo test --test e2e prepull::pods::first -- --ignored --nocapture
//! ```

mod by_hand;
mod clean;
mod disk;
mod edits;
mod keep;
mod later;
mod marks;
mod node;
mod plugin;
mod pods;
mod present;
mod pressure;
mod registry;
mod resume;
mod shared;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use kubewhy_lab::namespaces;
use kubewhy_lab::parts::{Candidate, containerds};

use crate::stage::{on_the_machine, show};

/// What is had on the usual containerd alone, the longest first: the test's name.
const ONCE: &[&str] = &[
    "prepull::later::in_turn",
    "prepull::registry::troubles",
    "prepull::disk::floor",
    "prepull::edits::ten",
    "prepull::registry::private",
    "prepull::by_hand::used",
    "prepull::plugin::asked",
    "prepull::marks::kept",
    "prepull::present::left_alone",
];
/// What is had on every containerd, likewise.
const EVERYWHERE: &[&str] = &[
    "prepull::resume::cut",
    "prepull::pods::first",
    "prepull::clean::gone",
    "prepull::pressure::told",
    "prepull::keep::pinned",
    "prepull::shared::layers",
];
/// So many at a time: each is a node, most of whose time is waiting.
const AT_ONCE: usize = 6;

const VERSION: &str = "@version ";
const MEASURED: &str = "@measured ";

#[test]
fn images_are_pulled_ahead_on_every_containerd() {
    let Some((outcomes, missing)) = on_the_machine("the ring of pre-pulling", outcomes()) else { return };
    let text: String = outcomes.iter().map(Outcome::line).chain(missing).collect();
    show(&text);
    let failed: Vec<String> = outcomes.iter().filter_map(Outcome::failure).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What came of each scenario on each runtime, and what is missing with the reason.
async fn outcomes() -> (Vec<Outcome>, Vec<String>) {
    let (mut programs, mut missing) = (Vec::new(), Vec::new());
    for Candidate { name, program } in containerds() {
        match program {
            Ok(program) => programs.push(program),
            Err(why) => missing.push(format!("SKIPPED {name}: {why}\n")),
        }
    }
    let once = ONCE.iter().map(|test| (*test, None));
    let everywhere = EVERYWHERE.iter().flat_map(|test| programs.iter().map(move |program| (*test, program.as_deref())));
    let runs: Vec<_> =
        once.chain(everywhere).enumerate().map(|(number, (test, program))| run(number, test, program)).collect();
    let mut outcomes: Vec<Outcome> = stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    outcomes.sort_by_key(|outcome| outcome.number);
    (outcomes, missing)
}

async fn run(number: usize, test: &'static str, program: Option<&Path>) -> Outcome {
    let begun = Instant::now();
    let said = namespaces::run_test_on(test, program).await;
    Outcome { number, test, said, took: begun.elapsed() }
}

/// What came of a scenario on a runtime.
struct Outcome {
    number: usize,
    test: &'static str,
    said: anyhow::Result<String>,
    took: Duration,
}

impl Outcome {
    fn line(&self) -> String {
        let said = self.said.as_ref().map_or_else(|error| format!("{error:#}"), String::clone);
        let all = |mark| said.lines().filter_map(move |line| line.strip_prefix(mark)).collect::<Vec<_>>();
        let verdict = if self.said.is_ok() { "ok" } else { "FAILED" };
        let (test, version) = (self.test.trim_start_matches("prepull::"), all(VERSION).join(" "));
        let mut line = format!("{test:<24} {version:<12} {verdict:<7}{:>4} s", self.took.as_secs());
        for measured in all(MEASURED) {
            let _ok = write!(line, "; {measured}");
        }
        line + "\n"
    }

    fn failure(&self) -> Option<String> {
        self.said.as_ref().err().map(|error| format!("--- {}:\n{error:#}", self.test))
    }
}
