//! What a client may rely on in an API server: held against the double always, and against the real one that
//! `KUBECONFIG` names. On a real one it works in namespaces of its own, which it deletes. Where the two must differ the
//! test says so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test may stop where it stands"
)]

#[path = "conformance/server.rs"]
mod server;

#[path = "conformance/events.rs"]
mod events;
#[path = "conformance/objects.rs"]
mod objects;
#[path = "conformance/reading.rs"]
mod reading;
