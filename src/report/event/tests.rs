//! The Events to the byte: what `kubectl describe` gets to see.

use serde_json::json;

use super::super::samples::{again, at, ending, first, node, pod};
use super::*;

fn author() -> Author {
    Author { node: "node-7".into(), instance: "kubewhy-x7k2p".into(), runbook_url: None }
}

fn json_of(notice: &Notice) -> Value {
    serde_json::to_value(render(notice, &author())).unwrap()
}

#[test]
fn an_event_on_a_pod() {
    let expected = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": "cart.382a350975787b77",
            "namespace": "shop",
            "labels": {"kubewhy.dev/cause": "ImageNotFound", "kubewhy.dev/owner": "app"},
        },
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": "shop",
            "name": "cart",
            "uid": "uid-of-cart",
            "fieldPath": "spec.containers{web}",
        },
        "type": "Warning",
        "reason": "ImageNotFound",
        "message": "registry.example.com has no tag 2.14.1 of shop/cart.",
        "firstTimestamp": "2026-11-21T03:00:00Z",
        "lastTimestamp": "2026-11-21T03:00:00Z",
        "count": 1,
        "source": {"component": "kubewhy", "host": "node-7"},
        "reportingComponent": "kubewhy",
        "reportingInstance": "kubewhy-x7k2p",
    });
    assert_eq!(json_of(&first("cart", at(0))), expected);
}

#[test]
fn the_ends_of_two_causes_of_one_story_are_two_events_each_labelled_with_its_own() {
    let one = ending(&first("cart", at(0)), at(60));
    let other = Notice { cause: Some(&crate::report::samples::SLOW), ..one.clone() };
    let (one, other) = (json_of(&one), json_of(&other));
    assert_ne!(one["metadata"]["name"], other["metadata"]["name"]);
    assert_eq!(other["metadata"]["labels"]["kubewhy.dev/cause"], "ImagePullSlow");
}

#[test]
fn an_event_on_the_node_lies_in_default_and_names_no_namespace() {
    let notice = Notice { subject: node("n-1"), field_path: None, ..again(&first("cart", at(0)), at(60)) };
    let expected = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": "node-7.b6b5241cf2de4734",
            "namespace": "default",
            "labels": {"kubewhy.dev/cause": "ImageNotFound", "kubewhy.dev/owner": "app"},
        },
        "involvedObject": {"apiVersion": "v1", "kind": "Node", "namespace": "", "name": "node-7", "uid": "n-1"},
        "type": "Warning",
        "reason": "ImageNotFound",
        "message": "registry.example.com has no tag 2.14.1 of shop/cart.",
        "firstTimestamp": "2026-11-21T03:00:00Z",
        "lastTimestamp": "2026-11-21T03:01:00Z",
        "count": 2,
        "source": {"component": "kubewhy", "host": "node-7"},
        "reportingComponent": "kubewhy",
        "reportingInstance": "kubewhy-x7k2p",
    });
    assert_eq!(json_of(&notice), expected);
}

#[test]
fn a_refresh_patches_count_time_and_message_only() {
    let event = render(&again(&first("cart", at(0)), at(60)), &author());
    let expected = json!({
        "count": 2,
        "lastTimestamp": "2026-11-21T03:01:00Z",
        "message": "registry.example.com has no tag 2.14.1 of shop/cart.",
    });
    assert_eq!(refresh(&event), expected);
}

#[test]
fn times_have_no_fraction_of_a_second() {
    let late = at(0) + jiff::SignedDuration::from_millis(987);
    assert_eq!(json_of(&first("cart", late))["lastTimestamp"], "2026-11-21T03:00:00Z");
}

#[test]
fn one_event_has_one_name_and_two_events_have_two() {
    let one = first("cart", at(0));
    assert_eq!(name(&one), name(&again(&one, at(60))));
    let others = [
        Notice { subject: pod("till"), ..one.clone() },
        Notice { story: "pod/ImagePull/@2".into(), ..one.clone() },
        Notice { reason: "ImageAccessDenied", ..one.clone() },
        Notice { kind: crate::model::cause::EventType::Normal, ..one.clone() },
        ending(&one, at(60)),
    ];
    assert!(others.iter().all(|other| name(other) != name(&one)));
}

#[test]
fn the_longest_pod_name_still_yields_a_name() {
    let name = name(&first(&"a.".repeat(126), at(0)));
    assert!(name.len() <= 253 && !name.contains(".."), "{name}");
}

#[test]
fn messages_are_one_clean_line_within_the_limit() {
    let sentence = format!("evil\u{1b}[31m\nname\0 {}", "wörld ".repeat(400));
    let rendered = render(&Notice { sentence, ..first("cart", at(0)) }, &author());
    let message = rendered.message.unwrap();
    assert!(message.starts_with("evil [31m name w") && message.len() <= MESSAGE_LIMIT);
    assert!(!message.contains(char::is_control));
}

#[test]
fn the_runbook_survives_a_long_message() {
    let author = Author { runbook_url: Some("https://runbooks.example.com/{cause}".into()), ..author() };
    let notice = Notice { sentence: "x".repeat(2_000), ..first("cart", at(0)) };
    let message = render(&notice, &author).message.unwrap();
    assert!(message.ends_with("… Runbook: https://runbooks.example.com/ImageNotFound"));
    assert_eq!(message.len(), MESSAGE_LIMIT);
}

#[test]
fn an_ending_is_a_normal_event_labelled_with_the_cause_it_ends() {
    let event = json_of(&ending(&first("cart", at(0)), at(640)));
    assert_eq!((event["type"].as_str(), event["reason"].as_str()), (Some("Normal"), Some("Resolved")));
    assert_eq!(event["metadata"]["labels"]["kubewhy.dev/cause"], "ImageNotFound");
}
