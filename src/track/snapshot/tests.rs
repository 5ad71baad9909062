//! A node with a queue of pulls → the picture of it.

use super::*;
use crate::model::ids::PodUid;
use crate::model::observation::{Observation, Seen};
use crate::model::pod::Phase;
use crate::model::pull::{Layer, Pull};
use crate::model::snapshot::PullPhase;
use crate::model::volume::Waits;

fn at(second: i64) -> Time {
    Time::from_second(1_000_000 + second).unwrap()
}

fn pod(name: &str, bound: i64, state: ContainerState) -> Pod {
    let uid = PodUid::new(name);
    let slot = ContainerSlot {
        name: "web".into(),
        kind: ContainerKind::Main,
        image: format!("r.example.com/shop/{name}:1").into(),
        pull_always: false,
        started: false,
        state,
        last: None,
        post_start: false,
        restarts: 0,
        refs: Vec::new(),
    };
    Pod {
        id: PodId { uid: uid.clone(), namespace: "shop".into(), name: name.into() },
        api_uid: uid,
        owner: None,
        host_network: false,
        created: Some(at(bound)),
        scheduled: Some(at(bound)),
        started: Some(at(bound)),
        deleting: false,
        phase: Phase::Pending,
        reason: String::new(),
        message: String::new(),
        sandbox_ready: Some((true, Some(at(bound)))),
        ready: false,
        ready_since: None,
        waits: Waits::default(),
        told_waits: false,
        host_dirs: Vec::new(),
        node_critical: false,
        pull_secrets: Vec::new(),
        containers: vec![slot],
    }
}

fn creating(name: &str, bound: i64) -> Pod {
    pod(name, bound, ContainerState::Waiting { reason: "ContainerCreating".into(), message: "".into() })
}

fn up(name: &str, bound: i64, since: i64) -> Pod {
    Pod { phase: Phase::Running, ..pod(name, bound, ContainerState::Running { since: Some(at(since)) }) }
}

fn fetching(repository: &str, layers: &[(u64, u64)]) -> Pull {
    let layer = |(index, (offset, total)): (usize, &(u64, u64))| Layer {
        digest: format!("sha256:{index}").into(),
        offset: *offset,
        total: *total,
        active: offset < total,
        elsewhere: false,
        updated: None,
    };
    Pull {
        lease: "lease-1".into(),
        own: None,
        began: Some(at(5)),
        repositories: vec![repository.into()],
        manifests: Vec::new(),
        document: None,
        layers: layers.iter().enumerate().map(layer).collect(),
        complete_list: true,
    }
}

fn world(seen: Vec<(i64, Seen)>) -> World {
    let mut world = World::new("node-7");
    for (second, seen) in seen {
        world.apply(Observation { at: at(second), seen });
    }
    world
}

fn changed(pod: Pod) -> Seen {
    Seen::PodChanged(Box::new(pod))
}

#[test]
fn starts_stand_with_what_they_wait_for_and_pulls_with_whom_they_serve() {
    let pulling = || Seen::Pulls(vec![fetching("r.example.com/shop/cart", &[(100, 100), (20, 300)])]);
    let world = world(vec![
        (2, changed(creating("log", 2))),
        (1, changed(creating("cart", 1))),
        (7, pulling()),
        (9, pulling()),
    ]);
    let picture = world.snapshot(at(10), &Findings::default());
    let waits: Vec<_> = picture.starts.iter().map(|start| (start.stage, start.waits_for.as_str())).collect();
    let expected = [
        (Stage::ImagePull, "image r.example.com/shop/cart:1"),
        (Stage::ImageQueue, "its turn to pull r.example.com/shop/log:1"),
    ];
    assert_eq!(waits, expected);
    let [pull] = &picture.pulls[..] else { panic!("{:?}", picture.pulls) };
    assert_eq!((pull.phase, pull.layers, pull.done, pull.total), (PullPhase::Downloading, (1, 2), 120, Some(400)));
    assert_eq!((pull.image.as_deref(), &*pull.pods[0].name), (Some("r.example.com/shop/cart:1"), "cart"));
    assert_eq!((world.load().queued, world.load().downloading), (1, 1));
}

#[test]
fn a_pull_asks_then_downloads_then_unpacks_and_shared_layers_arrive_once() {
    let mut world = World::new("node-7");
    let mut list = |second, layers: &[(u64, u64)]| {
        let one = fetching("r.example.com/shop/cart", layers);
        let other = Pull { lease: "lease-2".into(), ..one.clone() };
        world.apply(Observation { at: at(second), seen: Seen::Pulls(vec![one, other]) });
        (world.pulls.running.values().next().unwrap().phase(), world.load().received)
    };
    assert_eq!(list(6, &[]), (PullPhase::Resolving, 0));
    assert_eq!(list(7, &[(100, 100), (20, 300)]), (PullPhase::Downloading, 20), "the first layer was here before");
    assert_eq!(list(8, &[(100, 100), (300, 300)]), (PullPhase::Unpacking, 300));
}

#[test]
fn who_arrived_is_shown_for_a_while_and_who_waits_again_from_where_it_stands() {
    let seen = || vec![(1, changed(creating("cart", 1))), (9, changed(up("cart", 1, 8)))];
    let picture = world(seen()).snapshot(at(20), &Findings::default());
    assert_eq!((picture.starts[0].arrived, picture.starts[0].stage), (Some(at(8)), Stage::Running));
    assert!(world(seen()).snapshot(at(400), &Findings::default()).starts.is_empty());

    let mut again = seen();
    again.push((30, changed(creating("cart", 1))));
    let picture = world(again).snapshot(at(40), &Findings::default());
    let start = &picture.starts[0];
    assert_eq!((start.arrived, start.began, start.spans.len()), (None, at(30), 1));
}
