//! What stays, what goes and in what order.

use super::super::samples::{again, at, ending, first, node, pod};
use super::*;

const NOTHING_HELD: fn(&Subject) -> bool = |_| false;

fn spool_of(notices: impl IntoIterator<Item = Notice>) -> Spool {
    let mut spool = Spool::new(10);
    for notice in notices {
        assert!(spool.push(notice, at(0)).is_none());
    }
    spool
}

fn is_empty(spool: &Spool) -> bool {
    spool.count(|_| true) == 0
}

fn order(spool: &mut Spool) -> Vec<(String, Telling)> {
    std::iter::from_fn(|| spool.pop(at(1_000), NOTHING_HELD))
        .map(|entry| (entry.notice.subject.uid().to_owned(), entry.notice.telling))
        .collect()
}

#[test]
fn one_event_waits_once_with_its_first_and_its_latest_time() {
    let one = first("cart", at(0));
    let mut spool = spool_of([one.clone(), again(&one, at(60)), again(&one, at(120))]);
    let entry = spool.pop(at(0), NOTHING_HELD).unwrap();
    assert_eq!((entry.notice.telling, entry.notice.first, entry.notice.at), (Telling::First, at(0), at(120)));
    assert!(is_empty(&spool));
}

#[test]
fn a_subject_keeps_its_order_though_its_first_entry_is_not_due() {
    let one = first("cart", at(0));
    let mut spool = Spool::new(10);
    spool.push(one.clone(), at(50));
    spool.push(ending(&one, at(10)), at(0));
    spool.push(first("till", at(0)), at(20));
    assert!(spool.pop(at(0), NOTHING_HELD).is_none());
    assert_eq!(spool.next_due(NOTHING_HELD), Some(at(20)));
    let uids = [("uid-of-cart", Telling::First), ("uid-of-cart", Telling::Ended), ("uid-of-till", Telling::First)];
    assert_eq!(order(&mut spool), uids.map(|(uid, telling)| (uid.to_owned(), telling)));
}

#[test]
fn a_full_spool_gives_up_refreshes_first_and_first_reports_last() {
    let names = ["a", "b", "c", "d"].map(|name| first(name, at(0)));
    let mut spool = Spool::new(3);
    spool.push(names[0].clone(), at(0));
    spool.push(again(&names[1], at(1)), at(0));
    spool.push(ending(&names[2], at(2)), at(0));
    let gone: Vec<_> = [first("e", at(3)), first("f", at(4)), first("g", at(5))]
        .into_iter()
        .filter_map(|notice| spool.push(notice, at(0)))
        .map(|notice| notice.telling)
        .collect();
    assert_eq!(gone, [Telling::Refresh, Telling::Ended, Telling::First]);
    assert_eq!(spool.count(|_| true), 3);
}

#[test]
fn what_failed_comes_back_ahead_and_takes_up_what_came_meanwhile() {
    let one = first("cart", at(0));
    let mut spool = spool_of([one.clone()]);
    let failed = spool.pop(at(0), NOTHING_HELD).unwrap();
    spool.push(again(&one, at(60)), at(0));
    spool.push(ending(&one, at(120)), at(0));
    spool.put_back(Entry { due: at(150), ..failed });
    let entry = spool.pop(at(200), NOTHING_HELD).unwrap();
    assert_eq!((entry.notice.telling, entry.notice.at, entry.due), (Telling::First, at(60), at(150)));
    assert_eq!(order(&mut spool), [("uid-of-cart".to_owned(), Telling::Ended)]);
}

#[test]
fn what_is_held_waits_without_stopping_others() {
    let mut spool = spool_of([first("cart", at(0)), first("till", at(0))]);
    let held = |subject: &Subject| *subject == pod("cart");
    assert_eq!(spool.pop(at(0), held).unwrap().notice.subject, pod("till"));
    assert!(spool.pop(at(0), held).is_none() && spool.next_due(held).is_none());
    assert_eq!(spool.pop(at(0), NOTHING_HELD).unwrap().notice.subject, pod("cart"));
}

#[test]
fn a_node_without_uid_waits_until_it_has_one() {
    let mut spool = spool_of([Notice { subject: node(""), ..first("x", at(0)) }]);
    assert!(spool.pop(at(0), NOTHING_HELD).is_none());
    spool.identify(&NodeId { name: "node-7".into(), uid: "n-1".into() });
    assert_eq!(spool.pop(at(0), NOTHING_HELD).unwrap().notice.subject, node("n-1"));
}

#[test]
fn held_words_go_with_their_subject_and_with_time() {
    let mut spool = spool_of([first("cart", at(0)), first("till", at(0)), first("shop", at(500))]);
    spool.tidy_held(at(1_000), &["uid-of-cart".into()], Duration::from_secs(800), |_| true);
    assert_eq!(order(&mut spool), [("uid-of-shop".to_owned(), Telling::First)]);
    let mut spool = spool_of([first("cart", at(0))]);
    spool.tidy_held(at(9_000), &["uid-of-cart".into()], Duration::from_secs(800), NOTHING_HELD);
    assert_eq!(spool.count(|_| true), 1, "what is not held is told, however late");
}

#[test]
fn in_a_hurry_only_refreshes_are_lost() {
    let mut spool = Spool::new(10);
    spool.push(again(&first("cart", at(0)), at(1)), at(100));
    spool.push(first("till", at(0)), at(100));
    spool.hurry(at(2));
    assert_eq!(spool.pop(at(2), NOTHING_HELD).unwrap().notice.subject, pod("till"));
    assert!(is_empty(&spool));
}
