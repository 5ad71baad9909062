//! Probes of a test run by the real prober, in virtual time.

use tokio::sync::mpsc::Receiver;
use tokio::time::{sleep, timeout};

use super::*;
use crate::model::reading::Group;

const USUAL: Duration = Duration::from_secs(10);

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
    assert!(since(second, third) >= USUAL - Duration::from_secs(2), "it has looked since");
    assert_eq!(third.as_millisecond() % 2_000, 0, "together with all others");
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

#[tokio::test(start_paused = true)]
async fn whom_many_nodes_ask_is_asked_ever_more_seldom_until_the_doubt_is_over() {
    let probes = const { &[probe("ill", Asked::WayInDoubt, broken)] };
    let mut rig = start(probes);
    for _ in 0..2 {
        rig.doubts.send_modify(|doubts| doubts.way = true);
        let (mut before, ..) = rig.next().await;
        for periods in [1, 2, 4, 5, 5] {
            let (at, ..) = rig.next().await;
            let apart = since(before, at).div_duration_f64(USUAL);
            assert!((periods as f64..periods as f64 * 1.21).contains(&apart), "{periods}: {apart}");
            before = at;
        }
        rig.doubts.send_modify(|doubts| doubts.way = false);
        sleep(USUAL * 10).await;
    }
}

#[test]
fn what_is_troubled_is_looked_at_sooner_the_dear_too_and_never_more_rarely_than_once_a_period() {
    let one = &ALL[0];
    assert_eq!(rest(one, USUAL, USUAL, false), USUAL);
    assert_eq!(rest(one, USUAL, USUAL, true), USUAL / TROUBLED);
    assert_eq!(rest(one, USUAL, USUAL * 5, true), USUAL / 2);
    assert_eq!(rest(one, USUAL, USUAL * 40, true), USUAL);
    let way = probe("way", Asked::WayInDoubt, fine);
    for calm in [USUAL, USUAL * 5, USUAL * 40] {
        assert_eq!(rest(&way, USUAL, calm, true), USUAL, "many nodes may ask at once");
    }
}

/// An answer that is not given again within this time is forgotten.
const EXPIRES: Duration = Duration::from_secs(600);

#[test]
fn a_look_is_taken_again_before_what_it_found_is_forgotten() {
    for period in [USUAL / 10, USUAL, Duration::from_secs(300)] {
        let ledger = Ledger::new(1);
        let rest = [1, 2].map(|_| ledger.rest(0, Duration::from_secs(60), period))[1];
        assert!(rest.mul_f64(1.2) + DEADLINE < EXPIRES, "{period:?}: {rest:?}");
    }
}

#[test]
fn what_changed_is_looked_at_again_soon() {
    let well = vec![Reading::fine("well", "", "")];
    let ill = vec![Reading::broken("ill", "", "DiskFull", "")];
    assert!(!is_troubled(&[], &well) && !is_troubled(&well, &well));
    assert!(is_troubled(&well, &ill) && is_troubled(&ill, &ill) && is_troubled(&ill, &well));
}
