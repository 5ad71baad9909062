//! Objects of the API server from JSON text: for recordings. The same wire types and conversions as the watches.

use serde_json::{Error, Value, from_value};

use super::convert;
use crate::model::node::Node;
use crate::model::pod::{Pod, PodEvent};

/// A Pod.
pub(in crate::observe) fn pod(value: Value) -> Result<Pod, Error> {
    from_value(value).map(convert::pod)
}

/// A Node.
pub(in crate::observe) fn node(value: Value) -> Result<Node, Error> {
    from_value(value).map(convert::node)
}

/// An Event about a pod.
pub(in crate::observe) fn event(value: Value) -> Result<PodEvent, Error> {
    from_value(value).map(convert::event)
}
