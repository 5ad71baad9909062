//! What the container runtime holds for us, and how `kubewhy clean` takes it away. Removes no image.

use std::time::Duration;

use super::account::{Item, Kind, Outcome};
use crate::client::cri::Cri;
use crate::client::cri::deadlines::Deadlines;
use crate::client::endpoint::Endpoint;
use crate::clock::Clock;
use crate::model::runtime::CallFailure;
use crate::observe::cri::status_of;
use crate::prepull::traces::{Trace, Traces};

/// The last lease is ended once containerd has collected what it held.
const COLLECTION: Duration = Duration::from_secs(60);

/// Takes away what the runtime at that socket holds for us, or with `dry_run` only says what it is.
pub(super) async fn clean(endpoint: Endpoint, dry_run: bool) -> Vec<Item> {
    let deadlines = Deadlines { containerd: COLLECTION, ..Deadlines::default() };
    let cri = Cri::new(endpoint.clone(), Clock::start(), deadlines);
    let words = |failure: CallFailure| endpoint.as_the_host_names(failure).text;
    let traces = Traces::of(&cri);
    let found = match traces.found().await {
        Ok(found) => found,
        Err(failure) => return vec![Item::failed(Kind::Runtime, "", words(failure))],
    };
    if dry_run {
        return found.iter().map(item).collect();
    }
    let pause = pause_image(&cri, &found).await;
    let mut items = Vec::new();
    for (number, trace) in found.iter().enumerate() {
        let last = number + 1 == found.len();
        let gone = match (&pause, trace) {
            (Err(failure), Trace::Pin(_)) => {
                Err(format!("which one is the pause image, that stays pinned? {}", words(failure.clone())))
            }
            (pause, _) => {
                let pause = pause.as_ref().ok().and_then(Option::as_deref);
                traces.take_away(trace, pause, last).await.map_err(words)
            }
        };
        items.push(item(trace).of(gone));
    }
    items
}

fn item(trace: &Trace) -> Item {
    match trace {
        Trace::Pin(image) => Item::new(Kind::Pin, image, Outcome::Found),
        Trace::Lease { id, image } => Item::new(Kind::Lease, format!("{id} of {image}"), Outcome::Found),
    }
}

/// The image that keeps its pin, by the runtime's own word or by its newest sandbox; not asked for where nothing is pinned by us.
async fn pause_image(cri: &Cri, found: &[Trace]) -> Result<Option<String>, CallFailure> {
    if !found.iter().any(|trace| matches!(trace, Trace::Pin(_))) {
        return Ok(None);
    }
    if let Ok(status) = cri.status(true).await.result
        && let Some(image) = status_of(&status).sandbox_image
    {
        return Ok(Some(image.to_string()));
    }
    let sandboxes = cri.list_pod_sandbox().await.result?;
    match sandboxes.iter().max_by_key(|sandbox| sandbox.created_at) {
        Some(newest) => cri.sandbox_image(&newest.id).await,
        None => Ok(None),
    }
}
