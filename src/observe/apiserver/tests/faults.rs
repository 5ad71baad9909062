//! Each way in which an API server fails its watchers: nothing is lost and nothing doubled, and it is asked no more often
//! than it can bear, however long it fails.

use super::super::fake::come_back;
use super::*;

/// Whatever fails is tried so often in an hour, at most.
const HOURLY: usize = 200;

/// A way to fail, and whether a watch that fails so must be followed by a list.
fn faults() -> Vec<(&'static str, Reply, bool)> {
    vec![
        ("refused", Reply::Refused, false),
        ("reset in the middle of a body", Reply::BreaksOff, false),
        ("401", refusal(401), false),
        ("403", refusal(403), false),
        ("409", refusal(409), false),
        ("410", refusal(410), true),
        ("429", refusal(429), false),
        ("429 with Retry-After", come_back(429, 5), false),
        ("500", refusal(500), false),
        ("503", refusal(503), false),
        ("garbage", Reply::Garbage, true),
        ("ended at once", Reply::Ends(Vec::new()), false),
        ("silent", Reply::Stays(Vec::new()), false),
    ]
}

fn changed(name: &str) -> Value {
    event("MODIFIED", &object(name))
}

/// What is told of pods; how the API server stands is tested elsewhere.
async fn told_of_pods(fake: &Fake) -> Vec<String> {
    let about_pods = |said: &String| ["listed", "changed", "gone"].iter().any(|word| said.starts_with(word));
    hour(&mut pods(fake)).await.into_iter().filter(about_pods).collect()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_and_nothing_told_twice_whatever_happens_to_a_watch() {
    for (how, fault, lists_again) in faults() {
        let before = [list(&["a"]), Reply::Ends(vec![changed("a")])];
        let after = match lists_again {
            true => vec![list(&["a", "b"]), Reply::Stays(vec![event("DELETED", &object("b"))])],
            false => vec![Reply::Stays(vec![changed("b"), event("DELETED", &object("b"))])],
        };
        let fake = Fake::new(before.into_iter().chain(std::iter::repeat_n(fault, 4)).chain(after));
        let came = if lists_again { "listed 2" } else { "changed shop/b" };
        assert_eq!(told_of_pods(&fake).await, ["listed 1", "changed shop/a", came, "gone b-uid"], "{how}");
        let resumed = fake.asked()[2].contains("resourceVersion=7");
        assert!(resumed, "{how}: it goes on elsewhere than where it stopped: {}", fake.asked()[2]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_its_watches_for_an_hour_is_asked_rarely() {
    for (how, fault, _) in faults() {
        let begun = [list(&["a"]), Reply::Ends(vec![changed("a")])];
        let fake = Fake::new(begun.into_iter().chain(std::iter::repeat_n(fault, 10_000)));
        told_of_pods(&fake).await;
        assert!((10..=HOURLY).contains(&fake.asked().len()), "{how}: {} in an hour", fake.asked().len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_its_lists_for_an_hour_is_asked_rarely() {
    for (how, fault, _) in faults().into_iter().filter(|(how, ..)| *how != "silent") {
        let fake = Fake::new(std::iter::repeat_n(fault, 10_000));
        assert_eq!(told_of_pods(&fake).await, [""; 0], "{how}");
        assert!((10..=HOURLY).contains(&fake.asked().len()), "{how}: {} in an hour", fake.asked().len());
    }
}

/// A watch that is taken and ended at once, each time after another list.
#[tokio::test(start_paused = true)]
async fn a_server_that_loses_every_version_is_asked_rarely() {
    let each = (0..10_000).flat_map(|_| [list(&["a"]), refusal(410)]);
    let fake = Fake::new(each);
    told_of_pods(&fake).await;
    assert!(fake.asked().len() <= 2 * HOURLY, "{} in an hour", fake.asked().len());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_to_be_left_alone_is_left_alone() {
    let fake = Fake::new(std::iter::repeat_n(come_back(429, 240), 10_000));
    told_of_pods(&fake).await;
    assert!((10..=16).contains(&fake.asked().len()), "{} in an hour, 240 s apart", fake.asked().len());
}

/// A fake keeps a watch open for ever; a real server ends it after the length that was asked for.
#[tokio::test(start_paused = true)]
async fn a_calm_watch_is_asked_for_ten_to_fifteen_minutes_each_time_another() {
    let fake = Fake::new([list(&["a"]), refusal(500), refusal(500), refusal(500), Reply::Stays(Vec::new())]);
    told_of_pods(&fake).await;
    let lengths: std::collections::BTreeSet<u32> = fake.asked()[1..5].iter().map(|asked| length(asked)).collect();
    assert!(lengths.iter().all(|length| (600..900).contains(length)) && lengths.len() > 1, "{lengths:?}");
}

fn length(asked: &str) -> u32 {
    let (_, after) = asked.split_once("timeoutSeconds=").unwrap();
    after.split('&').next().unwrap().parse().unwrap()
}
