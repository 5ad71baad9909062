//! Pods whose directories are seen beside their status and the runtime's lists → the course of their start.

use super::*;
use crate::model::diagnosis::Findings;
use crate::model::ids::PodUid;
use crate::model::observation::Seen;
use crate::model::pod::{ContainerKind, Ended, Phase};
use crate::model::runtime::RunState;
use crate::model::stage::Stage;
use crate::track::way::{Way, at, created, ended, made, marks, pod, running, sandbox, slot, waiting, web};

use ContainerKind::{Init, Main, Sidecar};

/// Long before the pod.
const BOOT: i64 = -1_000;

fn creating() -> Vec<ContainerSlot> {
    web(waiting("ContainerCreating"))
}

fn stage(way: &Way) -> Stage {
    way.track().place.stage
}

#[test]
fn each_directory_begins_a_stage_at_its_birth_whenever_somebody_looks() {
    let way = Way::new()
        .pod(1, pod(Some(1), None, creating()))
        .marks(2, BOOT, marks(None, &[]))
        .marks(32, BOOT, marks(Some(31), &[]))
        .pod(40, pod(Some(1), Some(39), creating()))
        .marks(41, BOOT, marks(Some(31), &[]))
        .marks(60, BOOT, marks(Some(31), &[("web", 58)]));
    assert_eq!(
        way.course(),
        ["Admission 0..1", "Volumes 1..31", "Sandbox 31..39", "ImagePull web 39..58", "Create web 58.."]
    );
    let told: Vec<_> = way.track().timeline.spans().map(|span| span.evidence.to_string()).collect();
    let logs = ["the pod's log directory", "condition PodReadyToStartContainers", "the container's log directory"];
    assert_eq!(told[2..], logs);
    let shown = way.0.snapshot(at(61), &Findings::default());
    assert_eq!(shown.starts[0].waits_for, "container web to be created");
    let mut way = way
        .containers(63, &[created("web", 62, RunState::Created)])
        .pod(70, Pod { phase: Phase::Running, ..pod(Some(1), Some(39), web(running(69))) });
    assert_eq!(way.course()[4..], ["Create web 58..62", "Start web 62..69", "Running 69.."]);
    assert_eq!(way.0.take_arrivals()[0].stages[&Stage::Create], Duration::from_secs(4));
}

#[test]
fn an_agent_that_comes_late_tells_the_same_course_once_it_sees_the_directories() {
    let way = Way::new()
        .pod(80, pod(Some(1), Some(39), creating()))
        .containers(80, &[created("web", 62, RunState::Created)])
        .marks(81, BOOT, marks(Some(31), &[("web", 58)]))
        .marks(91, BOOT, marks(Some(31), &[("web", 58)]));
    let course = [
        "Admission 0..1",
        "Volumes 1..31",
        "Sandbox 31..39",
        "ImagePull web 39..58",
        "Create web 58..62",
        "Start web 62..",
    ];
    assert_eq!(way.course(), course);
}

#[test]
fn without_the_directories_all_is_told_as_far_as_the_rest_tells() {
    let unseen = PodMarks::default();
    let way = Way::new().pod(1, pod(Some(1), None, creating())).marks(2, BOOT, unseen.clone());
    assert_eq!(way.course(), ["Admission 0..1", "Sandbox 1.."]);
    let way = way.pod(40, pod(Some(1), Some(39), creating())).marks(41, BOOT, unseen);
    assert_eq!(way.course()[1..], ["Sandbox 1..39", "ImagePull web 39.."]);
}

#[test]
fn files_that_fall_silent_take_back_nothing() {
    let way = Way::new().pod(1, pod(Some(1), None, creating())).marks(2, BOOT, marks(None, &[]));
    let way = way.see(10, Seen::Marks(Marks::default()));
    assert_eq!(way.course(), ["Admission 0..1", "Volumes 1.."]);
    let way = way.marks(32, BOOT, marks(Some(31), &[])).see(40, Seen::Marks(Marks::default()));
    assert_eq!(way.course()[1..], ["Volumes 1..31", "Sandbox 31.."]);
}

#[test]
fn after_a_reboot_old_directories_mislead_nobody() {
    // Taken up before the boot of second 500; the sandboxes of then are gone, every directory is there.
    let old = marks(Some(31), &[("web", 58)]);
    let way = Way::new().pod(520, pod(Some(1), None, creating())).marks(521, 500, old.clone());
    assert_eq!(stage(&way), Stage::Sandbox, "as if nothing was seen");
    assert_eq!(way.track().place.told_by, "CRI sandboxes");
    let way = way.pod(530, pod(Some(1), Some(529), creating())).marks(531, 500, old.clone());
    assert_eq!(way.course(), ["Admission 0..1", "Sandbox 1..529", "ImagePull web 529.."]);
    let way = way.sandboxes(532, &[sandbox("s2", 1, true, 525)]).marks(533, 500, old);
    assert_eq!(stage(&way), Stage::ImagePull);
}

#[test]
fn a_directory_from_before_the_newest_sandbox_tells_nothing_of_its_containers() {
    let way = Way::new()
        .pod(50, pod(Some(1), Some(45), creating()))
        .sandboxes(50, &[sandbox("s1", 0, false, 10), sandbox("s2", 1, true, 44)])
        .containers(50, &[created("web", 15, RunState::Exited)])
        .marks(51, BOOT, marks(Some(5), &[("web", 14)]));
    assert_eq!((stage(&way), way.track().place.told_by), (Stage::ImagePull, "CRI containers"));
}

#[test]
fn a_container_that_ran_before_is_not_told_by_its_old_directory() {
    let mut again = slot("web", Main, waiting("ContainerCreating"));
    let end = Ended { exit_code: 1, reason: "Error".into(), message: "".into(), at: Some(at(30)) };
    (again.last, again.restarts) = (Some(end), 1);
    let way = Way::new().pod(50, pod(Some(1), Some(3), vec![again])).marks(51, BOOT, marks(Some(2), &[("web", 4)]));
    assert_eq!(stage(&way), Stage::ImagePull);
}

#[test]
fn init_containers_sidecars_and_main_ones_are_created_one_after_the_other() {
    let all = |a, b, c| vec![slot("migrate", Init, a), slot("proxy", Sidecar, b), slot("web", Main, c)];
    let idle = || waiting("PodInitializing");
    let way = Way::new()
        .pod(4, pod(Some(1), Some(3), all(idle(), idle(), idle())))
        .marks(6, BOOT, marks(Some(2), &[("migrate", 5)]))
        .containers(7, &[created("migrate", 6, RunState::Running)])
        .pod(8, pod(Some(1), Some(3), all(running(7), idle(), idle())))
        .pod(30, pod(Some(1), Some(3), all(ended(0, 29), idle(), idle())))
        .marks(33, BOOT, marks(Some(2), &[("migrate", 5), ("proxy", 32)]))
        .containers(35, &[created("proxy", 34, RunState::Running), created("migrate", 6, RunState::Exited)])
        .pod(36, pod(Some(1), Some(3), all(ended(0, 29), running(35), idle())))
        .marks(39, BOOT, marks(Some(2), &[("migrate", 5), ("proxy", 32), ("web", 38)]))
        .pod(41, Pod { phase: Phase::Running, ..pod(Some(1), Some(3), all(ended(0, 29), running(35), running(40))) });
    assert_eq!(
        way.course()[1..],
        [
            "Volumes 1..2",
            "Sandbox 2..3",
            "ImagePull migrate 3..5",
            "Create migrate 5..6",
            "Start migrate 6..29",
            "ImagePull proxy 29..32",
            "Create proxy 32..34",
            "Start proxy 34..36",
            "ImagePull web 36..38",
            "Create web 38..40",
            "Running 40.."
        ]
    );
}

#[test]
fn of_several_containers_the_one_that_is_not_there_yet_is_created() {
    let two = |b| vec![slot("web", Main, waiting("ContainerCreating")), slot("log", Main, b)];
    let way = Way::new()
        .pod(4, pod(Some(1), Some(3), two(waiting("ContainerCreating"))))
        .containers(7, &[created("web", 6, RunState::Running)])
        .marks(9, BOOT, marks(Some(2), &[("web", 5), ("log", 8)]));
    assert_eq!((stage(&way), way.track().place.container.as_deref()), (Stage::Create, Some("log")));
}

#[test]
fn a_static_pod_s_directories_are_often_older_than_the_pod() {
    let static_pod = |started| Pod { api_uid: PodUid::new("mirror"), ..pod(started, None, creating()) };
    let old = Way::new().pod(1, static_pod(Some(1))).marks(2, BOOT, marks(Some(-500), &[("web", -499)]));
    assert_eq!(stage(&old), Stage::Sandbox);
    assert_eq!(old.track().traces.logs(&static_pod(Some(1))), Trace::Stale);
    let untaken = Way::new().pod(1, static_pod(None)).marks(2, BOOT, marks(Some(-500), &[]));
    assert_eq!(stage(&untaken), Stage::Admission);
    let new = Way::new().pod(1, static_pod(Some(1))).marks(3, BOOT, marks(Some(2), &[]));
    assert_eq!(new.course(), ["Admission 0..1", "Volumes 1..2", "Sandbox 2.."]);
}

#[test]
fn what_the_kubelet_made_is_ahead_of_a_status_that_is_late() {
    let way = Way::new().pod(1, pod(None, None, creating())).marks(2, BOOT, marks(None, &[]));
    assert_eq!((stage(&way), way.track().place.told_by), (Stage::Volumes, "the pod's directory"));
    let way = way.marks(4, BOOT, marks(Some(3), &[]));
    assert_eq!(way.course(), ["Admission 0..2", "Volumes 2..3", "Sandbox 3.."]);
}

#[test]
fn a_pod_that_waits_for_the_network_does_not_wait_for_volumes() {
    use crate::model::runtime::{RuntimeCondition, RuntimeStatus};
    let network = |status| {
        let condition = RuntimeCondition { kind: "NetworkReady".into(), status, reason: "".into(), message: "".into() };
        Seen::RuntimeStatus(RuntimeStatus { conditions: vec![condition], ..RuntimeStatus::default() })
    };
    let way = Way::new().see(0, network(false)).pod(1, pod(Some(1), None, creating())).marks(2, BOOT, marks(None, &[]));
    assert_eq!((stage(&way), way.track().place.told_by), (Stage::Sandbox, "CRI status, NetworkReady"));
    let way = way.see(30, network(true)).marks(34, BOOT, marks(Some(33), &[]));
    assert_eq!(way.course()[2..], ["Volumes 30..33", "Sandbox 33.."]);
    let own = Pod { host_network: true, ..pod(Some(1), None, creating()) };
    let way = Way::new().see(0, network(false)).pod(1, own).marks(2, BOOT, marks(None, &[]));
    assert_eq!(stage(&way), Stage::Volumes, "the node's own network is there");
}

#[test]
fn where_a_pod_with_a_sandbox_has_no_log_directory_the_kubelet_logs_elsewhere() {
    let way = Way::new()
        .pod(4, pod(Some(1), Some(3), creating()))
        .sandboxes(4, &[sandbox("s1", 0, true, 2)])
        .marks(5, BOOT, marks(None, &[]))
        .sandboxes(6, &[])
        .pod(7, pod(Some(1), None, creating()))
        .marks(8, BOOT, marks(None, &[]));
    assert_eq!((stage(&way), way.track().place.told_by), (Stage::Sandbox, "CRI sandboxes"));
}

#[test]
fn a_log_directory_that_outlived_its_sandbox_gives_way_to_a_newer_event() {
    let event = |reason: &str, second| crate::model::pod::PodEvent {
        reason: reason.into(),
        message: "".into(),
        from: "kubelet".into(),
        at: Some(at(second)),
    };
    let told = |second| Seen::PodEvents { pod: PodUid::new("uid-cart"), events: vec![event("FailedMount", second)] };
    let way = Way::new().pod(1, pod(Some(1), None, creating())).marks(31, BOOT, marks(Some(30), &[]));
    let before = way.see(32, told(20));
    assert_eq!(stage(&before), Stage::Sandbox);
    assert_eq!(stage(&before.see(60, told(50))), Stage::Volumes);
}

#[test]
fn a_change_tells_that_a_directory_is_there_and_not_since_when() {
    let changed = PodMarks { logs: Mark::Made(Made { at: at(9), dated: Dated::Change }), ..marks(None, &[]) };
    let way = Way::new().pod(1, pod(Some(1), None, creating())).marks(10, BOOT, changed);
    assert_eq!(way.course(), ["Admission 0..1", "Sandbox 1.."]);
    assert_eq!(way.track().place.told_by, "the pod's log directory");
}

#[test]
fn a_directory_of_the_future_is_of_no_boot() {
    let traces = Traces::of(Some(&marks(Some(100), &[])), &Marks { boot: Some(at(0)), pods: [].into() }, at(50));
    assert_eq!(traces, Traces { boot: Some(at(0)), ..Traces::default() });
}

#[test]
fn without_an_api_server_the_directory_of_a_container_tells_of_its_creation() {
    let mut way = Way::new().sandboxes(4, &[sandbox("s1", 0, true, 3)]);
    assert_eq!(stage(&way), Stage::ImagePull);
    way = way.marks(9, BOOT, marks(Some(2), &[("web", 8)]));
    assert_eq!((stage(&way), way.track().place.container.as_deref()), (Stage::Create, Some("web")));
    assert_eq!(way.track().traces.newest_container(way.track()), Some((&"web".into(), made(8))));
}
