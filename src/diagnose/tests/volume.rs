//! Pods that wait for volumes in silence → which volume is said to lack what, and when nothing is said.

mod claim;

use std::sync::Arc;

use super::timeline::{Timeline, creating, id, node, of_pods};
use crate::diagnose::{cleared, questions};
use crate::model::Time;
use crate::model::cause::EventType;
use crate::model::diagnosis::{Confidence, Diagnosis};
use crate::model::marks::{Dated, Made, Mark, Marks, PodMarks};
use crate::model::node::Node;
use crate::model::observation::{ApiState, Seen};
use crate::model::pod::{Pod, PodEvent};
use crate::model::volume::{
    Answer, Attachment, Backing, CsiVolume, HostVolume, HostVolumes, Ownership, Source, Storage, Volume, VolumeClaim,
    Waits,
};

const DRIVER: &str = "ebs.csi.aws.com";
const UNIQUE: &str = "kubernetes.io/csi/ebs.csi.aws.com^vol-0a1b";

/// Taken up, its log directory not made: it waits for volumes.
struct Scene(Timeline);

impl Scene {
    fn new(waits: Waits) -> Self {
        let mut scene = Self(Timeline::new());
        scene.see(Seen::ApiServer(ApiState::Answers));
        let pod = Pod { waits, ..creating("cart", scene.0.now, false) };
        scene.see(Seen::PodChanged(Box::new(pod))).marked(Mark::Absent);
        scene
    }

    /// With one claim for a volume.
    fn of_claim() -> Self {
        Self::new(waits(Source::Claim("data-cart-0".into())))
    }

    fn see(&mut self, seen: Seen) -> &mut Self {
        self.0.see(seen);
        self
    }

    fn marked(&mut self, logs: Mark) -> &mut Self {
        let marks = PodMarks { home: Mark::Unknown, logs, containers: None };
        self.see(Seen::Marks(Marks { boot: Some(Time::UNIX_EPOCH), pods: [(id("shop", "cart").uid, marks)].into() }))
    }

    fn heard(&mut self) -> &mut Self {
        let now = self.0.now;
        self.0.world.asked(&id("shop", "cart"), now);
        self.0.wait(30);
        self
    }

    fn asked(&mut self, claim: Answer<VolumeClaim>, drivers: Answer<Vec<Arc<str>>>) -> &mut Self {
        let storage = Storage { volumes: vec![("data".into(), claim)], drivers, claims: Vec::new() };
        self.see(Seen::Storage { pod: id("shop", "cart").uid, storage })
    }

    fn host(&mut self, found: &[(&str, bool)], sockets: &[&str], staged: bool) -> &mut Self {
        let found = found.iter().map(|(name, ready)| HostVolume {
            plugin: "kubernetes.io~csi".into(),
            name: (*name).into(),
            ready: *ready,
        });
        let staged = if staged { vec![(DRIVER.into(), "hash".into())] } else { Vec::new() };
        let sockets = Some(sockets.iter().map(|name| Arc::from(*name)).collect());
        self.see(Seen::Volumes(HostVolumes {
            pods: vec![(id("shop", "cart").uid, found.collect())],
            sockets,
            staged,
            unreadable: None,
        }))
    }

    fn node(&mut self, attached: &[&str], in_use: &[&str]) -> &mut Self {
        let names = |list: &[&str]| list.iter().map(|name| Arc::from(*name)).collect();
        let node = Node { attached: names(attached), in_use: names(in_use), ..node(self.0.now) };
        self.see(Seen::NodeChanged(Box::new(node)))
    }

    fn event(&mut self, reason: &str, message: &str) -> &mut Self {
        let (from, at) = ("kubelet".into(), Some(self.0.now));
        let event = PodEvent { reason: reason.into(), message: message.into(), from, at };
        self.see(Seen::PodEvents { pod: id("shop", "cart").uid, events: vec![event] })
    }

    /// What is said of the pod a minute after it was taken up.
    fn said(&mut self) -> Option<Diagnosis> {
        let passed = crate::model::since(Timeline::new().now, self.0.now).as_secs();
        self.0.wait(64_u64.saturating_sub(passed));
        let findings = self.0.look();
        let of_pods = of_pods(&findings);
        assert!(of_pods.len() < 2, "one story at a time: {of_pods:?}");
        of_pods.first().map(|found| (*found).clone())
    }

    #[track_caller]
    fn says(&mut self, confidence: Confidence, words: &[&str]) {
        let said = self.said().expect("nothing is said");
        println!("{}", said.sentence);
        assert_eq!((said.cause.id, said.confidence), ("VolumeNotReady", confidence), "{}", said.sentence);
        for word in words {
            assert!(said.sentence.contains(word), "no {word:?} in: {}", said.sentence);
        }
        assert!(said.sentence.len() < 300, "{} bytes: {}", said.sentence.len(), said.sentence);
    }
}

fn waits(source: Source) -> Waits {
    let volume = Volume { name: "data".into(), source, device: false };
    Waits { volumes: vec![volume], ..Waits::default() }
}

fn bound(backing: Answer<Backing>) -> Answer<VolumeClaim> {
    Answer::Is(VolumeClaim { bound: true, class: Some("gp3".into()), volume: Some("pvc-0a1b".into()), backing })
}

fn csi(attaches: Option<bool>, attachment: Answer<Attachment>) -> Answer<VolumeClaim> {
    let (driver, unique, hash) = (DRIVER.into(), UNIQUE.into(), "hash".into());
    bound(Answer::Is(Backing::Csi(CsiVolume { driver, unique, hash, attaches, attachment })))
}

fn attachment(attached: bool, error: &str) -> Answer<Attachment> {
    Answer::Is(Attachment { attached, error: error.into() })
}

fn registered() -> Answer<Vec<Arc<str>>> {
    Answer::Is(vec![DRIVER.into()])
}

#[test]
fn each_step_of_the_way_is_named_where_it_is_the_one_that_is_missing() {
    use Confidence::{Inferred, Observed};
    let unbound = |class: Option<&str>| {
        let class = class.map(Into::into);
        Answer::Is(VolumeClaim { bound: false, class, volume: None, backing: Answer::Unknown })
    };
    let mut scene = Scene::of_claim();
    scene.node(&[], &[]).host(&[], &[DRIVER], false);
    for (claim, drivers, words) in [
        (Answer::Missing, Answer::Unknown, "volume data: claim data-cart-0 does not exist"),
        (
            unbound(Some("gp3")),
            Answer::Unknown,
            "data: claim data-cart-0 (class gp3) is not bound to a PersistentVolume",
        ),
        (unbound(None), Answer::Unknown, "data: claim data-cart-0 is not bound to a PersistentVolume"),
        (bound(Answer::Missing), Answer::Unknown, "data (PVC data-cart-0): PersistentVolume pvc-0a1b does not exist"),
        (
            csi(Some(true), Answer::Missing),
            Answer::Is(vec![]),
            "CSI driver ebs.csi.aws.com is not registered on this node",
        ),
        (csi(Some(true), Answer::Missing), registered(), "no VolumeAttachment of ebs.csi.aws.com puts it on this node"),
        (csi(Some(true), attachment(false, "")), registered(), "ebs.csi.aws.com has not attached it to this node."),
        (
            csi(None, attachment(false, "limit of 25 volumes reached")),
            registered(),
            "ebs.csi.aws.com has not attached it to this node: limit of 25 volumes reached",
        ),
    ] {
        let whom = if words.ends_with("claim data-cart-0 does not exist") { "App: create" } else { "Platform: " };
        scene.asked(claim, drivers).says(Observed, &[words, &format!("Image and network are untested. {whom}")]);
    }
    scene.asked(csi(Some(true), attachment(true, "")), registered()).node(&[UNIQUE], &[]);
    scene.says(Observed, &["ebs.csi.aws.com has attached it; the kubelet has not noted it in volumesInUse"]);
    scene.node(&[UNIQUE], &[UNIQUE]).says(Inferred, &["ebs.csi.aws.com has not mounted it for the pod"]);
    scene.host(&[("pvc-0a1b", false)], &[DRIVER], true).says(Inferred, &["ebs.csi.aws.com has staged it on this node"]);
    assert!(scene.host(&[("pvc-0a1b", true)], &[DRIVER], true).said().is_none(), "all is there");
}

#[test]
fn what_is_refused_makes_the_sentence_shorter_and_never_bolder() {
    let mut scene = Scene::of_claim();
    assert!(scene.said().is_none(), "Events were not read: something that they tell may hold it");
    scene.heard().says(Confidence::Suspected, &["waited 1 min 34 s for volume data (PVC data-cart-0). Image"]);
    scene.asked(Answer::Unknown, Answer::Unknown).says(Confidence::Suspected, &["(PVC data-cart-0). Image"]);
    scene.asked(bound(Answer::Unknown), Answer::Unknown).says(Confidence::Suspected, &["(PVC data-cart-0). Image"]);
    // The driver is known; the CSINode is not, nor where its socket would be.
    scene
        .asked(csi(None, Answer::Unknown), Answer::Unknown)
        .node(&[], &[])
        .says(Confidence::Suspected, &["(PVC data-cart-0). Image"]);
    scene.asked(csi(None, Answer::Missing), Answer::Unknown).says(Confidence::Suspected, &["(PVC data-cart-0). Image"]);
    scene.host(&[], &["other.csi"], false).says(Confidence::Inferred, &["CSI driver ebs.csi.aws.com has no socket"]);
    scene.host(&[], &[DRIVER], false).says(Confidence::Inferred, &["ebs.csi.aws.com has not mounted it"]);
    scene
        .asked(csi(Some(true), Answer::Unknown), Answer::Unknown)
        .says(Confidence::Observed, &["has not attached it to this node."]);
    scene.asked(csi(Some(false), Answer::Unknown), Answer::Unknown).says(Confidence::Inferred, &["has not mounted it"]);
}

#[test]
fn an_answer_that_is_old_tells_nothing_of_now() {
    let mut scene = Scene::of_claim();
    scene.asked(Answer::Missing, Answer::Unknown).heard().says(Confidence::Observed, &["does not exist"]);
    scene.0.wait(400);
    scene.says(Confidence::Suspected, &["(PVC data-cart-0). Image"]);
}

#[test]
fn it_is_said_after_a_while_grows_to_a_warning_and_ends_with_the_sandbox() {
    let mut scene = Scene::of_claim();
    scene.asked(Answer::Missing, Answer::Unknown);
    let first = (0..60).find(|_| !scene.0.wait(1).ids().is_empty()).map(|second| second + 1);
    assert_eq!(first, Some(45));
    assert_eq!(scene.0.wait(134).look().diagnoses[0].kind, EventType::Normal);
    assert_eq!(scene.0.wait(1).look().diagnoses[0].kind, EventType::Warning);
    let made = Made { at: scene.0.now, dated: Dated::Birth };
    assert!(scene.marked(Mark::Made(made)).said().is_none());
    let told = cleared::all(scene.0.view())
        .into_iter()
        .any(|cleared| cleared.topic.stage == crate::model::stage::Stage::Volumes);
    assert!(told, "it is over: the kubelet makes the sandbox");
}

#[test]
fn an_inline_driver_and_a_server_are_told_by_the_host_alone() {
    let mut inline = Scene::new(waits(Source::Driver("secrets-store.csi.k8s.io".into())));
    inline
        .host(&[], &[], false)
        .says(Confidence::Inferred, &["CSI driver secrets-store.csi.k8s.io has no socket on this node"]);
    inline.host(&[("data", false)], &["secrets-store.csi.k8s.io"], false);
    inline.says(Confidence::Inferred, &["secrets-store.csi.k8s.io has not mounted it for the pod"]);
    let mut nfs = Scene::new(waits(Source::Plugin("nfs".into())));
    nfs.host(&[("data", false)], &[], false)
        .says(Confidence::Inferred, &["data (nfs): its nfs mount is not there", "is its nfs server in reach"]);
    assert!(nfs.host(&[("data", true)], &[], false).said().is_none());
}

#[test]
fn a_volume_that_is_a_directory_of_the_node_is_never_missing() {
    let mut scene = Scene::of_claim();
    scene.heard().host(&[], &[], false);
    assert!(scene.asked(bound(Answer::Is(Backing::HostPath)), Answer::Unknown).said().is_none());
}

#[test]
fn where_events_tell_they_have_the_word() {
    let mut scene = Scene::of_claim();
    scene.host(&[], &[DRIVER], false).asked(Answer::Missing, Answer::Unknown).0.wait(20);
    let message = r#"MountVolume.SetUp failed for volume "settings" : configmap "cart-settings" not found"#;
    assert_eq!(scene.event("FailedMount", message).said().unwrap().cause.id, "VolumeSourceMissing");
}

#[test]
fn events_are_asked_for_again_although_what_is_missing_was_told() {
    let mut scene = Scene::of_claim();
    scene.asked(Answer::Missing, Answer::Unknown).heard().says(Confidence::Observed, &["does not exist"]);
    let asked = |scene: &mut Scene| {
        let findings = scene.0.look();
        questions(scene.0.view(), &findings).len()
    };
    assert_eq!(asked(&mut scene), 0, "they were asked for a short while ago");
    scene.0.wait(300);
    scene.asked(Answer::Missing, Answer::Unknown);
    assert_eq!(asked(&mut scene), 1);
}

#[test]
fn nothing_is_said_while_the_api_server_is_away_or_of_a_pod_that_goes() {
    let mut scene = Scene::of_claim();
    scene.asked(Answer::Missing, Answer::Unknown).see(Seen::ApiServer(ApiState::Unreachable("refused".to_owned())));
    assert!(scene.said().is_none());
    scene.see(Seen::ApiServer(ApiState::Answers));
    assert!(scene.said().is_some());
    let going = Pod { deleting: true, ..scene.0.world.pods.values().next().unwrap().pod.clone().unwrap() };
    assert!(scene.see(Seen::PodChanged(Box::new(going))).said().is_none());
}

#[test]
fn another_volume_that_waits_is_counted_and_the_one_whose_lack_is_known_is_named() {
    let mut both = waits(Source::Claim("data-cart-0".into()));
    both.volumes.insert(0, Volume { name: "logs".into(), source: Source::Claim("logs-cart-0".into()), device: false });
    let mut scene = Scene::new(both);
    scene.host(&[], &[], false).asked(Answer::Missing, Answer::Unknown);
    scene.says(Confidence::Observed, &["for volume data and 1 more: claim data-cart-0 does not exist"]);
}

#[test]
fn owners_of_files_that_take_long_are_told_by_the_kubelet_or_suspected() {
    let mut owned = waits(Source::Claim("data-cart-0".into()));
    owned.ownership = Some(Ownership::Always);
    let mut scene = Scene::new(owned);
    scene.host(&[("pvc-0a1b", true)], &[], false);
    assert!(scene.said().is_none(), "Events were not read");
    let said = scene.heard().said().unwrap();
    assert_eq!((said.cause.id, said.confidence), ("VolumeOwnershipSlow", Confidence::Suspected));
    assert!(said.sentence.starts_with("All volumes of this pod are mounted and it has not gone on for 1 min 34 s"));
    assert!(
        said.sentence.contains("App: set securityContext.fsGroupChangePolicy: OnRootMismatch"),
        "{}",
        said.sentence
    );

    let directory = "uid-cart/volumes/kubernetes.io~csi/pvc-0a1b/mount";
    scene.event(
        "VolumePermissionChangeInProgress",
        &format!("Setting volume ownership for {directory}, processed 4521 files."),
    );
    let said = scene.said().unwrap();
    assert_eq!((said.cause.id, said.confidence), ("VolumeOwnershipSlow", Confidence::Observed));
    let begins =
        "The kubelet gives every file of volume pvc-0a1b to this pod's fsGroup: 4521 files so far, for 1 min 34 s";
    assert!(said.sentence.starts_with(begins), "{}", said.sentence);
}

#[test]
fn an_event_names_nothing_of_another_namespace() {
    let mut scene = Scene::of_claim();
    let theirs = creating("ledger", scene.0.now, false);
    let mut theirs = Pod { waits: waits(Source::Claim("treasury-claim".into())), ..theirs };
    theirs.id.namespace = "treasury".into();
    scene.see(Seen::PodChanged(Box::new(theirs.clone())));
    let storage = Storage { volumes: vec![("data".into(), Answer::Missing)], ..Storage::default() };
    scene.see(Seen::Storage { pod: theirs.id.uid, storage }).heard().says(Confidence::Suspected, &["data-cart-0"]);
    let said = scene.said().unwrap();
    assert!(!format!("{} {:?}", said.sentence, said.evidence).contains("treasury"));
}
