//! The end-to-end ring: the real `kubewhy run` on a real node of the lab, broken in one way per test. Nothing here looks
//! inside the agent: what counts is what the API server was told, what the log says and how the process ends. Needs root
//! on Linux; without, each test says that it was skipped.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod stage;

mod api_trouble;
mod brake;
mod broken;
mod churn;
mod configuration;
mod faults;
mod killed;
mod lock;
mod marks;
mod node_faults;
mod prepull;
mod profiles;
mod pulls;
mod record;
mod recorder;
mod rights;
mod runtime_lost;
mod sandbox;
mod service;
mod socket;
mod standalone;
mod state_dir;
mod status;
mod stopping;
mod table;
mod volumes;
