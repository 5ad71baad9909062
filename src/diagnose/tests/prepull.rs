//! What is told of pre-pulling on the Node: a set that is complete, and a startup taint that did not end well.

use std::sync::Arc;

use super::timeline::{Timeline, node};
use crate::model::cause::EventType;
use crate::model::diagnosis::announced;
use crate::model::observation::Seen;
use crate::model::prepull::{PullFailure, SetProgress, StartupTaint};

const TAINT: &str = "example.com/images";

fn told(t: &mut Timeline) -> Vec<(&'static str, EventType, String)> {
    t.look().announcements.into_iter().map(|said| (said.reason, said.kind, said.sentence)).collect()
}

fn gone(unfinished: &[&str]) -> Seen {
    let unfinished = unfinished.iter().map(|set| Arc::from(*set)).collect();
    Seen::StartupTaint(StartupTaint::Gone { taint: TAINT.into(), unfinished })
}

#[test]
fn a_set_is_complete_when_all_its_images_are_here_and_not_before() {
    let mut t = Timeline::new();
    let set = |here: &[&str]| {
        let here: Arc<[Arc<str>]> = here.iter().map(|image| Arc::from(*image)).collect();
        Seen::Prepull(SetProgress {
            set: "base".into(),
            images: 2,
            present: here.len(),
            pulled: 0,
            bytes: 0,
            here,
            missing: Vec::new().into(),
            gone: 0,
            failed: Vec::new(),
            settled: true,
            refused: None,
            waits: None,
        })
    };
    t.see(set(&["a:1"]));
    assert!(told(&mut t).is_empty());
    t.see(set(&["a:1", "b:1"]));
    assert_eq!(told(&mut t)[0].0, announced::PREPULL_COMPLETE);
}

#[test]
fn a_set_that_is_complete_is_told_in_words_that_fit_the_number_of_its_images() {
    for (pulled, present, words) in [
        (0, 1, "its image was here already."),
        (1, 0, "its image is here; pulled 10 MB."),
        (0, 3, "all 3 images were here already."),
        (2, 0, "all 2 images are here; pulled 2 (10 MB)."),
        (2, 1, "all 3 images are here; pulled 2 (10 MB), 1 was here already."),
        (1, 2, "all 3 images are here; pulled 1 (10 MB), 2 were here already."),
    ] {
        let mut t = Timeline::new();
        let (images, here) = (pulled + present, vec![Arc::from("a:1"); pulled + present].into());
        let bytes = 10_000_000;
        let set = SetProgress { set: "base".into(), images, present, pulled, bytes, here, ..SetProgress::default() };
        t.see(Seen::Prepull(set));
        assert_eq!(told(&mut t)[0].2, format!("Pre-pull set base: {words}"));
    }
}

#[test]
fn what_we_say_ourselves_of_a_pull_has_its_cause_and_is_told_as_it_is() {
    for (cause, words) in [
        ("ImagePullStalled", "Nothing came from the registry for 5 minutes"),
        ("Unclassified", "No registry was asked: credentials file /c.json: entity not found; mount it into the agent"),
    ] {
        let mut t = Timeline::new();
        let failed = vec![PullFailure { image: "a:1".into(), text: words.into(), cause: Some(cause), tries: 1 }];
        t.see(Seen::Prepull(SetProgress { set: "base".into(), images: 1, failed, ..SetProgress::default() }));
        let said = t.wait(60).look().diagnoses;
        let told = format!("Pre-pull set base: could not pull a:1. {words}. It is tried again, ever more slowly.");
        assert_eq!((said[0].cause.id, &said[0].sentence), (cause, &told));
    }
}

#[test]
fn a_taint_that_went_by_its_time_is_news_for_a_minute_and_one_that_went_as_it_should_is_none() {
    let mut t = Timeline::new();
    t.see(gone(&[]));
    assert!(told(&mut t).is_empty());
    t.see(gone(&["base", "mesh"]));
    let [(reason, kind, sentence)] = &told(&mut t)[..] else { panic!() };
    assert_eq!((*reason, *kind), (announced::PREPULL_TAINT_EXPIRED, EventType::Warning));
    assert!(sentence.contains("taken off after 10 min") && sentence.contains("sets base, mesh"), "{sentence}");
    t.wait(61);
    assert!(told(&mut t).is_empty());
}

#[test]
fn a_taint_that_stays_for_want_of_a_right_is_told_as_long_as_it_is_there() {
    let mut t = Timeline::new();
    let tainted = |t: &Timeline, taints: &[&str]| {
        let taints = taints.iter().map(|key| Arc::from(*key)).collect();
        Seen::NodeChanged(Box::new(crate::model::node::Node { taints, ..node(t.now) }))
    };
    let seen = tainted(&t, &[TAINT]);
    t.see(seen);
    t.see(Seen::StartupTaint(StartupTaint::Stays { taint: TAINT.into(), why: "403 no".to_owned() })).wait(600);
    let [(reason, _, sentence)] = &told(&mut t)[..] else { panic!() };
    assert!(*reason == announced::PREPULL_TAINT_STAYS && sentence.contains("deploy/prepull-marks"), "{sentence}");
    let seen = tainted(&t, &[]);
    t.see(seen);
    assert!(told(&mut t).is_empty());
}
