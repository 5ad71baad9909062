//! The kubelet's directories in a temporary one → what is seen of them.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::model::ids::PodUid;
use crate::model::marks::{Dated, Made, Mark, PodMarks};
use crate::model::settings::Timing;
use crate::model::{Time, since};
use crate::observe::host::told::REPEAT;

const POD: &str = "var/lib/kubelet/pods/uid-cart";
const LOGS: &str = "var/log/pods/shop_cart_uid-cart";

fn cart() -> PodId {
    PodId { uid: PodUid::new("uid-cart"), namespace: "shop".into(), name: "cart".into() }
}

fn places() -> KubeletPlaces {
    KubeletPlaces { root: "/var/lib/kubelet".into(), pod_logs: "/var/log/pods".into() }
}

/// A host with another pod on it, as there always is one, and the directories given.
fn host(directories: &[&str]) -> TempDir {
    let host = tempfile::tempdir().unwrap();
    let make = |directory: &str| fs::create_dir_all(host.path().join(directory)).unwrap();
    let always = ["proc", "var/lib/kubelet/pods/other", "var/log/pods/shop_other_other"];
    always.iter().chain(directories).for_each(|directory| make(directory));
    fs::write(host.path().join("proc/stat"), "cpu  1 2 3\nintr 9 0 0\nbtime 1763700000\nprocesses 7\n").unwrap();
    host
}

fn looker(host: &Path) -> Looker {
    Looker::new(host.to_owned(), places())
}

fn seen(host: &Path, pod: &PodId) -> PodMarks {
    looker(host).look(std::slice::from_ref(pod)).pods.remove(&pod.uid).unwrap()
}

fn is_made(mark: Mark) -> bool {
    matches!(mark, Mark::Made(_))
}

#[test]
fn each_directory_is_told_apart_from_its_absence() {
    let none = PodMarks { home: Mark::Absent, logs: Mark::Absent, containers: Some(BTreeMap::new()) };
    assert_eq!(seen(host(&[]).path(), &cart()), none);
    let home = seen(host(&[POD]).path(), &cart());
    assert!(is_made(home.home) && home.logs == Mark::Absent, "{home:?}");
    let logs = seen(host(&[POD, LOGS]).path(), &cart());
    assert!(is_made(logs.logs) && logs.containers.is_some_and(|all| all.is_empty()));
    let two = seen(host(&[&format!("{LOGS}/web"), &format!("{LOGS}/log")]).path(), &cart());
    assert_eq!(two.containers.unwrap().keys().map(|name| &**name).collect::<Vec<_>>(), ["log", "web"]);
}

#[test]
fn a_birth_outlives_what_happens_in_the_directory() {
    let host = host(&[LOGS]);
    let at = host.path().join(LOGS);
    let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000);
    File::open(&at).unwrap().set_times(FileTimes::new().set_modified(long_ago)).unwrap();
    let born = at.metadata().unwrap().created().ok();
    let Mark::Made(Made { at, dated }) = seen(host.path(), &cart()).logs else { panic!("it is there") };
    let expected = match born {
        Some(born) => (Time::try_from(born).unwrap(), Dated::Birth),
        None => (Time::from_second(1_000_000).unwrap(), Dated::Change),
    };
    assert_eq!((at, dated), expected);
}

#[test]
fn the_boot_is_the_kernel_s() {
    let marks = looker(host(&[]).path()).look(&[]);
    assert_eq!(marks.boot, Some(Time::from_second(1_763_700_000).unwrap()));
    assert_eq!(looker(tempfile::tempdir().unwrap().path()).look(&[]).boot, None);
}

#[test]
fn what_is_not_mounted_or_empty_is_unknown_and_never_absent() {
    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(seen(elsewhere.path(), &cart()), PodMarks::default());
    fs::create_dir_all(elsewhere.path().join("var/lib/kubelet/pods")).unwrap();
    fs::create_dir_all(elsewhere.path().join("var/log/pods")).unwrap();
    assert_eq!(seen(elsewhere.path(), &cart()), PodMarks::default());
}

#[test]
fn what_appears_after_the_first_look_is_found() {
    let host = tempfile::tempdir().unwrap();
    let mut looker = looker(host.path());
    assert_eq!(looker.look(&[cart()]).pods[&cart().uid].logs, Mark::Unknown);
    fs::create_dir_all(host.path().join(LOGS)).unwrap();
    assert!(is_made(looker.look(&[cart()]).pods[&cart().uid].logs));
}

#[test]
fn no_name_leads_out_of_the_directory_it_is_looked_for_in() {
    let host = host(&[POD, LOGS]);
    for uid in ["", ".", "..", "../other", "/etc", "a/b", "\0"] {
        let pod = PodId { uid: PodUid::new(uid), namespace: "x/../shop".into(), name: "cart".into() };
        assert_eq!(seen(host.path(), &pod), PodMarks::default(), "{uid}");
    }
}

#[test]
fn a_file_or_a_link_is_no_mark_and_a_directory_too_full_none_of_a_pod() {
    let host = host(&[POD]);
    let logs = host.path().join(LOGS);
    std::os::unix::fs::symlink(host.path().join(POD), &logs).unwrap();
    let link = seen(host.path(), &cart());
    assert_eq!((link.logs, link.containers), (Mark::Unknown, None));
    fs::remove_file(&logs).unwrap();
    for number in 0..200 {
        fs::create_dir_all(logs.join(format!("c{number}"))).unwrap();
    }
    assert_eq!(seen(host.path(), &cart()).containers, None);
    fs::remove_dir_all(&logs).unwrap();
    fs::create_dir_all(logs.join("web")).unwrap();
    fs::write(logs.join("file"), "").unwrap();
    assert_eq!(seen(host.path(), &cart()).containers.unwrap().len(), 1);
}

async fn next(seen: &mut mpsc::Receiver<Observation>) -> (Time, Marks) {
    match seen.recv().await.unwrap() {
        Observation { at, seen: Seen::Marks(marks) } => (at, marks),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_while_nothing_starts_then_as_often_as_something_moves_and_told_when_it_changes() {
    let host = host(&[POD]);
    let (starts, starting) = watch::channel(Arc::<[PodId]>::from([]));
    let (moves, moving) = watch::channel(true);
    let (out, mut seen) = mpsc::channel(1);
    let clock = Clock::starting_at("2026-11-21T03:00:00Z".parse().unwrap());
    let (pace, root) = (Pace::new(moving, &Timing::default(), clock), host.path().to_owned());
    let observer = MarksObserver { root, places: places(), starting, pace, clock };
    let stop = CancellationToken::new();
    let running = tokio::spawn(observer.run(out, stop.clone()));

    let calm = tokio::time::timeout(Duration::from_secs(60), seen.recv()).await;
    assert!(calm.is_err(), "{calm:?}");
    starts.send_replace([cart()].into());
    let (first, marks) = next(&mut seen).await;
    assert_eq!(marks.pods[&cart().uid].logs, Mark::Absent);
    let (repeated, same) = next(&mut seen).await;
    assert_eq!((since(first, repeated), same), (REPEAT, marks));
    fs::create_dir_all(host.path().join(LOGS)).unwrap();
    let (changed, marks) = next(&mut seen).await;
    assert!(is_made(marks.pods[&cart().uid].logs));
    assert_eq!(since(repeated, changed), Timing::default().busy);

    moves.send_replace(false);
    fs::create_dir_all(host.path().join(LOGS).join("web")).unwrap();
    let (stuck, marks) = next(&mut seen).await;
    let (apart, calm) = (since(changed, stuck), Timing::default().calm);
    assert!(apart <= calm && apart > calm - Duration::from_secs(2), "together with others: {apart:?}");
    assert_eq!(stuck.as_millisecond() % 2_000, 0, "on a beat");
    assert_eq!(marks.pods[&cart().uid].containers.as_ref().map(BTreeMap::len), Some(1));

    stop.cancel();
    running.await.unwrap();
}
