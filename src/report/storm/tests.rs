//! Many pods at once: some Events, one count, and nothing lost for good.

use super::super::samples::{again, at, ending, first, node};
use super::*;

fn node_id() -> NodeId {
    NodeId { name: "node-7".into(), uid: "n-1".into() }
}

fn struck(pods: usize) -> (Storm, Vec<Notice>, Vec<Notice>) {
    let mut storm = Storm::calm(at(0));
    let reports = (0..pods).map(|n| first(&format!("pod-{n}"), at(0)));
    let (told, held) = reports.partition(|notice| storm.lets_pass(notice, at(0), true));
    (storm, told, held)
}

#[test]
fn a_storm_becomes_one_announcement_with_a_count() {
    let (mut storm, told, held) = struck(62);
    assert_eq!((told.len(), held.len()), (25, 37));
    assert!(storm.announce(&node_id(), at(9)).is_none());
    let said = storm.announce(&node_id(), at(10)).unwrap();
    assert!(said.sentence.starts_with("37 more reports on pods of this node: ImageNotFound 37."), "{}", said.sentence);
    assert!(said.sentence.len() <= 300 && !said.sentence.contains("pod-"));
    assert!(storm.announce(&node_id(), at(700)).is_none());
}

#[test]
fn the_next_wave_is_announced_ten_minutes_later() {
    let (mut storm, ..) = struck(62);
    storm.announce(&node_id(), at(10)).unwrap();
    (0..50).for_each(|n| _ = storm.lets_pass(&first(&format!("late-{n}"), at(20)), at(20), true));
    assert!(storm.announce(&node_id(), at(609)).is_none());
    assert!(storm.announce(&node_id(), at(610)).is_some());
}

#[test]
fn a_story_held_back_is_told_at_a_refresh_once_there_is_budget() {
    let (mut storm, _, held) = struck(26);
    assert!(!storm.lets_pass(&again(&held[0], at(10)), at(10), true));
    assert!(storm.lets_pass(&again(&held[0], at(60)), at(60), true));
    assert!(storm.lets_pass(&again(&held[0], at(61)), at(61), true));
    assert!(storm.lets_pass(&ending(&held[0], at(130)), at(130), true));
}

#[test]
fn a_story_that_was_never_told_is_not_ended_either() {
    let (mut storm, told, held) = struck(26);
    assert!(!storm.lets_pass(&ending(&held[0], at(70)), at(70), true));
    assert!(storm.lets_pass(&ending(&told[0], at(70)), at(70), true));
}

#[test]
fn the_node_speaks_in_any_storm_and_brief_words_are_not_counted() {
    let (mut storm, ..) = struck(25);
    assert!(storm.lets_pass(&Notice { subject: node("n-1"), ..first("x", at(0)) }, at(0), true));
    assert!(!storm.lets_pass(&Notice { brief: true, ..first("x", at(0)) }, at(0), true));
    assert!(storm.announce(&node_id(), at(60)).is_none());
}

#[test]
fn what_the_brake_holds_back_costs_no_budget_and_is_not_counted() {
    let mut storm = Storm::calm(at(0));
    assert!((0..100).all(|n| storm.lets_pass(&first(&format!("muted-{n}"), at(0)), at(0), false)));
    assert!(storm.lets_pass(&first("heard", at(0)), at(0), true));
    assert!(storm.announce(&node_id(), at(60)).is_none());
}
