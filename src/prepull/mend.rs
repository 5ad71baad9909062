//! What can mend a failed pull: trying again soon, waiting as long as the registry says, or nothing but somebody's edit.
//! Pure; the cause is named by others.

use std::time::Duration;

/// What mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mend {
    /// Another try, soon: what it met may pass.
    Retry,
    /// Another try, not before this time is over: the registry said so, or said "too many".
    After(Duration),
    /// Another try that starts from nothing: the bytes that are here are wrong.
    Fresh,
    /// No try: an edit of the configuration, of the credentials or at the registry. It is looked at again all the same,
    /// after a long while.
    Edit,
}

/// A registry that answers "too many" without saying for how long is left alone for this long at least.
const CROWDED: Duration = Duration::from_secs(60);

/// No registry is believed that asks for more.
const AFTER_AT_MOST: Duration = Duration::from_secs(3_600);

/// Causes of the catalogue that a retry does not mend like the rest.
const BY_CAUSE: &[(&str, Mend)] = &[
    ("ImageNotFound", Mend::Edit),
    ("ImageAccessDenied", Mend::Edit),
    ("ImagePlatformMismatch", Mend::Edit),
    ("ImageNameInvalid", Mend::Edit),
    ("ImageFormatUnsupported", Mend::Edit),
    ("ImageSignatureRejected", Mend::Edit),
    ("ImageCorrupt", Mend::Fresh),
    ("ImageStoreCorrupt", Mend::Fresh),
    ("ImageRateLimited", Mend::After(CROWDED)),
];

impl Mend {
    /// By the id of the cause, where one was named, and the words.
    #[must_use]
    pub fn of(cause: Option<&str>, text: &str) -> Self {
        let mend = BY_CAUSE.iter().find(|(id, _)| cause == Some(id)).map_or(Self::Retry, |(_, mend)| *mend);
        match (mend, retry_after(text)) {
            (Self::After(least), Some(told)) => Self::After(told.clamp(least, AFTER_AT_MOST)),
            (Self::Retry, Some(told)) => Self::After(told.min(AFTER_AT_MOST)),
            _ => mend,
        }
    }

    /// The ids of the causes that are told apart here.
    pub fn causes() -> impl Iterator<Item = &'static str> {
        BY_CAUSE.iter().map(|(id, _)| *id)
    }
}

/// The registry's `Retry-After`, where its words hold it: the runtimes hand on the body of an answer and not its header.
/// GitHub's registry writes `retry-after: 1.2ms`, others seconds.
fn retry_after(text: &str) -> Option<Duration> {
    let lower = text.to_ascii_lowercase();
    let (_, rest) = lower.split_once("retry-after").or_else(|| lower.split_once("retry after"))?;
    let rest = rest.trim_start_matches([':', ' ', '=', '"']);
    let (number, unit) =
        rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len()))?;
    let unit = unit.trim_start();
    let factor = [("ms", 0.001), ("m", 60.0), ("h", 3_600.0)].into_iter().find(|(name, _)| unit.starts_with(name));
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * factor.map_or(1.0, |(_, factor)| factor)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_a_retry_can_mend_is_told_from_what_it_cannot() {
        for (cause, text, mend) in [
            (Some("ImageNotFound"), "manifest unknown", Mend::Edit),
            (Some("ImageCorrupt"), "unexpected commit digest", Mend::Fresh),
            (Some("RegistryUnreachable"), "connection refused", Mend::Retry),
            (None, "something new", Mend::Retry),
            (Some("ImageRateLimited"), "429 Too Many Requests", Mend::After(CROWDED)),
            (Some("ImageRateLimited"), "retry-after: 1.2ms, allowed: 44000/minute", Mend::After(CROWDED)),
            (Some("ImageRateLimited"), "Retry-After: 300", Mend::After(300 * SECOND)),
            (Some("ImageRateLimited"), "retry after 10m", Mend::After(600 * SECOND)),
            (Some("ImageRateLimited"), "retry-after: 9999999999h", Mend::After(AFTER_AT_MOST)),
            (Some("RegistryServerError"), "503; Retry-After: 20s", Mend::After(20 * SECOND)),
            (Some("ImageNotFound"), "retry-after: 5", Mend::Edit),
            (None, "retry-after: soon", Mend::Retry),
            (None, "retry-after", Mend::Retry),
        ] {
            assert_eq!(Mend::of(cause, text), mend, "{cause:?}: {text}");
        }
    }
}
