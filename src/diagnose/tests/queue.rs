//! Pods whose image waits while others are pulled → what is said, when, and to whom what is named.

use super::timeline::{Timeline, creating, id, of_pods, slot};
use crate::model::cause::EventType;
use crate::model::observation::Seen;
use crate::model::pod::Pod;
use crate::model::pull::{Layer, Pull};
use crate::model::runtime::Images;
use crate::model::stage::Stage;

/// A pod that waits for an image of its own name.
fn waiting(t: &Timeline, namespace: &str, name: &str) -> Seen {
    let id = id(namespace, name);
    let container = slot(&format!("r.example.com/{namespace}/{name}:1"), "ContainerCreating", "");
    let pod = creating(name, t.now, true);
    Seen::PodChanged(Box::new(Pod { api_uid: id.uid.clone(), id, containers: vec![container], ..pod }))
}

/// The pull under way; none of its bytes has come where `done` is none.
fn pulling(t: &Timeline, repository: Option<&str>, done: Option<u64>) -> Seen {
    let layer = |offset| Layer {
        digest: "sha256:0123456789abcdef0123".into(),
        offset,
        total: 1_000_000_000,
        active: true,
        updated: None,
    };
    Seen::Pulls(vec![Pull {
        lease: "lease-1".into(),
        own: None,
        began: Some(t.now),
        repositories: repository.map(Into::into).into_iter().collect(),
        manifests: Vec::new(),
        layers: done.map(layer).into_iter().collect(),
        complete_list: done.is_some(),
    }])
}

/// What is said of that pod, with its type.
fn said(t: &mut Timeline, name: &str) -> Option<(&'static str, EventType, String)> {
    let of_it = format!("uid-{name}");
    let findings = t.look();
    let found = of_pods(&findings).into_iter().find(|d| d.subject.uid() == of_it);
    found.map(|d| (d.cause.id, d.kind, d.sentence.clone()))
}

/// Two pods, and a registry that never answers the first of them.
fn mute(namespace: &str) -> (Timeline, Seen) {
    let mut t = Timeline::new();
    let vault = waiting(&t, namespace, "vault");
    t.see(vault).wait(1);
    let lease = pulling(&t, None, None);
    let cart = waiting(t.wait(4), "shop", "cart");
    t.see(cart);
    (t, lease)
}

#[test]
fn a_pod_behind_a_registry_that_never_answers_is_told_what_holds_it_and_the_head_is_not() {
    let (mut t, lease) = mute("bank");
    for second in 0..400 {
        t.see(lease.clone());
        let told = said(&mut t, "cart");
        match second {
            0..15 => assert!(told.is_none(), "{second}: {told:?}"),
            15..300 => {
                assert_eq!(told.map(|(cause, kind, _)| (cause, kind)), Some(("ImagePullQueued", EventType::Normal)))
            }
            _ => assert_eq!(told.map(|(_, kind, _)| kind), Some(EventType::Warning), "{second}"),
        }
        let head = said(&mut t, "vault");
        assert!(head.is_none(), "it does not wait for its turn: {second} {head:?}");
        t.wait(1);
    }
    let (_, _, sentence) = said(&mut t, "cart").unwrap();
    assert!(
        sentence.starts_with(
            "This pod's image waits: no pull of it in 6 min 40 s, while the node pulls another namespace's (name withheld): its registry has not answered for 6 min 44 s. Nothing is wrong with this pod."
        ),
        "{sentence}"
    );
    assert!(!sentence.contains("vault") && !sentence.contains("bank"), "{sentence}");
}

#[test]
fn what_is_ahead_is_named_within_the_namespace_or_where_the_operator_lets_names_pass() {
    let (mut t, lease) = mute("shop");
    t.see(lease.clone()).wait(30).see(lease);
    assert!(said(&mut t, "cart").unwrap().2.contains("while the node pulls that of pod vault: its registry"));

    let (mut t, lease) = mute("bank");
    t.settings.report.cross_namespace_names = true;
    t.see(lease.clone()).wait(30).see(lease);
    assert!(said(&mut t, "cart").unwrap().2.contains("that of pod bank/vault"));
}

#[test]
fn the_queue_and_the_pull_that_follows_are_one_story() {
    let (mut t, _) = mute("bank");
    for second in 0..40_u64 {
        let seen = pulling(&t, Some("r.example.com/bank/vault"), Some(second * 10_000_000));
        t.see(seen).wait(1);
    }
    let findings = t.look();
    let found = of_pods(&findings)[0];
    assert_eq!((found.cause.id, &found.topic), ("ImagePullQueued", &Stage::ImagePull.into()));
    assert!(found.sentence.contains(": 39 % of 1.0 GB, 10 MB/s."), "{}", found.sentence);

    let own = pulling(&t, Some("r.example.com/shop/cart"), Some(1));
    for _ in 0..29 {
        t.see(own.clone()).wait(1);
    }
    let findings = t.look();
    let found = of_pods(&findings)[0];
    assert_eq!((found.cause.id, &found.topic), ("ImagePullStalled", &Stage::ImagePull.into()));
}

#[test]
fn nobody_waits_for_a_turn_whose_image_is_here_or_whose_pull_cannot_be_seen() {
    let (mut t, lease) = mute("bank");
    let here = Images { by_reference: [("r.example.com/shop/cart:1".into(), 1)].into(), count: 1 };
    t.see(Seen::Images(here)).see(lease.clone()).wait(60).see(lease.clone());
    assert!(said(&mut t, "cart").is_none());

    let (mut t, _) = mute("bank");
    t.see(lease).wait(20).see(Seen::PullsUnseen("the runtime is cri-o".to_owned())).wait(60);
    assert!(said(&mut t, "cart").is_none());
}
