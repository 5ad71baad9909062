//! What pre-pulling tells the rest: per set, how far it is, what failed and what it waits for; and what became of the startup
//! taint.

use std::sync::Arc;

use serde::Serialize;

use super::Time;

/// The state of one pre-pull set on this node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
    /// How many of those were on the node and were removed, and are not pulled again: the set does not ask to keep them.
    pub gone: usize,
    /// Nothing is left to do: every image is there or was, or waits for its next try.
    pub settled: bool,
    /// Why nothing of it will be pulled as it stands (credentials without consent, a bad name).
    pub refused: Option<String>,
    /// What keeps its missing images from being pulled now.
    pub waits: Option<Waits>,
}

impl SetProgress {
    /// Every image of it is on the node.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.refused.is_none() && self.here.len() >= self.images
    }

    /// It is complete, and nothing of it fails: neither does asking for a tag again.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.complete() && self.failed.is_empty()
    }
}

/// An image that could not be pulled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PullFailure {
    /// The image.
    pub image: Arc<str>,
    /// The runtime's words, secrets removed; or our own.
    pub text: Arc<str>,
    /// The id of the cause where the words are our own; the runtime's are to be classified.
    pub cause: Option<&'static str>,
    /// How often it was tried.
    pub tries: u32,
}

/// What a set waits for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Waits {
    /// Its turn: starts are spread over the fleet, or a share of the nodes goes ahead.
    Turn {
        /// When it comes.
        at: Time,
    },
    /// Its window.
    Window {
        /// When it opens; none: never again.
        opens: Option<Time>,
    },
    /// Room on the disk for this image.
    Room(Short),
    /// The kubelet's word that the disk is well again (`DiskPressure`).
    Pressure,
}

/// The disk has no room for an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Short {
    /// The image.
    pub image: Arc<str>,
    /// What it takes, downloaded and unpacked, in bytes; 0 where that is not known yet.
    pub needs: u64,
    /// What is free above what the set leaves free, in bytes.
    pub room: u64,
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
