//! Images fetched before pods ask for them: plan → queue → pull → keep. On containerd every pull runs under a lease of our
//! own, so that one that is cut off goes on from the bytes it has. Never removes an image, never pulls what is present unless
//! its tag is to be asked for again, and goes behind the pulls of pods.
//! Apart from the sets: the pause image, without which nothing starts.

mod asking;
pub mod by_hand;
mod changes;
mod chores;
pub mod credentials;
mod jobs;
mod keep;
mod leases;
pub mod mend;
pub mod pause;
pub mod plan;
mod pull;
pub mod queue;
pub mod room;
mod runner;
mod stall;
pub mod survey;
pub mod traces;
mod way;
pub mod window;
mod wishes;

pub use pull::{NameCause, causes};
pub use runner::{Prepull, Surroundings};
