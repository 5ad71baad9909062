//! Pods that wait for images, and containerd's leases → who is served and who waits.

use super::*;
use crate::model::intent::{AtOnce, Intents};
use crate::model::pull::Pull;

fn at(second: i64) -> Time {
    Time::from_second(1_000_000 + second).unwrap()
}

/// A lease of that age; nameless if it fetches nothing yet.
fn lease(name: &str, began: i64, repository: Option<&str>) -> Pull {
    Pull {
        lease: name.into(),
        own: None,
        began: Some(at(began)),
        repositories: repository.map(Arc::from).into_iter().collect(),
        manifests: Vec::new(),
        document: None,
        layers: Vec::new(),
        complete_list: false,
    }
}

fn waits(image: &str, since: i64) -> Waiting<'_> {
    Waiting { image, since: at(since), made: None, served: false, here: false }
}

/// One word for each: the lease that serves it, `queued`, or `?`.
fn assigned(waiting: &[Waiting<'_>], list: Vec<Pull>, now: i64) -> Vec<String> {
    assigned_by(Pulls::default(), waiting, list, now)
}

fn assigned_by(mut pulls: Pulls, waiting: &[Waiting<'_>], list: Vec<Pull>, now: i64) -> Vec<String> {
    pulls.listed(list, at(now));
    assign(waiting, &pulls, at(now))
        .into_iter()
        .map(|fetch| match fetch {
            Fetch::Unknown | Fetch::Idle => "?".to_owned(),
            Fetch::Here => "here".to_owned(),
            Fetch::Running { lease, by: Told::Guess, .. } => format!("{lease}?"),
            Fetch::Running { lease, .. } => lease.to_string(),
            Fetch::Asked { .. } => "runs".to_owned(),
            Fetch::Queued { line: Line::Unknown, .. } => "queued".to_owned(),
            Fetch::Queued { line: Line::Kubelet { before, .. }, .. } => format!("after {before:?}"),
            Fetch::Queued { line: Line::Slot { lease }, .. } => format!("{lease} for a slot"),
        })
        .collect()
}

const CART: &str = "r.example.com/shop/cart:2";
const MUTE: &str = "mute.example.com/app:1";

#[test]
fn a_pull_that_names_its_repository_serves_whoever_waits_for_it() {
    let list = vec![lease("a", 5, Some("r.example.com/shop/cart"))];
    assert_eq!(assigned(&[waits(CART, 4), waits(MUTE, 4)], list, 60), ["a", "queued"]);
}

#[test]
fn a_nameless_pull_serves_who_came_first() {
    let list = || vec![lease("a", 5, None)];
    assert_eq!(assigned(&[waits(CART, 4), waits(MUTE, 3)], list(), 60), ["queued", "a"]);
    let finer = |image, made| Waiting { made: Some(at(made)), ..waits(image, 4) };
    assert_eq!(
        assigned(&[finer(CART, 2), finer(MUTE, 1)], list(), 60),
        ["queued", "a"],
        "the runtime's times are finer"
    );
    assert_eq!(assigned(&[waits(CART, 4), waits(MUTE, 4)], list(), 60), ["a?", "?"], "who came together can't be told");
    assert_eq!(assigned(&[waits(CART, 50)], list(), 60), ["queued"], "it came after that pull had begun");
    assert_eq!(
        assigned(&[waits(CART, 4), waits(MUTE, 4)], vec![lease("a", 5, None), lease("b", 6, None)], 60),
        ["a", "b"]
    );
}

#[test]
fn nothing_is_claimed_where_nothing_tells() {
    assert_eq!(assigned(&[waits(CART, 4)], Vec::new(), 60), ["?"], "no pull is under way");
    let other = || vec![lease("a", 5, Some("r.example.com/bank/vault"))];
    assert_eq!(assigned(&[waits(CART, 58)], other(), 60), ["?"], "it has just come");
    assert_eq!(assigned(&[Waiting { here: true, ..waits(CART, 4) }], other(), 60), ["here"], "it needs no pull");
    let first = Waiting { here: true, ..waits(MUTE, 2) };
    assert_eq!(
        assigned(&[first, waits(CART, 4)], vec![lease("a", 5, None)], 60),
        ["here", "a"],
        "who has it asks for none"
    );
    let own = Pull { own: Some("r.example.com/bank/vault:1".into()), ..lease("a", 5, None) };
    assert_eq!(assigned(&[waits(CART, 4)], vec![own], 60), ["?"], "our own pulls stand in nobody's way");
    assert_eq!(assigned(&[waits(CART, 4)], vec![lease("a", -7_200, None)], 60), ["?"], "a crash left that lease");
}

/// A kubelet that pulls one image at a time and wants these, each seen first at that second.
fn wanting(images: &[(&str, i64)], now: i64) -> Pulls {
    let mut pulls = Pulls::default();
    pulls.rules.at_once = AtOnce::AtMost(1.try_into().unwrap());
    pulls.wanted(Intents::Told(images.iter().map(|(image, seen)| ((*image).into(), at(*seen))).collect()), at(now));
    pulls
}

#[test]
fn with_intents_the_head_is_what_the_kubelet_wanted_first() {
    let nameless = || vec![lease("a", 7, None)];
    let both = [waits(CART, 4), waits(MUTE, 4)];
    assert_eq!(assigned_by(wanting(&[(CART, 7), (MUTE, 6)], 60), &both, nameless(), 60), ["after Some(0)", "a"]);
    assert_eq!(
        assigned_by(wanting(&[(CART, 6), (MUTE, 6)], 60), &both, nameless(), 60),
        ["?", "a?"],
        "one look saw both"
    );
    assert_eq!(assigned_by(wanting(&[(MUTE, 6)], 60), &both, nameless(), 60), ["?", "a"], "the cart's is not wanted");
    let here = [Waiting { here: true, ..waits(CART, 4) }, waits(MUTE, 4)];
    let told = assigned_by(wanting(&[(CART, 6), (MUTE, 7)], 60), &here, nameless(), 60);
    assert_eq!(told, ["a", "after Some(0)"], "it is wanted though it is here");
    let late = assigned_by(wanting(&[(CART, 7), (MUTE, 6)], 20), &both, nameless(), 60);
    assert_eq!(late, ["a?", "?"], "intents that were not looked at for long count for nothing");
}

#[test]
fn a_pull_whose_pod_is_gone_still_stands_at_the_head() {
    let pulls = wanting(&[(CART, 7), (MUTE, 6)], 60);
    assert_eq!(assigned_by(pulls, &[waits(CART, 5)], vec![lease("a", 7, None)], 60), ["after Some(0)"]);
}

#[test]
fn an_intent_that_is_left_of_an_earlier_pod_gives_a_later_one_no_place_before_others() {
    let pulls = wanting(&[(CART, 6), (MUTE, 8)], 60);
    assert_eq!(
        assigned_by(pulls, &[waits(CART, 30), waits(MUTE, 7)], vec![lease("a", 9, None)], 60),
        ["after Some(0)", "a"]
    );
}

#[test]
fn more_pulls_than_the_kubelet_runs_leave_a_guess() {
    let list = vec![lease("a", 7, None), lease("by-hand", 8, Some("r.example.com/other"))];
    let told = assigned_by(wanting(&[(CART, 7), (MUTE, 6)], 60), &[waits(CART, 4), waits(MUTE, 4)], list, 60);
    assert_eq!(told, ["after Some(0)", "a?"]);
}

const OTHER_TAG: &str = "r.example.com/shop/cart:1";

#[test]
fn a_pull_of_a_repository_serves_the_tag_that_was_wanted_first_and_the_other_waits() {
    let cart = || vec![lease("a", 7, Some("r.example.com/shop/cart"))];
    let both = [waits(CART, 4), waits(OTHER_TAG, 4)];
    let wanted = |images: &[(&str, i64)]| assigned_by(wanting(images, 60), &both, cart(), 60);
    assert_eq!(wanted(&[(CART, 7), (OTHER_TAG, 6)]), ["after Some(0)", "a"]);
    assert_eq!(wanted(&[(CART, 6), (OTHER_TAG, 6)]), ["?", "a?"], "one look saw both");
    assert_eq!(wanted(&[(CART, 6)]), ["a", "?"], "the other tag is not wanted");
    assert_eq!(assigned(&[waits(CART, 4), waits(OTHER_TAG, 3)], cart(), 60), ["queued", "a"], "who came first");
    assert_eq!(assigned(&both, cart(), 60), ["a?", "?"], "who came together can't be told");
    assert_eq!(assigned(&[waits(OTHER_TAG, 30), waits(CART, 4)], cart(), 60), ["queued", "a"], "that came later");
    let here = [waits(CART, 4), Waiting { here: true, ..waits(OTHER_TAG, 3) }];
    assert_eq!(assigned(&here, cart(), 60), ["a", "here"], "that tag needs no pull");
    assert_eq!(assigned(&[waits(CART, 4), waits(CART, 30)], cart(), 60), ["a", "a"], "it is the same tag");
    let three = [waits(CART, 3), waits(OTHER_TAG, 6), waits(CART, 9)];
    assert_eq!(assigned(&three, cart(), 60), ["a", "queued", "a"]);
}

#[test]
fn pulls_of_one_repository_are_told_apart_by_the_order_of_their_tags_and_by_their_digests() {
    let two = || vec![lease("a", 5, Some("r.example.com/shop/cart")), lease("b", 9, Some("r.example.com/shop/cart"))];
    assert_eq!(assigned(&[waits(OTHER_TAG, 8), waits(CART, 4)], two(), 60), ["b", "a"]);
    assert_eq!(assigned(&[waits(OTHER_TAG, 4), waits(CART, 4)], two(), 60), ["a?", "b?"]);
    let mut known = two();
    known[1].manifests = vec!["sha256:ab".into()];
    let pinned = "r.example.com/shop/cart@sha256:ab";
    assert_eq!(assigned(&[waits(pinned, 4), waits(CART, 4)], known, 60)[0], "b");
}
