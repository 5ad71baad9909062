//! What is to be held on the node, by the configuration and by what is known of its images: leases and pins. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::queue::Queue;
use crate::model::settings::{PrepullSet, PrepullSettings};

/// What is to be held; by default nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wishes {
    /// Images whose leases are kept.
    pub(super) leased: BTreeSet<Arc<str>>,
    /// Images to be pinned, as far as there is room.
    pub(super) kept: Vec<Arc<str>>,
    /// What they may take of the disk, in percent.
    pub(super) keep_at_most: u8,
    /// What stays free of the disk, in percent: the least that any set says; none where there is no set.
    pub(super) min_free: Option<u8>,
    /// Images from which no pin is taken.
    pub(super) spared: BTreeSet<Arc<str>>,
}

impl Wishes {
    /// By the sets that may be for this node: while its labels are not known, all that the file has. Of what the queue does
    /// not know yet nothing is let go, for a restart would else take off what it puts on again a moment later.
    pub(super) fn of(settings: &PrepullSettings, labels: &[(Arc<str>, Arc<str>)], queue: &Queue) -> Self {
        let sets = || settings.sets.iter().filter(|set| labels.is_empty() || set.selects(labels));
        let (decided, idle) = (queue.decided(), queue.idle());
        Self {
            leased: images(sets()).filter(|image| !idle.contains(image)).collect(),
            kept: queue.kept(),
            keep_at_most: settings.keep_at_most,
            min_free: settings.sets.iter().map(|set| set.min_free).min(),
            spared: images(sets().filter(|set| set.keep)).filter(|image| !decided.contains(image)).collect(),
        }
    }

    /// Takes no pin from this image, whoever asked for it.
    pub(super) fn sparing(mut self, image: Option<Arc<str>>) -> Self {
        self.spared.extend(image);
        self
    }
}

fn images<'a>(sets: impl Iterator<Item = &'a PrepullSet>) -> impl Iterator<Item = Arc<str>> {
    sets.flat_map(|set| &set.images).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;
    use crate::model::verification::Verification;
    use crate::prepull::plan::plan;
    use crate::prepull::queue::{Gates, Outcome, Pace};

    type Labels = Vec<(Arc<str>, Arc<str>)>;

    fn now() -> Time {
        "2026-11-21T03:00:00Z".parse().unwrap()
    }

    /// Two sets to keep, one of them for a pool, and one that is not kept.
    fn settings() -> PrepullSettings {
        let set =
            |name: &str, images: &[&str]| PrepullSet::new(name, images.iter().map(|image| (*image).into()).collect());
        let all = PrepullSet { keep: true, ..set("all", &["a:1", "b:1"]) };
        let match_labels = [("pool".into(), "general".into())].into();
        let pool = PrepullSet { keep: true, match_labels, ..set("pool", &["c:1"]) };
        PrepullSettings { sets: vec![all, pool, set("loose", &["d:1"])], ..PrepullSettings::default() }
    }

    fn labels(pool: &str) -> Labels {
        vec![("pool".into(), pool.into())]
    }

    fn queue(labels: &Labels) -> Queue {
        let mut queue = Queue::new(Pace::default());
        queue.follow(plan(&settings(), "n1", labels, &Verification::Unknown), now());
        queue
    }

    /// Looks at so many images, all of which are here.
    fn look(queue: &mut Queue, at_most: usize) {
        let jobs = queue.start(Gates { resumable: true, ..Gates::default() }, now());
        jobs.iter().take(at_most).for_each(|job| queue.end(job, Outcome::Present, now()));
    }

    fn spared(queue: &Queue, labels: &Labels) -> Vec<String> {
        Wishes::of(&settings(), labels, queue).spared.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_pin_stays_while_it_is_not_known_whether_the_file_asks_for_it_on_this_node() {
        let unknown = Vec::new();
        let mut unlabelled = queue(&unknown);
        assert_eq!(spared(&unlabelled, &unknown), ["a:1", "b:1", "c:1"]);
        look(&mut unlabelled, usize::MAX);
        assert_eq!(spared(&unlabelled, &unknown), ["c:1"], "its set may be for this node");
        let other = labels("other");
        assert_eq!(spared(&queue(&other), &other), ["a:1", "b:1"], "its set is for other nodes");
    }

    #[test]
    fn a_lease_is_kept_until_the_image_is_here_and_longer_while_something_is_pulled_of_it() {
        let labels = labels("general");
        let mut queue = queue(&labels);
        let leased = |queue: &Queue| Wishes::of(&settings(), &labels, queue).leased;
        assert_eq!(leased(&queue).len(), 4, "nobody has looked yet");
        let open = Gates { resumable: true, ..Gates::default() };
        for job in queue.start(open, now()) {
            let outcome = if &*job.image == "d:1" { Outcome::Absent } else { Outcome::Present };
            queue.end(&job, outcome, now());
        }
        assert_eq!(leased(&queue), ["d:1".into()].into());
        assert_eq!(queue.start(open, now()).len(), 1);
        assert_eq!(leased(&queue), ["d:1".into()].into(), "it is being pulled");
    }

    #[test]
    fn no_pin_goes_before_each_image_to_keep_was_looked_at() {
        let labels = labels("general");
        let mut queue = queue(&labels);
        look(&mut queue, 1);
        assert_eq!(spared(&queue, &labels), ["a:1", "b:1", "c:1"]);
        assert_eq!(Wishes::of(&settings(), &labels, &queue).kept, ["a:1".into()]);
    }
}
