//! Pulls under way, as containerd shows them, → what is said of them.

use crate::model::cause::EventType;
use crate::model::intent::{Budget, PullRules};
use crate::model::observation::Seen;
use crate::model::pod::Pod;
use crate::model::pull::Pull;
use crate::model::runtime::RuntimeInfo;

use super::timeline::{Timeline, creating, of_pods, pod, pull, slot};

#[test]
fn a_slow_pull_is_told_with_its_rate_and_a_stalled_one_with_its_layer() {
    let mut t = Timeline::new();
    let now = t.now;
    t.see(Seen::PodChanged(Box::new(creating("cart", now, true))));
    for second in 0..60 {
        t.see(pull(second * 500_000)).wait(1);
        assert!(t.world.pulls.running.len() == 1);
    }
    let findings = t.look();
    let said = of_pods(&findings)[0];
    assert_eq!((said.cause.id, said.kind), ("ImagePullSlow", EventType::Normal));
    assert!(said.sentence.starts_with(
        "The image of r.example.com is downloading, slowly. 30 MB of 100 MB (29 %) in 1 min, 500 kB/s, about 2 min 21 s left."
    ), "{}", said.sentence);

    for _ in 0..28 {
        t.see(pull(59 * 500_000)).wait(1);
    }
    let findings = t.look();
    let said = of_pods(&findings)[0];
    assert_eq!(said.cause.id, "ImagePullStalled");
    assert!(
        said.sentence.starts_with("The image of r.example.com stopped arriving: no byte for 29 s, at 30 MB of 100 MB (29 %), layer 0123456789ab"),
        "{}",
        said.sentence
    );
}

#[test]
fn without_an_api_server_a_stalled_pull_is_told_on_the_node() {
    let mut t = Timeline::new();
    t.standalone = true;
    for _ in 0..29 {
        t.see(pull(5_000_000)).wait(1);
    }
    assert_eq!(t.ids(), ["ImagePullStalled"]);
}

#[test]
fn what_is_all_here_and_being_unpacked_is_no_slow_pull() {
    let mut t = Timeline::new();
    let now = t.now;
    t.see(Seen::PodChanged(Box::new(creating("cart", now, true))));
    for second in 0..65 {
        t.see(pull(second * 1_000_000)).wait(1);
    }
    assert_eq!(t.ids(), ["ImagePullSlow"]);
    for _ in 0..45 {
        t.see(pull(100_000_000));
        assert!(t.ids().is_empty(), "every byte is here");
        t.wait(1);
    }
    let findings = t.look();
    let said = of_pods(&findings)[0];
    assert_eq!((said.cause.id, said.kind), ("ImageUnpackSlow", EventType::Normal));
    assert!(
        said.sentence.starts_with(
            "The image is downloaded and not ready yet: all 100 MB in 1 layer arrived 45 s ago, so it is being unpacked."
        ),
        "{}",
        said.sentence
    );
    assert_eq!(t.wait(255).look().diagnoses[0].kind, EventType::Warning);
}

#[test]
fn a_pull_that_has_just_stopped_is_not_told_with_a_rate_of_nothing() {
    let mut t = Timeline::new();
    let now = t.now;
    t.see(Seen::PodChanged(Box::new(creating("cart", now, true))));
    for second in 0..65_u64 {
        t.see(pull(second.min(40) * 1_000_000)).wait(1);
    }
    let findings = t.look();
    let said = &of_pods(&findings)[0].sentence;
    assert!(said.contains("no byte for 25 s") && !said.contains("0 B/s"), "{said}");
}

#[test]
fn a_stalled_pull_advises_what_its_pod_survives() {
    for (owner, advice) in [
        (Some("StatefulSet/cart"), "App: delete the pod: its StatefulSet makes another, maybe elsewhere."),
        (Some("DaemonSet/cart"), "App: wait; a DaemonSet's pod belongs to its node."),
        (None, "App: create the pod anew to move it."),
    ] {
        let mut t = Timeline::new();
        let waiting = Pod { owner: owner.map(Into::into), ..creating("cart", t.now, true) };
        t.see(Seen::PodChanged(Box::new(waiting)));
        for _ in 0..29 {
            t.see(pull(5_000_000)).wait(1);
        }
        let findings = t.look();
        let said = &of_pods(&findings)[0].sentence;
        assert!(said.contains("stopped arriving") && said.contains(advice), "{said}");
        assert_eq!(said.contains("delete the pod:"), owner == Some("StatefulSet/cart"), "{said}");
    }
}

/// What is said of a pull that has stood still with that runtime: while its image is resolved, or while a layer comes.
fn stalled(runtime: &str, version: &str, resolving: bool) -> String {
    let mut t = Timeline::new();
    let socket = "/run/x.sock".into();
    t.see(Seen::RuntimeFound(RuntimeInfo { name: runtime.into(), version: version.into(), api: "v1".into(), socket }));
    t.see(Seen::PodChanged(Box::new(creating("cart", t.now, true))));
    for _ in 0..30 {
        let Seen::Pulls(mut pulls) = pull(5_000_000) else { unreachable!("it is a list of pulls") };
        if resolving {
            pulls[0] = Pull { layers: Vec::new(), document: Some(0), ..pulls[0].clone() };
        }
        t.see(Seen::Pulls(pulls)).wait(1);
    }
    of_pods(&t.look())[0].sentence.clone()
}

#[test]
fn when_a_stalled_pull_is_given_up_is_said_of_the_runtime_that_runs_and_only_where_it_is_known() {
    for (runtime, version, resolving, patience) in [
        ("containerd", "1.6.20~ds1", false, None),
        ("containerd", "1.7.2", false, Some("1 min")),
        ("containerd", "1.7.9", false, None),
        ("containerd", "1.7.24~ds1", false, Some("5 min")),
        ("containerd", "1.7.24~ds1", true, Some("5 min")),
        ("containerd", "v2.0.5", true, Some("5 min")),
        ("containerd", "2.1.9", false, Some("5 min")),
        ("containerd", "2.1.9", true, None),
        ("containerd", "1.7", false, None),
        ("cri-o", "1.33.0", false, None),
    ] {
        let said = stalled(runtime, version, resolving);
        let expected = patience.map(|it| format!(" By default pulls retry after {it}."));
        assert!(expected.as_ref().is_none_or(|it| said.ends_with(it)), "{version}: {said}");
        assert_eq!(said.contains("retry after"), expected.is_some(), "{version}: {said}");
    }
}

/// One layer is left, and another pull writes it.
#[test]
fn a_layer_that_another_pull_fetches_is_not_laid_on_the_pod_s_own_registry() {
    let mut t = Timeline::new();
    let now = t.now;
    t.see(Seen::PodChanged(Box::new(creating("cart", now, true))));
    for _ in 0..30 {
        let Seen::Pulls(mut pulls) = pull(5_000_000) else { return };
        pulls[0].layers[0].elsewhere = true;
        t.see(Seen::Pulls(pulls)).wait(1);
    }
    let findings = t.look();
    let said = of_pods(&findings)[0];
    assert_eq!(said.cause.id, "ImagePullStalled");
    assert!(
        said.sentence.starts_with(
            "Another pull of this node fetches layer 0123456789ab of the image, and no byte of it came for 30 s, at 5.0 MB of 100 MB (5 %). "
        ) && !said.sentence.contains("r.example.com"),
        "{}",
        said.sentence
    );
}

#[test]
fn what_the_kubelet_postponed_is_told_with_its_budget_and_the_others_that_wait() {
    let mut t = Timeline::new();
    let budget = Some(Budget { per_second: 5, burst: 10 });
    t.see(Seen::PullRules(PullRules { budget, ..PullRules::default() }));
    for name in ["cart", "log", "web"] {
        let slot = slot("r.example.com/shop/cart:2.14.1", "ErrImagePull", "pull QPS exceeded");
        t.see(Seen::PodChanged(Box::new(pod(name, t.now, slot))));
    }
    let findings = t.wait(31).look();
    let said = of_pods(&findings)[0];
    assert!(
        said.sentence.starts_with(
            "The kubelet postponed this pull of shop/cart:2.14.1: this node asks for more images than its limit allows (registryPullQPS 5, registryBurst 10); 2 other pods wait. No registry was asked."
        ) && !said.sentence.contains("r.example.com"),
        "{}",
        said.sentence
    );
}

#[test]
fn a_registry_is_not_blamed_while_the_disk_is_saturated() {
    let mut t = Timeline::new();
    let now = t.now;
    t.see(Seen::PodChanged(Box::new(creating("cart", now, true)))).see(Seen::DiskSaturated(Some(72)));
    for _ in 0..30 {
        t.see(pull(5_000_000)).wait(1);
    }
    let findings = t.look();
    let said = &of_pods(&findings)[0].sentence;
    assert!(
        said.starts_with(
            "The image stopped arriving: no byte for 30 s, while this node's disks kept all work waiting 72 % of the time, so its registry may be fine, at 5.0 MB of 100 MB (5 %), layer 0123456789ab."
        ) && said.contains("Platform: first look at this node's disks (72 %: ") && !said.contains("r.example.com"),
        "{said}"
    );
    let findings = t.see(Seen::DiskSaturated(None)).look();
    assert!(of_pods(&findings)[0].sentence.contains("of r.example.com stopped arriving: no byte for 30 s"));
}
