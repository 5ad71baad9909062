//! How long things wait before they are tried or looked at again. Decides nothing.

use std::time::Duration;

/// How things are tried again and looked at again.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// First and longest wait where a retry may help.
    pub fast: (Duration, Duration),
    /// First and longest wait where only somebody's edit helps, or patience is at its end.
    pub slow: (Duration, Duration),
    /// After so many failures in a row the slow pace is taken.
    pub patience: u32,
    /// Likewise where a try starts from nothing: each costs the whole image.
    pub patience_fresh: u32,
    /// Between two looks at a disk that had no room.
    pub room: Duration,
    /// Between two looks at an image that is here.
    pub watch: Duration,
    /// Whether it is looked at again too where it is not to be kept: whoever tells for long what is here must know.
    pub watch_all: bool,
    /// First and longest wait before an image that somebody removed is pulled again: whoever did may do so again.
    pub lost: (Duration, Duration),
}

impl Default for Pace {
    fn default() -> Self {
        const fn minutes(n: u64) -> Duration {
            Duration::from_secs(60 * n)
        }
        Self {
            fast: (Duration::from_secs(10), minutes(10)),
            slow: (minutes(10), minutes(60)),
            patience: 6,
            patience_fresh: 3,
            room: minutes(5),
            watch: minutes(5),
            watch_all: false,
            lost: (minutes(10), minutes(24 * 60)),
        }
    }
}
