//! The eyes: each observer looks at one part of the world and says what it saw. They turn wire types into the model's
//! nouns at their `convert.rs`, and never judge.

pub mod apiserver;
pub mod host;
