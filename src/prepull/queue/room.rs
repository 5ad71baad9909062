//! Images for which the disk had no room, tried again as soon as it has: others may have made some at any time.

use super::Queue;
use super::item::{Item, Next};
use crate::model::Time;
use crate::prepull::room::Space;

impl Queue {
    /// Tries at once what the disk has room for by now. That of which it is not known how much it takes waits for its time:
    /// a pull that was cut off with nothing left gives back what it had, and that is no room for it.
    pub fn make_room(&mut self, space: Space, now: Time) {
        for set in &mut self.sets {
            let room = space.above(set.planned.set.min_free);
            set.items.iter_mut().for_each(|item| item.make_room(room, now));
        }
    }
}

impl Item {
    fn make_room(&mut self, room: u64, now: Time) {
        let fits = self.short.as_ref().is_some_and(|short| short.needs > 0 && short.needs <= room);
        if let (true, Next::Due(step, due)) = (fits, self.next) {
            self.next = Next::Due(step, due.min(now));
        }
    }
}
