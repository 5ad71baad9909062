//! What pre-pulling holds on a node and when it lets go: leases, pins, and the way that it leaves to pods.

use std::sync::{Arc, Mutex};

use containerd_client::services::v1::{
    AddResourceRequest, GetImageRequest, GetImageResponse, Image as Record, Lease, ListImagesResponse,
    ListResourcesResponse, ListResponse, Resource, UpdateImageRequest,
};
use jiff::Timestamp;

use super::*;

/// A lease with these labels beside the image and the end of its life, in so many hours.
fn held(id: &str, image: &str, hours: i64, more: &[(&str, &str)]) -> Lease {
    let ends = (Timestamp::now() + jiff::SignedDuration::from_hours(hours)).to_string();
    let labels = [("kubewhy.dev/image", image), ("containerd.io/gc.expire", &*ends)];
    let labels = labels.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Lease { id: id.to_owned(), created_at: Some(Timestamp::now().into_wire()), labels }
}

trait IntoWire {
    fn into_wire(self) -> prost_types::Timestamp;
}

impl IntoWire for Timestamp {
    fn into_wire(self) -> prost_types::Timestamp {
        prost_types::Timestamp { seconds: self.as_second(), nanos: 0 }
    }
}

/// A set whose one image is to be kept.
fn kept(image: &str) -> PrepullSet {
    PrepullSet { keep: true, ..set(&[image]) }
}

/// From now on these are all leases; the rest of what a pull is made of is not there.
fn leases(fake: &FakeRuntime, leases: Vec<Lease>) {
    fake.on(&lease("List"), answer(&ListResponse { leases }));
    let resources = vec![Resource { id: "sha256:layer".to_owned(), r#type: "content".to_owned() }];
    fake.on(&lease("ListResources"), answer(&ListResourcesResponse { resources }));
    fake.on(&lease("AddResource"), answer(&()));
    fake.on(&containerd("content.v1.Content/ListStatuses"), answer(&()));
    fake.on(&containerd("content.v1.Content/Info"), Reply::Fail(Code::NotFound, "no such blob"));
}

async fn until(so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            tokio::time::sleep(SOON).await;
        }
    };
    tokio::time::timeout(AT_LAST, waiting).await.expect("it comes");
}

#[tokio::test]
async fn a_lease_that_ends_soon_is_taken_over_by_another() {
    let stage = Stage::new(&["present", "absent:1"], |fake| {
        leases(fake, vec![held("kubewhy-x", "absent:1", 24, &[])]);
        fake.on(&image("PullImage"), Reply::Hang);
    });
    until(|| !stage.pulls().is_empty()).await;
    let (pull, Some(under)) = stage.pulls().remove(0) else { panic!("no lease") };
    assert_eq!(pull.image.unwrap().image, "absent:1");
    assert!(under.ends_with("-2"), "{under}");
    let held = AddResourceRequest::decode(&*stage.fake.asked(&lease("AddResource"))[0].message).unwrap();
    assert_eq!((held.id, held.resource.unwrap().id), (under, "sha256:layer".to_owned()));
    assert_eq!(stage.ended_leases()[0], "kubewhy-x");
}

#[tokio::test]
async fn leases_end_of_images_that_nobody_wants_any_more_or_that_came_another_way() {
    let foreign = Lease { id: "kubelet".to_owned(), ..Lease::default() };
    let ours = [("old", "gone:1"), ("here", "present"), ("needed", "absent:1")];
    let ours = ours.into_iter().map(|(id, image)| held(id, image, 160, &[]));
    let stage = Stage::new(&["present", "absent:1"], |fake| {
        leases(fake, ours.chain([foreign]).collect());
        fake.on(&image("PullImage"), Reply::Hang);
    });
    until(|| stage.ended_leases().contains(&"here".to_owned())).await;
    assert!(stage.ended_leases().iter().all(|id| ["old", "here"].contains(&&**id)), "{:?}", stage.ended_leases());
}

#[tokio::test]
async fn what_was_pulled_by_hand_is_not_the_agent_s_to_let_go() {
    let by_hand = held("kubewhy-by-hand-1", "other:1", 20, &[("kubewhy.dev/by-hand", "true")]);
    let stage = Stage::new(&["present"], |fake| {
        leases(fake, vec![by_hand, held("kubewhy-old", "gone:1", 100, &[])]);
    });
    until(|| !stage.ended_leases().is_empty()).await;
    assert!(stage.ended_leases().iter().all(|id| id == "kubewhy-old"), "{:?}", stage.ended_leases());
}

#[tokio::test]
async fn under_disk_pressure_pulls_stop_and_leases_and_pins_go() {
    let pinned = Arc::new(Mutex::new(false));
    let mut stage = Stage::new(&["present", "absent:1"], |fake| {
        leases(fake, vec![held("kubewhy-x", "absent:1", 160, &[])]);
        fake.on(&image("PullImage"), Reply::Hang);
        records(fake, &pinned);
    });
    stage.settings.send_modify(|settings| settings.sets[0].keep = true);
    until(|| *pinned.lock().unwrap() && !stage.pulls().is_empty()).await;
    stage.pressure.send_replace(true);
    stage.until(|progress| progress.waits == Some(Waits::Pressure)).await;
    until(|| !*pinned.lock().unwrap() && stage.ended_leases().contains(&"kubewhy-x".to_owned())).await;
    let before = stage.pulls().len();
    stage.pressure.send_replace(false);
    until(|| *pinned.lock().unwrap() && stage.pulls().len() > before).await;
}

fn record_call(method: &str) -> String {
    containerd(&format!("images.v1.Images/{method}"))
}

/// Images that remember whether we pinned one. The disk is this machine's.
fn records(fake: &FakeRuntime, pinned: &Arc<Mutex<bool>>) {
    let record = |name: &str, pinned: bool| {
        let value = if pinned { ("pinned", "true") } else { ("", "") };
        let labels = [("io.cri-containerd.pinned", value.0), ("kubewhy.dev/pinned", value.1)];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Record { name: name.to_owned(), labels, ..Record::default() }
    };
    let known = pinned.clone();
    fake.on(
        &record_call("List"),
        by(move |_: containerd_client::services::v1::ListImagesRequest| {
            let here = *known.lock().unwrap();
            let images = here.then(|| record("docker.io/library/present:latest", true)).into_iter().collect();
            Ok(ListImagesResponse { images })
        }),
    );
    let known = pinned.clone();
    fake.on(
        &record_call("Get"),
        by(move |asked: GetImageRequest| {
            Ok(GetImageResponse { image: Some(record(&asked.name, *known.lock().unwrap())) })
        }),
    );
    let known = pinned.clone();
    fake.on(
        &record_call("Update"),
        by(move |asked: UpdateImageRequest| {
            *known.lock().unwrap() = asked.image.unwrap().labels["io.cri-containerd.pinned"] == "pinned";
            Ok(())
        }),
    );
    let disk = k8s_cri::v1::FilesystemUsage {
        fs_id: Some(k8s_cri::v1::FilesystemIdentifier { mountpoint: "/".to_owned() }),
        ..Default::default()
    };
    let answers = k8s_cri::v1::ImageFsInfoResponse { image_filesystems: vec![disk], ..Default::default() };
    fake.on(&image("ImageFsInfo"), answer(&answers));
}

#[tokio::test]
async fn a_pin_of_before_a_restart_stays_until_it_is_known_whether_its_set_is_for_this_node() {
    let pinned = Arc::new(Mutex::new(true));
    let pool = |name: &str| -> Vec<(Arc<str>, Arc<str>)> { vec![("pool".into(), name.into())] };
    let match_labels = pool("general").into_iter().collect();
    let stage = Stage::with(PrepullSet { match_labels, ..kept("present") }, |fake| {
        leases(fake, Vec::new());
        records(fake, &pinned);
    });
    let asked = |method: &str| stage.fake.asked(&record_call(method)).len();
    until(|| asked("List") > 0).await;
    stage.labels.send_replace(pool("general"));
    until(|| asked("Get") > 0).await; // to be pinned, which it is already
    assert_eq!(asked("Update"), 0, "its pin was taken off before the labels were known");
    stage.labels.send_replace(pool("other"));
    until(|| !*pinned.lock().unwrap()).await;
}

#[tokio::test]
async fn the_pause_image_keeps_its_pin_under_disk_pressure() {
    let pinned = Arc::new(Mutex::new(true));
    let stage = Stage::with(kept("present"), |fake| {
        leases(fake, vec![held("kubewhy-x", "gone:1", 160, &[])]);
        records(fake, &pinned);
    });
    stage.pause.send_replace(Some("present".into()));
    until(|| !images_asked(&stage).is_empty()).await;
    stage.pressure.send_replace(true);
    let lists = || stage.fake.asked(&lease("List")).len();
    let before = lists();
    until(|| lists() > before).await;
    stage.pressure.send_replace(false);
    let gets = || stage.fake.asked(&record_call("Get")).len();
    let before = gets();
    until(|| gets() > before).await;
    assert!(stage.fake.asked(&record_call("Update")).is_empty());
}

#[tokio::test]
async fn a_pod_s_pull_goes_first_and_ours_after_it() {
    let begun = Lease {
        id: "1-kubelet".to_owned(),
        created_at: Some(Timestamp::now().into_wire()),
        labels: [("containerd.io/gc.expire".to_owned(), String::new())].into(),
    };
    let stage = Stage::new(&["absent:1"], |fake| leases(fake, vec![begun]));
    until(|| stage.fake.asked(&lease("ListResources")).len() > 1).await;
    assert!(stage.pulls().is_empty(), "it began beside a pod's pull");
    leases(&stage.fake, Vec::new());
    until(|| !stage.pulls().is_empty()).await;
}

#[tokio::test]
async fn the_image_of_a_pod_that_just_came_is_made_way_for_before_its_pull_begins() {
    let stage = Stage::new(&["absent:1"], |fake| {
        leases(fake, Vec::new());
        fake.on(&image("PullImage"), Reply::Hang);
    });
    until(|| stage.pulls().len() == 1).await;
    stage.expected.send_replace(["present".into()].into());
    until(|| images_asked(&stage).contains(&"present".to_owned())).await;
    stage.expected.send_replace(Arc::default());
    looks(&stage).await;
    assert_eq!(stage.pulls().len(), 1, "it was cut off for an image that is there");
    stage.expected.send_replace(["present".into(), "pod:1".into()].into());
    until(|| images_asked(&stage).contains(&"pod:1".to_owned())).await;
    looks(&stage).await;
    assert_eq!(stage.pulls().len(), 1, "it began anew before the pod's pull");
    stage.expected.send_replace(Arc::default());
    until(|| stage.pulls().len() == 2).await; // which it could not without having been cut off
}

/// Waits until it was looked for pulls of others some more times.
async fn looks(stage: &Stage) {
    let before = stage.fake.asked(&lease("List")).len();
    until(|| stage.fake.asked(&lease("List")).len() > before + 4).await;
}

fn images_asked(stage: &Stage) -> Vec<String> {
    let asked = stage.fake.asked(&image("ImageStatus"));
    asked.iter().map(|asked| ImageStatusRequest::decode(&*asked.message).unwrap().image.unwrap().image).collect()
}

#[tokio::test]
async fn where_pulls_are_not_seen_none_begins_while_a_pod_waits() {
    let mut stage = Stage::new(&["present"], |fake| fake.is_called("cri-o", "1.37.0"));
    stage.pods_wait.send_replace(true);
    stage.settings.send_modify(|settings| settings.sets = vec![set(&["absent:1"])]);
    stage.until(|progress| progress.images == 1 && !progress.settled).await;
    until(|| !stage.fake.asked(&image("ImageStatus")).is_empty()).await;
    assert!(stage.pulls().is_empty());
    stage.pods_wait.send_replace(false);
    stage.until(|progress| progress.pulled == 1).await;
}
