//! Pods that wait for images, and containerd's leases → who is served and who waits.

use super::*;
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
        layers: Vec::new(),
        complete_list: false,
    }
}

fn waits(image: &str, since: i64) -> Waiting<'_> {
    Waiting { image, since: at(since), made: None, here: false }
}

/// One word for each: the lease that serves it, `queued`, or `?`.
fn assigned(waiting: &[Waiting<'_>], list: Vec<Pull>, now: i64) -> Vec<String> {
    let mut pulls = Pulls::default();
    pulls.listed(list, at(now));
    assign(waiting, &pulls, at(now))
        .into_iter()
        .map(|fetch| match fetch {
            Fetch::Unknown => "?".to_owned(),
            Fetch::Running { lease, by: Told::Guess, .. } => format!("{lease}?"),
            Fetch::Running { lease, .. } => lease.to_string(),
            Fetch::Queued { .. } => "queued".to_owned(),
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
    assert_eq!(assigned(&[Waiting { here: true, ..waits(CART, 4) }], other(), 60), ["?"], "its image is here");
    let first = Waiting { here: true, ..waits(MUTE, 2) };
    assert_eq!(
        assigned(&[first, waits(CART, 4)], vec![lease("a", 5, None)], 60),
        ["?", "a"],
        "who has it asks for none"
    );
    let own = Pull { own: Some("r.example.com/bank/vault:1".into()), ..lease("a", 5, None) };
    assert_eq!(assigned(&[waits(CART, 4)], vec![own], 60), ["?"], "our own pulls stand in nobody's way");
    assert_eq!(assigned(&[waits(CART, 4)], vec![lease("a", -7_200, None)], 60), ["?"], "a crash left that lease");
}
