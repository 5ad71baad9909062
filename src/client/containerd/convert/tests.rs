//! Wire values as containerd 1.6, 1.7 and 2.1 were seen to send them.

use containerd_client::services::v1::{Lease, Resource, Status as Ingest};

use super::*;

const A: &str = "sha256:aa";
const B: &str = "sha256:bb";
const C: &str = "sha256:cc";
const M: &str = "sha256:11";

fn resource(kind: &str, id: &str) -> Resource {
    Resource { r#type: kind.into(), id: id.into() }
}

fn ingest(reference: &str, offset: i64, total: i64) -> Ingest {
    Ingest { r#ref: reference.into(), offset, total, ..Default::default() }
}

fn lease(id: &str, created: i64) -> Lease {
    let created_at = Some(prost_types::Timestamp { seconds: created, nanos: 0 });
    Lease { id: id.into(), created_at, labels: HashMap::from([(EXPIRES.into(), String::new())]) }
}

fn manifest(layers: &[(&str, u64)]) -> Document {
    let list: Vec<_> =
        layers.iter().map(|(digest, size)| format!(r#"{{"digest":"{digest}","size":{size}}}"#)).collect();
    let text = format!(r#"{{"schemaVersion":2,"layers":[{}]}}"#, list.join(","));
    Document { repositories: vec!["reg.io/app".into()], layers: super::layers(text.as_bytes()).unwrap() }
}

fn digests(list: &[&str]) -> HashSet<Arc<str>> {
    list.iter().map(|digest| Arc::from(*digest)).collect()
}

#[test]
fn references_give_kind_and_digest_with_and_without_a_name() {
    for (text, kind, digest) in [
        ("layer-sha256:aa", "layer", A),
        ("layer-app-1.2@sha256:aa", "layer", A),
        ("index-sha256:11", "index", M),
        ("layer-sha512:ff", "layer", "sha512:ff"),
    ] {
        assert_eq!(reference(text), Some((kind.to_owned(), digest.into())));
    }
    assert_eq!(reference("buildkit-upload"), None);
}

#[test]
fn leases_of_sandboxes_and_those_for_ever_are_no_pulls_and_the_newest_come_first() {
    let for_ever = Lease { id: "k3s-airgap".into(), ..Default::default() };
    let all =
        vec![for_ever, lease(&"ab".repeat(32), 9), lease("171-abcd", 1), lease("172-efgh", 2), lease("173-ijkl", 3)];
    let ids: Vec<String> = newest(all, 2).into_iter().map(|lease| lease.id).collect();
    assert_eq!(ids, ["173-ijkl", "172-efgh"]);
}

#[test]
fn a_lease_holds_blobs_and_writes() {
    let held = holdings(vec![
        resource("content", M),
        resource("ingests", "layer-sha256:aa"),
        resource("snapshots/overlayfs", "extract-1-x sha256:ff"),
    ]);
    assert_eq!(held, Holdings { blobs: vec![M.into()], writing: vec![("layer".into(), A.into())] });
}

#[test]
fn repositories_come_from_labels_of_every_host() {
    let labels = [
        ("containerd.io/distribution.source.ghcr.io", "b/x,a/x"),
        ("containerd.io/distribution.source.docker.io", "library/nginx"),
        ("containerd.io/gc.ref.content.config", "sha256:ff"),
    ];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(repositories(&labels), ["docker.io/library/nginx", "ghcr.io/a/x", "ghcr.io/b/x"].map(Arc::from));
}

#[test]
fn manifests_are_told_from_indexes_attestations_and_other_blobs() {
    assert_eq!(layers(br#"{"layers":[{"digest":"sha256:aa","size":5}]}"#).unwrap().len(), 1);
    assert_eq!(layers(br#"{"manifests":[{"digest":"sha256:11"}]}"#), Some(Vec::new()));
    let attestation = br#"{"layers":[{"digest":"sha256:aa","mediaType":"application/vnd.in-toto+json"}]}"#;
    assert_eq!(layers(attestation), Some(Vec::new()));
    for other in [&br#"{"rootfs":{"type":"layers"}}"#[..], b"\x1f\x8b\x08", b"", b"[]", br#"{"layers":7}"#] {
        assert_eq!(layers(other), None);
    }
}

#[test]
fn with_its_manifest_a_pull_has_the_whole_list_of_layers() {
    let parts = PullParts {
        lease: lease("171-abcd", 60),
        writing: vec![("layer".into(), B.into())],
        documents: HashMap::from([(M.into(), manifest(&[(A, 100), (B, 200), (C, 300)]))]),
        here: digests(&[A, M]),
    };
    let pull = pull(&parts, &by_digest(vec![ingest("layer-sha256:bb", 50, 200)]));
    assert_eq!((pull.done(), pull.total()), (150, Some(600)));
    assert_eq!(pull.layers.iter().map(|layer| layer.active).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!((&*pull.repositories[0], &*pull.manifests[0]), ("reg.io/app", M));
    assert_eq!(pull.began.map(Time::as_second), Some(60));
}

#[test]
fn a_layer_that_another_pull_writes_counts_for_this_one_too() {
    let documents = HashMap::from([(M.into(), manifest(&[(A, 100)]))]);
    let parts = PullParts { documents, ..PullParts::default() };
    let waiting = pull(&parts, &by_digest(vec![ingest("layer-sha256:aa", 40, 100)]));
    assert_eq!((waiting.done(), waiting.layers[0].elsewhere), (40, true));
    let writing = PullParts { writing: vec![("layer".into(), A.into())], ..parts };
    assert!(!pull(&writing, &by_digest(vec![ingest("layer-sha256:aa", 40, 100)])).layers[0].elsewhere);
}

#[test]
fn without_its_manifest_a_pull_shows_what_it_writes_and_no_total() {
    let writing = vec![("layer".into(), A.into()), ("index".into(), M.into()), ("layer".into(), C.into())];
    let parts = PullParts { writing, ..PullParts::default() };
    let pull = pull(&parts, &by_digest(vec![ingest("layer-sha256:aa", 5, 9), ingest("index-sha256:11", 0, 7)]));
    assert_eq!((pull.layers.len(), pull.done(), pull.total(), pull.document), (1, 5, None, Some(0)));
}

#[test]
fn our_own_pull_names_its_image() {
    let mut parts = PullParts::default();
    parts.lease.labels.insert(OWN_IMAGE.into(), "reg.io/app:1".into());
    assert_eq!(pull(&parts, &Ingests::new()).own.as_deref(), Some("reg.io/app:1"));
}

#[test]
fn a_pull_that_died_gives_way_to_the_next_try_of_the_same_image() {
    let of = |id: &str, manifests: &[&str]| {
        let documents = manifests.iter().map(|digest| (Arc::from(*digest), manifest(&[]))).collect();
        pull(&PullParts { lease: lease(id, 0), documents, ..PullParts::default() }, &Ingests::new())
    };
    let left = without_leftovers(vec![of("new", &[M]), of("old", &[M]), of("resolving", &[]), of("too", &[])]);
    assert_eq!(left.iter().map(|pull| &*pull.lease).collect::<Vec<_>>(), ["new", "resolving", "too"]);
}

#[test]
fn two_pulls_of_one_image_at_once_stay_where_each_writes_a_layer() {
    let ingests = by_digest(vec![ingest("layer-sha256:aa", 4, 9), ingest("layer-sha256:bb", 4, 9)]);
    let of = |id: &str, layer: &str| {
        let documents = HashMap::from([(Arc::from(M), manifest(&[(A, 9), (B, 9)]))]);
        let writing = vec![("layer".to_owned(), Arc::from(layer))];
        pull(&PullParts { lease: lease(id, 0), documents, writing, ..PullParts::default() }, &ingests)
    };
    let left = without_leftovers(vec![of("new", A), of("other", B), of("died", A)]);
    assert_eq!(left.iter().map(|pull| &*pull.lease).collect::<Vec<_>>(), ["new", "other"]);
}
