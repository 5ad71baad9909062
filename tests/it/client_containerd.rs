//! The client of containerd's own API against a real gRPC server on a real socket.

use std::collections::HashMap;

use containerd_client::services::v1::{
    CreateRequest, GetImageRequest, GetImageResponse, Image, InfoRequest, InfoResponse, Lease, ListResponse,
    ReadContentResponse, UpdateImageRequest,
};
use containerd_client::types::Descriptor;
use kubewhy::client::containerd::pulls::Pulls;
use kubewhy::client::containerd::{Containerd, Pin};
use kubewhy::client::cri::Cri;
use kubewhy::client::cri::deadlines::Deadlines;
use kubewhy::client::endpoint::Endpoint;
use kubewhy::clock::Clock;
use kubewhy::model::runtime::FailureKind;
use prost::Message as _;
use tonic::{Code, Status};

use crate::fake_runtime::{FakeRuntime, Reply, answer, by, containerd};

fn far_end() -> (tempfile::TempDir, FakeRuntime, Containerd) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("containerd.sock");
    let fake = FakeRuntime::containerd(&socket);
    let cri = Cri::new(Endpoint::Given(socket), Clock::start(), Deadlines::default());
    (folder, fake, Containerd::new(&cri))
}

#[tokio::test]
async fn every_call_names_the_namespace_of_kubernetes() {
    let (_folder, fake, client) = far_end();
    let method = containerd("leases.v1.Leases/Create");
    fake.on(&method, Reply::Fail(Code::AlreadyExists, "lease exists"));
    client.create_lease("kubewhy-1", HashMap::from([("a".into(), "b".into())])).await.unwrap();
    let asked = fake.asked(&method).remove(0);
    assert_eq!(asked.headers["containerd-namespace"], "k8s.io");
    assert_eq!(CreateRequest::decode(&*asked.message).unwrap().labels["a"], "b");
}

#[tokio::test]
async fn what_is_gone_already_is_no_failure() {
    let (_folder, fake, client) = far_end();
    for method in ["leases.v1.Leases/Delete", "leases.v1.Leases/ListResources"] {
        fake.on(&containerd(method), Reply::Fail(Code::NotFound, "not found"));
    }
    for method in ["content.v1.Content/Info", "content.v1.Content/Read"] {
        fake.on(&containerd(method), Reply::Fail(Code::NotFound, "not found"));
    }
    client.delete_lease("x", false).await.unwrap();
    assert!(client.lease_resources("x").await.unwrap().is_empty());
    assert!(client.blob("sha256:x").await.unwrap().is_none());
    assert!(client.read_blob("sha256:x", 9).await.unwrap().is_none());
}

#[tokio::test]
async fn blobs_are_asked_for_by_digest_and_read_up_to_a_bound() {
    let (_folder, fake, client) = far_end();
    fake.on(
        &containerd("content.v1.Content/Info"),
        by(|asked: InfoRequest| match &*asked.digest {
            "sha256:a" => Ok(InfoResponse::default()),
            _ => Err(Status::internal("another digest")),
        }),
    );
    assert!(client.blob("sha256:a").await.is_ok());
    let part = ReadContentResponse { offset: 0, data: vec![7; 600] }.encode_to_vec();
    fake.on(&containerd("content.v1.Content/Read"), Reply::Answer(vec![part.clone(), part.clone(), part]));
    assert_eq!(client.read_blob("sha256:a", 1_000).await.unwrap().unwrap().len(), 1_000);
    assert_eq!(client.read_blob("sha256:a", 10_000).await.unwrap().unwrap().len(), 1_800);
}

#[tokio::test]
async fn a_pin_is_set_with_a_mark_of_ours_and_only_that_is_taken_off() {
    let (_folder, fake, client) = far_end();
    let known = |labels: &'static [(&str, &str)]| {
        by(move |asked: GetImageRequest| {
            let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let target = Some(Descriptor { digest: "sha256:t".to_owned(), ..Descriptor::default() });
            let image = Some(Image { name: asked.name, labels, target, ..Image::default() });
            Ok(GetImageResponse { image })
        })
    };
    let (get, update) = (containerd("images.v1.Images/Get"), containerd("images.v1.Images/Update"));
    fake.on(&update, Reply::Answer(vec![Vec::new()]));
    let theirs: &[_] = &[("io.cri-containerd.pinned", "pinned")];
    let ours: &[_] = &[("io.cri-containerd.pinned", "pinned"), ("kubewhy.dev/pinned", "true")];

    fake.on(&get, known(theirs));
    assert_eq!(client.pin("docker.io/library/a:1").await.unwrap(), Some(Pin::Theirs));
    client.unpin("docker.io/library/a:1").await.unwrap();
    assert!(fake.asked(&update).is_empty(), "it is somebody else's pin");

    fake.on(&get, known(&[]));
    assert_eq!(client.pin("docker.io/library/a:1").await.unwrap(), Some(Pin::Ours));
    fake.on(&get, known(ours));
    assert_eq!(client.pin("docker.io/library/a:1").await.unwrap(), Some(Pin::Ours));
    client.unpin("docker.io/library/a:1").await.unwrap();
    let asked = fake.asked(&update);
    let asked: Vec<_> = asked.iter().map(|asked| UpdateImageRequest::decode(&*asked.message).unwrap()).collect();
    let [set, taken_off] = &asked[..] else { panic!("{} updates", asked.len()) };
    for (update, value) in [(set, "pinned"), (taken_off, "")] {
        let mut paths = update.update_mask.clone().unwrap().paths;
        paths.sort();
        assert_eq!(paths, ["labels.io.cri-containerd.pinned", "labels.kubewhy.dev/pinned"]);
        let image = update.image.as_ref().unwrap();
        assert_eq!((&*image.labels["io.cri-containerd.pinned"], image.target.is_some()), (value, true));
    }
}

#[tokio::test]
async fn a_pull_of_others_is_seen_beside_any_number_of_our_own_leases() {
    let (_folder, fake, client) = far_end();
    let lease = |number: i64, ours: bool| {
        let labels = [Some(("containerd.io/gc.expire", "")), ours.then_some(("kubewhy.dev/image", "a:1"))];
        let labels = labels.into_iter().flatten().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let created_at = Some(prost_types::Timestamp { seconds: number, nanos: 0 });
        Lease { id: format!("lease-{number}"), created_at, labels }
    };
    let leases = (0..500).map(|number| lease(number, number > 0)).collect();
    fake.on(&containerd("leases.v1.Leases/List"), answer(&ListResponse { leases }));
    for method in ["leases.v1.Leases/ListResources", "content.v1.Content/ListStatuses"] {
        fake.on(&containerd(method), answer(&()));
    }
    let others = Pulls::new(client).others().await.unwrap();
    assert_eq!(others.iter().map(|pull| &*pull.lease).collect::<Vec<_>>(), ["lease-0"]);
}

#[tokio::test]
async fn another_runtime_is_told_apart_without_a_call() {
    let (_folder, fake, client) = far_end();
    fake.is_called("cri-o", "1.33.0");
    let failure = client.ingests().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsupported);
    assert!(fake.asked(&containerd("content.v1.Content/ListStatuses")).is_empty());
}
