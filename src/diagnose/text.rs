//! Text → cause: which wording of which cause is in an error message. Pure and linear; quotes nothing, claims nothing
//! that the words do not say.

use crate::causes;
use crate::model::cause::{Cause, Sign};

/// Longer texts are read from both ends only: the operation stands in front, the innermost error at the end.
const READ_AT_MOST: usize = 8 * 1024;

/// The cause that `text` names, or none.
#[must_use]
pub fn classify(text: &str) -> Option<&'static Cause> {
    let text = normalise(text);
    causes::ALL.iter().copied().find(|cause| cause.signs.iter().any(|sign| fits(sign, &text)))
}

fn fits(sign: &Sign, text: &str) -> bool {
    sign.all.iter().all(|part| text.contains(part)) && !sign.none.iter().any(|part| text.contains(part))
}

/// Lower case, escaped quotes resolved, CRI-O's second half dropped: signs are written for this form.
pub(super) fn normalise(text: &str) -> String {
    let text = crate::model::wording::cut_middle(text, READ_AT_MOST);
    let mut text = text.replace("\\\"", "\"");
    text.make_ascii_lowercase();
    // CRI-O tries an image, then an OCI artifact; the second error repeats or hides the first
    // (cri-o: internal/storage, "unable to pull image or OCI artifact").
    if let Some(second) = text.find("; artifact err: ") {
        text.truncate(second);
    }
    text
}

#[cfg(test)]
mod tests;
