//! What the API server knows of this node: its Pods and its Node by one watch each, and on demand the Events of one pod.
//! Never watches Events, never polls, and never writes.

mod convert;
pub mod events;
#[cfg(test)]
mod fake;
pub mod node;
pub mod pods;
pub mod recorded;
mod standing;
pub mod volumes;
mod watch;
mod wire;

pub use events::{Budget, EventObserver, Limits};
pub use node::NodeObserver;
pub use pods::PodObserver;
pub use standing::Standing;
pub use volumes::{Patience, StorageObserver};

#[cfg(test)]
mod tests;
