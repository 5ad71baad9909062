//! Which images of pre-pull sets are on the node and since when: what a start that was slow is told beside its stages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::Time;
use crate::model::diagnosis::Ahead;
use crate::model::image::Reference;
use crate::model::pod::Pod;
use crate::model::prepull::SetProgress;

/// The images of this node's sets, as far as they were looked for.
#[derive(Debug, Default)]
pub(super) struct Images(BTreeMap<Arc<str>, BTreeMap<Arc<str>, Known>>);

#[derive(Clone, Copy, Debug)]
enum Known {
    /// On the node since then; of an image that was there when it was first looked for, since it was looked for.
    Here { since: Time, came: bool },
    /// Not on the node.
    Missing,
}

impl Images {
    /// A set moved.
    pub(super) fn told(&mut self, set: &SetProgress, at: Time) {
        let before = self.0.remove(&set.set).unwrap_or_default();
        let here = |image: &Arc<str>| match before.get(image) {
            Some(known @ Known::Here { .. }) => *known,
            Some(Known::Missing) => Known::Here { since: at, came: true },
            None => Known::Here { since: at, came: false },
        };
        let missing = set.missing.iter().map(|image| (image.clone(), Known::Missing));
        let images = set.here.iter().map(|image| (image.clone(), here(image))).chain(missing).collect();
        self.0.insert(set.set.clone(), images);
    }

    /// A set is asked for no more.
    pub(super) fn dropped(&mut self, set: &str) {
        self.0.remove(set);
    }

    /// What the sets did for a pod whose start began then; none where none of its images is in one, or where that is not known.
    #[must_use]
    pub(super) fn ahead_of(&self, pod: &Pod, began: Time) -> Option<Ahead> {
        let (mut here, mut late) = (Found::default(), Found::default());
        for slot in &pod.containers {
            let wanted = Reference::parse(&slot.image);
            let of_set = |(set, images): (&Arc<str>, &BTreeMap<Arc<str>, Known>)| {
                let image = images.iter().find(|(image, _)| Reference::parse(image) == wanted)?;
                Some((set.clone(), image.1.by(began)?))
            };
            // In one set it may be there, and in another be asked for since.
            let found = self.0.iter().filter_map(of_set).max_by_key(|(_, here)| *here);
            match found {
                Some((set, true)) => here.add(set, &slot.image),
                Some((set, false)) => late.add(set, &slot.image),
                None => {}
            }
        }
        late.told(false).or_else(|| here.told(true))
    }
}

impl Known {
    /// Whether it was there at that time, if that is known.
    fn by(self, began: Time) -> Option<bool> {
        match self {
            Self::Here { since, .. } if since <= began => Some(true),
            Self::Here { came, .. } => came.then_some(false),
            Self::Missing => Some(false),
        }
    }
}

#[derive(Default)]
struct Found<'a> {
    sets: BTreeSet<Arc<str>>,
    images: BTreeSet<&'a str>,
}

impl<'a> Found<'a> {
    fn add(&mut self, set: Arc<str>, image: &'a str) {
        self.sets.insert(set);
        self.images.insert(image);
    }

    fn told(self, here: bool) -> Option<Ahead> {
        let images = self.images.len();
        (images > 0).then(|| Ahead { sets: self.sets.into_iter().collect(), images, here })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::pod::{ContainerKind, ContainerSlot};
    use crate::track::way::{at, pod, running, slot};

    const BEGAN: i64 = 100;

    fn set(here: &[&str], missing: &[&str]) -> SetProgress {
        let images = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect::<Arc<[Arc<str>]>>();
        SetProgress {
            set: "base".into(),
            images: here.len() + missing.len(),
            present: here.len(),
            pulled: 0,
            bytes: 0,
            here: images(here),
            missing: images(missing),
            gone: 0,
            failed: Vec::new(),
            settled: true,
            refused: None,
            waits: None,
        }
    }

    /// Of a pod with these images, bound in second 100, what the set did for it by what was told of it when.
    fn ahead(images: &[&str], told: &[(i64, SetProgress)]) -> Option<(usize, bool)> {
        let container =
            |image: &&str| ContainerSlot { image: (*image).into(), ..slot("web", ContainerKind::Main, running(900)) };
        let pod = pod(Some(0), Some(0), images.iter().map(container).collect());
        let mut known = Images::default();
        for (second, set) in told {
            known.told(set, at(*second));
        }
        known.ahead_of(&pod, at(BEGAN)).map(|ahead| (ahead.images, ahead.here))
    }

    #[test]
    fn an_image_counts_as_pulled_ahead_by_what_was_so_when_the_start_began() {
        let (without, with) = (|| set(&[], &["nginx:1"]), || set(&["nginx:1"], &[]));
        for (told, expected) in [
            (vec![(10, with())], Some((1, true))),
            (vec![(10, without()), (50, with())], Some((1, true))),
            (vec![(10, without()), (150, with())], Some((1, false))),
            (vec![(10, without())], Some((1, false))),
            // There when it was first looked for: whether that was so before the start nobody knows.
            (vec![(150, with())], None),
            (vec![(10, set(&[], &[]))], None),
            (vec![], None),
        ] {
            assert_eq!(ahead(&["docker.io/library/nginx:1"], &told), expected, "{told:?}");
        }
    }

    #[test]
    fn an_image_that_was_late_is_told_before_those_that_were_here() {
        let told = [(10, set(&["a:1", "b:1"], &["c:1"]))];
        assert_eq!(ahead(&["a:1", "b:1", "a:1", "other:1"], &told), Some((2, true)));
        assert_eq!(ahead(&["a:1", "c:1", "other:1"], &told), Some((1, false)));
        assert_eq!(ahead(&["other:1"], &told), None);
    }

    #[test]
    fn a_set_that_is_dropped_says_nothing_more() {
        let mut known = Images::default();
        known.told(&set(&["r.example.com/shop/web:1"], &[]), at(10));
        let pod = pod(Some(0), Some(0), vec![slot("web", ContainerKind::Main, running(900))]);
        assert!(known.ahead_of(&pod, at(BEGAN)).is_some());
        known.dropped("base");
        assert!(known.ahead_of(&pod, at(BEGAN)).is_none());
    }
}
