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
mod check;
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
mod kubectl;
mod last_words;
mod least_rights;
mod metrics_readers;
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
mod slow_start;
mod status;

/// Says loudly that a test did not run. Straight to stderr: what is printed in a test that passes is never seen.
fn skipped(test: &str, why: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stderr(), "\n*** SKIPPED {test}: {why} ***"));
}
