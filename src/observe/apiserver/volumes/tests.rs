//! Questions for the objects behind volumes, answered by a fake API server.

use serde_json::{Value, json};

use super::*;
use crate::model::ids::PodId;
use crate::model::volume::{
    Allocation, Answer, Attachment, Backing, ResourceClaim, Source, Storage, Volume, VolumeClaim, Waits,
};
use crate::observe::apiserver::fake::{Fake, Reply, refusal};

fn clock() -> Clock {
    Clock::starting_at("2026-11-21T03:00:00Z".parse().unwrap())
}

fn mounting(name: &str, clock: Clock) -> Mounting {
    let pod = PodId { uid: PodUid::new(&format!("uid-{name}")), namespace: "shop".into(), name: name.into() };
    let source = Source::Claim("data-cart-0".into());
    let volumes = vec![Volume { name: "data".into(), source, device: false }];
    Mounting { pod, since: clock.now(), waits: Waits { volumes, ..Waits::default() } }
}

fn found(object: Value) -> Reply {
    let mut whole = json!({"metadata": {"name": "x"}});
    whole.as_object_mut().unwrap().extend(object.as_object().unwrap().clone());
    Reply::Whole(200, whole)
}

fn missing(name: &str) -> Reply {
    let status = json!({"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound",
        "message": format!("x \"{name}\" not found")});
    Reply::Whole(404, status)
}

fn bound() -> Reply {
    let spec = json!({"volumeName": "pvc-0a1b", "storageClassName": "gp3"});
    found(json!({"spec": spec, "status": {"phase": "Bound"}}))
}

fn of_driver() -> Reply {
    found(json!({"spec": {"capacity": {}, "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-0a1b"}}}))
}

async fn ask(fake: &Fake, about: &Mounting) -> Storage {
    Question::new(fake.client(), "node-7".into()).ask(about).await
}

fn claim(storage: &Storage) -> &Answer<VolumeClaim> {
    &storage.volumes[0].1
}

#[tokio::test(start_paused = true)]
async fn a_volume_s_way_is_asked_for_object_by_object() {
    let error = "rpc error: token=very-secret-value: limit of volumes reached";
    let fake = Fake::new([
        bound(),
        of_driver(),
        found(json!({"spec": {"attachRequired": true}})),
        found(
            json!({"status": {"attached": false, "attachError": {"message": error, "time": "2026-11-21T02:00:00Z"}}}),
        ),
        found(json!({"spec": {"drivers": [{"name": "efs.csi.aws.com", "nodeID": "i-0a1b"}]}})),
    ]);
    let storage = ask(&fake, &mounting("cart", clock())).await;
    let Answer::Is(VolumeClaim { bound: true, class, backing: Answer::Is(Backing::Csi(csi)), .. }) = claim(&storage)
    else {
        panic!("{storage:?}");
    };
    assert_eq!((class.as_deref(), csi.attaches), (Some("gp3"), Some(true)));
    assert_eq!(&*csi.unique, "kubernetes.io/csi/ebs.csi.aws.com^vol-0a1b");
    let Answer::Is(Attachment { attached: false, error }) = &csi.attachment else { panic!() };
    assert!(error.contains("limit of volumes reached") && !error.contains("very-secret"), "{error}");
    assert_eq!(storage.drivers, Answer::Is(vec!["efs.csi.aws.com".into()]));
    // printf %s vol-0a1bebs.csi.aws.comnode-7 | sha256sum
    let name = "csi-3cdf555fc8b298312dedaaad28ecbfd5702fe78f420af16148d01c051f4f61ba";
    let asked = [
        "/api/v1/namespaces/shop/persistentvolumeclaims/data-cart-0".to_owned(),
        "/api/v1/persistentvolumes/pvc-0a1b".to_owned(),
        "/apis/storage.k8s.io/v1/csidrivers/ebs.csi.aws.com".to_owned(),
        format!("/apis/storage.k8s.io/v1/volumeattachments/{name}"),
        "/apis/storage.k8s.io/v1/csinodes/node-7".to_owned(),
    ];
    assert_eq!(fake.asked(), asked);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_unknown_and_what_is_not_there_is_missing() {
    let about = mounting("cart", clock());
    let refused = ask(&Fake::new([refusal(403)]), &about).await;
    assert_eq!((claim(&refused), &refused.drivers), (&Answer::Unknown, &Answer::Unknown));
    let gone = ask(&Fake::new([missing("data-cart-0")]), &about).await;
    assert_eq!(claim(&gone), &Answer::Missing);
    let unserved = ask(&Fake::new([refusal(404)]), &about).await;
    assert_eq!(claim(&unserved), &Answer::Unknown, "an API that is not served");

    let partly = Fake::new([bound(), of_driver(), refusal(403), missing("csi-"), refusal(500)]);
    let storage = ask(&partly, &about).await;
    let Answer::Is(VolumeClaim { backing: Answer::Is(Backing::Csi(csi)), .. }) = claim(&storage) else { panic!() };
    assert_eq!((csi.attaches, &csi.attachment), (None, &Answer::Unknown), "another object's name proves nothing");
    let host_path = ask(&Fake::new([bound(), found(json!({"spec": {"hostPath": {"path": "/x"}}}))]), &about).await;
    let Answer::Is(VolumeClaim { backing: Answer::Is(Backing::HostPath), .. }) = claim(&host_path) else { panic!() };
    let pending = json!({"spec": {"storageClassName": ""}, "status": {"phase": "Pending"}});
    let unclaimed = ask(&Fake::new([found(pending)]), &about).await;
    let Answer::Is(VolumeClaim { bound: false, class: None, .. }) = claim(&unclaimed) else { panic!() };
}

#[tokio::test(start_paused = true)]
async fn a_resource_claim_is_read_as_its_pod_sees_it() {
    let mut about = mounting("cart", clock());
    about.waits.volumes.clear();
    about.waits.claims = vec![
        ResourceClaim { name: "gpu".into(), claim: Some("cart-gpu".into()) },
        ResourceClaim { name: "late".into(), claim: None },
    ];
    let results = json!([{"driver": "gpu.example.com"}, {"driver": "gpu.example.com"}]);
    let status = json!({"allocation": {"devices": {"results": results}},
        "reservedFor": [{"resource": "pods", "name": "cart", "uid": "uid-other"}]});
    let fake = Fake::new([found(json!({"status": status})), found(json!({"status": {}}))]);
    let read = ask(&fake, &about).await.claims;
    let drivers = vec!["gpu.example.com".into()];
    assert_eq!(read, [("gpu".into(), Answer::Is(Allocation { allocated: true, reserved: false, drivers }))]);
    assert_eq!(fake.asked(), ["/apis/resource.k8s.io/v1/namespaces/shop/resourceclaims/cart-gpu"]);
    let none = Allocation { allocated: false, reserved: false, drivers: Vec::new() };
    assert_eq!(ask(&fake, &about).await.claims[0].1, Answer::Is(none));
}

/// How often the API server is asked in so many seconds, about that many pods that wait from the first second on.
async fn questions(pods: usize, seconds: u64) -> usize {
    let fake = Fake::new((0..1_000).map(|_| refusal(403)));
    let clock = clock();
    let waiting: Arc<[Mounting]> = (0..pods).map(|n| mounting(&n.to_string(), clock)).collect();
    let (_keep, waiting) = watch::channel(waiting);
    let patience = Patience::new(&Timing::default(), Duration::from_secs(10));
    let (out, mut seen) = mpsc::channel(8);
    let observer = StorageObserver { client: fake.client(), node: "node-7".into(), waiting, patience, clock };
    tokio::spawn(observer.run(out, CancellationToken::new()));
    let reading = async { while seen.recv().await.is_some() {} };
    _ = tokio::time::timeout(Duration::from_secs(seconds), reading).await;
    fake.asked().len()
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_asked_about_ever_more_rarely_and_a_node_has_a_budget() {
    assert_eq!(questions(1, 29).await, 0);
    assert_eq!(questions(1, 45).await, 1);
    assert_eq!(questions(1, 300).await, 3);
    let hour = questions(1, 3_600).await;
    assert!((12..=15).contains(&hour), "{hour}");
    assert_eq!(questions(50, 3_500).await, HOURLY);
}
