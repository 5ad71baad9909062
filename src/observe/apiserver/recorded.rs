//! Objects of the API server that come from a file instead of a watch: recordings that are replayed. The same conversion
//! as for the live ones.

use serde_json::{Error, Value};

use super::convert;
use crate::model::node::Node;
use crate::model::pod::{Pod, PodEvent};

/// A Pod in JSON.
///
/// # Errors
///
/// Where it is none.
pub fn pod(object: Value) -> Result<Pod, Error> {
    serde_json::from_value(object).map(convert::pod)
}

/// A Node in JSON.
///
/// # Errors
///
/// Where it is none.
pub fn node(object: Value) -> Result<Node, Error> {
    serde_json::from_value(object).map(convert::node)
}

/// A core/v1 Event in JSON.
///
/// # Errors
///
/// Where it is none.
pub fn event(object: Value) -> Result<PodEvent, Error> {
    serde_json::from_value(object).map(convert::event)
}
