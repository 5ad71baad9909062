//! What pre-pulling tells the rest: per set, how far it is and what failed; and what became of the startup taint.

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
    /// The images of it that are on the node.
    pub here: Arc<[Arc<str>]>,
    /// Those that are known not to be. One that stands in neither was not looked for yet.
    pub missing: Arc<[Arc<str>]>,
    /// Nothing is left to do: every image is there, or waits for its next try.
    pub settled: bool,
    /// Why nothing of it will be pulled as it stands (credentials without consent, a bad name).
    pub refused: Option<String>,
}

impl SetProgress {
    /// Every image of it is on the node.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.refused.is_none() && self.here.len() >= self.images
    }
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

/// What became of the taint that is on the Node until its essential sets are complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum StartupTaint {
    /// It is gone.
    Gone {
        /// Its key.
        taint: Arc<str>,
        /// The essential sets that were not complete when its time was over; none where it went because all were.
        unfinished: Vec<Arc<str>>,
    },
    /// The API server does not let this agent take it off.
    Stays {
        /// Its key.
        taint: Arc<str>,
        /// The API server's words.
        why: String,
    },
}
