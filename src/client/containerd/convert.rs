//! From containerd's wire types to pulls. A pull is a lease: what it holds tells which manifests were fetched and which
//! blobs are being written, and a manifest tells the whole list of layers. Blobs that are written under no lease belong to
//! no pull.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use containerd_client::services::v1::{Lease, Resource, Status as Ingest};
use serde::Deserialize;

use super::{EXPIRES, OWN_IMAGE};
use crate::model::Time;
use crate::model::pull::{Layer, Pull};

/// The labels by which containerd remembers where a blob came from; the registry's host follows, without port
/// (containerd: core/remotes/docker/handler.go).
const SOURCE: &str = "containerd.io/distribution.source.";

/// Blobs being written, by the digest they will have.
pub(super) type Ingests = HashMap<Arc<str>, Ingest>;

/// What a lease holds: blobs that are there, and digests of those being written, with the word before it
/// (`layer`, `manifest`…).
#[derive(Debug, Default, PartialEq)]
pub(super) struct Holdings {
    pub(super) blobs: Vec<Arc<str>>,
    pub(super) writing: Vec<(String, Arc<str>)>,
}

/// An index or a manifest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    /// Where it came from, as `host/path`.
    pub(super) repositories: Vec<Arc<str>>,
    /// A manifest's layers; an index has none.
    pub(super) layers: Vec<Descriptor>,
}

/// A blob as a manifest names it (OCI image specification: descriptor.md).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) digest: Arc<str>,
    #[serde(default)]
    pub(super) size: u64,
    #[serde(default)]
    media_type: String,
}

/// All that is known of one pull.
#[derive(Debug, Default)]
pub(super) struct PullParts {
    pub(super) lease: Lease,
    pub(super) writing: Vec<(String, Arc<str>)>,
    pub(super) documents: HashMap<Arc<str>, Document>,
    /// Blobs that are in the store.
    pub(super) here: HashSet<Arc<str>>,
}

/// Ingests by digest. Their references are `layer-sha256:…`, or `layer-<name>@sha256:…` for a blob with a name
/// (containerd: core/remotes/handlers.go MakeRefKey).
pub(super) fn by_digest(ingests: Vec<Ingest>) -> Ingests {
    ingests.into_iter().filter_map(|ingest| Some((reference(&ingest.r#ref)?.1, ingest))).collect()
}

/// Kind and digest of an ingest's reference.
fn reference(text: &str) -> Option<(String, Arc<str>)> {
    let kind = text.split('-').next()?;
    let digest = text.rfind("sha256:").or_else(|| text.rfind("sha512:"))?;
    Some((kind.to_owned(), text.get(digest..)?.into()))
}

/// The leases that may be pulls, the newest first.
pub(super) fn newest(leases: Vec<Lease>, at_most: usize) -> Vec<Lease> {
    let mut leases: Vec<Lease> = leases.into_iter().filter(may_be_pull).collect();
    leases.sort_by_key(|lease| Reverse(lease.created_at.map(|at| (at.seconds, at.nanos))));
    leases.truncate(at_most);
    leases
}

/// A pull's lease expires, so that a crash leaves nothing for ever; those that keep imported images (k3s) do not. From 2.1
/// on a sandbox has one too, under its id of 64 hex digits.
fn may_be_pull(lease: &Lease) -> bool {
    let is_sandbox = lease.id.len() == 64 && lease.id.bytes().all(|b| b.is_ascii_hexdigit());
    lease.labels.contains_key(EXPIRES) && !is_sandbox
}

/// Sorts what a lease holds; snapshots are left out.
pub(super) fn holdings(resources: Vec<Resource>) -> Holdings {
    let mut holdings = Holdings::default();
    for resource in resources {
        match resource.r#type.as_str() {
            "content" => holdings.blobs.push(resource.id.into()),
            "ingests" => holdings.writing.extend(reference(&resource.id)),
            _ => {}
        }
    }
    holdings
}

/// `host/path` of every repository that the labels of a blob name.
pub(super) fn repositories(labels: &HashMap<String, String>) -> Vec<Arc<str>> {
    let hosts = labels.iter().filter_map(|(key, paths)| Some((key.strip_prefix(SOURCE)?, paths)));
    let mut all: Vec<Arc<str>> = hosts
        .flat_map(|(host, paths)| paths.split(',').filter(|p| !p.is_empty()).map(move |p| format!("{host}/{p}").into()))
        .collect();
    all.sort();
    all
}

/// The layers, if this is a manifest; none of them, if it is an index or a signature or an attestation; and nothing if it
/// is another blob.
pub(super) fn layers(bytes: &[u8]) -> Option<Vec<Descriptor>> {
    #[derive(Deserialize)]
    struct Shape {
        layers: Option<Vec<Descriptor>>,
        manifests: Option<serde::de::IgnoredAny>,
    }
    let shape: Shape = serde_json::from_slice(bytes).ok()?;
    match shape.layers {
        Some(layers) if layers.iter().any(|layer| layer.media_type.contains("in-toto")) => Some(Vec::new()),
        Some(layers) => Some(layers),
        None => shape.manifests.map(|_| Vec::new()),
    }
}

/// The pull that a lease stands for.
pub(super) fn pull(parts: &PullParts, ingests: &Ingests) -> Pull {
    let mut manifests: Vec<Arc<str>> = parts.documents.keys().cloned().collect();
    manifests.sort();
    let mut repositories: Vec<Arc<str>> =
        parts.documents.values().flat_map(|document| &document.repositories).cloned().collect();
    repositories.sort();
    repositories.dedup();
    let listed = listed_layers(parts, &manifests, ingests);
    let complete_list = !listed.is_empty();
    Pull {
        lease: parts.lease.id.as_str().into(),
        own: parts.lease.labels.get(OWN_IMAGE).map(|image| image.as_str().into()),
        began: parts.lease.created_at.and_then(time),
        repositories,
        manifests,
        document: document(parts, ingests),
        layers: if complete_list { listed } else { written_layers(parts, ingests) },
        complete_list,
    }
}

/// The layers of all manifests, each once. The other images of an index are not fetched, so their manifests are not here.
fn listed_layers(parts: &PullParts, manifests: &[Arc<str>], ingests: &Ingests) -> Vec<Layer> {
    let mut seen = HashSet::new();
    let all = manifests.iter().filter_map(|digest| parts.documents.get(digest)).flat_map(|document| &document.layers);
    all.filter(|layer| seen.insert(&layer.digest))
        .map(|layer| match ingests.get(&layer.digest) {
            Some(ingest) => Layer {
                total: layer.size,
                elsewhere: !parts.here.contains(&layer.digest) && !writes(parts, &layer.digest),
                ..being_written(&layer.digest, ingest)
            },
            None => at_rest(layer, parts.here.contains(&layer.digest)),
        })
        .collect()
}

/// Whether the blob is written under this lease: one pull writes, the others that need the blob wait for it.
fn writes(parts: &PullParts, digest: &Arc<str>) -> bool {
    parts.writing.iter().any(|(_, written)| written == digest)
}

/// How much is here of the index or manifest that is being fetched.
fn document(parts: &PullParts, ingests: &Ingests) -> Option<u64> {
    let mut documents = parts.writing.iter().filter(|(kind, _)| kind == "index" || kind == "manifest");
    documents.find_map(|(_, digest)| u64::try_from(ingests.get(digest)?.offset).ok())
}

/// Before the manifest is known: the layers that are being written under this lease.
fn written_layers(parts: &PullParts, ingests: &Ingests) -> Vec<Layer> {
    let layers = parts.writing.iter().filter(|(kind, _)| kind == "layer");
    layers.filter_map(|(_, digest)| Some(being_written(digest, ingests.get(digest)?))).collect()
}

fn being_written(digest: &Arc<str>, ingest: &Ingest) -> Layer {
    Layer {
        digest: digest.clone(),
        offset: u64::try_from(ingest.offset).unwrap_or_default(),
        total: u64::try_from(ingest.total).unwrap_or_default(),
        active: true,
        elsewhere: false,
        updated: ingest.updated_at.and_then(time),
    }
}

fn at_rest(layer: &Descriptor, here: bool) -> Layer {
    let offset = if here { layer.size } else { 0 };
    Layer { digest: layer.digest.clone(), offset, total: layer.size, active: false, elsewhere: false, updated: None }
}

/// Leaves out pulls that died with an earlier containerd: their leases live on for a day, and the kubelet's next try holds
/// the same manifests and writes the same layers under a newer lease. Expects the newest first; our own stay, and so do
/// two that pull one image at once and write a layer each.
pub(super) fn without_leftovers(mut pulls: Vec<Pull>) -> Vec<Pull> {
    let mut newer: HashMap<Vec<Arc<str>>, HashSet<Arc<str>>> = HashMap::new();
    pulls.retain(|pull| {
        let writes = pull.layers.iter().filter(|layer| layer.active && !layer.elsewhere).map(|layer| &layer.digest);
        let written = newer.get(&pull.manifests);
        let more = written.is_none_or(|written| writes.clone().any(|digest| !written.contains(digest)));
        let kept = pull.own.is_some() || pull.manifests.is_empty() || more;
        if kept {
            newer.entry(pull.manifests.clone()).or_default().extend(writes.cloned());
        }
        kept
    });
    pulls
}

fn time(wire: prost_types::Timestamp) -> Option<Time> {
    Time::new(wire.seconds, wire.nanos).ok()
}

#[cfg(test)]
mod tests;
