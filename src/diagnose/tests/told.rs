//! Which Events of a pod before its sandbox tell what holds it: others, and old ones, silence nothing.

use super::timeline::{Timeline, creating, id, of_pods};
use crate::model::Time;
use crate::model::marks::{Mark, Marks, PodMarks};
use crate::model::observation::{ApiState, Seen};
use crate::model::pod::{Pod, PodEvent};
use crate::model::volume::{Answer, HostVolumes, Source, Storage, Volume, Waits};

/// What is told of a pod that waits for a claim that does not exist, `age` seconds after an Event.
fn told(from: &str, reason: &str, age: u64) -> Vec<&'static str> {
    let mut line = Timeline::new();
    line.see(Seen::ApiServer(ApiState::Answers));
    let volume = Volume { name: "data".into(), source: Source::Claim("data-cart-0".into()), device: false };
    let waits = Waits { volumes: vec![volume], ..Waits::default() };
    line.see(Seen::PodChanged(Box::new(Pod { waits, ..creating("cart", line.now, false) })));
    let uid = id("shop", "cart").uid;
    let marks = PodMarks { home: Mark::Unknown, logs: Mark::Absent, containers: None };
    line.see(Seen::Marks(Marks { boot: Some(Time::UNIX_EPOCH), pods: [(uid.clone(), marks)].into() }));
    let event = PodEvent { reason: reason.into(), message: "".into(), from: from.into(), at: Some(line.now) };
    line.see(Seen::PodEvents { pod: uid.clone(), events: vec![event] });
    line.wait(age);
    let volumes = vec![("data".into(), Answer::Missing)];
    line.see(Seen::Storage {
        pod: uid.clone(),
        storage: Storage { volumes, drivers: Answer::Unknown, claims: vec![] },
    });
    let pods = vec![(uid, vec![])];
    line.see(Seen::Volumes(HostVolumes { pods, sockets: None, staged: vec![], unreadable: None }));
    line.wait(1);
    of_pods(&line.look()).iter().map(|diagnosis| diagnosis.cause.id).collect()
}

#[test]
fn only_a_fresh_word_of_those_who_start_the_pod_stands_for_the_reason() {
    assert!(!told("kubelet", "FailedMount", 90).contains(&"VolumeNotReady"));
    assert_eq!(told("default-scheduler", "FailedScheduling", 90), ["VolumeNotReady"]);
    assert_eq!(told("kubewhy", "FailedMount", 90), ["VolumeNotReady"]);
    assert_eq!(told("kubelet", "FailedMount", 400), ["VolumeNotReady"], "it was said once, and not again");
}
