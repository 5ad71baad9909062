//! What the API server knows of this node.
