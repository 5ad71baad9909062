//! The queue in virtual time.

use super::*;
use crate::model::settings::PrepullSet;
use crate::model::since;

fn at(second: u64) -> Time {
    after("2026-11-21T03:00:00Z".parse().unwrap(), Duration::from_secs(second))
}

fn plan(delay: u64, sets: &[(&str, &[&str], usize)]) -> Plan {
    let planned = |(name, images, parallel): &(&str, &[&str], usize)| PlannedSet {
        set: PrepullSet {
            parallel: *parallel,
            ..PrepullSet::new(name, images.iter().map(|image| (*image).into()).collect())
        },
        refused: None,
    };
    Plan { delay: Duration::from_secs(delay), sets: sets.iter().map(planned).collect() }
}

fn following(plan: Plan) -> Queue {
    let mut queue = Queue::new(Pace::default());
    assert!(queue.follow(plan, at(0)).is_empty());
    queue
}

/// Starts what may start and ends it all so.
fn round(queue: &mut Queue, now: Time, outcome: &Outcome) -> Vec<Job> {
    let jobs = queue.start(now);
    jobs.iter().for_each(|job| queue.end(job, outcome.clone(), now));
    jobs
}

fn failed(no_such_image: bool) -> Outcome {
    Outcome::Failed { text: "no".into(), no_such_image }
}

#[test]
fn what_is_present_is_not_pulled() {
    let mut queue = following(plan(0, &[("base", &["a", "b"], 5)]));
    assert_eq!(round(&mut queue, at(0), &Outcome::Present).len(), 2);
    assert!(queue.start(at(3_600)).is_empty());
    let [progress] = &queue.progress()[..] else { panic!() };
    assert_eq!((progress.images, progress.present, progress.settled), (2, 2, true));
}

#[test]
fn no_more_than_the_set_allows_runs_at_a_time() {
    let mut queue = following(plan(0, &[("base", &["a", "b", "c"], 2)]));
    for _ in 0..2 {
        round(&mut queue, at(0), &Outcome::Absent); // a and b, then c
    }
    let jobs = queue.start(at(0));
    assert_eq!(
        jobs.iter().map(|job| (&*job.image, job.step)).collect::<Vec<_>>(),
        [("a", Step::Pull), ("b", Step::Pull)]
    );
    assert!(queue.start(at(9)).is_empty());
    assert!(!queue.progress()[0].settled);
    queue.end(&jobs[1], Outcome::Pulled(7), at(9));
    assert_eq!(queue.start(at(9)).len(), 1);
    assert_eq!((queue.progress()[0].pulled, queue.progress()[0].bytes), (1, 7));
}

#[test]
fn an_image_of_two_sets_is_pulled_once_at_a_time() {
    let mut queue = following(plan(0, &[("one", &["a"], 2), ("two", &["a"], 2)]));
    let jobs = queue.start(at(0));
    assert_eq!(jobs.len(), 1);
    queue.end(&jobs[0], Outcome::Pulled(1), at(1));
    assert_eq!(&*round(&mut queue, at(1), &Outcome::Present)[0].set, "two");
}

#[test]
fn presence_is_asked_at_once_and_pulling_begins_after_this_nodes_delay() {
    let mut queue = following(plan(90, &[("base", &["a"], 1)]));
    round(&mut queue, at(0), &Outcome::Absent);
    assert_eq!(queue.next_due(at(0)), Some(at(90)));
    assert!(queue.start(at(89)).is_empty());
    assert_eq!(queue.start(at(90))[0].step, Step::Pull);
}

#[test]
fn failures_are_retried_ever_later_and_what_does_not_exist_later_still() {
    let longest = |no_such_image| {
        let mut queue = following(plan(0, &[("base", &["a"], 1)]));
        round(&mut queue, at(0), &Outcome::Absent);
        let (mut now, mut waits) = (at(0), Vec::new());
        for _ in 0..5 {
            assert_eq!(round(&mut queue, now, &failed(no_such_image)).len(), 1);
            let due = queue.next_due(now).unwrap_or(now);
            waits.push(since(now, due));
            now = due;
        }
        let [failure] = &queue.progress()[0].failed[..] else { panic!() };
        assert_eq!(failure.tries, 5);
        waits
    };
    for (wait, ceiling) in longest(false).into_iter().zip([10, 20, 40, 80, 160]) {
        assert!(wait <= Duration::from_secs(ceiling));
    }
    let hopeless: Duration = (0..20).map(|_| longest(true).into_iter().sum::<Duration>()).sum();
    assert!(hopeless / 100 > Duration::from_secs(600), "mean wait {:?}", hopeless / 100);
}

#[test]
fn a_set_with_failures_is_settled_until_they_succeed() {
    let mut queue = following(plan(0, &[("base", &["a"], 1)]));
    round(&mut queue, at(0), &Outcome::Absent);
    round(&mut queue, at(0), &failed(false));
    assert!(queue.progress()[0].settled && queue.progress()[0].failed.len() == 1);
    round(&mut queue, at(60), &Outcome::Pulled(5));
    assert!(queue.progress()[0].settled && queue.progress()[0].failed.is_empty());
}

#[test]
fn a_runtime_that_does_not_answer_is_no_failure_of_the_image() {
    let mut queue = following(plan(0, &[("base", &["a"], 1)]));
    round(&mut queue, at(0), &Outcome::Unanswered);
    assert!(queue.progress()[0].failed.is_empty() && !queue.progress()[0].settled);
    assert_eq!(queue.start(at(60))[0].step, Step::Check);
}

#[test]
fn an_edit_keeps_what_is_done_stops_what_left_and_retries_what_failed() {
    let mut queue = following(plan(0, &[("base", &["done", "bad", "gone"], 3), ("old", &["x"], 1)]));
    for job in queue.start(at(0)) {
        let outcome = match &*job.image {
            "done" => Outcome::Pulled(1),
            "bad" => failed(true),
            _ => continue,
        };
        queue.end(&job, outcome, at(0));
    }
    let mut stopped = queue.follow(plan(0, &[("base", &["done", "bad"], 3)]), at(1));
    stopped.sort();
    assert_eq!(stopped, [("base".into(), "gone".into()), ("old".into(), "x".into())]);
    let jobs = queue.start(at(1));
    assert_eq!(jobs.iter().map(|job| &*job.image).collect::<Vec<_>>(), ["bad"]);
    assert_eq!(queue.progress()[0].pulled, 1);
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
    assert!(queue.start(at(0)).is_empty());
    let [progress] = &queue.progress()[..] else { panic!() };
    assert_eq!((progress.images, progress.settled, progress.refused.as_deref()), (1, true, Some("no consent")));
}
