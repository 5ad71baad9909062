//! Pulls of others, second by second.

use super::*;
use crate::model::pull::Layer;

fn at(second: u64) -> Time {
    after("2026-11-21T03:00:00Z".parse().unwrap(), Duration::from_secs(second))
}

/// A pull that began at that second and has so many bytes.
fn pull(lease: &str, began: u64, bytes: u64) -> Pull {
    let layer =
        Layer { digest: "sha256:a".into(), offset: bytes, total: 1_000, active: true, elsewhere: false, updated: None };
    Pull {
        lease: lease.into(),
        own: None,
        began: Some(at(began)),
        repositories: Vec::new(),
        manifests: vec!["sha256:m".into()],
        document: None,
        layers: vec![layer],
        complete_list: true,
    }
}

#[test]
fn a_pull_goes_first_while_it_moves_and_a_little_longer() {
    let mut others = Others::default();
    assert!(!others.take_the_way(&[], at(0)), "nobody is about");
    assert!(others.take_the_way(&[pull("a", 10, 0)], at(10)), "it has just begun");
    assert!(others.take_the_way(&[pull("a", 10, 5)], at(20)), "it moved");
    assert!(others.take_the_way(&[pull("a", 10, 5)], at(34)), "it paused");
    assert!(others.take_the_way(&[], at(36)), "the next image of the pod may follow");
    assert!(!others.take_the_way(&[], at(38)));
}

#[test]
fn a_pull_that_does_not_move_holds_nobody_up_until_it_moves_again() {
    let mut others = Others::default();
    others.take_the_way(&[pull("a", 0, 5)], at(0));
    assert!(!others.take_the_way(&[pull("a", 0, 5)], at(18)));
    assert!(others.take_the_way(&[pull("a", 0, 6)], at(19)));
}

#[test]
fn the_lease_of_a_pull_that_died_with_its_containerd_is_waited_for_two_seconds() {
    let mut others = Others::default();
    assert!(others.take_the_way(&[pull("dead", 0, 5)], at(9_000)));
    assert!(others.take_the_way(&[pull("dead", 0, 5)], at(9_001)));
    assert!(!others.take_the_way(&[pull("dead", 0, 5)], at(9_006)));
}

#[test]
fn of_several_one_that_moves_is_enough() {
    let mut others = Others::default();
    others.take_the_way(&[pull("a", 0, 5), pull("b", 0, 5)], at(0));
    assert!(others.take_the_way(&[pull("a", 0, 5), pull("b", 0, 7)], at(30)));
}
