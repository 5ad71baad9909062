//! What the host's own files show, read below the directory where the host's root is mounted. Reads only, bounded in
//! size and time; a file that can't be read is unknown, never absent.

pub mod cni;
mod mounts;
pub mod observer;
mod root;

pub use cni::{CniDirs, NamedBy};
pub use observer::CniObserver;
