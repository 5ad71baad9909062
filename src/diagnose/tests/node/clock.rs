//! Clocks that are apart, by the answers of the API server that this agent gets, and by the probe of the way there.

use std::time::Duration;

use super::super::timeline::Timeline;
use super::looks;
use crate::model::observation::{ApiState, Seen};
use crate::model::reading::{Missing, Reading};
use crate::model::skew::Skew;
use crate::model::{Time, after};

const FIVE_MINUTES: i64 = 300;
/// Between two answers on a calm node.
const CALM: u64 = 150;

impl Timeline {
    /// An answer that came after so many seconds, while the node's clock was so far ahead.
    fn answers(&mut self, ahead: i64, took: u64) -> &mut Self {
        let theirs = Time::from_second(self.now.as_second()).unwrap();
        let ours = Time::from_second(self.now.as_second() + ahead).unwrap();
        self.see(Seen::Clocks(Skew { ours, theirs, took: Duration::from_secs(took) }))
    }

    /// The probe of the way there compares them too.
    fn compares(&mut self, ahead: i64) -> &mut Self {
        let ours = Time::from_second(self.now.as_second() + ahead).unwrap();
        let skew = Skew { ours, theirs: self.now, took: Duration::ZERO };
        let readings = vec![Reading::fine("api-server", "direct", ""), skew.reading("api-server").unwrap()];
        self.see(looks("api-server", readings))
    }

    /// Since when an ending of it has been good, if it has.
    fn agree_since(&mut self) -> Option<Time> {
        let cleared = self.look().cleared;
        cleared.iter().find(|cleared| cleared.how == "The clocks agree again").map(|cleared| cleared.since)
    }

    fn in_doubt(&self) -> bool {
        self.world.way_in_doubt(self.now)
    }
}

#[test]
fn one_answer_puts_the_way_in_doubt_and_raises_nothing() {
    let mut t = Timeline::new();
    t.answers(0, 0).wait(CALM);
    assert!(!t.in_doubt() && t.ids().is_empty(), "nobody asks what is well");
    t.answers(FIVE_MINUTES, 0);
    assert!(t.in_doubt() && t.ids().is_empty());
    assert!(t.wait(60).ids().is_empty(), "however long ago it was");
}

#[test]
fn the_probe_confirms_it_by_its_own_second_look() {
    let mut t = Timeline::new();
    t.answers(FIVE_MINUTES, 0).wait(1).compares(FIVE_MINUTES);
    assert!(t.wait(9).ids().is_empty(), "a clock that was set at that moment may be set again");
    let said = t.compares(FIVE_MINUTES).of_node();
    assert_eq!((said.len(), said[0].cause.id), (1, "ClockSkewed"));
    let sentence = "The clock of this node is 5 min ahead of the API server's; one of the two is wrong.";
    assert!(said[0].sentence.starts_with(sentence), "{}", said[0].sentence);
}

#[test]
fn where_no_probe_can_compare_a_second_answer_confirms_it() {
    for ahead in [FIVE_MINUTES, -FIVE_MINUTES] {
        let mut t = Timeline::new();
        t.answers(ahead, 0).wait(1).answers(ahead, 0).wait(30);
        assert!(t.ids().is_empty(), "two at the same time are one");
        // The probe looks meanwhile, and can't.
        let blind = Reading::unknown("api-server", "direct", Missing::Access, "no kubeconfig");
        t.see(looks("api-server", vec![blind])).answers(ahead, 0);
        assert_eq!(t.ids(), ["ClockSkewed"]);
        t.wait(CALM).answers(ahead, 0);
        assert!(!t.in_doubt(), "the answers go on telling it, and many nodes may see the same");
        assert_eq!(t.ids(), ["ClockSkewed"]);
    }
}

#[test]
fn slow_answers_prove_neither() {
    let mut t = Timeline::new();
    for _ in 0..4 {
        t.answers(70, 15).wait(CALM);
    }
    assert!(t.ids().is_empty() && !t.in_doubt());
    t.answers(70, 0).wait(CALM).answers(70, 0);
    assert_eq!(t.ids(), ["ClockSkewed"]);
    t.wait(CALM).answers(55, 15);
    assert_eq!(t.agree_since(), Some(t.now), "made somewhere in the 15 s before: 55 s apart at most");
    t.wait(CALM).answers(70, 0).wait(CALM).answers(70, 15);
    assert_eq!(t.agree_since(), None, "nor the end");
}

#[test]
fn put_right_it_ends_by_an_answer_and_not_by_silence() {
    let mut t = Timeline::new();
    t.answers(FIVE_MINUTES, 0).wait(CALM).answers(FIVE_MINUTES, 0);
    assert_eq!(t.ids(), ["ClockSkewed"]);
    for _ in 0..20 {
        assert_eq!(t.wait(60).agree_since(), None, "nobody has compared them since");
    }
    let right = t.answers(1, 0).now;
    assert!(t.in_doubt(), "the probe sees whether it stays so");
    assert_eq!(t.wait(60).compares(0).agree_since(), Some(right));
    assert!(t.ids().is_empty());
    t.wait(120).answers(0, 0);
    assert!(!t.in_doubt());
}

#[test]
fn a_clock_that_steps_while_the_agent_runs_is_seen_by_the_next_answers() {
    let mut t = Timeline::new();
    for _ in 0..10 {
        t.answers(0, 0).wait(CALM);
    }
    t.answers(3_600, 0).wait(CALM).answers(3_600, 0);
    let said = t.of_node();
    assert!(said[0].sentence.contains("1 h ahead of"), "{}", said[0].sentence);
    assert_eq!(after(said[0].since, Duration::from_secs(CALM)), t.now);
    let mut t = Timeline::new();
    t.answers(3_600, 0).wait(3).compares(0).wait(CALM).answers(0, 0);
    assert!(t.ids().is_empty(), "it was set back before anybody saw it twice");
}

#[test]
fn of_several_servers_one_that_is_apart_from_the_others_says_nothing_of_the_node() {
    let mut t = Timeline::new();
    for _ in 0..10 {
        t.answers(FIVE_MINUTES, 0).wait(20).answers(0, 0).wait(20);
        assert!(t.ids().is_empty());
    }
}

#[test]
fn what_is_not_compared_any_more_is_neither_told_nor_over() {
    let mut t = Timeline::new();
    t.answers(FIVE_MINUTES, 0).wait(CALM).answers(FIVE_MINUTES, 0);
    assert_eq!(t.ids(), ["ClockSkewed"]);
    t.see(Seen::ApiServer(ApiState::Unreachable("connection refused".to_owned()))).wait(900);
    t.see(looks("swap", vec![Reading::fine("swap", "", "off")]));
    assert!(!t.ids().contains(&"ClockSkewed") && t.agree_since().is_none());
    t.answers(0, 0);
    assert_eq!(t.agree_since(), Some(t.now));
}

#[test]
fn a_certificate_of_the_future_is_told_as_the_clock_and_over_once_clocks_could_be_compared() {
    let early = Reading::broken("api-server", "direct", "ClockSkewed", "")
        .with("now", "1970-01-01T00:02:00Z")
        .with("begins", "2026-03-04T09:12:55Z");
    let mut t = Timeline::new();
    t.see(Seen::ApiServer(ApiState::Unreachable("certificate not valid yet".to_owned())));
    let said = t.finds(&early, 8).of_node();
    assert_eq!((said.len(), said[0].cause.id), (1, "ClockSkewed"));
    assert!(said[0].sentence.contains("begins at 2026-03-04T09:12:55Z"), "{}", said[0].sentence);
    assert_eq!(t.agree_since(), None);
    let right = t.compares(0).now;
    assert_eq!(t.wait(10).agree_since(), Some(right));
}
