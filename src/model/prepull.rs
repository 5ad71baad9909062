//! What pre-pulling tells the rest: per set, how far it is and what failed.

use std::sync::Arc;

use serde::Serialize;

/// The state of one pre-pull set on this node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SetProgress {
    /// The set's name.
    pub set: Arc<str>,
    /// How many images it has.
    pub images: usize,
    /// How many were there before anything was pulled.
    pub present: usize,
    /// How many were pulled by us.
    pub pulled: usize,
    /// How many bytes the pulled ones have, as the runtime counts them.
    pub bytes: u64,
    /// What failed at its last try.
    pub failed: Vec<PullFailure>,
    /// Nothing is left to do: every image is there, or waits for its next try.
    pub settled: bool,
    /// Why nothing of it will be pulled as it stands (credentials without consent, a bad name).
    pub refused: Option<String>,
}

/// An image that could not be pulled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PullFailure {
    /// The image.
    pub image: Arc<str>,
    /// The runtime's words; secrets removed.
    pub text: Arc<str>,
    /// How often it was tried.
    pub tries: u32,
}
