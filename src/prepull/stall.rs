//! Whether anything still comes in a pull of ours. One that waits for ever would hold its place in its set, and nobody would be
//! told: containerd gives such a pull up by itself only from 1.7 on. What is being unpacked is not waited for here. Pure.

use std::time::Duration;

use crate::model::pull::{Mark, Pull};
use crate::model::{Time, since};

/// As containerd does from 1.7.10 on (`image_pull_progress_timeout`): a registry that fetches a large layer from another one
/// before it sends the first byte needs minutes.
pub(super) const NOTHING_FOR: Duration = Duration::from_secs(5 * 60);

/// What was seen of one pull.
#[derive(Debug, Default)]
pub(super) struct Stall {
    last: Option<(Mark, Time)>,
}

impl Stall {
    /// Takes in a look; whether nothing came for too long. A pull that is not seen may move.
    pub(super) fn is_one(&mut self, pull: Option<&Pull>, now: Time) -> bool {
        let mark = pull.filter(|pull| awaits_bytes(pull)).map(Pull::mark);
        match (mark, self.last) {
            (Some(mark), Some((known, at))) if mark == known => since(at, now) >= NOTHING_FOR,
            (mark, _) => {
                self.last = mark.map(|mark| (mark, now));
                false
            }
        }
    }
}

fn awaits_bytes(pull: &Pull) -> bool {
    !pull.complete_list || pull.layers.iter().any(|layer| layer.offset < layer.total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::after;
    use crate::model::pull::Layer;

    fn pull(offset: u64, complete_list: bool) -> Pull {
        let layer =
            Layer { digest: "sha256:a".into(), offset, total: 100, active: true, elsewhere: false, updated: None };
        Pull {
            lease: "l".into(),
            own: None,
            began: None,
            repositories: Vec::new(),
            manifests: Vec::new(),
            document: None,
            layers: vec![layer],
            complete_list,
        }
    }

    /// Whether it is one at the second look, so many seconds after the first.
    fn after_looks(first: Option<&Pull>, second: Option<&Pull>, seconds: u64) -> bool {
        let now = "2026-11-21T03:00:00Z".parse().unwrap();
        let mut stall = Stall::default();
        assert!(!stall.is_one(first, now));
        stall.is_one(second, after(now, Duration::from_secs(seconds)))
    }

    #[test]
    fn a_pull_in_which_no_byte_comes_for_minutes_is_one_and_one_that_moves_or_unpacks_is_not() {
        let (some, more, all) = (pull(40, true), pull(41, true), pull(100, true));
        assert!(after_looks(Some(&some), Some(&some), 300));
        assert!(!after_looks(Some(&some), Some(&some), 299));
        assert!(!after_looks(Some(&some), Some(&more), 300));
        assert!(!after_looks(Some(&all), Some(&all), 3_600), "it is being unpacked");
        assert!(after_looks(Some(&pull(0, false)), Some(&pull(0, false)), 300), "its manifest does not come");
        assert!(!after_looks(None, None, 3_600) && !after_looks(None, Some(&some), 3_600));
    }
}
