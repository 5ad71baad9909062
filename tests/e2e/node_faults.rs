//! The fault table: faults of a node, made on real parts, on every containerd that is at hand; by what cause each is named,
//! how soon, and how soon after its end that is told. Printed past the test harness's capture:
//!
//! ```sh
//! KUBEWHY_LAB=required cargo test --test e2e node_faults -- --nocapture
//! ```

mod clock;
pub(crate) mod files;
pub(crate) mod network;
mod outage;
mod page;
pub(crate) mod row;
pub(crate) mod runtime;
pub(crate) mod surroundings;

use std::iter::repeat_n;

use futures::stream::{self, StreamExt};
use kubewhy_lab::namespaces;
use kubewhy_lab::parts::{Candidate, containerds};

use crate::stage::{on_the_machine, show};
use page::{Column, Lab};

/// What each lab does, the longest first: the test's name.
const LABS: &[&str] = &[
    "node_faults::network::cni",
    "node_faults::files::kept",
    "node_faults::runtime::process",
    OUTAGE,
    "node_faults::surroundings::beside",
    "node_faults::clock::shifted",
    "node_faults::clock::by_answers_alone",
];
/// In the long run it takes ten minutes, so it is done once.
const OUTAGE: &str = "node_faults::outage::kept";
/// How often each lab is had on each runtime: of three runtimes, the long run shows the worst of 21.
const ROUNDS: [usize; 2] = [1, 7];
/// So many labs run at a time: each is a node, most of whose time is waiting.
const AT_ONCE: usize = 6;

#[test]
fn every_fault_of_a_node_is_named_in_time_and_its_end_is_told_in_time() {
    let Some((columns, missing)) = on_the_machine("the fault table", columns()) else { return };
    show(&page::text(&columns, &missing));
    let failed: Vec<&str> = columns.iter().flat_map(Column::failures).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// A column for each runtime, and what is missing with the reason.
async fn columns() -> (Vec<Column>, Vec<String>) {
    let (mut columns, mut programs, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for Candidate { name, program } in containerds() {
        match program {
            Ok(program) => {
                columns.push(Column::new(name));
                programs.push(program);
            }
            Err(why) => missing.push(format!("{name}: {why}")),
        }
    }
    let labs =
        tests().flat_map(|test| programs.iter().enumerate().map(move |(column, program)| (test, column, program)));
    let runs = labs.map(|(test, column, program)| async move {
        (column, Lab::read(test, namespaces::run_test_on(test, program.as_deref()).await))
    });
    let runs: Vec<_> = runs.collect();
    for (column, lab) in stream::iter(runs).buffered(AT_ONCE).collect::<Vec<_>>().await {
        columns[column].labs.push(lab);
    }
    (columns, missing)
}

/// The tests, each as often as it is had.
fn tests() -> impl Iterator<Item = &'static str> {
    let rounds = ROUNDS[usize::from(namespaces::is_soak())];
    LABS.iter().flat_map(move |test| repeat_n(*test, if *test == OUTAGE { 1 } else { rounds }))
}
