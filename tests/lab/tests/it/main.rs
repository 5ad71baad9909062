//! The lab, held against the real programs: whatever it promises to tests and the demo is shown here. Needs root on Linux
//! and `tests/lab/parts.sh lab`; a test that cannot have its lab says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop where it stands")]

mod cri;
mod isolation;
mod plugins;
mod registries;
mod runtime;
