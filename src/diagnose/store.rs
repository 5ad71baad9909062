//! ImageStoreCorrupt: the kubelet had the container created because the runtime says that it has the image, and then the
//! runtime lacks a part of it. During a pull the same words mean no more than that unpacking failed.

use crate::causes::IMAGE_STORE_CORRUPT;
use crate::model::cause::Cause;
use crate::model::stage::Stage;
use crate::track::pod::Trouble;

/// containerd's words (containerd: core/metadata/content.go, plugins/content/local/store.go).
const LOST: &[&[&str]] = &[&["content digest sha256:", ": not found"], &["blob sha256:", ": blob not found"]];

/// The cause, where the words of a container that could not be created say so.
pub(super) fn lost(trouble: &Trouble) -> Option<&'static Cause> {
    let says = |parts: &&[&str]| parts.iter().all(|part| trouble.said.text().contains(part));
    (trouble.stage == Stage::Create && LOST.iter().any(says)).then_some(&IMAGE_STORE_CORRUPT)
}
