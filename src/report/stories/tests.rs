//! The rules of a story, one test each, in virtual time.

use super::super::notice::{Notice, RESOLVED, Telling};
use super::super::samples::*;
use super::Stories;
use crate::model::cause::EventType;
use crate::model::diagnosis::{Announcement, Diagnosis, Findings, Subject};
use crate::model::settings::Timing;

/// Stories and what they said, by the second.
#[derive(Default)]
struct Told {
    stories: Stories,
    notices: Vec<Notice>,
}

impl Told {
    fn turn(&mut self, second: u64, findings: &Findings) {
        self.notices.extend(self.stories.turn(at(second), findings, &Timing::default()));
    }

    fn sick(&mut self, seconds: impl IntoIterator<Item = u64>, diagnosis: &Diagnosis) {
        seconds.into_iter().for_each(|second| self.turn(second, &ill(diagnosis.clone())));
    }

    fn well(&mut self, seconds: impl IntoIterator<Item = u64>, subject: &Subject, since: u64) {
        seconds.into_iter().for_each(|second| self.turn(second, &well(cleared(subject.clone(), at(since)))));
    }

    /// What was said since the last question: how, why, how often.
    fn news(&mut self) -> Vec<(Telling, &'static str, u32)> {
        self.notices.drain(..).map(|n| (n.telling, n.reason, n.count)).collect()
    }
}

#[test]
fn a_first_report_is_said_once() {
    let mut told = Told::default();
    told.sick(0..60, &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    assert_eq!(told.news(), [(Telling::First, "ImageNotFound", 1)]);
}

#[test]
fn refreshes_come_at_1_2_5_10_20_30_minutes_and_then_every_30() {
    let mut told = Told::default();
    told.sick(0..9_001, &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    let minutes: Vec<i64> = told.notices.iter().map(|n| (n.at.as_second() - n.first.as_second()) / 60).collect();
    assert_eq!(minutes, [0, 1, 2, 5, 10, 20, 30, 60, 90, 120, 150]);
    let counts: Vec<u32> = told.notices.iter().map(|n| n.count).collect();
    assert_eq!(counts, (1..=11).collect::<Vec<_>>());
}

#[test]
fn refreshes_that_fell_into_a_gap_are_not_made_up_for() {
    let mut told = Told::default();
    told.sick([0, 700, 701, 702, 1_199, 1_200], &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    let seconds: Vec<i64> = told.notices.iter().map(|n| n.at.as_second() - at(0).as_second()).collect();
    assert_eq!(seconds, [0, 700, 1_200]);
}

#[test]
fn a_refresh_carries_the_latest_sentence() {
    let mut told = Told::default();
    let mut slow = diagnosis(pod("cart"), &SLOW, at(0));
    told.sick([0], &slow);
    slow.sentence = "3.1 of 9.8 GB".to_owned();
    told.sick([30, 60], &slow);
    assert_eq!(told.notices[1].sentence, "3.1 of 9.8 GB");
    assert!(told.notices[0].same_event(&told.notices[1]));
}

#[test]
fn another_cause_is_a_new_event_and_the_old_one_is_refreshed_no_more() {
    let mut told = Told::default();
    told.sick(0..30, &diagnosis(pod("cart"), &QUEUED, at(0)));
    told.sick(30..100, &diagnosis(pod("cart"), &SLOW, at(30)));
    let expected = [
        (Telling::First, "ImagePullQueued", 1),
        (Telling::Changed, "ImagePullSlow", 1),
        (Telling::Refresh, "ImagePullSlow", 2),
    ];
    assert!(told.notices[0].same_story(&told.notices[1]) && !told.notices[0].same_event(&told.notices[1]));
    assert_eq!(told.news(), expected);
}

#[test]
fn causes_that_alternate_are_not_told_per_tick() {
    let mut told = Told::default();
    for second in 0..60 {
        let cause = if second % 2 == 0 { &QUEUED } else { &SLOW };
        told.sick([second], &diagnosis(pod("cart"), cause, at(0)));
    }
    assert_eq!(told.news(), [(Telling::First, "ImagePullQueued", 1), (Telling::Changed, "ImagePullSlow", 1)]);
    told.sick([60, 61], &diagnosis(pod("cart"), &QUEUED, at(0)));
    assert_eq!(told.news(), [(Telling::Changed, "ImagePullQueued", 2)]);
}

#[test]
fn growth_to_a_warning_is_a_change_and_never_shrinks_back() {
    let mut told = Told::default();
    let warning = diagnosis(pod("cart"), &QUEUED, at(0));
    let normal = Diagnosis { kind: EventType::Normal, ..warning.clone() };
    told.sick(0..10, &normal);
    told.sick(10..20, &warning);
    told.sick(20..30, &normal);
    let kinds: Vec<_> = told.notices.iter().map(|n| (n.telling, n.kind)).collect();
    assert_eq!(kinds, [(Telling::First, EventType::Normal), (Telling::Changed, EventType::Warning)]);
    assert!(!told.notices[0].same_event(&told.notices[1]));
}

#[test]
fn an_ending_says_how_long_it_took_and_on_what() {
    let mut told = Told::default();
    told.sick(0..492, &diagnosis(pod("cart"), &QUEUED, at(0)));
    told.sick(492..580, &diagnosis(pod("cart"), &SLOW, at(492)));
    told.notices.clear();
    told.well(580..641, &pod("cart"), 580);
    let [ending] = told.notices.as_slice() else { panic!("{:?}", told.news()) };
    assert_eq!((ending.telling, ending.reason, ending.kind), (Telling::Ended, RESOLVED, EventType::Normal));
    assert_eq!(ending.sentence, "Started after 9 min 40 s: ImagePullQueued 8 min 12 s, ImagePullSlow 1 min 28 s.");
    assert_eq!((ending.at, ending.first), (at(640), at(640)));
}

#[test]
fn an_ending_with_one_cause_names_it_without_repeating_the_time() {
    let mut told = Told::default();
    told.sick([40, 50], &diagnosis(pod("cart"), &NOT_FOUND, at(10)));
    told.well([100, 160], &pod("cart"), 100);
    assert_eq!(told.notices.last().unwrap().sentence, "Started after 1 min 30 s: ImageNotFound.");
}

#[test]
fn a_cause_that_was_a_mistake_from_the_start_is_not_in_the_account() {
    let mut told = Told::default();
    told.sick(0..10, &diagnosis(pod("cart"), &SLOW, at(0)));
    told.sick(10..60, &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    told.well([60, 120], &pod("cart"), 60);
    assert_eq!(told.notices.last().unwrap().sentence, "Started after 1 min: ImageNotFound.");
}

#[test]
fn nothing_ends_before_the_evidence_has_held() {
    let mut told = Told::default();
    told.sick([0], &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    told.well(10..70, &pod("cart"), 10);
    assert_eq!(told.news().len(), 1);
    told.well([70], &pod("cart"), 10);
    assert_eq!(told.news(), [(Telling::Ended, RESOLVED, 1)]);
}

#[test]
fn a_diagnosis_in_between_starts_the_wait_again() {
    let mut told = Told::default();
    told.sick([0], &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    told.well(10..50, &pod("cart"), 10);
    told.sick([50], &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    told.well(51..110, &pod("cart"), 10);
    assert_eq!(told.news().len(), 1);
    told.well([110], &pod("cart"), 10);
    assert_eq!(told.news().len(), 1);
}

#[test]
fn what_is_unknown_is_kept_as_it_is() {
    let mut told = Told::default();
    told.sick([0], &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    (1..5_000).for_each(|second| told.turn(second, &Findings::default()));
    assert_eq!(told.news(), [(Telling::First, "ImageNotFound", 1)]);
    told.sick([5_000], &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    assert_eq!(told.news(), [(Telling::Refresh, "ImageNotFound", 2)]);
}

#[test]
fn a_story_that_comes_back_soon_goes_on() {
    let mut told = Told::default();
    told.sick([0], &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    told.well([10, 70], &pod("cart"), 10);
    let first = told.notices[0].clone();
    told.news();
    told.sick([670], &diagnosis(pod("cart"), &NOT_FOUND, at(660)));
    assert!(told.notices[0].same_event(&first));
    assert_eq!(told.news(), [(Telling::Refresh, "ImageNotFound", 2)]);
    told.well([680, 740], &pod("cart"), 680);
    assert_eq!(told.notices[0].sentence, "Started after 30 s in 2 spells: ImageNotFound.");
    assert_eq!(told.news(), [(Telling::Ended, RESOLVED, 2)]);
}

#[test]
fn each_ending_names_what_ended() {
    let mut told = Told::default();
    told.sick(0..40, &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    told.well([40, 100], &pod("cart"), 40);
    told.sick(200..210, &diagnosis(pod("cart"), &SLOW, at(200)));
    told.well([210, 270], &pod("cart"), 210);
    told.sick(300..320, &diagnosis(pod("cart"), &NOT_FOUND, at(300)));
    told.well([320, 380], &pod("cart"), 320);
    let endings: Vec<&Notice> = told.notices.iter().filter(|notice| notice.telling == Telling::Ended).collect();
    let said: Vec<_> = endings.iter().map(|n| (n.counted_as(), n.sentence.as_str(), n.count)).collect();
    let expected = [
        ("ImageNotFound", "Started after 40 s: ImageNotFound.", 1),
        ("ImagePullSlow", "Started after 10 s: ImagePullSlow.", 1),
        ("ImageNotFound", "Started after 20 s: ImageNotFound.", 2),
    ];
    assert_eq!(said, expected);
    assert!(!endings[0].same_event(endings[1]) && endings[0].same_event(endings[2]));
    assert_eq!((endings[2].first, endings[2].at), (endings[0].first, at(380)));
}

#[test]
fn a_story_that_comes_back_late_is_another_one() {
    let mut told = Told::default();
    told.sick([0], &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    told.well([10, 70], &pod("cart"), 10);
    told.sick([671], &diagnosis(pod("cart"), &NOT_FOUND, at(660)));
    assert!(!told.notices[0].same_story(&told.notices[2]));
    assert_eq!(told.news()[2], (Telling::First, "ImageNotFound", 1));
}

#[test]
fn a_brief_word_is_said_once_and_neither_refreshed_nor_ended() {
    let mut told = Told::default();
    let brief = Diagnosis { brief: true, ..diagnosis(pod("cart"), &QUEUED, at(0)) };
    told.sick(0..4_000, &brief);
    told.well(4_000..4_100, &pod("cart"), 4_000);
    told.sick(4_100..4_200, &brief);
    assert_eq!(told.news(), [(Telling::First, "ImagePullQueued", 1)]);
}

#[test]
fn a_full_story_that_turned_brief_still_ends() {
    let mut told = Told::default();
    told.sick([0], &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    told.sick(10..100, &Diagnosis { brief: true, ..diagnosis(pod("cart"), &QUEUED, at(10)) });
    told.well([100, 160], &pod("cart"), 100);
    let tellings: Vec<_> = told.news().into_iter().map(|(telling, ..)| telling).collect();
    assert_eq!(tellings, [Telling::First, Telling::Changed, Telling::Ended]);
}

#[test]
fn subjects_that_are_gone_end_in_silence() {
    let mut told = Told::default();
    told.sick([0], &diagnosis(pod("cart"), &NOT_FOUND, at(0)));
    told.turn(10, &Findings { gone: vec!["uid-of-cart".into()], ..Findings::default() });
    told.well([20, 90], &pod("cart"), 20);
    assert_eq!(told.news().len(), 1);
}

#[test]
fn subjects_and_topics_have_stories_of_their_own() {
    let mut told = Told::default();
    let one = diagnosis(pod("cart"), &NOT_FOUND, at(0));
    let other = diagnosis(pod("till"), &NOT_FOUND, at(0));
    told.turn(0, &Findings { diagnoses: vec![one.clone(), other.clone(), one], ..Findings::default() });
    assert_eq!(told.notices.len(), 2);
    told.well([10, 70], &pod("cart"), 10);
    assert_eq!(told.notices.len(), 3);
    assert_eq!(told.notices[2].subject, pod("cart"));
}

#[test]
fn a_node_story_goes_on_when_the_uid_becomes_known() {
    let mut told = Told::default();
    told.sick([0], &diagnosis(node(""), &QUEUED, at(0)));
    told.sick([60], &diagnosis(node("n-1"), &QUEUED, at(0)));
    assert_eq!(told.notices[0].story, told.notices[1].story);
    assert_eq!(told.news(), [(Telling::First, "ImagePullQueued", 1), (Telling::Refresh, "ImagePullQueued", 2)]);
    told.sick([61], &diagnosis(node("n-2"), &QUEUED, at(0)));
    assert_eq!(told.news(), [(Telling::First, "ImagePullQueued", 1)], "a node that came again is another node");
}

fn announced(uid: &str, kind: EventType, sentence: &str) -> Findings {
    let (subject, sentence) = (node(uid), sentence.to_owned());
    let said = Announcement { subject, reason: "PrepullComplete", kind, sentence };
    Findings { announcements: vec![said], ..Findings::default() }
}

#[test]
fn good_news_is_announced_once_for_as_long_as_it_holds() {
    let mut told = Told::default();
    let say = |uid, sentence| announced(uid, EventType::Normal, sentence);
    (0..9_000).for_each(|second| told.turn(second, &say(if second < 9 { "" } else { "n-1" }, "Set base is complete.")));
    assert_eq!(told.news(), [(Telling::Announced, "PrepullComplete", 1)]);
    told.turn(9_001, &say("n-1", "Set edge is complete."));
    assert_eq!(told.news().len(), 1);
    told.turn(9_001 + 3_600, &say("n-1", "Set base is complete."));
    assert_eq!(told.news().len(), 1, "it had ceased to be true, and is true again");
}

#[test]
fn a_warning_that_holds_stays_in_sight_as_one_event() {
    let mut told = Told::default();
    (0..3_601).for_each(|second| told.turn(second, &announced("n-1", EventType::Warning, "Refused.")));
    assert!(told.notices[0].same_event(&told.notices[2]));
    let counts: Vec<_> = told.news().into_iter().map(|(_, _, count)| count).collect();
    assert_eq!(counts, [1, 2, 3]);
}

#[test]
fn a_clock_that_jumps_back_neither_ends_nor_doubles() {
    let mut told = Told::default();
    told.sick([1_000, 10, 20], &diagnosis(pod("cart"), &NOT_FOUND, at(990)));
    told.well([30, 40], &pod("cart"), 25);
    assert_eq!(told.news().len(), 1);
}
