//! Pods whose image waits while others are pulled → what is said, when, and to whom what is named.

use super::timeline::{Timeline, creating, id, of_pods, slot};
use crate::diagnose::images;
use crate::model::Time;
use crate::model::cause::EventType;
use crate::model::diagnosis::Findings;
use crate::model::intent::{AtOnce, Intents, PullRules};
use crate::model::observation::Seen;
use crate::model::pod::Pod;
use crate::model::pull::{Layer, Pull};
use crate::model::runtime::RuntimeInfo;
use crate::model::snapshot::PullPhase;
use crate::model::stage::Stage;

/// A pod that waits for an image of its own name.
fn waiting(t: &Timeline, namespace: &str, name: &str) -> Seen {
    let id = id(namespace, name);
    let container = slot(&format!("r.example.com/{namespace}/{name}:1"), "ContainerCreating", "");
    let pod = creating(name, t.now, true);
    Seen::PodChanged(Box::new(Pod { api_uid: id.uid.clone(), id, containers: vec![container], ..pod }))
}

/// The pull under way; none of its bytes has come where `done` is none.
fn pulling(t: &Timeline, repository: Option<&str>, done: Option<u64>) -> Seen {
    let layer = |offset| Layer {
        digest: "sha256:0123456789abcdef0123".into(),
        offset,
        total: 1_000_000_000,
        active: true,
        elsewhere: false,
        updated: None,
    };
    Seen::Pulls(vec![Pull {
        lease: "lease-1".into(),
        own: None,
        began: Some(t.now),
        repositories: repository.map(Into::into).into_iter().collect(),
        manifests: Vec::new(),
        document: None,
        layers: done.map(layer).into_iter().collect(),
        complete_list: done.is_some(),
    }])
}

/// What is said of that pod, with its type.
fn said(t: &mut Timeline, name: &str) -> Option<(&'static str, EventType, String)> {
    let of_it = format!("uid-{name}");
    let findings = t.look();
    let found = of_pods(&findings).into_iter().find(|d| d.subject.uid() == of_it);
    found.map(|d| (d.cause.id, d.kind, d.sentence.clone()))
}

/// Two pods, and a registry that never answers the first of them.
fn mute(namespace: &str) -> (Timeline, Seen) {
    let mut t = Timeline::new();
    let vault = waiting(&t, namespace, "vault");
    t.see(vault).wait(1);
    let lease = pulling(&t, None, None);
    let cart = waiting(t.wait(4), "shop", "cart");
    t.see(cart);
    (t, lease)
}

#[test]
fn who_waits_for_a_registry_that_never_answers_is_told_so_and_so_is_who_waits_meanwhile() {
    let (mut t, lease) = mute("bank");
    for second in 0..400 {
        t.see(lease.clone());
        let told = said(&mut t, "cart");
        match second {
            0..15 => assert!(told.is_none(), "{second}: {told:?}"),
            15..300 => {
                assert_eq!(told.map(|(cause, kind, _)| (cause, kind)), Some(("ImagePullQueued", EventType::Normal)))
            }
            _ => assert_eq!(told.map(|(_, kind, _)| kind), Some(EventType::Warning), "{second}"),
        }
        let head = said(&mut t, "vault").map(|(cause, ..)| cause);
        // Its pull began 4 s before the loop.
        assert_eq!(head, (second >= 24).then_some("ImagePullStalled"), "{second}");
        t.wait(1);
    }
    let (_, _, sentence) = said(&mut t, "cart").unwrap();
    assert!(
        sentence.starts_with(
            "This pod's image waits (6 min 40 s): no pull of it runs, while the node pulls another: its registry has not answered for 6 min 44 s. Nothing is wrong with this pod."
        ),
        "{sentence}"
    );
    assert!(!sentence.contains("vault") && !sentence.contains("bank"), "{sentence}");
    let (_, kind, sentence) = said(&mut t, "vault").unwrap();
    assert!(
        sentence.starts_with(
            "The image of r.example.com does not begin to arrive: no answer since the pull began 6 min 44 s ago. Platform: look at the way to r.example.com (name lookup, firewall, proxy or mirror), then at it."
        ),
        "{sentence}"
    );
    assert_eq!(kind, EventType::Warning);
}

/// The kubelet wants these images; each was seen first so many seconds ago.
fn want(t: &mut Timeline, images: &[(&str, i64)]) {
    let moment = |ago: i64| Time::from_second(t.now.as_second() - ago).unwrap();
    let each = images.iter().map(|(image, ago)| (format!("r.example.com/{image}:1").into(), moment(*ago)));
    let images = Intents::Told(each.collect());
    t.see(Seen::Intents(images));
}

/// As many pulls beside each other.
fn at_once(most: u32) -> Seen {
    Seen::PullRules(PullRules { at_once: AtOnce::AtMost(most.try_into().unwrap()), budget: None })
}

/// The kubelet wants the vault's image first, then the cart's, then the log's; it pulls one at a time.
fn serial(namespace: &str) -> (Timeline, Seen) {
    let (mut t, lease) = mute(namespace);
    let log = waiting(t.wait(1), "shop", "log");
    t.see(log).see(at_once(1)).see(lease.clone());
    let vault = format!("{namespace}/vault");
    want(t.wait(30), &[("shop/log", 31), ("shop/cart", 32), (&vault, 36)]);
    t.see(lease.clone());
    (t, lease)
}

#[test]
fn the_kubelet_s_turn_is_told_with_the_head_and_how_many_come_before() {
    let (mut t, _) = serial("bank");
    let (_, _, cart) = said(&mut t, "cart").unwrap();
    assert!(
        cart.starts_with(
            "This pod's image waits its turn (31 s): the node pulls one at a time, now another namespace's (name withheld): its registry has not answered for 35 s. Nothing is wrong with this pod."
        ),
        "{cart}"
    );
    let evidence = t.look().diagnoses.iter().flat_map(|found| found.evidence.clone()).collect::<Vec<_>>();
    assert!(evidence.iter().any(|it| it.says == "one pull at a time"), "{evidence:?}");
    let (_, _, log) = said(&mut t, "log").unwrap();
    assert!(log.contains("has not answered for 35 s; 1 more before it. Nothing"), "{log}");
    assert!(!log.contains("vault") && !log.contains("bank"), "{log}");
    assert!(log.contains("serializeImagePulls: false helps") && log.len() < 400, "{log}");
}

#[test]
fn the_event_withholds_what_status_and_log_name() {
    let (mut t, _) = serial("bank");
    let findings = t.look();
    let snapshot = t.world.snapshot(t.now, &findings);
    let cart = snapshot.starts.into_iter().find(|start| *start.pod.name == *"cart").unwrap();
    let event = said(&mut t, "cart").unwrap().2;
    let named = event.replace("another namespace's (name withheld)", "that of pod bank/vault");
    assert_ne!(named, event);
    let trouble = cart.trouble.unwrap();
    assert_eq!(trouble.sentence, named);
    assert_eq!(trouble.gist, "behind bank/vault, its registry has not answered for 35 s");
}

#[test]
fn what_is_ahead_is_named_within_the_namespace_or_where_the_operator_lets_names_pass() {
    let (mut t, _) = serial("shop");
    assert!(said(&mut t, "cart").unwrap().2.contains("one at a time, now that of pod vault: its registry"));

    let (mut t, _) = serial("bank");
    t.settings.report.cross_namespace_names = true;
    assert!(said(&mut t, "cart").unwrap().2.contains("now that of pod bank/vault"));
}

#[test]
fn nobody_waits_its_turn_with_a_kubelet_that_lets_all_pulls_run_or_has_not_asked() {
    let (mut t, lease) = mute("bank");
    t.see(Seen::PullRules(PullRules { at_once: AtOnce::All, budget: None }));
    t.see(lease.clone()).wait(60).see(lease);
    assert!(said(&mut t, "cart").is_none(), "no bound is configured");

    let (mut t, lease) = mute("bank");
    want(t.see(at_once(1)).wait(60), &[("bank/vault", 64)]);
    t.see(lease);
    assert!(said(&mut t, "cart").is_none(), "the kubelet does not want its image");

    let (mut t, lease) = mute("bank");
    want(t.see(at_once(2)).wait(60), &[("bank/vault", 64), ("shop/cart", 60)]);
    t.see(lease);
    assert!(said(&mut t, "cart").is_none(), "there is room for it");
}

/// Three layers of another pull come; the pod's own pull has begun and has no byte of its manifest.
fn slots(t: &mut Timeline, version: &str, second: u64) {
    let layer = |n: u64| Layer {
        digest: format!("sha256:{n}").into(),
        offset: 1_000_000 * (second + 1),
        total: 1_000_000_000,
        active: true,
        elsewhere: false,
        updated: None,
    };
    let socket = "/run/containerd/containerd.sock".into();
    let info = RuntimeInfo { name: "containerd".into(), version: version.into(), api: "v1".into(), socket };
    let Seen::Pulls(mut pulls) = pulling(t, Some("r.example.com/bank/vault"), None) else { return };
    pulls[0].layers = (0..3).map(layer).collect();
    let began = Time::from_second(t.now.as_second() - i64::try_from(second).unwrap()).ok();
    pulls.push(Pull {
        lease: "lease-2".into(),
        began,
        repositories: Vec::new(),
        document: Some(0),
        layers: Vec::new(),
        ..pulls[0].clone()
    });
    t.see(Seen::RuntimeFound(info)).see(Seen::Pulls(pulls));
}

#[test]
fn a_download_slot_is_another_story_and_only_where_the_node_shares_them() {
    for (version, cause) in [("2.1.9", "ImagePullQueued"), ("1.7.24", "ImagePullStalled")] {
        let (mut t, _) = mute("bank");
        for second in 0..40 {
            slots(&mut t, version, second);
            t.wait(1);
        }
        let (told, _, sentence) = said(&mut t, "cart").unwrap();
        assert_eq!(told, cause, "{sentence}");
        let words = match cause {
            "ImagePullQueued" => {
                "waits for a download (40 s): containerd's default is 3 layers at a time for the whole node, and another namespace's (name withheld) has them"
            }
            _ => {
                "The image of r.example.com does not begin to arrive: a registry answered, and has sent no manifest for 40 s"
            }
        };
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[test]
fn where_the_runtime_shows_no_pulls_the_kubelet_s_records_tell_who_runs_and_who_waits() {
    let (mut t, _) = mute("bank");
    t.see(Seen::PullsUnseen("the runtime is cri-o".to_owned())).see(at_once(1));
    want(&mut t, &[("bank/vault", 4), ("shop/cart", 0)]);
    want(t.wait(20), &[("bank/vault", 24), ("shop/cart", 20)]);
    let (cause, _, sentence) = said(&mut t, "cart").unwrap();
    assert_eq!(cause, "ImagePullQueued");
    assert!(sentence.contains("now another namespace's (name withheld): it has run for 20 s. Nothing"), "{sentence}");
    assert!(said(&mut t, "vault").is_none(), "nothing is known of its pull");
    let now = t.now;
    let picture = t.world.snapshot(now, &Findings::default());
    let seen: Vec<_> =
        picture.pulls.iter().map(|pull| (pull.image.as_deref().unwrap(), pull.phase, pull.pods.len())).collect();
    let expected =
        [("r.example.com/bank/vault:1", PullPhase::Running, 1), ("r.example.com/shop/cart:1", PullPhase::Queued, 1)];
    assert_eq!((seen.as_slice(), t.world.load().unseen), (&expected[..], 1));
    let cart = picture.starts.iter().find(|start| *start.pod.name == *"cart").unwrap();
    assert_eq!(&*cart.spans.last().unwrap().evidence, "the kubelet's pull intents");

    want(t.see(Seen::PullRules(PullRules::default())).wait(1), &[("bank/vault", 25), ("shop/cart", 21)]);
    assert!(said(&mut t, "cart").is_none(), "nothing tells how many run");
}

#[test]
fn the_queue_and_the_pull_that_follows_are_one_story() {
    let (mut t, _) = mute("bank");
    for second in 0..40_u64 {
        let seen = pulling(&t, Some("r.example.com/bank/vault"), Some(second * 10_000_000));
        t.see(seen).wait(1);
    }
    let findings = t.look();
    let found = of_pods(&findings)[0];
    assert_eq!((found.cause.id, &found.topic), ("ImagePullQueued", &Stage::ImagePull.into()));
    assert!(found.sentence.contains(": 39 % of 1.0 GB, 10 MB/s."), "{}", found.sentence);

    let own = pulling(&t, Some("r.example.com/shop/cart"), Some(1));
    for _ in 0..29 {
        t.see(own.clone()).wait(1);
    }
    let findings = t.look();
    let found = of_pods(&findings)[0];
    assert_eq!((found.cause.id, &found.topic), ("ImagePullStalled", &Stage::ImagePull.into()));
}

#[test]
fn nobody_waits_for_a_turn_whose_image_is_here_or_whose_pull_cannot_be_seen() {
    let (mut t, lease) = mute("bank");
    assert_eq!(*images(&t.world), ["r.example.com/bank/vault:1".into(), "r.example.com/shop/cart:1".into()]);
    t.see(Seen::Image { name: "r.example.com/shop/cart:1".into(), here: true })
        .see(lease.clone())
        .wait(60)
        .see(lease.clone());
    assert!(said(&mut t, "cart").is_none());

    let (mut t, _) = mute("bank");
    t.see(lease).wait(20).see(Seen::PullsUnseen("the runtime is cri-o".to_owned())).wait(60);
    assert!(said(&mut t, "cart").is_none());
}
