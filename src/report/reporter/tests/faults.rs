//! Each way in which an API server fails a writer, for ten minutes: a trouble, its refresh and its end are told once and with
//! their true times when it is over, and it was asked no more often than it could bear.

use super::*;

/// So long the API server fails.
const OUTAGE: u64 = 600;
/// After it, until the last try that began in it has failed (15 s) and the longest pause after that one is over: 120 s where
/// the API server is away, and 30 s of `Retry-After`; 605 s where it refuses.
const AFTER: u64 = 640;
/// Requests of one agent, whatever fails: in ten seconds, and in the whole outage. Each try may be two requests, to create and to
/// patch.
const AT_MOST: (usize, usize) = (14, 160);

fn faults() -> Vec<(&'static str, Fault)> {
    let says = |code| Fault::Says(code, None, json!({"kind": "Status", "code": code, "message": "no"}));
    vec![
        ("refused", Fault::Refused),
        ("reset in the middle of a body", Fault::DoesAndBreaksOff),
        ("a response that never ends", Fault::DoesAndNeverEnds),
        ("no response", Fault::Hangs),
        ("done, and no response", Fault::DoesAndHangs),
        ("garbage", Fault::Garbage),
        ("401", says(401)),
        ("403", says(403)),
        ("409", says(409)),
        ("410", says(410)),
        ("429", says(429)),
        ("429 with Retry-After", Fault::Says(429, Some(30), json!("Too many requests, please try again later."))),
        ("500", says(500)),
        ("503", says(503)),
    ]
}

/// The most requests within ten seconds.
fn busiest(asked: &[super::super::super::fake_api::Asked]) -> usize {
    let within =
        |n: usize| asked[n..].iter().take_while(|later| later.at.as_second() < asked[n].at.as_second() + 10).count();
    (0..asked.len()).map(within).max().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_nothing_is_lost_nothing_doubled_and_the_server_is_spared() {
    for (how, fault) in faults() {
        let rig = Rig::start(EventScope::All, 0);
        rig.api.fail(fault.clone());
        rig.sick(100).await;
        rig.mends(OUTAGE - 100).await;
        let asked = rig.api.asked();
        let seen = (busiest(&asked), asked.len());
        assert!(seen.0 <= AT_MOST.0 && seen.1 <= AT_MOST.1, "{how}: {seen:?} requests in 10 s and in all");
        if let Fault::Says(429, Some(wait), _) = fault {
            assert!(seen.1 <= usize::try_from(OUTAGE / wait).unwrap(), "{how}: {} requests", seen.1);
        }
        rig.api.mend();
        rig.say(AFTER, &Findings::default()).await;
        // An agent that ends writes what waits: that would hide one that never tries again.
        let told = [row("ImageNotFound", 2, 0, 60), row("Resolved", 1, 160, 160)];
        assert_eq!(rig.api.told(), told, "{how}");
        assert_eq!(rig.end().await.told(), told, "{how}, at the end");
    }
}

#[tokio::test(start_paused = true)]
async fn faults_that_take_turns_lose_and_double_nothing_either() {
    let rig = Rig::start(EventScope::All, 0);
    for (_, fault) in faults() {
        rig.api.fail(fault);
        rig.sick(20).await;
    }
    rig.mends(20).await;
    rig.api.mend();
    rig.mends(AFTER).await;
    let told = rig.api.told();
    rig.end().await;
    let reasons: Vec<&str> = told.iter().map(|(reason, ..)| reason.as_str()).collect();
    assert_eq!(reasons, ["ImageNotFound", "Resolved"]);
}

/// The agent's clock is monotonic (`clock`): a step of the host's moves nothing. What it can see is a machine that slept.
#[tokio::test(start_paused = true)]
async fn a_day_that_passes_at_once_doubles_nothing_and_floods_nobody() {
    let rig = Rig::start(EventScope::All, 0);
    rig.sick(30).await;
    tokio::time::advance(Duration::from_secs(86_400)).await;
    let before = rig.api.asked().len();
    rig.sick(30).await;
    assert!(rig.api.asked().len() - before <= 2, "{:?}", rig.api.asked());
    rig.mends(70).await;
    let told = rig.end().await.told();
    assert_eq!(told[0], row("ImageNotFound", 2, 0, 86_430));
    assert_eq!((told.len(), told[1].0.as_str()), (2, "Resolved"));
}
