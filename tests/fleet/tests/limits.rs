//! What `docs/scale.md` promises of 5,000 nodes, held against 300 and a part of each limit as large. The worst second of so few
//! nodes is chance in part: ten seconds are held to the limit of requests, and one to so many times a limit that chance does
//! not reach it and one request of each node at once is far beyond.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use jiff::SignedDuration;
use kubewhy_fleet::cluster::Size;
use kubewhy_fleet::seats::SHARE;
use kubewhy_fleet::storm::{Outcome, Storm, play};

const SIZE: Size = Size { nodes: 300, pods: 3 };
/// The most requests a second on 5,000 nodes.
const A_SECOND: usize = 500;
/// In one second of few nodes so many times the limit of requests may come by chance, and of seats.
const CHANCE: usize = 3;
const CHANCE_OF_SEATS: f64 = 2.0;
/// The most requests of a node in an hour in which nothing happens.
const AN_HOUR: usize = 30;

fn played(storm: Storm) -> Outcome {
    let outcome = play(storm, SIZE, 7).unwrap();
    assert_eq!(outcome.astray, [""; 0], "{} on {} nodes", outcome.astray.len(), outcome.nodes);
    let (one, ten) =
        (outcome.ledger.peak(SignedDuration::from_secs(1)), outcome.ledger.peak(SignedDuration::from_secs(10)));
    let at_most = A_SECOND * SIZE.nodes / 5_000;
    assert!((1..=10 * at_most).contains(&ten), "{ten} requests in ten seconds, of {}", 10 * at_most);
    assert!(one <= CHANCE * at_most, "{one} requests in a second, of {}", CHANCE * at_most);
    let seats = outcome.ledger.seats().0 * 5_000.0 / SIZE.nodes as f64;
    assert!(seats <= CHANCE_OF_SEATS * SHARE, "a flow needs {seats} seats on 5,000 nodes, of {SHARE}");
    assert_eq!(outcome.ledger.reads.events, 0, "no Event is listed, watched or got");
    outcome
}

#[test]
fn a_calm_node_makes_few_requests_and_writes_nothing() {
    let ledger = played(Storm::Calm).ledger;
    let hourly = ledger.requests() / SIZE.nodes;
    assert!((4..=AN_HOUR).contains(&hourly), "{hourly} requests");
    assert_eq!(ledger.writes(), 0);
}

#[test]
fn agents_that_all_start_at_once_ask_apart() {
    assert_eq!(played(Storm::Restart).ledger.requests(), 4 * SIZE.nodes, "two lists and two watches each");
}

#[test]
fn after_an_outage_every_agent_watches_again_and_tells_of_it_once() {
    let ledger = played(Storm::Outage).ledger;
    assert_eq!(ledger.writes(), 2 * SIZE.nodes, "that it was away, and that it is back");
}

#[test]
fn every_pod_with_a_bad_image_gets_its_event_exactly_once() {
    let ledger = played(Storm::BadImage).ledger;
    assert_eq!(ledger.writes(), 4 * SIZE.nodes, "one each, refreshed after 1, 2 and 5 min");
}
