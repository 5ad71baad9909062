//! Pods whose resource claims are not prepared.

use super::{DRIVER, Scene};
use crate::model::diagnosis::Confidence;
use crate::model::observation::Seen;
use crate::model::volume::{Allocation, Answer, ResourceClaim, Source, Storage, Waits};

fn claims(claim: Option<&str>) -> Waits {
    let claim = ResourceClaim { name: "gpu".into(), claim: claim.map(Into::into) };
    Waits { claims: vec![claim], ..Waits::default() }
}

fn answered(scene: &mut Scene, answer: Answer<Allocation>) -> &mut Scene {
    let storage = Storage { claims: vec![("gpu".into(), answer)], ..Storage::default() };
    scene.see(Seen::Storage { pod: super::id("shop", "cart").uid, storage })
}

fn allocation(allocated: bool, reserved: bool) -> Answer<Allocation> {
    Answer::Is(Allocation { allocated, reserved, drivers: vec!["gpu.example.com".into()] })
}

#[track_caller]
fn says(scene: &mut Scene, words: &str) -> Confidence {
    let said = scene.said().expect("nothing is said");
    println!("{}", said.sentence);
    assert_eq!(said.cause.id, "ResourceClaimNotPrepared");
    assert!(said.sentence.contains(words) && said.sentence.len() < 320, "{}", said.sentence);
    said.confidence
}

#[test]
fn a_claim_is_told_with_what_it_lacks() {
    let mut scene = Scene::new(claims(Some("cart-0-gpu")));
    assert_eq!(says(&mut scene, "waited 1 min 4 s for its resource claim gpu. Image"), Confidence::Suspected);
    for (answer, words) in [
        (Answer::Unknown, "resource claim gpu. Image"),
        (Answer::Missing, "gpu: ResourceClaim cart-0-gpu does not exist"),
        (allocation(false, false), "gpu: ResourceClaim cart-0-gpu has no device allocated"),
        (allocation(true, false), "gpu: ResourceClaim cart-0-gpu is not reserved for this pod"),
        (allocation(true, true), "gpu: driver gpu.example.com has not prepared it"),
    ] {
        says(answered(&mut scene, answer), words);
    }
    says(scene.host(&[], &[DRIVER], false), "gpu: driver gpu.example.com has no socket on this node");
    let here = says(scene.host(&[], &["gpu.example.com-0a1b"], false), "gpu.example.com has not prepared it");
    assert_eq!(here, Confidence::Inferred);
    says(&mut Scene::new(claims(None)), "gpu: it was not made from its template yet");
}

#[test]
fn a_volume_that_is_not_there_comes_first_and_an_event_before_both() {
    let mut both = claims(Some("cart-0-gpu"));
    both.volumes = super::waits(Source::Claim("data-cart-0".into())).volumes;
    let mut scene = Scene::new(both);
    assert_eq!(scene.heard().said().unwrap().cause.id, "VolumeNotReady");
    says(scene.host(&[("pvc-0a1b", true)], &[], false), "resource claim gpu");
    scene.event("FailedPrepareDynamicResources", "Failed to prepare dynamic resources: NodePrepareResources failed");
    assert_eq!(scene.said().unwrap().cause.id, "DeviceUnavailable", "the kubelet's words tell more");
}
