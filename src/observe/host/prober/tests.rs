//! Probes of a test run by the real prober, in virtual time.

use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::*;
use crate::model::reading::Group;

struct Rig {
    seen: Receiver<Observation>,
    doubts: watch::Sender<Doubts>,
    stop: CancellationToken,
    _others: (watch::Sender<CniDirs>, watch::Sender<Heard>),
}

fn start(probes: &'static [Probe]) -> Rig {
    let (doubts, doubted) = watch::channel(Doubts::default());
    let (name, dirs) = watch::channel(CniDirs::default());
    let (tell, heard) = watch::channel(Heard::default());
    let prober = Prober {
        root: "/".into(),
        kubelet: KubeletPlaces { root: "/var/lib/kubelet".into(), pod_logs: "/var/log/pods".into() },
        dirs,
        heard,
        doubts: doubted,
        service: None,
        period: USUAL,
        clock: Clock::starting_at("2026-11-21T03:00:00Z".parse().unwrap()),
    };
    let (out, seen) = mpsc::channel(1);
    let stop = CancellationToken::new();
    tokio::spawn(prober.run_all(probes, out, stop.clone()));
    Rig { seen, doubts, stop, _others: (name, tell) }
}

impl Rig {
    async fn next(&mut self) -> (Time, &'static str, Vec<Reading>) {
        match self.seen.recv().await.unwrap() {
            Observation { at, seen: Seen::Readings { probe, readings } } => (at, probe, readings),
            other => panic!("{other:?}"),
        }
    }
}

const fn probe(id: &'static str, asked: Asked, look: fn(&Node) -> Vec<Reading>) -> Probe {
    Probe { id, group: Group::Disk, asked, look }
}

fn fine(_: &Node) -> Vec<Reading> {
    vec![Reading::fine("well", "", "")]
}

fn broken(_: &Node) -> Vec<Reading> {
    vec![Reading::broken("ill", "", "DiskFull", "")]
}

#[tokio::test(start_paused = true)]
async fn what_is_well_is_looked_at_every_ten_seconds_and_what_is_broken_every_two() {
    for (probes, least, most) in [
        (const { &[probe("well", Asked::Always, fine)] }, 10.0, 12.1),
        (const { &[probe("ill", Asked::Always, broken)] }, 2.0, 2.5),
    ] {
        let mut rig = start(probes);
        let (first, id, readings) = rig.next().await;
        assert_eq!((id, readings.len()), (probes[0].id, 1));
        let (second, ..) = rig.next().await;
        let apart = since(first, second).as_secs_f64();
        assert!((least..most).contains(&apart), "{id}: {apart}");
        rig.stop.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_in_doubt_is_not_asked() {
    let probes = const { &[probe("well", Asked::WayInDoubt, fine)] };
    let mut rig = start(probes);
    assert!(timeout(Duration::from_secs(3_600), rig.seen.recv()).await.is_err(), "a calm node");
    rig.doubts.send_modify(|doubts| doubts.way = true);
    let (first, ..) = rig.next().await;
    let (second, ..) = rig.next().await;
    assert!(since(first, second) >= USUAL);
}

#[tokio::test(start_paused = true)]
async fn when_something_goes_wrong_each_looks_again_once_and_soon() {
    let probes = const { &[probe("well", Asked::Always, fine)] };
    let mut rig = start(probes);
    let (first, ..) = rig.next().await;
    rig.doubts.send_modify(|doubts| doubts.trouble = Some(first + Duration::from_millis(1)));
    let (second, ..) = rig.next().await;
    assert!((2.0..2.5).contains(&since(first, second).as_secs_f64()), "not at once after another look");
    let (third, ..) = rig.next().await;
    assert!(since(second, third) >= USUAL, "it has looked since");
    sleep(Duration::from_secs(5)).await;
    rig.doubts.send_modify(|doubts| doubts.trouble = Some(third + Duration::from_secs(5)));
    let (fourth, ..) = rig.next().await;
    assert!((5.0..5.1).contains(&since(third, fourth).as_secs_f64()), "at once, for it has rested");
}

#[tokio::test(start_paused = true)]
async fn whom_many_nodes_would_ask_at_once_is_not_asked_for_every_trouble() {
    let probes = const { &[probe("well", Asked::WayInDoubt, fine)] };
    let mut rig = start(probes);
    rig.doubts.send_modify(|doubts| doubts.way = true);
    let (first, ..) = rig.next().await;
    rig.doubts.send_modify(|doubts| doubts.trouble = Some(first + Duration::from_millis(1)));
    let (second, ..) = rig.next().await;
    assert!(since(first, second) >= USUAL);
}

#[test]
fn a_costly_look_is_taken_so_rarely_that_all_keep_within_their_share() {
    let one = &ALL[0];
    let within = |period: Duration, cost: Duration, troubled: bool| rest(one, period, cost, troubled);
    let rest = |cost: Duration, troubled: bool| within(USUAL, cost, troubled);
    assert_eq!(rest(Duration::from_micros(50), false), USUAL);
    let costly = Duration::from_millis(2);
    let part = costly.as_secs_f64() / rest(costly, false).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a few")]
    let all = part * ALL.len() as f64;
    assert!(all <= 0.000_5 + 1e-9, "{all}");
    assert_eq!(rest(Duration::from_secs(1), false), USUAL * PERIODS_AT_MOST);
    assert_eq!(rest(costly, true), rest(costly, false) / TROUBLED_SHARE);
    assert_eq!(rest(Duration::from_secs(1), true), USUAL);
    let way = probe("way", Asked::WayInDoubt, fine);
    for cost in [Duration::ZERO, costly, Duration::from_secs(1)] {
        assert_eq!(super::rest(&way, USUAL, cost, true), USUAL, "many nodes may ask at once");
    }
    assert_eq!(within(USUAL / 10, costly, false), rest(costly, false) / 10, "who wants more has it cost more");
}

#[test]
fn what_changed_is_looked_at_again_soon() {
    let [well, ill] = [fine, broken].map(|look| {
        let host = tempfile::tempdir().unwrap();
        let mounts = Arc::new(Mounts::at(host.path()).unwrap());
        look(&Node {
            mounts,
            now: Time::UNIX_EPOCH,
            kubelet_root: "/".into(),
            pod_logs: "/".into(),
            runtime_root: None,
            runtime_cgroup: None,
            pids: Arc::default(),
            cni: CniDirs::default(),
            sandboxes: None,
            service: None,
            suspects: None,
        })
    });
    assert!(!is_troubled(&[], &well) && !is_troubled(&well, &well));
    assert!(is_troubled(&well, &ill) && is_troubled(&ill, &ill) && is_troubled(&ill, &well));
}
