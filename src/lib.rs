//! kubewhy: why does this pod not start, why is this node not ready?
//!
//! A node agent that watches one Kubernetes node from the inside, finds the cause of a start that hangs, and says it as
//! an Event, so that `kubectl describe` shows the sentence. The modules stand in the order of the flow:
//!
//! ```text
//!       the world                         pure: no I/O, no clock                        the world
//!   ┌────────────────┐   Observation   ┌────────────────────────────┐   Findings    ┌────────────────┐
//!   │ observe/       │ ──────────────► │ track/          diagnose/  │ ────────────► │ report/        │
//!   │   cri          │                 │ where each pod  which cause│               │   stories      │
//!   │   containerd   │                 │ and the node  ► explains it│               │   events       │
//!   │   apiserver    │                 │ stand           (causes/)  │               │   lines        │
//!   │   host         │                 └────────────────────────────┘               ├────────────────┤
//!   └────────────────┘                                                              │ serve/         │
//!   ┌────────────────┐                                                              │   health, api, │
//!   │ prepull/       │    engine.rs turns the crank; app.rs plugs it together       │   metrics      │
//!   └────────────────┘    client/ holds the connections that both rims use          └────────────────┘
//! ```
//!
//! `model` is what they all speak and uses nothing of ours. `causes`, `track` and `diagnose` do no I/O, read no clock and
//! name no wire type. `observe`, `prepull`, `report` and `serve` use `model` and `client`, never each other. Only `app`
//! knows them all. `tests/it/architecture.rs` keeps it so.

pub mod model;

pub mod client;
pub mod clock;
pub mod host;

pub mod observe;
pub mod probe;

pub mod causes;
pub mod diagnose;
pub mod track;

pub mod prepull;
pub mod report;
pub mod serve;

pub mod config;

pub mod app;
pub mod cli;
pub mod engine;
