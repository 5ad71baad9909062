//! Pods of every kind on their way, as API server and runtime tell of them → the course of the start.

use super::*;
use crate::model::ids::PodUid;
use crate::model::observation::Seen;
use crate::model::pod::{ContainerKind, ContainerSlot, Phase, Pod};
use crate::model::pull::Pull;
use crate::model::runtime::RunState;
use crate::track::way::{Way, at, created, ended, marks, pod, running, sandbox, slot, waiting, web};

use ContainerKind::{Init, Main, Sidecar};

#[test]
fn a_start_that_nobody_saw_between_two_looks_is_told_from_what_api_server_and_runtime_date() {
    let way = Way::new()
        .pod(0, pod(None, None, web(waiting("ContainerCreating"))))
        .containers(9, &[created("web", 7, RunState::Running)])
        .pod(9, Pod { phase: Phase::Running, ..pod(Some(1), Some(3), web(running(8))) });
    let course = ["Admission 0..1", "Sandbox 1..3", "ImagePull web 3..7", "Start web 7..8", "Running 8.."];
    assert_eq!(way.course(), course);
    assert_eq!(way.track().arrived(), Some(at(8)));
}

#[test]
fn a_pod_that_was_under_way_before_the_agent_has_its_course_from_the_beginning() {
    let way = Way::new().pod(500, pod(Some(1), Some(3), web(waiting("ContainerCreating"))));
    assert_eq!(way.course(), ["Admission 0..1", "Sandbox 1..3", "ImagePull web 3.."]);
}

#[test]
fn a_pod_that_already_ran_has_not_been_watched() {
    let mut way = Way::new().pod(500, Pod { phase: Phase::Running, ..pod(Some(1), Some(3), web(running(8))) });
    assert_eq!(way.track().arrived(), None);
    assert!(way.0.take_arrivals().is_empty());
}

#[test]
fn init_containers_and_sidecars_have_spans_of_their_own() {
    let all = |a, b, c| vec![slot("migrate", Init, a), slot("proxy", Sidecar, b), slot("web", Main, c)];
    let idle = || waiting("PodInitializing");
    let way = Way::new()
        .pod(4, pod(Some(1), Some(3), all(idle(), idle(), idle())))
        .containers(5, &[created("migrate", 5, RunState::Running)])
        .pod(6, pod(Some(1), Some(3), all(running(6), idle(), idle())))
        .pod(30, pod(Some(1), Some(3), all(ended(0, 29), idle(), idle())))
        .containers(33, &[created("proxy", 32, RunState::Running), created("migrate", 5, RunState::Exited)])
        .pod(40, Pod { phase: Phase::Running, ..pod(Some(1), Some(3), all(ended(0, 29), running(33), running(39))) });
    assert_eq!(
        way.course(),
        [
            "Admission 0..1",
            "Sandbox 1..3",
            "ImagePull migrate 3..5",
            "Start migrate 5..29",
            "ImagePull proxy 29..32",
            "Start proxy 32..39",
            "Running 39.."
        ]
    );
}

#[test]
fn containers_are_taken_in_their_order_and_a_hook_is_the_last_one_s() {
    let hooked = |slot| ContainerSlot { post_start: true, ..slot };
    let two = |a, b| vec![slot("web", Main, a), hooked(slot("log", Main, b))];
    let idle = || waiting("ContainerCreating");
    let way = Way::new()
        .pod(4, pod(Some(1), Some(3), two(idle(), idle())))
        .containers(5, &[created("web", 5, RunState::Created)])
        .containers(6, &[created("web", 5, RunState::Running)])
        .containers(9, &[created("web", 5, RunState::Running), created("log", 8, RunState::Running)])
        .pod(60, Pod { phase: Phase::Running, ..pod(Some(1), Some(3), two(running(6), running(9))) });
    assert_eq!(
        way.course()[2..],
        [
            "ImagePull web 3..5",
            "Start web 5..6",
            "ImagePull log 6..8",
            "Start log 8..9",
            "Hook log 9..60",
            "Running 60.."
        ]
    );
}

/// After a reboot each pod of the node has its old times, and a new agent knows nothing of before.
#[test]
fn a_pod_that_has_run_before_the_agent_saw_it_does_not_start_anew_and_waits_since_it_lost_its_sandbox() {
    let rebooted = ContainerSlot { restarts: 1, ..slot("web", Main, waiting("ContainerCreating")) };
    let lost = Pod { sandbox_ready: Some((false, Some(at(9_000)))), ..pod(Some(1), None, vec![rebooted]) };
    let mut way = Way::new().pod(9_010, lost).see(9_011, Seen::Sandboxes(Vec::new()));
    assert_eq!((way.track().place.stage, way.track().since()), (Stage::Sandbox, at(9_000)));
    assert!(way.course().is_empty());
    way = way.pod(9_020, Pod { phase: Phase::Running, ..pod(Some(1), Some(9_015), web(running(9_018))) });
    assert!(way.0.take_arrivals().is_empty(), "that was no start");
}

/// The kubelet's worker waits for it, and the next container's image is not asked for meanwhile.
#[test]
fn a_hook_holds_the_containers_after_it_until_one_of_them_is_seen_to_be_begun() {
    let hooked = |slot| ContainerSlot { post_start: true, ..slot };
    let two = || vec![hooked(slot("web", Main, waiting(""))), slot("log", Main, waiting(""))];
    let up = [created("web", 5, RunState::Running)];
    let pull = |began, repositories: &[&str]| Pull {
        lease: "l".into(),
        own: None,
        began: Some(at(began)),
        repositories: repositories.iter().map(|name| Arc::from(*name)).collect(),
        manifests: Vec::new(),
        document: None,
        layers: Vec::new(),
        complete_list: false,
    };
    let at_hook = || {
        Way::new()
            .pod(4, pod(Some(1), Some(3), two()))
            .sandboxes(4, &[sandbox("s1", 0, true, 3)])
            .see(4, Seen::Pulls(Vec::new()))
            .containers(6, &up)
            .marks(6, -100, marks(Some(2), &[("web", 5)]))
            .see(7, Seen::Pulls(Vec::new()))
    };
    let last = |way: &Way| way.course().pop().unwrap();
    assert_eq!(last(&at_hook()), "Hook web 6..");
    assert_eq!(last(&at_hook().see(20, Seen::Pulls(vec![pull(15, &["r.example.com/shop/other"])]))), "Hook web 6..");
    assert_eq!(last(&at_hook().see(20, Seen::Pulls(vec![pull(15, &[])]))), "Hook web 6..");
    assert_eq!(
        last(&at_hook().see(20, Seen::Pulls(vec![pull(15, &["r.example.com/shop/log"])]))),
        "ImagePull log 15.."
    );
    let made = marks(Some(2), &[("web", 5), ("log", 19)]);
    assert_eq!(last(&at_hook().marks(20, -100, made)), "Create log 19..");
    let unseen = at_hook().see(8, Seen::PullsUnseen("another runtime".to_owned()));
    assert_eq!(last(&unseen), "ImagePull log 8..", "nothing tells a hook from a pull that can't be seen");
}

/// Of what a container before it was made from there is nothing to pull, unless a pull is seen.
#[test]
fn a_container_of_an_image_that_is_here_is_about_to_be_created_once_its_turn_has_come() {
    let both = |schema| {
        let seed = slot("seed", Init, waiting("PodInitializing"));
        vec![slot("schema", Init, schema), ContainerSlot { image: "r.example.com/shop/schema:1".into(), ..seed }]
    };
    let turn = || {
        Way::new()
            .see(0, Seen::Pulls(Vec::new()))
            .pod(4, pod(Some(1), Some(3), both(waiting("PodInitializing"))))
            .sandboxes(5, &[sandbox("s1", 0, true, 3)])
            .containers(6, &[created("schema", 5, RunState::Running)])
            .marks(6, -100, marks(Some(2), &[("schema", 5)]))
            .pod(7, pod(Some(1), Some(3), both(running(5))))
            .pod(30, pod(Some(1), Some(3), both(ended(0, 29))))
    };
    assert_eq!(turn().course()[3..], ["ImagePull schema 3..5", "Start schema 5..29", "Create seed 29.."]);
    let begun = turn().marks(31, -100, marks(Some(2), &[("schema", 5), ("seed", 30)]));
    let begun = begun.containers(31, &[created("schema", 5, RunState::Exited), created("seed", 30, RunState::Running)]);
    assert_eq!(begun.course()[5..], ["Create seed 29..30", "Start seed 30.."]);

    let awaited = turn();
    assert_eq!(awaited.track().awaited().map(|slot| &*slot.name), Some("seed"), "a pull of it would be seen");
    let pulled = awaited.see(33, Seen::Pulls(vec![lease("r.example.com/shop/schema", 30)]));
    assert_eq!(pulled.course()[6..], ["ImagePull seed 30.."]);
}

#[test]
fn a_restart_is_no_start_and_a_pod_that_fails_never_arrives() {
    let up = || Pod { phase: Phase::Running, ..pod(Some(1), Some(3), web(running(8))) };
    let before = Way::new().pod(0, pod(None, None, web(waiting("ContainerCreating")))).pod(9, up());
    let course = before.course();
    let mut way = before
        .pod(100, Pod { phase: Phase::Running, ..pod(Some(1), Some(3), web(waiting("ErrImagePull"))) })
        .pod(200, Pod { phase: Phase::Running, ..pod(Some(1), Some(3), web(running(199))) });
    assert_eq!(way.course(), course);
    assert_eq!(way.0.take_arrivals().len(), 1);
    assert!(way.0.take_arrivals().is_empty(), "once");

    let way = Way::new()
        .pod(0, pod(None, None, web(waiting("ContainerCreating"))))
        .pod(2, Pod { phase: Phase::Failed, ..pod(Some(1), None, web(waiting("ContainerCreating"))) });
    assert_eq!(way.track().timeline.end(), Some(End::Failed { at: at(2) }));
    assert_eq!(way.course(), ["Admission 0..2"]);
}

#[test]
fn a_job_that_is_over_at_once_has_run() {
    let done = Pod { phase: Phase::Succeeded, ..pod(Some(1), Some(3), web(ended(0, 8))) };
    let mut way = Way::new().pod(0, pod(None, None, web(waiting("ContainerCreating")))).pod(9, done);
    way = way.see(9, Seen::PodGone(PodUid::new("uid-cart")));
    let arrivals = way.0.take_arrivals();
    assert_eq!((arrivals.len(), arrivals[0].at), (1, at(8)));
}

fn lease(repository: &str, began: i64) -> Pull {
    Pull {
        lease: format!("lease-{repository}").into(),
        own: None,
        began: Some(at(began)),
        repositories: vec![repository.into()],
        manifests: Vec::new(),
        document: None,
        layers: Vec::new(),
        complete_list: false,
    }
}

#[test]
fn a_pull_that_waits_has_waited_since_the_turn_of_the_image() {
    let way = Way::new()
        .pod(4, pod(Some(1), Some(3), web(waiting("ContainerCreating"))))
        .see(4, Seen::Pulls(vec![lease("r.example.com/bank/vault", 2)]))
        .see(8, Seen::Pulls(vec![lease("r.example.com/bank/vault", 2)]));
    assert_eq!(way.course()[1..], ["Sandbox 1..3", "ImageQueue web 3.."]);
    let way = way.see(90, Seen::Pulls(vec![lease("r.example.com/shop/web", 89)]));
    assert_eq!(way.course()[2..], ["ImageQueue web 3..89", "ImagePull web 89.."]);
    let way = way.see(99, Seen::Pulls(vec![lease("r.example.com/bank/vault", 90)]));
    assert_eq!(way.course()[3..], ["ImagePull web 89.."], "a pull that is over does not wait again");
}

#[test]
fn volumes_are_known_by_the_kubelets_events_and_then_for_the_whole_wait() {
    let event = |reason: &str, second| crate::model::pod::PodEvent {
        reason: reason.into(),
        message: "".into(),
        from: "kubelet".into(),
        at: Some(at(second)),
    };
    let told = |events| Seen::PodEvents { pod: PodUid::new("uid-cart"), events };
    let way = Way::new()
        .pod(1, pod(Some(1), None, web(waiting("ContainerCreating"))))
        .see(20, told(vec![event("FailedMount", 15)]));
    assert_eq!(way.course(), ["Admission 0..1", "Volumes 1.."]);
    let way = way.see(60, told(vec![event("FailedMount", 15), event("FailedCreatePodSandBox", 55)]));
    assert_eq!(way.course()[1..], ["Volumes 1..60", "Sandbox 60.."]);
}

#[test]
fn without_an_api_server_the_runtime_s_lists_tell_the_course() {
    let way =
        Way::new().sandboxes(4, &[sandbox("s1", 0, true, 3)]).containers(9, &[created("web", 8, RunState::Running)]);
    assert_eq!(way.course(), ["ImagePull 3..9", "Running 9.."]);
}

#[test]
fn a_pod_that_wavers_for_days_keeps_a_bounded_course_and_the_whole_length() {
    let mut timeline = Timeline::default();
    let now = |stage| Now { position: Position { container: 1, stage }, container: Some("web".into()), told_by: "" };
    for second in 0..10_000 {
        let stage = if second % 2 == 0 { Stage::ImagePull } else { Stage::Create };
        timeline.advance(&now(stage), &[], at(second));
    }
    assert_eq!(timeline.spans().count(), SPANS_AT_MOST);
    let lengths = timeline.lengths(at(10_000));
    assert_eq!(lengths.values().sum::<Duration>(), Duration::from_secs(10_000));
    assert_eq!(lengths[&Stage::ImagePull], Duration::from_secs(5_000));
    assert_eq!(timeline.began(), Some(at(0)));
}

/// Whatever is seen in whatever order, time never runs backwards, nothing overlaps, and what has ended stays so.
#[test]
fn every_place_may_follow_every_other() {
    const STAGES: [Stage; 9] = [
        Stage::Admission,
        Stage::Volumes,
        Stage::Sandbox,
        Stage::ImageQueue,
        Stage::ImagePull,
        Stage::Create,
        Stage::Start,
        Stage::Hook,
        Stage::Running,
    ];
    for (first, second) in STAGES.iter().flat_map(|a| STAGES.iter().map(move |b| (*a, *b))) {
        for landmark in [-5, 0, 5, 10, 15] {
            let place = |stage| Now { position: Position { container: 1, stage }, container: None, told_by: "" };
            let known = Landmark { position: place(second).position, container: None, at: at(landmark), evidence: "" };
            let mut timeline = Timeline::default();
            timeline.advance(&place(first), &[], at(0));
            timeline.advance(&place(second), &[known], at(10));
            let spans: Vec<_> = timeline.spans().cloned().collect();
            let order = spans.windows(2).all(|pair| pair[0].to == Some(pair[1].from) && pair[0].from <= pair[1].from);
            assert!(order && spans.iter().all(|span| span.from <= at(10)), "{first} {second} {landmark}: {spans:?}");
            let last = if first == Stage::Running { first } else { second };
            assert_eq!(spans.last().unwrap().stage, last, "{first} {second}");
        }
    }
}
