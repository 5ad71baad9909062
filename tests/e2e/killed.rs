//! An agent that is killed again and again, at any moment, while pods get stuck and get going: each trouble is told once and
//! its end once. None is lost, none doubled.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use kubewhy_lab::demo::Scene;
use kubewhy_lab::{in_lab, namespaces};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::stage::{SOON, Way, events, machine, unwatched};

/// How often: in a test, and in the long run.
const KILLS: [usize; 2] = [50, 1_000];
/// An agent lives so long, in milliseconds: some die before they have said a word, some in the middle of one.
const LIVES: std::ops::Range<u64> = 100..4_000;
/// Pods in trouble at a time.
const AT_ONCE: usize = 8;
/// A cause may be told so often at once, and once more in so many seconds: what is beyond that is held back, and counted.
const PER_CAUSE: (usize, u64) = (25, 20);
/// An Event is refreshed at these minutes of its age, of which none here has more than thirty.
const REFRESH_AT: [u64; 6] = [1, 2, 5, 10, 20, 30];
/// A node of the test's own: no kubelet minds its pods.
pub(crate) const NODE: &str = "mortal-node";
const NAMESPACE: &str = "shop";

/// What the kubelet says of a container that can't start, and the cause.
const TROUBLES: &[(&str, &str, &str)] = &[
    (
        "ImageNotFound",
        "ErrImagePull",
        "rpc error: code = NotFound desc = failed to pull and unpack image: r.example.com/a:1: not found",
    ),
    ("ImageAccessDenied", "ErrImagePull", "failed to pull and unpack image: failed to authorize: 401 Unauthorized"),
    ("ConfigReferenceMissing", "CreateContainerConfigError", "secret \"cart\" not found"),
];

/// A pod that can't start.
pub(crate) struct Trouble {
    pub(crate) pod: String,
    pub(crate) cause: &'static str,
    pub(crate) mended: bool,
}

/// What was told of one pod.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) firsts: usize,
    pub(crate) ends: usize,
}

#[test]
fn whenever_the_agent_is_killed_every_trouble_is_told_once_and_its_end_once() {
    let _machine = machine();
    in_lab!(async {
        let scene = unwatched().await?;
        scene.put(node());
        let way = Way { node: NODE.to_owned(), ..Way::of(&scene, "mortal") };
        let (mut troubles, kills) = (Vec::new(), KILLS[usize::from(namespaces::is_soak())]);
        let begun = Instant::now();
        for _ in 0..kills {
            stir(&scene, &mut troubles, begun.elapsed());
            let mut agent = way.launch()?;
            sleep(Duration::from_millis(fastrand::u64(LIVES))).await;
            agent.daemon.kill().await?;
        }
        let mut last = way.ready().await?;
        until_all_ended(&scene, &mut troubles).await.with_context(|| last.daemon.log_end())?;
        last.stop().await?;
        let reasons = reasons(&scene);
        for trouble in &troubles {
            let told = trouble.told(&reasons);
            ensure!(told == Told { firsts: 1, ends: 1 }, "{} ({}): {told:?}", trouble.pod, trouble.cause);
        }
        let strays = events(&scene).len() - 2 * troubles.len();
        ensure!(strays == 0, "{strays} Events of nothing that was wrong");
        none_told_anew(&scene)?;
        eprintln!(
            "{kills} agents killed in {:.0?}: {} troubles, none lost, none doubled",
            begun.elapsed(),
            troubles.len()
        );
        ensure!(troubles.len() > kills / 10, "too few to prove anything");
        scene.end().await
    });
}

/// Mends what was told, and breaks something else.
fn stir(scene: &Scene, troubles: &mut Vec<Trouble>, elapsed: Duration) {
    let reasons = reasons(scene);
    for trouble in troubles.iter_mut().filter(|trouble| !trouble.mended) {
        if trouble.told(&reasons).firsts > 0 && fastrand::bool() {
            scene.put(pod(&trouble.pod, &running()));
            trouble.mended = true;
        }
    }
    let open = troubles.iter().filter(|trouble| trouble.told(&reasons).ends == 0).count();
    let allowed = TROUBLES.len() * (PER_CAUSE.0 + usize::try_from(elapsed.as_secs() / PER_CAUSE.1).unwrap_or(0));
    if open < AT_ONCE && troubles.len() + 1 < allowed && troubles.len() < 50 + elapsed.as_secs() as usize / 10 {
        let (cause, reason, message) = TROUBLES[troubles.len() % TROUBLES.len()];
        let pod_name = format!("cart-{}", troubles.len());
        scene.put(pod(&pod_name, &json!({"waiting": {"reason": reason, "message": message}})));
        troubles.push(Trouble { pod: pod_name, cause, mended: false });
    }
}

/// Mends each trouble once it is told, and waits for its end.
async fn until_all_ended(scene: &Scene, troubles: &mut [Trouble]) -> anyhow::Result<()> {
    let deadline = Instant::now() + SOON;
    loop {
        let reasons = reasons(scene);
        for trouble in troubles.iter_mut().filter(|trouble| !trouble.mended) {
            if trouble.told(&reasons).firsts > 0 {
                scene.put(pod(&trouble.pod, &running()));
                trouble.mended = true;
            }
        }
        let open = troubles.iter().filter(|trouble| trouble.told(&reasons).ends == 0);
        let open: Vec<_> = open.map(|trouble| (&trouble.pod, trouble.cause, trouble.mended)).collect();
        if open.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "lost: {open:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// An Event has the name of what it tells, so what is told a second time is no second Event but another state of the first. Of
/// the states of one, each was told at its own time however often it was written, and none was told before it was due.
fn none_told_anew(scene: &Scene) -> anyhow::Result<()> {
    let mut told = BTreeMap::<String, BTreeMap<u64, jiff::Timestamp>>::new();
    for event in scene.api.journal().events().iter().filter(|event| event["source"]["component"] == "kubewhy") {
        let name = event["metadata"]["name"].as_str().unwrap_or_default();
        let time = |field: &str| event[field].as_str().unwrap_or_default().parse::<jiff::Timestamp>();
        let (first, last, count) =
            (time("firstTimestamp")?, time("lastTimestamp")?, event["count"].as_u64().unwrap_or(0));
        let times = told.entry(name.to_owned()).or_default();
        ensure!(*times.entry(count).or_insert(last) == last, "{name} was told anew: {event}");
        ensure!(times.keys().next_back() == Some(&count), "{name} counts backwards: {event}");
        let age = u64::try_from(last.duration_since(first).as_secs()).context("ends before it begins")?;
        let refreshes = REFRESH_AT.iter().filter(|minutes| *minutes * 60 <= age).count() as u64;
        ensure!((1..=1 + refreshes).contains(&count), "{name} was told too often: {event}");
    }
    Ok(())
}

/// What was told of that pod by now.
pub(crate) fn told(scene: &Scene, trouble: &Trouble) -> Told {
    trouble.told(&reasons(scene))
}

/// The reasons of all Events, by pod: read once for all troubles, of which there are many by and by.
fn reasons(scene: &Scene) -> BTreeMap<String, Vec<String>> {
    let mut reasons = BTreeMap::<_, Vec<_>>::new();
    for event in events(scene) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        reasons.entry(text(&event["involvedObject"]["name"])).or_default().push(text(&event["reason"]));
    }
    reasons
}

impl Trouble {
    fn told(&self, reasons: &BTreeMap<String, Vec<String>>) -> Told {
        let count = |reason: &str| reasons.get(&self.pod).map_or(0, |of| of.iter().filter(|is| *is == reason).count());
        Told { firsts: count(self.cause), ends: count("Resolved") }
    }
}

pub(crate) fn node() -> Value {
    let ready = json!({"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": now()});
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE},
        "status": {"conditions": [ready]},
    })
}

pub(crate) fn running() -> Value {
    json!({"running": {"startedAt": now()}})
}

pub(crate) fn pod(name: &str, state: &Value) -> Value {
    let runs = state.get("running").is_some();
    let condition = |kind: &str, status: bool| json!({"type": kind, "status": if status { "True" } else { "False" }, "lastTransitionTime": now()});
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"nodeName": NODE, "containers": [{"name": "main", "image": "r.example.com/a:1"}]},
        "status": {
            "phase": if runs { "Running" } else { "Pending" },
            "startTime": now(),
            "conditions": [
                condition("PodScheduled", true), condition("PodReadyToStartContainers", true), condition("Ready", runs),
            ],
            "containerStatuses": [{
                "name": "main", "image": "r.example.com/a:1", "imageID": "", "ready": runs, "started": runs,
                "restartCount": 0, "state": state,
            }],
        },
    })
}

fn now() -> String {
    kubewhy_lab::apiserver::rfc3339(jiff::Timestamp::now())
}
