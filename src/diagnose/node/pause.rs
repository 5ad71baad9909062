//! PauseImageMissing: told before the first pod fails on it, and only on proof: our own pull of it failed, by the runtime as
//! it runs now.

use crate::causes::PAUSE_IMAGE_MISSING;
use crate::model::diagnosis::{Confidence, Subject};

use super::super::phrase::Facts;
use super::super::suspicion::{Suspicion, evidence};
use super::super::{View, extract};
use super::readings::topic;

/// The next pod will not start for want of it.
pub(super) fn suspicion(view: View<'_>) -> Option<Suspicion> {
    let pause = view.world.pause.as_ref()?;
    let (since, why) = pause.missing()?;
    if view.world.runtime.well_since().is_some_and(|well| pause.at < well) {
        return None; // it went away meanwhile: what it could not do then may have been for that
    }
    let inner = extract::network_failure(why).unwrap_or_default();
    let ready = view.world.node.says_ready().unwrap_or_default();
    Some(Suspicion {
        cause: &PAUSE_IMAGE_MISSING,
        subject: Subject::Node(view.world.node.id.clone()),
        topic: topic(&PAUSE_IMAGE_MISSING, false),
        confidence: Confidence::Observed,
        since,
        ripe: true,
        soon: false,
        facts: Facts::default().with("image", &pause.image).with("inner", inner).with("ready", ready),
        evidence: vec![evidence("our own pull", why, pause.at)],
        affected: Vec::new(),
        field_path: None,
    })
}
