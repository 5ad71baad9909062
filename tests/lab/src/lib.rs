//! A broken Kubernetes node on one machine, for tests, the demo and benchmarks: real containerd, runc, CNI plugins and
//! registry, and far ends that misbehave on request.
//!
//! ```text
//!   parts.sh ──► parts ──► namespaces (the program runs again, inside) ──► node::Lab
//!                                                                            ├─ containerd     cni
//!                                                                            ├─ registry ◄── images ──► faulty
//!                                                                            └─ names          hosts
//! ```
//!
//! A test that needs a lab is an ordinary `#[test]` whose body is one [`in_lab!`]; [`node::Lab::start`] gives it a
//! healthy node. Everything lies in [`namespaces::GROUND`], in namespaces of its own: the machine's runtime, network and
//! mounts are never touched, and nothing is left when the holder ends, however it ends.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop where it stands")
)]

mod cgroups;
mod process;
mod tarball;

pub mod namespaces;
pub mod parts;

pub mod cni;
pub mod containerd;
pub mod dead_mount;
pub mod disk;
pub mod faulty;
pub mod hosts;
pub mod images;
pub mod names;
pub mod registry;

pub mod apiserver;
pub mod describe;
pub mod kubelet;
pub mod openapi;

pub mod node;
pub mod places;

pub mod cost;
pub mod demo;
pub mod prepull;

pub use node::Lab;
pub use process::Daemon;
