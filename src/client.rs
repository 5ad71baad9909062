//! The connections to the world that observers, pre-pull and report share. Opens them and turns their failures into
//! words; never decides what is asked or how often.

pub mod apiserver;
pub mod retry;
