//! What the host's own files show.
