//! What pulls under way still take of the disk: it counts against the room that there is for the next. A layer that several of
//! them bring is brought once. Pure.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{missing, takes};
use crate::model::pull::{Pull, sum};

/// By digest, what each layer still takes.
type Layers = BTreeMap<Arc<str>, u64>;

/// What the pulls of one disk have claimed of it. Cheap to copy; all copies know the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    last: u64,
    claimed: BTreeMap<u64, Layers>,
}

/// What one pull has claimed. It is given back when this is dropped.
#[derive(Debug)]
pub(in crate::prepull) struct Claim {
    of: Claims,
    number: u64,
}

impl Claims {
    /// Claims what a pull takes, where the room holds it beside what is claimed already; else what is left of the room.
    pub(super) fn claim(&self, pull: &Pull, room: u64) -> Result<Claim, u64> {
        let layers: Layers = missing(pull).map(|layer| (layer.digest.clone(), takes(layer))).collect();
        let mut book = self.book();
        let left = room.saturating_sub(book.beside(&layers));
        if left == 0 || sum(layers.values().copied()) > left {
            return Err(left);
        }
        book.last += 1;
        let number = book.last;
        book.claimed.insert(number, layers);
        Ok(Claim { of: self.clone(), number })
    }

    /// All that is claimed.
    pub(super) fn total(&self) -> u64 {
        self.book().beside(&Layers::new())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// What is claimed beside these layers.
    fn beside(&self, layers: &Layers) -> u64 {
        let others: BTreeMap<_, _> =
            self.claimed.values().flatten().filter(|(digest, _)| !layers.contains_key(*digest)).collect();
        sum(others.into_values().copied())
    }
}

impl Claim {
    /// As far as the pull is by now. What was unpacked meanwhile stays claimed until its end: nothing tells how much that is.
    pub(in crate::prepull) fn follow(&self, pull: &Pull) {
        let mut book = self.of.book();
        let Some(layers) = book.claimed.get_mut(&self.number) else { return };
        for layer in &pull.layers {
            if let Some(left) = layers.get_mut(&layer.digest) {
                *left = takes(layer);
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.of.book().claimed.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{layer, pull};
    use super::*;

    #[test]
    fn what_pulls_still_take_counts_against_the_room_of_the_next_until_they_end() {
        let claims = Claims::default();
        let first = pull(vec![layer("a", 0, 10), layer("here", 5, 5)]);
        let claim = claims.claim(&first, 100).unwrap();
        assert_eq!(claims.total(), 40, "its bytes, and three times that unpacked");
        let second = pull(vec![layer("b", 0, 20)]);
        assert_eq!(claims.claim(&second, 100).unwrap_err(), 60);
        claim.follow(&pull(vec![layer("a", 10, 10), layer("here", 5, 5)]));
        assert_eq!(claims.claim(&second, 109).unwrap_err(), 79, "it is to be unpacked yet");
        let other = claims.claim(&second, 110).unwrap();
        drop((claim, other));
        assert_eq!(claims.total(), 0);
        assert_eq!(claims.claim(&first, 0).unwrap_err(), 0);
    }

    #[test]
    fn a_layer_of_two_images_takes_its_room_once() {
        let claims = Claims::default();
        let _one = claims.claim(&pull(vec![layer("base", 0, 20), layer("a", 0, 1)]), 100).unwrap();
        let _two = claims.claim(&pull(vec![layer("base", 0, 20), layer("b", 0, 1)]), 100).unwrap();
        assert_eq!(claims.total(), 80 + 4 + 4);
    }
}
