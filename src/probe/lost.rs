//! What a probe answers where it could not see what it asks about.

use std::path::Path;

use crate::host::Lost;
use crate::model::reading::{Missing, Reading};

/// That a file of the host is not there is no question that stays open: this node has no such thing. All else is a right
/// or a mount that lacks.
pub(super) fn unknown(probe: &'static str, of: &str, path: &Path, lost: &Lost) -> Reading {
    match lost {
        Lost::Missing => Reading::unknown(probe, of, Missing::Subject, format!("{} is not there", path.display())),
        Lost::Unusable(why) => Reading::unknown(probe, of, Missing::Answer, format!("{}: {why}", path.display())),
        Lost::Invalid(why) => Reading::unknown(probe, of, Missing::Answer, why),
        Lost::Unknown(why) => Reading::unknown(probe, of, Missing::Access, why),
    }
}
