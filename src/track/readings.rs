//! What the probes of the node found, over time: since when each answer has been what it is, and where what can run out
//! is going. An answer that is not given again is kept for a while, as what is no longer known.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::model::reading::{Missing, Reading, Verdict};
use crate::model::skew::Skew;
use crate::model::{Time, since};

/// The probe of the way to the API server.
pub const API_SERVER: &str = "api-server";
/// An answer that was not given again within this time is forgotten. No probe rests so long.
const EXPIRES: Duration = Duration::from_secs(600);
/// Between two samples of what can run out.
const SAMPLE_EVERY: Duration = Duration::from_secs(60);
/// Samples kept of it: half an hour's worth.
const SAMPLES: usize = 30;
/// From fewer minutes than this no course is read.
const COURSE: Duration = Duration::from_secs(600);

/// The answers of all probes, by probe and what each is about.
#[derive(Debug, Default)]
pub struct Readings {
    known: BTreeMap<(&'static str, Arc<str>), Course>,
}

/// One answer over time.
#[derive(Debug)]
pub struct Course {
    /// The last one.
    pub reading: Reading,
    /// When it was given.
    pub at: Time,
    /// Since when it has been this verdict for this cause.
    pub since: Time,
    /// How many looks in a row gave it.
    pub looks: u32,
    /// Since when it is known not to be broken.
    sound: Option<Time>,
    /// The last cause that it was broken or suspect for.
    named: &'static str,
    /// The last look of its probe did not give it.
    silent: bool,
    /// Others than its probe tell of it too.
    overheard: bool,
    samples: VecDeque<(Time, f64)>,
}

impl Readings {
    /// Takes in what one look of one probe found; whether that is anything new.
    pub fn heard(&mut self, probe: &'static str, readings: Vec<Reading>, at: Time) -> bool {
        let known = self.known.len();
        self.known.retain(|_, course| since(course.at, at) < EXPIRES);
        let mut news = self.known.len() < known;
        let given = |of: &Arc<str>| readings.iter().any(|reading| reading.of == *of);
        for ((_, of), course) in self.known.iter_mut().filter(|((of, _), _)| *of == probe) {
            let silent = !given(of) && !course.overheard;
            news |= silent != course.silent;
            course.silent = silent;
        }
        for reading in readings {
            news |= self.take(reading, at).0;
        }
        news
    }

    /// Takes in an answer of the API server's to this agent: one more look at what the probe of the way there compares;
    /// whether that is anything new.
    pub fn compared(&mut self, skew: &Skew, at: Time) -> bool {
        let Some(reading) = skew.reading(API_SERVER) else { return false };
        let (news, course) = self.take(reading, at);
        course.overheard = true;
        news | std::mem::take(&mut course.silent)
    }

    fn take(&mut self, reading: Reading, at: Time) -> (bool, &mut Course) {
        match self.known.entry((reading.probe, reading.of.clone())) {
            Entry::Occupied(known) => {
                let course = known.into_mut();
                (course.goes_on(reading, at), course)
            }
            Entry::Vacant(place) => (true, place.insert(Course::begin(reading, at))),
        }
    }

    /// Every answer that was given at the last look of its probe, and that not long ago.
    pub fn all(&self, now: Time) -> impl Iterator<Item = &Course> {
        self.known.values().filter(move |course| course.is_known(now))
    }

    /// What one probe said last of all that it looks at.
    pub fn of<'a>(&'a self, probe: &'a str, now: Time) -> impl Iterator<Item = &'a Course> {
        self.all(now).filter(move |course| course.reading.probe == probe)
    }

    /// Since when nothing that this probe looks at is broken; none while something is, or is not known.
    #[must_use]
    pub fn sound_since(&self, probe: &str, now: Time) -> Option<Time> {
        let mut since = None;
        for course in self.known.values().filter(|course| course.reading.probe == probe) {
            if course.reading.verdict.is_vacant() && course.is_known(now) {
                continue;
            }
            since = since.max(Some(course.sound.filter(|_| course.is_known(now))?));
        }
        since
    }

    /// Something was found broken or suspect for that cause, not long ago.
    #[must_use]
    pub fn ever_found(&self, cause: &str) -> bool {
        self.known.values().any(|course| course.named == cause)
    }

    /// Since when nothing is broken for that cause that ever was; none while something is, or is not known, and where nothing
    /// ever was.
    #[must_use]
    pub fn over_since(&self, cause: &str, now: Time) -> Option<Time> {
        let mut since = None;
        for course in self.known.values().filter(|course| course.named == cause) {
            since = since.max(Some(course.sound.filter(|_| course.is_known(now))?));
        }
        since
    }
}

impl Course {
    fn begin(reading: Reading, at: Time) -> Self {
        let samples = reading.amount.iter().map(|amount| (at, amount.used)).collect();
        let (sound, named) = (reading.verdict.is_sound().then_some(at), reading.cause);
        Self { reading, at, since: at, looks: 1, sound, named, silent: false, overheard: false, samples }
    }

    /// Whether it is another answer.
    fn goes_on(&mut self, reading: Reading, at: Time) -> bool {
        let other = (reading.verdict, reading.cause) != (self.reading.verdict, self.reading.cause);
        if other {
            (self.since, self.looks) = (at, 1);
            self.samples.clear();
        } else {
            self.looks = self.looks.saturating_add(1);
        }
        if !reading.cause.is_empty() {
            self.named = reading.cause;
        }
        self.sound = reading.verdict.is_sound().then(|| self.sound.unwrap_or(at));
        let due = self.samples.back().is_none_or(|(last, _)| since(*last, at) >= SAMPLE_EVERY);
        if let Some(amount) = reading.amount.filter(|_| due) {
            self.samples.push_back((at, amount.used));
            if self.samples.len() > SAMPLES {
                self.samples.pop_front();
            }
        }
        (self.reading, self.at) = (reading, at);
        other
    }

    fn is_known(&self, now: Time) -> bool {
        !self.silent && since(self.at, now) < EXPIRES
    }

    /// Since when it is known not to be broken.
    #[must_use]
    pub fn sound_since(&self) -> Option<Time> {
        self.sound
    }

    /// Its probe should look again: it is broken, did not answer, or has been well for less than `span`. Of what others tell
    /// too it is asked only once that was wrong, and not for longer than `span` in a row: many nodes may see the same.
    #[must_use]
    pub fn is_unsettled(&self, span: Duration, now: Time) -> bool {
        let lately = |moment: Time| since(moment, now) < span;
        match self.reading.verdict {
            Verdict::Broken => !self.overheard || lately(self.since),
            Verdict::Fine | Verdict::Suspect => {
                self.sound.is_some_and(lately) && (!self.overheard || !self.named.is_empty())
            }
            Verdict::Unknown(missing) => missing == Missing::Answer,
        }
    }

    /// It was seen to be wrong.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.reading.verdict == Verdict::Broken
    }

    /// In how long it runs out if it goes on as in the last half hour, or as long as it has stood as it does; none while it
    /// does not grow, or too little of it was seen. What grew at once and then stood still does not go on: the slower half of
    /// that time counts.
    #[must_use]
    pub fn out_in(&self) -> Option<Duration> {
        let amount = self.reading.amount?;
        let (first, last) = (*self.samples.front()?, (self.at, amount.used));
        let middle = *self.samples.get(self.samples.len() / 2)?;
        if since(first.0, last.0) < COURSE {
            return None;
        }
        let rate = rate(first, middle).min(rate(middle, last));
        let left = (amount.limit - amount.used).max(0.0) / rate;
        Duration::try_from_secs_f64(left).ok().filter(|_| rate > 0.0)
    }
}

/// How much a second it grew.
fn rate(from: (Time, f64), to: (Time, f64)) -> f64 {
    (to.1 - from.1) / since(from.0, to.0).as_secs_f64().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::after;
    use crate::model::reading::{Missing, Unit};

    fn minute(n: u32) -> Time {
        after(Time::UNIX_EPOCH, Duration::from_secs(60) * n)
    }

    fn broken() -> Reading {
        Reading::broken("disk", "kubelet", "DiskFull", "0 B free")
    }

    fn only(readings: &Readings, at: Time) -> &Course {
        readings.of("disk", at).next().unwrap()
    }

    #[test]
    fn looks_are_counted_and_another_verdict_or_cause_begins_anew() {
        let mut readings = Readings::default();
        assert!(readings.heard("disk", vec![broken()], minute(0)), "the first");
        assert!(!readings.heard("disk", vec![broken()], minute(1)), "nothing new");
        let course = only(&readings, minute(1));
        assert_eq!((course.looks, course.since), (2, minute(0)));
        readings.heard("disk", vec![Reading { cause: "InodesExhausted", ..broken() }], minute(2));
        assert_eq!((only(&readings, minute(2)).looks, only(&readings, minute(2)).since), (1, minute(2)));
        readings.heard("disk", vec![Reading::fine("disk", "kubelet", "")], minute(3));
        assert_eq!(only(&readings, minute(3)).since, minute(3));
    }

    #[test]
    fn what_grows_steadily_runs_out_in_time_and_what_shrinks_does_not() {
        let mut readings = Readings::default();
        let used = |used: f64| Reading::fine("disk", "logs", "").of_amount(used, 100.0, Unit::Bytes);
        for n in 0..=20 {
            readings.heard("disk", vec![used(f64::from(n))], minute(n));
            let told = only(&readings, minute(n)).out_in();
            assert_eq!(told.is_some(), n >= 10, "minute {n}");
        }
        assert_eq!(only(&readings, minute(20)).out_in(), Some(Duration::from_secs(80 * 60)));
        readings.heard("disk", vec![used(0.0)], minute(21));
        assert_eq!(only(&readings, minute(21)).out_in(), None);
    }

    #[test]
    fn what_grew_at_once_and_stands_still_does_not_run_out() {
        let mut readings = Readings::default();
        let used = |used: f64| Reading::fine("disk", "logs", "").of_amount(used, 100.0, Unit::Bytes);
        for n in 0..=20 {
            readings.heard("disk", vec![used(if n < 3 { 50.0 } else { 90.0 })], minute(n));
            assert_eq!(only(&readings, minute(n)).out_in(), None, "minute {n}");
        }
    }

    #[test]
    fn only_what_is_seen_not_to_be_broken_is_sound() {
        let mut readings = Readings::default();
        readings.heard("disk", vec![broken(), Reading::fine("disk", "logs", "")], minute(0));
        assert_eq!(readings.sound_since("disk", minute(0)), None);
        let fine = |of: &str| Reading::fine("disk", of, "");
        assert!(readings.heard("disk", vec![fine("logs")], minute(1)), "one is silent");
        assert_eq!(readings.sound_since("disk", minute(1)), None, "what was broken is not seen any more");
        assert_eq!(readings.all(minute(1)).count(), 1, "nor told");
        assert_eq!(readings.over_since("DiskFull", minute(1)), None);
        readings.heard("disk", vec![fine("logs"), fine("kubelet")], minute(2));
        assert_eq!(readings.over_since("DiskFull", minute(2)), Some(minute(2)));
        assert_eq!(readings.sound_since("disk", minute(2)), Some(minute(2)));
        let unknown = |missing| Reading::unknown("disk", "kubelet", missing, "");
        readings.heard("disk", vec![fine("logs"), unknown(Missing::Answer)], minute(3));
        assert_eq!(readings.sound_since("disk", minute(3)), None);
        readings.heard("disk", vec![fine("logs"), unknown(Missing::Subject)], minute(4));
        assert_eq!(readings.sound_since("disk", minute(4)), Some(minute(0)), "there is none to be broken");
    }

    #[test]
    fn an_answer_that_is_not_given_again_expires() {
        let mut readings = Readings::default();
        readings.heard("disk", vec![broken()], minute(0));
        assert_eq!(readings.all(minute(9)).count(), 1);
        assert_eq!(readings.all(minute(10)).count(), 0);
        readings.heard("disk", vec![Reading::fine("disk", "logs", "")], minute(10));
        assert_eq!(readings.sound_since("disk", minute(10)), Some(minute(10)));
        assert_eq!(readings.over_since("DiskFull", minute(10)), None, "nobody saw the end of it");
    }
}
