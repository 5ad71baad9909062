//! Images fetched before pods ask for them: plan → queue → pull. On containerd every pull runs under a lease of our own,
//! so that one that is cut off goes on from the bytes it has. Never removes an image, and never pulls what is present.
//! Apart from the sets: the pause image, without which nothing starts.

pub mod credentials;
pub mod pause;
pub mod plan;
mod pull;
pub mod queue;
mod runner;
pub mod window;

pub use runner::Prepull;
