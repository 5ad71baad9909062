//! The queue in virtual time.

use std::time::Duration;

use super::*;
use crate::model::prepull::Waits;
use crate::model::settings::{PrepullSet, Window};
use crate::model::{after, since};
use crate::prepull::room::Space;

/// Nothing of the node is in the way.
const OPEN: Gates = Gates { pods: false, pressure: false, resumable: true };

fn at(second: u64) -> Time {
    after("2026-11-21T03:00:00Z".parse().unwrap(), Duration::from_secs(second))
}

fn plan(delay: u64, sets: &[(&str, &[&str], usize)]) -> Plan {
    let planned = |(name, images, parallel): &(&str, &[&str], usize)| PlannedSet {
        set: PrepullSet {
            parallel: *parallel,
            ..PrepullSet::new(name, images.iter().map(|image| (*image).into()).collect())
        },
        delay: Duration::from_secs(delay),
        refused: None,
    };
    Plan { sets: sets.iter().map(planned).collect() }
}

fn following(plan: Plan) -> Queue {
    let mut queue = Queue::new(Pace::default());
    assert!(queue.follow(plan, at(0)).is_empty());
    queue
}

/// Starts what may start and ends it all so.
fn round(queue: &mut Queue, now: Time, outcome: &Outcome) -> Vec<Job> {
    let jobs = queue.start(OPEN, now);
    jobs.iter().for_each(|job| queue.end(job, outcome.clone(), now));
    jobs
}

fn failed(mend: Mend) -> Outcome {
    Outcome::Failed { text: "no".into(), cause: None, mend }
}

#[test]
fn what_is_present_is_not_pulled() {
    let mut queue = following(plan(0, &[("base", &["a", "b"], 5)]));
    assert_eq!(round(&mut queue, at(0), &Outcome::Present).len(), 2);
    assert!(queue.start(OPEN, at(3_600)).is_empty());
    let [progress] = &queue.progress(OPEN, at(0))[..] else { panic!() };
    assert_eq!((progress.images, progress.present, progress.settled), (2, 2, true));
}

#[test]
fn no_more_than_the_set_allows_runs_at_a_time() {
    let mut queue = following(plan(0, &[("base", &["a", "b", "c"], 2)]));
    for _ in 0..2 {
        round(&mut queue, at(0), &Outcome::Absent); // a and b, then c
    }
    let jobs = queue.start(OPEN, at(0));
    assert_eq!(
        jobs.iter().map(|job| (&*job.image, job.step)).collect::<Vec<_>>(),
        [("a", Step::Pull), ("b", Step::Pull)]
    );
    assert!(queue.start(OPEN, at(9)).is_empty());
    assert!(!queue.progress(OPEN, at(0))[0].settled);
    queue.end(&jobs[1], Outcome::Pulled(7), at(9));
    assert_eq!(queue.start(OPEN, at(9)).len(), 1);
    assert_eq!((queue.progress(OPEN, at(0))[0].pulled, queue.progress(OPEN, at(0))[0].bytes), (1, 7));
}

#[test]
fn an_image_of_two_sets_is_pulled_once_at_a_time() {
    let mut queue = following(plan(0, &[("one", &["a"], 2), ("two", &["a"], 2)]));
    let jobs = queue.start(OPEN, at(0));
    assert_eq!(jobs.len(), 1);
    queue.end(&jobs[0], Outcome::Pulled(1), at(1));
    assert_eq!(&*round(&mut queue, at(1), &Outcome::Present)[0].set, "two");
}

#[test]
fn presence_is_asked_at_once_and_pulling_begins_after_this_nodes_delay() {
    let mut queue = following(plan(90, &[("base", &["a"], 1)]));
    round(&mut queue, at(0), &Outcome::Absent);
    assert_eq!(queue.next_due(at(0)), Some(at(90)));
    assert!(queue.start(OPEN, at(89)).is_empty());
    assert_eq!(queue.start(OPEN, at(90))[0].step, Step::Pull);
}

#[test]
fn failures_are_retried_ever_later_and_what_does_not_exist_later_still() {
    let longest = |mend| {
        let mut queue = following(plan(0, &[("base", &["a"], 1)]));
        round(&mut queue, at(0), &Outcome::Absent);
        let (mut now, mut waits) = (at(0), Vec::new());
        for _ in 0..5 {
            assert_eq!(round(&mut queue, now, &failed(mend)).len(), 1);
            let due = queue.next_due(now).unwrap_or(now);
            waits.push(since(now, due));
            now = due;
        }
        let [failure] = &queue.progress(OPEN, at(0))[0].failed[..] else { panic!() };
        assert_eq!(failure.tries, 5);
        waits
    };
    for (wait, ceiling) in longest(Mend::Retry).into_iter().zip([10, 20, 40, 80, 160]) {
        assert!(wait <= Duration::from_secs(ceiling));
    }
    let hopeless: Duration = (0..20).map(|_| longest(Mend::Edit).into_iter().sum::<Duration>()).sum();
    assert!(hopeless / 100 > Duration::from_secs(600), "mean wait {:?}", hopeless / 100);
}

#[test]
fn a_set_with_failures_is_settled_until_they_succeed() {
    let mut queue = following(plan(0, &[("base", &["a"], 1)]));
    round(&mut queue, at(0), &Outcome::Absent);
    round(&mut queue, at(0), &failed(Mend::Retry));
    assert!(queue.progress(OPEN, at(0))[0].settled && queue.progress(OPEN, at(0))[0].failed.len() == 1);
    round(&mut queue, at(60), &Outcome::Pulled(5));
    assert!(queue.progress(OPEN, at(0))[0].settled && queue.progress(OPEN, at(0))[0].failed.is_empty());
}

#[test]
fn a_runtime_that_does_not_answer_is_no_failure_of_the_image() {
    let mut queue = following(plan(0, &[("base", &["a"], 1)]));
    round(&mut queue, at(0), &Outcome::Unanswered);
    assert!(queue.progress(OPEN, at(0))[0].failed.is_empty() && !queue.progress(OPEN, at(0))[0].settled);
    assert_eq!(queue.start(OPEN, at(60))[0].step, Step::Check);
}

#[test]
fn an_edit_keeps_what_is_done_stops_what_left_and_retries_what_failed() {
    let mut queue = following(plan(0, &[("base", &["done", "bad", "gone"], 3), ("old", &["x"], 1)]));
    for job in queue.start(OPEN, at(0)) {
        let outcome = match &*job.image {
            "done" => Outcome::Pulled(1),
            "bad" => failed(Mend::Edit),
            _ => continue,
        };
        queue.end(&job, outcome, at(0));
    }
    let mut stopped = queue.follow(plan(0, &[("base", &["done", "bad"], 3)]), at(1));
    stopped.sort();
    assert_eq!(stopped, [("base".into(), "gone".into()), ("old".into(), "x".into())]);
    let jobs = queue.start(OPEN, at(1));
    assert_eq!(jobs.iter().map(|job| &*job.image).collect::<Vec<_>>(), ["bad"]);
    assert_eq!(queue.progress(OPEN, at(0))[0].pulled, 1);
}

/// One image, of a set with this delay, beside others of it that come and go.
fn turn(delay: u64, window: Option<Window>, keep: bool, images: &[&str]) -> Plan {
    let set =
        PrepullSet { keep, window, ..PrepullSet::new("base", images.iter().map(|image| (*image).into()).collect()) };
    Plan { sets: vec![PlannedSet { set, delay: Duration::from_secs(delay), refused: None }] }
}

#[test]
fn an_edit_that_leaves_the_times_makes_nobody_wait_anew_but_who_comes_with_it() {
    let mut queue = following(turn(90, None, false, &["a", "b"]));
    round(&mut queue, at(0), &Outcome::Absent);
    let jobs = queue.start(OPEN, at(100));
    queue.end(&jobs[1], failed(Mend::Retry), at(100));
    assert!(queue.follow(turn(90, None, true, &["a", "b", "new"]), at(101)).is_empty());
    assert!(queue.cut(OPEN, at(101)).is_empty(), "what runs is still wanted");
    round(&mut queue, at(101), &Outcome::Absent); // b and the new one are looked for
    let begun = |queue: &mut Queue, second| {
        let jobs = queue.start(OPEN, at(second));
        jobs.iter().map(|job| job.image.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(begun(&mut queue, 101), ["b"], "its turn has come already");
    assert_eq!((queue.next_due(at(101)), begun(&mut queue, 190).len()), (Some(at(191)), 0));
}

#[test]
fn an_edit_of_the_times_makes_wait_what_does_not_run() {
    let window = Window { cron: "0 3 * * *".into(), lasts: Duration::from_secs(3_600), zone: None };
    for edited in [turn(900, None, false, &["a", "b"]), turn(90, Some(window), false, &["a", "b"])] {
        let turns = after(at(101), edited.sets[0].delay);
        let mut queue = following(turn(90, None, false, &["a", "b"]));
        round(&mut queue, at(0), &Outcome::Absent);
        let jobs = queue.start(OPEN, at(100));
        queue.end(&jobs[1], failed(Mend::Retry), at(100));
        assert!(queue.follow(edited, at(101)).is_empty() && queue.cut(OPEN, at(101)).is_empty());
        round(&mut queue, at(101), &Outcome::Absent);
        assert_eq!(queue.progress(OPEN, at(101))[0].waits, None, "one of them is being pulled");
        queue.end(&jobs[0], Outcome::Pulled(1), at(102));
        assert_eq!(queue.progress(OPEN, at(102))[0].waits, Some(Waits::Turn { at: turns }));
        assert!(queue.start(OPEN, at(103)).is_empty());
    }
}

#[test]
fn the_same_plan_again_changes_nothing() {
    let same = || plan(90, &[("base", &["a"], 1)]);
    let mut queue = following(same());
    round(&mut queue, at(0), &Outcome::Absent);
    assert!(queue.follow(same(), at(60)).is_empty());
    assert_eq!(queue.next_due(at(60)), Some(at(90)));
}

#[test]
fn a_refused_set_does_nothing_and_says_why() {
    let mut refused = plan(0, &[("base", &["a"], 1)]);
    refused.sets[0].refused = Some("no consent".to_owned());
    let mut queue = following(refused);
    assert!(queue.start(OPEN, at(0)).is_empty());
    let [progress] = &queue.progress(OPEN, at(0))[..] else { panic!() };
    assert_eq!((progress.images, progress.settled, progress.refused.as_deref()), (1, true, Some("no consent")));
}

fn pulling(sets: &[(&str, &[&str], usize)]) -> Queue {
    let mut queue = following(plan(0, sets));
    round(&mut queue, at(0), &Outcome::Absent);
    assert!(!queue.start(OPEN, at(0)).is_empty() && queue.is_pulling());
    queue
}

#[test]
fn pulls_make_way_for_pods_where_that_costs_nothing_and_go_on_after() {
    let mut queue = pulling(&[("base", &["a"], 1)]);
    let taken = Gates { pods: true, ..OPEN };
    assert!(queue.cut(Gates { resumable: false, ..taken }, at(5)).is_empty(), "it would lose what it has");
    assert_eq!(queue.cut(taken, at(5)), [("base".into(), "a".into())]);
    assert_eq!(queue.why_closed("base", taken, at(5)), Some("the image of a pod goes first"));
    assert!(queue.start(taken, at(60)).is_empty() && queue.wants_to_pull(taken, at(60)));
    assert_eq!(queue.progress(taken, at(60))[0].waits, None, "it takes no longer than the pod's own pull");
    let again = &queue.start(OPEN, at(61))[0];
    assert_eq!((again.step, queue.goes_on(again), queue.why_closed("base", OPEN, at(61))), (Step::Pull, true, None));
    queue.end(again, failed(Mend::Retry), at(62));
    let next = queue.next_due(at(62)).unwrap_or(at(62));
    let anew = queue.start(OPEN, next);
    assert!(!queue.goes_on(&anew[0]));
}

#[test]
fn a_disk_in_trouble_stops_every_pull_and_starts_none() {
    let mut queue = pulling(&[("base", &["a"], 1)]);
    let pressed = Gates { pressure: true, resumable: false, pods: false };
    assert_eq!(queue.cut(pressed, at(5)).len(), 1);
    assert!(queue.start(pressed, at(600)).is_empty() && !queue.wants_to_pull(pressed, at(600)));
    assert_eq!(queue.progress(pressed, at(600))[0].waits, Some(Waits::Pressure));
    assert_eq!(queue.start(OPEN, at(601)).len(), 1);
}

#[test]
fn an_image_for_which_there_is_no_room_waits_and_is_no_failure() {
    let mut queue = following(plan(0, &[("base", &["a"], 1)]));
    round(&mut queue, at(0), &Outcome::Absent);
    let short = Short { image: "a".into(), needs: 9, room: 3 };
    round(&mut queue, at(0), &Outcome::Short(short.clone()));
    let [progress] = &queue.progress(OPEN, at(0))[..] else { panic!() };
    assert_eq!(progress.waits, Some(Waits::Room(short)));
    assert!(!progress.settled && progress.failed.is_empty());
    let unseen = Gates { pods: true, ..OPEN };
    assert_eq!(queue.progress(unseen, at(0))[0].waits, progress.waits, "while nothing is due nobody looks for pods");
    let due = queue.next_due(at(0)).unwrap();
    assert!((300..=360).contains(&since(at(0), due).as_secs()));
    round(&mut queue, due, &Outcome::Pulled(9));
    assert!(queue.progress(OPEN, due)[0].is_well());
}

#[test]
fn an_image_for_which_there_is_room_again_is_pulled_at_once_and_no_other() {
    let mut queue = following(plan(0, &[("base", &["a", "b"], 2)]));
    let jobs = queue.start(OPEN, at(0));
    for (job, needs) in jobs.iter().zip([9, 0]) {
        queue.end(job, Outcome::Short(Short { image: job.image.clone(), needs, room: 3 }), at(0));
    }
    // A fifth of it stays free.
    queue.make_room(Space { free: 28, size: 100 }, at(15));
    assert!(queue.start(OPEN, at(15)).is_empty());
    queue.make_room(Space { free: 29, size: 100 }, at(30));
    let again = queue.start(OPEN, at(30));
    assert_eq!(again.iter().map(|job| &*job.image).collect::<Vec<_>>(), ["a"]);
    queue.make_room(Space { free: 99, size: 100 }, at(45));
    assert!(queue.start(OPEN, at(45)).is_empty());
}

fn one(set: PrepullSet) -> Plan {
    Plan { sets: vec![PlannedSet { set, delay: Duration::ZERO, refused: None }] }
}

#[test]
fn a_kept_image_is_watched_and_pulled_again_ever_later() {
    let mut queue = following(one(PrepullSet { keep: true, ..PrepullSet::new("base", vec!["a".into()]) }));
    round(&mut queue, at(0), &Outcome::Present);
    assert_eq!(queue.kept(), ["a".into()]);
    let (mut now, mut waits) = (at(0), Duration::ZERO);
    for _ in 0..20 {
        now = queue.next_due(now).unwrap();
        assert_eq!(round(&mut queue, now, &Outcome::Absent)[0].step, Step::Check);
        assert!(queue.kept().is_empty());
        let due = queue.next_due(now).unwrap_or(now);
        waits += since(now, due);
        assert_eq!(round(&mut queue, due, &Outcome::Pulled(1))[0].step, Step::Pull);
        now = due;
    }
    assert!(waits > Duration::from_secs(24 * 3_600), "{waits:?} over twenty removals");
}

/// As the agent has it: all that is here is watched.
fn watching(keep: bool) -> Queue {
    let mut queue = Queue::new(Pace { watch_all: true, ..Pace::default() });
    queue.follow(one(PrepullSet { keep, ..PrepullSet::new("base", vec!["a".into()]) }), at(0));
    queue
}

#[test]
fn an_image_that_is_removed_is_told_at_the_next_look_and_pulled_again_only_where_it_is_kept() {
    for (keep, gone) in [(true, 0), (false, 1)] {
        let mut queue = watching(keep);
        round(&mut queue, at(0), &Outcome::Present);
        assert!(queue.progress(OPEN, at(0))[0].complete());
        let look = queue.next_due(at(0)).unwrap();
        assert!((300..=360).contains(&since(at(0), look).as_secs()));
        assert_eq!(round(&mut queue, look, &Outcome::Absent)[0].step, Step::Check);
        let [progress] = &queue.progress(OPEN, look)[..] else { panic!() };
        assert_eq!((progress.complete(), progress.missing.len(), progress.gone), (false, 1, gone));
        assert_eq!((progress.settled, queue.kept().len()), (!keep, 0));
        let (mut now, mut steps) = (look, Vec::new());
        for _ in 0..3 {
            now = queue.next_due(now).unwrap_or(now);
            steps.extend(round(&mut queue, now, &Outcome::Absent).into_iter().map(|job| job.step));
        }
        assert!(steps.iter().all(|step| (*step == Step::Pull) == keep), "{steps:?}");
        round(&mut queue, after(now, Duration::from_secs(3_600)), &Outcome::Present);
        assert!(queue.progress(OPEN, now)[0].complete());
    }
}

#[test]
fn a_look_does_not_wait_for_pulls_that_take_long() {
    let mut queue = following(plan(0, &[("base", &["a", "b"], 1)]));
    round(&mut queue, at(0), &Outcome::Absent);
    let steps: Vec<_> = queue.start(OPEN, at(0)).into_iter().map(|job| (job.image, job.step)).collect();
    assert_eq!(steps, [("a".into(), Step::Pull), ("b".into(), Step::Check)]);
}

#[test]
fn an_image_that_is_not_kept_is_looked_at_once() {
    let mut queue = following(plan(0, &[("base", &["a"], 1)]));
    round(&mut queue, at(0), &Outcome::Present);
    assert_eq!((queue.next_due(at(0)), queue.kept().len()), (None, 0));
}

#[test]
fn a_tag_is_asked_for_again_and_a_digest_never() {
    let refresh = Some(Duration::from_secs(3_600));
    let images = vec!["a:1".into(), "b@sha256:00".into()];
    let mut queue = following(one(PrepullSet { refresh, ..PrepullSet::new("base", images) }));
    round(&mut queue, at(0), &Outcome::Present);
    let due = queue.next_due(at(0)).unwrap();
    assert!((3_600..=4_320).contains(&since(at(0), due).as_secs()));
    let jobs = round(&mut queue, due, &Outcome::Present);
    assert_eq!(jobs.iter().map(|job| (&*job.image, job.step)).collect::<Vec<_>>(), [("a:1", Step::Refresh)]);
    let again = queue.next_due(due).unwrap();
    round(&mut queue, again, &failed(Mend::Retry));
    let [progress] = &queue.progress(OPEN, again)[..] else { panic!() };
    assert_eq!((progress.present, progress.failed.len(), progress.is_well()), (2, 1, false));
}

#[test]
fn a_registry_that_names_a_time_is_asked_no_sooner() {
    let mut queue = following(plan(0, &[("base", &["a"], 1)]));
    round(&mut queue, at(0), &Outcome::Absent);
    round(&mut queue, at(0), &failed(Mend::After(Duration::from_secs(300))));
    assert!(since(at(0), queue.next_due(at(0)).unwrap()) >= Duration::from_secs(300));
}

#[test]
fn wrong_bytes_are_fetched_anew_twice_and_then_seldom() {
    let mut queue = following(plan(0, &[("base", &["a"], 1)]));
    round(&mut queue, at(0), &Outcome::Absent);
    let mut now = at(0);
    let mut ceilings = Vec::new();
    for _ in 0..200 {
        round(&mut queue, now, &failed(Mend::Fresh));
        let due = queue.next_due(now).unwrap_or(now);
        ceilings.push(since(now, due));
        now = due;
    }
    assert!(ceilings[..2].iter().all(|wait| *wait <= Duration::from_secs(20)));
    assert!(ceilings.iter().sum::<Duration>() > Duration::from_secs(200 * 600));
}

#[test]
fn what_failed_is_tried_at_once_when_its_credentials_changed() {
    let mut queue = following(plan(0, &[("base", &["a", "b"], 2), ("other", &["c"], 1)]));
    round(&mut queue, at(0), &Outcome::Absent);
    let jobs = queue.start(OPEN, at(0));
    jobs.iter().for_each(|job| queue.end(job, failed(Mend::Edit), at(0)));
    queue.retry("base", at(1));
    let again = queue.start(OPEN, at(1));
    assert_eq!(again.iter().map(|job| &*job.image).collect::<Vec<_>>(), ["a", "b"]);
}
