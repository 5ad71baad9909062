//! Pulls of a runtime that shows none: the kubelet's intents tell which there are, its rules how many of them run.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Time;
use crate::model::intent::{AtOnce, Intents};
use crate::model::snapshot::{PullPhase, PullState};
use crate::track::World;
use crate::track::pod::PodTrack;
use crate::track::queue::Fetch;

/// One for each image that the kubelet wants.
pub(super) fn pulls(world: &World, now: Time) -> Vec<PullState> {
    let Some(Intents::Told(images)) = world.pulls.intents(now) else { return Vec::new() };
    let pull = |(image, seen): (&Arc<str>, &Time)| {
        let is_for = |pod: &&PodTrack| pod.awaited().is_some_and(|slot| Intents::is_for(image, &slot.image));
        let pods: Vec<&PodTrack> = world.starting().filter(is_for).collect();
        let (phase, began) = stands(world, &pods, *seen);
        PullState {
            image: Some(image.clone()),
            own: false,
            pods: pods.iter().map(|pod| pod.id.clone()).collect(),
            phase,
            done: 0,
            total: None,
            layers: (0, 0),
            rate: None,
            left: None,
            began,
            seen: now,
            still: Duration::ZERO,
        }
    };
    images.iter().map(pull).collect()
}

/// What it does, and since when; its pods tell, for they stand in line with it.
fn stands(world: &World, pods: &[&PodTrack], seen: Time) -> (PullPhase, Time) {
    let known = pods.iter().find_map(|pod| match &pod.fetch {
        Fetch::Asked { began } => Some((PullPhase::Running, *began)),
        Fetch::Queued { .. } => Some((PullPhase::Queued, seen)),
        _ => None,
    });
    let unbound = if world.pulls.rules.at_once == AtOnce::All { PullPhase::Running } else { PullPhase::Asked };
    known.unwrap_or((unbound, seen))
}
