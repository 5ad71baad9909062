//! The one integration binary. `tests/README.md` says which ring a test belongs to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "a test may stop where it stands"
)]

mod agent;
mod any_text;
mod architecture;
mod broken;
mod check;
mod clean;
mod client_containerd;
mod client_cri;
mod cluster;
mod command_line;
mod corpus;
mod deploy;
mod documents;
mod explain;
mod fake_runtime;
mod formats;
#[cfg(target_os = "linux")]
mod image;
mod kubectl;
mod last_words;
mod least_rights;
mod metrics_readers;
mod monitoring;
mod near_misses;
mod node_marks;
mod node_recordings;
mod observe_containerd;
mod observe_cri;
mod observe_host;
mod observe_sandboxes;
mod pause_image;
mod policy;
mod prepull;
mod prepull_fleet;
mod producers;
mod pull_queue;
mod recordings;
mod scenarios;
mod sentences;
mod service_unit;
mod shipping;
mod slow_start;
mod status;

/// Says loudly that a test did not run. Straight to stderr: what is printed in a test that passes is never seen.
fn skipped(test: &str, why: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stderr(), "\n*** SKIPPED {test}: {why} ***"));
}

/// The same of a test that the programs of the lab suffice for: where the lab is required, it must run.
fn wanted(test: &str, why: &str) {
    assert!(!std::env::var("KUBEWHY_LAB").is_ok_and(|value| value == "required"), "{test}: {why}");
    skipped(test, why);
}
