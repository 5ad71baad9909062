//! What reporting writes, as a real kubectl shows it: in its place, in order, with its age and its count, for pods, static pods
//! and nodes. Against the double always, and against the real API server that `KUBECONFIG` names, there under names of the
//! test's own. The times that Events tell are arguments: nothing is waited for.

mod reporting;
mod server;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{AsyncBufReadExt, StreamExt};
use jiff::Timestamp;
use kubewhy::causes;
use kubewhy::model::cause::EventType::{Normal, Warning};
use kubewhy::model::diagnosis::Subject;
use kubewhy::model::ids::{PodId, PodUid};
use kubewhy::report::memory::Memory;
use serde_json::Value;
use tokio::time::Instant;

use reporting::{Reporting, ago, ill, well};
use server::{MANIFEST, Server, each, rows};

/// From the write of an Event until whoever reads the API server sees it.
const VISIBLE_WITHIN: Duration = Duration::from_millis(100);
const SAMPLES: usize = 20;
/// The minutes after its first time at which an Event is told again.
const REFRESHED: [i64; 5] = [1, 2, 5, 10, 20];
/// What a story of that kind looks like when it began forty minutes ago and was told of last twenty minutes ago.
const OFTEN: &str = "20m (x6 over 40m)";

/// A trouble that began forty minutes ago and is told of until twenty minutes ago.
async fn tell_often(reporting: &mut Reporting, subject: &Subject, cause: &str, now: Timestamp) {
    let since = ago(now, 40);
    for minutes in [0].into_iter().chain(REFRESHED) {
        reporting.tell(ago(now, 40 - minutes), ill(subject, cause, Normal, since)).await;
    }
}

/// A whole story of one pod: a slow pull that turns out to be a wrong name, and then starts.
async fn tell_all(server: &Server, subject: &Subject, now: Timestamp) {
    let mut reporting = Reporting::start(server, Memory::default()).await;
    tell_often(&mut reporting, subject, "ImagePullSlow", now).await;
    reporting.tell(ago(now, 15), ill(subject, "ImageNotFound", Warning, ago(now, 15))).await;
    reporting.tell(ago(now, 12), well(subject, "ImageNotFound", ago(now, 13))).await;
    reporting.end().await;
}

/// Type, reason, age and author of the rows under `Events:`.
fn described(text: &str) -> Vec<[String; 4]> {
    let row = |cells: Vec<String>| [cells[0].clone(), cells[1].clone(), cells[2].clone(), cells[3].clone()];
    rows(text, "Events:\n").into_iter().map(row).collect()
}

fn row(cells: [&str; 4]) -> [String; 4] {
    cells.map(str::to_owned)
}

fn story() -> [[String; 4]; 3] {
    [
        row(["Normal", "ImagePullSlow", OFTEN, "kubewhy"]),
        row(["Warning", "ImageNotFound", "15m", "kubewhy"]),
        row(["Normal", "Resolved", "12m", "kubewhy"]),
    ]
}

fn summary(cause: &str) -> &'static str {
    causes::by_id(cause).unwrap().summary
}

#[tokio::test]
async fn kubectl_describe_shows_the_story_of_a_pod_in_order_with_ages_and_counts() {
    each(async |server| {
        tell_all(server, &server.pod("cart").await, Timestamp::now()).await;
        let text = server.kubectl_here(&["describe", "pod", "cart"]).await;
        assert_eq!(described(&text), story());
        assert!(text.contains(summary("ImagePullSlow")) && text.contains("Started after 27 min"), "{text}");
    })
    .await;
}

/// `describe` looks for the hash of the manifest, not for the UID of the mirror.
#[tokio::test]
async fn kubectl_describe_shows_the_story_of_a_static_pod() {
    each(async |server| {
        let subject = server.static_pod("proxy").await;
        assert_eq!(subject.uid(), MANIFEST);
        tell_all(server, &subject, Timestamp::now()).await;
        let text = server.kubectl_here(&["describe", "pod", "proxy"]).await;
        assert_eq!(described(&text), story());
        let told = server.kubectl_here(&["events", "--for", "pod/proxy"]).await;
        assert_eq!(rows(&told, "").len(), 3, "{told}");
    })
    .await;
}

/// What was told of last stands last, though it was written first.
#[tokio::test]
async fn kubectl_describe_shows_what_a_node_has_and_what_it_had() {
    each(async |server| {
        let (node, now) = (server.node().await, Timestamp::now());
        let mut reporting = Reporting::start(server, Memory::default()).await;
        for minutes in [40, 39, 38, 35, 30] {
            reporting.tell(ago(now, minutes), ill(&node, "RuntimeDown", Warning, ago(now, 40))).await;
        }
        reporting.tell(ago(now, 25), ill(&node, "CniConfigMissing", Warning, ago(now, 25))).await;
        reporting.tell(ago(now, 20), ill(&node, "RuntimeDown", Warning, ago(now, 40))).await;
        reporting.end().await;
        let (missing, down) = (["Warning", "CniConfigMissing", "25m"], ["Warning", "RuntimeDown", OFTEN]);
        let text = server.kubectl(&["describe", "node", &server.node]).await;
        let wanted = [missing, down].map(|[kind, reason, age]| row([kind, reason, age, "kubewhy"]));
        assert_eq!(described(&text), wanted);
        let told = server.kubectl(&["events", "--for", &format!("node/{}", server.node), "-n", "default"]).await;
        let ages: Vec<[&str; 3]> = vec![["25m", missing[0], missing[1]], [OFTEN, down[0], down[1]]];
        assert_eq!(rows(&told, "").iter().map(|cells| [&*cells[0], &*cells[1], &*cells[2]]).collect::<Vec<_>>(), ages);
        let here = server.kubectl_here(&["get", "events"]).await;
        assert!(!here.contains(&server.node), "Events on a node live in default: {here}");
    })
    .await;
}

#[tokio::test]
async fn kubectl_get_events_and_kubectl_events_show_the_story_of_a_pod() {
    each(async |server| {
        tell_all(server, &server.pod("cart").await, Timestamp::now()).await;
        let told = server.kubectl_here(&["events", "--for", "pod/cart"]).await;
        let firsts = |text: &str| rows(text, "").into_iter().map(|cells| cells[..4].join(" | ")).collect::<Vec<_>>();
        assert_eq!(
            firsts(&told),
            [
                format!("{OFTEN} | Normal | ImagePullSlow | Pod/cart"),
                "15m | Warning | ImageNotFound | Pod/cart".to_owned(),
                "12m | Normal | Resolved | Pod/cart".to_owned(),
            ]
        );
        let sorted = server.kubectl_here(&["get", "events", "--sort-by=.lastTimestamp"]).await;
        assert_eq!(
            firsts(&sorted),
            [
                "20m | Normal | ImagePullSlow | pod/cart",
                "15m | Warning | ImageNotFound | pod/cart",
                "12m | Normal | Resolved | pod/cart",
            ]
        );
        let fields = "jsonpath={range .items[*]}{.reason} {.count} {.source.component} {.source.host} \
                      {.reportingComponent} {.involvedObject.uid}{\"\\n\"}{end}";
        let told = server.kubectl_here(&["get", "events", "--sort-by=.lastTimestamp", "-o", fields]).await;
        let pod = server.get(&server.path("pods/cart")).await;
        let uid = pod["metadata"]["uid"].as_str().unwrap();
        let wanted = [("ImagePullSlow", 6), ("ImageNotFound", 1), ("Resolved", 1)]
            .map(|(reason, count)| format!("{reason} {count} kubewhy {} kubewhy {uid}", server.node));
        assert_eq!(told.lines().collect::<Vec<_>>(), wanted);
    })
    .await;
}

/// Names, counts and times of the Events of the test's namespace.
async fn events(server: &Server) -> BTreeMap<String, (u64, Value)> {
    let list = server.get(&server.path("events")).await;
    let entry = |event: &Value| {
        let name = event["metadata"]["name"].as_str().unwrap().to_owned();
        (name, (event["count"].as_u64().unwrap(), event["lastTimestamp"].clone()))
    };
    list["items"].as_array().unwrap().iter().map(entry).collect()
}

/// Without its memory too, where it dates the trouble alike: names are made of that.
#[tokio::test]
async fn an_agent_that_starts_again_doubles_nothing() {
    each(async |server| {
        let (pod, now, state) = (server.pod("cart").await, Timestamp::now(), server.dir.path().join("state"));
        std::fs::create_dir(&state).unwrap();
        let sick = || ill(&pod, "ImageNotFound", Warning, ago(now, 40));
        let mut reporting = Reporting::start(server, Memory::open(&state)).await;
        reporting.tell(ago(now, 40), sick()).await;
        reporting.end().await;
        let first = events(server).await;

        let mut reporting = Reporting::start(server, Memory::open(&state)).await;
        reporting.tell(ago(now, 39), sick()).await;
        reporting.tell(ago(now, 37), well(&pod, "ImageNotFound", ago(now, 38))).await;
        reporting.end().await;
        let whole = events(server).await;
        let (name, (count, _)) = first.first_key_value().unwrap();
        assert_eq!((whole.len(), *count, whole[name].0), (2, 1, 2), "{whole:?}");

        let mut forgetful = Reporting::start(server, Memory::default()).await;
        forgetful.tell(ago(now, 36), sick()).await;
        forgetful.tell(ago(now, 34), well(&pod, "ImageNotFound", ago(now, 35))).await;
        forgetful.end().await;
        let again = events(server).await;
        assert!(again.keys().eq(whole.keys()) && again[name].1 != whole[name].1, "{again:?}");
    })
    .await;
}

/// Seen by a list as `kubectl describe` asks for it, and by a watch as `kubectl get events --watch` does.
#[tokio::test]
async fn an_event_is_there_for_kubectl_as_soon_as_it_is_written() {
    each(async |server| {
        let request = http::Request::builder().uri(server.path("events?watch=true")).body(Vec::new()).unwrap();
        let mut lines = server.client().request_stream(request).await.unwrap().lines();
        let mut reporting = Reporting::start(server, Memory::default()).await;
        let [mut told, mut listed, mut watched] = [const { Vec::new() }; 3];
        for sample in 0..SAMPLES {
            let name = format!("pod-{sample}");
            let uid = PodUid::new(&format!("uid-of-{name}"));
            let pod = Subject::Pod(PodId { uid, namespace: server.space.as_str().into(), name: name.as_str().into() });
            let begun = Instant::now();
            let written = reporting.tell(Timestamp::now(), ill(&pod, "ImageNotFound", Warning, Timestamp::now())).await;
            let selector = format!("involvedObject.name={name},involvedObject.uid=uid-of-{name}");
            let list = server.get(&server.path(&format!("events?fieldSelector={selector}"))).await;
            listed.push(written.elapsed());
            assert_eq!(list["items"].as_array().unwrap().len(), 1, "{name}");
            let line: Value = serde_json::from_str(&lines.next().await.unwrap().unwrap()).unwrap();
            watched.push(written.elapsed());
            assert_eq!(line["object"]["involvedObject"]["name"], *name);
            told.push(written - begun);
        }
        reporting.end().await;
        for (what, times) in
            [("from the verdict to the write", &mut told), ("listed", &mut listed), ("watched", &mut watched)]
        {
            times.sort();
            println!("{}: {what}: median {:?}, at most {:?}", server.space, times[SAMPLES / 2], times[SAMPLES - 1]);
        }
        let worst = listed[SAMPLES - 1].max(watched[SAMPLES - 1]);
        assert!(!server.is_real || worst <= VISIBLE_WITHIN, "{worst:?}");
    })
    .await;
}
