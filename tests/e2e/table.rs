//! The table: every scenario on every containerd that is at hand, each in a lab of its own. It is printed past the test
//! harness's capture, with what was measured; a scenario that does not hold, or stages that are wrong too often, fail it.
//!
//! One scenario by hand, on the containerd of `KUBEWHY_LAB_CONTAINERD` or the usual one:
//!
//! ```sh
//! cargo test --test e2e table::pulls::slow -- --ignored --nocapture
//! ```

mod containers;
mod crowd;
mod node;
mod page;
mod pulls;
mod sampler;
mod sandboxes;

use std::path::PathBuf;
use std::time::Instant;

use futures::future::join_all;
use kubewhy_lab::namespaces;
use kubewhy_lab::parts::{Candidate, containerds};

use crate::stage::{on_the_machine, show};
use page::{Cell, Column};

/// Of all samples of pods on their way, so many may be wrong: in thousandths.
const WRONG_AT_MOST: f64 = 10.0;
/// Of all questions, so many may go without an answer, in thousandths: what nobody saw is not right.
const UNANSWERED_AT_MOST: f64 = 30.0;

/// What is done, and the test that does it.
type Scenario = (&'static str, &'static str);

const SCENARIOS: &[Scenario] = &[
    ("slow pull", "table::pulls::slow"),
    ("stalled layer", "table::pulls::stalled"),
    ("queue behind a mute registry", "table::pulls::queue"),
    ("shared layers, twice at once", "table::pulls::shared"),
    ("containerd restarted in a pull", "table::pulls::restarted"),
    ("hung CNI plugin", "table::sandboxes::hung"),
    ("containerd restarted, CNI hung", "table::sandboxes::restarted"),
    ("logs from before a reboot", "table::sandboxes::rebooted"),
    ("postStart hook that hangs", "table::containers::hook"),
    ("init containers and a sidecar", "table::containers::inits"),
    ("a container that dies", "table::containers::dies"),
];
/// Takes the whole machine: one at a time, after the others.
const CROWD: Scenario = ("110 pods at once", "table::crowd::arrives");

#[test]
fn every_scenario_holds_on_every_containerd() {
    let Some((columns, missing)) = on_the_machine("the table", columns()) else { return };
    let text = page::text(SCENARIOS.iter().chain([&CROWD]).map(|(label, _)| *label), &columns, &missing);
    show(&text);
    let failed: Vec<String> = columns.iter().flat_map(Column::failures).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    // The crowd has most of the samples: it shall not hide what is wrong with the others.
    for rows in [SCENARIOS.len(), SCENARIOS.len() + 1] {
        let wrong = page::wrong_per_mille(&columns, rows);
        assert!(wrong <= WRONG_AT_MOST, "{wrong:.1} ‰ of the stages of the first {rows} scenarios are wrong");
    }
    let unanswered = page::unanswered_per_mille(&columns);
    assert!(unanswered <= UNANSWERED_AT_MOST, "{unanswered:.1} ‰ of the questions had no answer");
}

/// The columns, and what is missing with the reason.
async fn columns() -> (Vec<Column>, Vec<String>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for Candidate { name, program } in containerds() {
        match program {
            Ok(program) => found.push((name, program)),
            Err(why) => missing.push(format!("{name}: {why}")),
        }
    }
    let mut columns = join_all(found.iter().map(|(name, program)| column(name, program.clone()))).await;
    for (column, (_, program)) in columns.iter_mut().zip(&found) {
        column.cells.push(cell(CROWD, program.as_ref()).await);
    }
    (columns, missing)
}

async fn column(name: &'static str, program: Option<PathBuf>) -> Column {
    let mut cells = Vec::new();
    for scenario in SCENARIOS {
        cells.push(cell(*scenario, program.as_ref()).await);
    }
    Column { name, cells }
}

async fn cell((label, test): Scenario, program: Option<&PathBuf>) -> Cell {
    let begun = Instant::now();
    let outcome = namespaces::run_test_on(test, program.map(PathBuf::as_path)).await;
    Cell::read(label, outcome, begun.elapsed())
}
