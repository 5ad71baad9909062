//! The worst trouble of the node as a condition of its Node object, for machines that act on conditions. Off unless asked for;
//! written when it changes, and else every five minutes, so that its age tells whether an agent is there. That nothing is
//! wrong is said once all was looked at, never by an agent that has just begun. Needs `patch` on `nodes/status`, which the
//! base does not give.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::backoff::Backoff;
use crate::clock::Clock;
use crate::model::Time;
use crate::model::cause::EventType;
use crate::model::snapshot::Snapshot;
use crate::model::wording::{MESSAGE_LIMIT, cut};

/// Its type. True: kubewhy tells a Warning of this node.
pub const TYPE: &str = "kubewhy.dev/NodeTrouble";
const NO_REASON: &str = "NoTrouble";
const NO_TROUBLE: &str = "kubewhy finds nothing wrong with this node";
/// By then every probe has looked twice, and what holds has dwelt: before, that nothing is known is no news.
const LOOKED: Duration = Duration::from_secs(60);
/// What did not change is written again after this time.
const HEARTBEAT: Duration = Duration::from_secs(300);
/// What changes faster is not followed.
const AT_LEAST: Duration = Duration::from_secs(10);
/// One request with its answer.
const REQUEST: Duration = Duration::from_secs(10);
/// Between tries that fail.
const RETRY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));

/// What the condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
    trouble: bool,
    reason: Arc<str>,
    message: String,
}

/// Keeps the condition.
pub struct Condition {
    /// The way to the API server.
    pub client: kube::Client,
    /// The node's name.
    pub node: Arc<str>,
    /// Where everything stands.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Whether it is wanted.
    pub wanted: watch::Receiver<bool>,
    /// The agent's clock.
    pub clock: Clock,
}

impl Condition {
    /// Runs until stopped. While it is not wanted it costs nothing and says nothing; what it said before is taken back.
    pub async fn run(mut self, stop: CancellationToken) {
        let keeping = Box::pin(async {
            while self.wanted.wait_for(|wanted| *wanted).await.is_ok() {
                let mut wanted = self.wanted.clone();
                tokio::select! {
                    () = self.keep() => {}
                    Ok(_) = wanted.wait_for(|wanted| !*wanted) => {}
                }
                self.write_until_done(gone()).await;
            }
        });
        stop.run_until_cancelled(keeping).await;
    }

    async fn keep(&self) {
        let mut snapshots = self.snapshots.clone();
        let mut turned = self.read().await;
        _ = timeout(LOOKED, snapshots.wait_for(|snapshot| Standing::of(snapshot).trouble)).await;
        loop {
            let standing = Standing::of(&snapshots.borrow_and_update());
            let same = turned.filter(|(trouble, _)| *trouble == standing.trouble);
            let since = same.map_or_else(|| self.clock.now(), |(_, since)| since);
            self.write_until_done(condition(&standing, since, self.clock.now())).await;
            sleep(AT_LEAST).await;
            let other = snapshots.wait_for(|snapshot| !standing.is(&Standing::of(snapshot)));
            _ = timeout(HEARTBEAT.saturating_sub(AT_LEAST), other).await;
            turned = Some((standing.trouble, since));
        }
    }

    /// What an agent before this one wrote last: whether there was trouble, and since when that is so.
    async fn read(&self) -> Option<(bool, Time)> {
        let this = ListParams::default().fields(&format!("metadata.name={}", self.node));
        let nodes = timeout(REQUEST, Api::<Node>::all(self.client.clone()).list(&this)).await.ok()?.ok()?;
        let conditions = nodes.items.into_iter().next()?.status?.conditions?;
        let ours = conditions.into_iter().find(|condition| condition.type_ == TYPE)?;
        Some((ours.status == "True", ours.last_transition_time?.0))
    }

    /// A condition that can't be written is tried again, ever more rarely; by then it may be another.
    async fn write_until_done(&self, condition: Value) {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        for tried in 0_u32.. {
            let Err(error) = write(&self.client, &self.node, &condition).await else { return };
            if tried == 0 {
                tracing::warn!(%error, "the node's condition cannot be written; is patch on nodes/status allowed?");
            }
            sleep(AT_LEAST + backoff.wait()).await;
        }
    }
}

impl Standing {
    /// The first of the node's troubles that needs a person.
    fn of(snapshot: &Snapshot) -> Self {
        match snapshot.node_troubles.iter().find(|trouble| trouble.kind == EventType::Warning) {
            Some(trouble) => Self {
                trouble: true,
                reason: trouble.cause.as_ref().into(),
                message: cut(&trouble.sentence, MESSAGE_LIMIT),
            },
            None => Self { trouble: false, reason: NO_REASON.into(), message: NO_TROUBLE.to_owned() },
        }
    }

    /// The same but for the message, which may count seconds.
    fn is(&self, other: &Self) -> bool {
        (self.trouble, &self.reason) == (other.trouble, &other.reason)
    }
}

/// Takes it off that Node.
pub(super) async fn take_back(client: &kube::Client, node: &str) -> Result<(), String> {
    write(client, node, &gone()).await
}

fn gone() -> Value {
    json!({"$patch": "delete", "type": TYPE})
}

async fn write(client: &kube::Client, node: &str, condition: &Value) -> Result<(), String> {
    let writing = async {
        let patch = json!({"status": {"conditions": [condition]}});
        let nodes = kube::core::Request::new("/api/v1/nodes");
        let request = nodes.patch_subresource("status", node, &PatchParams::default(), &Patch::Strategic(&patch));
        let request = request.map_err(|error| error.to_string())?.map(Body::from);
        let answer = client.send(request).await.map_err(|error| error.to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
    };
    timeout(REQUEST, writing).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

fn condition(standing: &Standing, since: Time, now: Time) -> Value {
    let second = |time: Time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({
        "type": TYPE,
        "status": if standing.trouble { "True" } else { "False" },
        "reason": &*standing.reason,
        "message": standing.message,
        "lastTransitionTime": second(since),
        "lastHeartbeatTime": second(now),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use http::StatusCode;

    use super::*;
    use crate::model::diagnosis::Confidence;
    use crate::model::since;
    use crate::model::snapshot::Trouble;

    type Asked = Arc<Mutex<Vec<(Time, Value)>>>;

    struct Rig {
        asked: Asked,
        refuse: Arc<Mutex<bool>>,
        snapshots: watch::Sender<Arc<Snapshot>>,
        wanted: watch::Sender<bool>,
    }

    fn snapshot(causes: &[(&'static str, EventType)]) -> Arc<Snapshot> {
        let trouble = |(cause, kind): &(&'static str, EventType)| Trouble {
            cause: (*cause).into(),
            kind: *kind,
            confidence: Confidence::Observed,
            gist: String::new(),
            sentence: format!("{cause} holds."),
            since: Time::UNIX_EPOCH,
        };
        Arc::new(Snapshot {
            at: Time::UNIX_EPOCH,
            node: "node-7".into(),
            runtime: String::new(),
            node_troubles: causes.iter().map(trouble).collect(),
            starts: Vec::new(),
            pulls: Vec::new(),
            pulls_unseen: None,
            sets: Vec::new(),
        })
    }

    /// The node as an agent of yesterday left it.
    fn before() -> Value {
        let ours = json!({"type": TYPE, "status": "False", "lastTransitionTime": "2026-11-20T01:02:03Z"});
        let node = json!({"metadata": {"name": "node-7"}, "status": {"conditions": [ours]}});
        json!({"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": [node]})
    }

    fn start() -> Rig {
        let clock = Clock::starting_at("2026-11-21T03:00:00Z".parse().unwrap());
        let (asked, refuse) = (Asked::default(), Arc::new(Mutex::new(false)));
        let service = tower::service_fn({
            let (asked, refuse) = (asked.clone(), refuse.clone());
            move |request: http::Request<Body>| {
                let (asked, refuse) = (asked.clone(), refuse.clone());
                async move {
                    if request.method() == http::Method::GET {
                        assert_eq!(request.uri().query().unwrap_or_default(), "&fieldSelector=metadata.name%3Dnode-7");
                        return Ok(http::Response::new(Body::from(serde_json::to_vec(&before()).unwrap())));
                    }
                    assert_eq!(request.uri().path(), "/api/v1/nodes/node-7/status");
                    assert_eq!(request.headers()["content-type"], "application/strategic-merge-patch+json");
                    let body = request.into_body().collect_bytes().await.unwrap();
                    let mut patch: Value = serde_json::from_slice(&body).unwrap();
                    asked.lock().unwrap().push((clock.now(), patch["status"]["conditions"][0].take()));
                    let status = if *refuse.lock().unwrap() { StatusCode::FORBIDDEN } else { StatusCode::OK };
                    Ok::<_, std::io::Error>(http::Response::builder().status(status).body(Body::empty()).unwrap())
                }
            }
        });
        let (snapshots, watched) = watch::channel(snapshot(&[]));
        let (want, wanted) = watch::channel(true);
        let client = kube::Client::new(service, "default");
        let condition = Condition { client, node: "node-7".into(), snapshots: watched, wanted, clock };
        tokio::spawn(condition.run(CancellationToken::new()));
        Rig { asked, refuse, snapshots, wanted: want }
    }

    impl Rig {
        async fn after(&self, seconds: u64) -> Vec<(Time, Value)> {
            sleep(Duration::from_secs(seconds)).await;
            std::mem::take(&mut *self.asked.lock().unwrap())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_written_at_once_on_a_change_and_every_five_minutes() {
        let rig = start();
        assert!(rig.after(59).await.is_empty(), "it has not looked at everything");
        let first = rig.after(2).await;
        assert_eq!((&first[0].1["status"], &first[0].1["reason"]), (&json!("False"), &json!("NoTrouble")));
        assert_eq!(first[0].1["lastTransitionTime"], "2026-11-20T01:02:03Z", "that did not change with the agent");
        let beats = rig.after(599).await;
        assert_eq!(beats.len(), 1, "{beats:?}");
        assert_eq!(beats[0].1["lastTransitionTime"], first[0].1["lastTransitionTime"]);
        assert_ne!(beats[0].1["lastHeartbeatTime"], first[0].1["lastHeartbeatTime"]);
        rig.after(11).await;
        rig.snapshots.send_replace(snapshot(&[("DiskFull", EventType::Normal), ("RuntimeDown", EventType::Warning)]));
        let changed = rig.after(1).await;
        assert_eq!((&changed[0].1["status"], &changed[0].1["reason"]), (&json!("True"), &json!("RuntimeDown")));
        let turned = changed[0].1["lastTransitionTime"].clone();
        assert_ne!(turned, first[0].1["lastTransitionTime"]);
        rig.after(11).await;
        rig.snapshots.send_replace(snapshot(&[("KubeletDown", EventType::Warning)]));
        let other = rig.after(1).await;
        assert_eq!((&other[0].1["reason"], &other[0].1["lastTransitionTime"]), (&json!("KubeletDown"), &turned));
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_is_told_by_an_agent_that_has_just_begun() {
        let rig = start();
        rig.after(5).await;
        rig.snapshots.send_replace(snapshot(&[("DiskFull", EventType::Warning)]));
        assert_eq!(rig.after(1).await[0].1["status"], "True");
    }

    #[tokio::test(start_paused = true)]
    async fn what_changes_fast_is_not_followed_and_what_fails_is_tried_ever_more_rarely() {
        let rig = start();
        rig.after(61).await;
        for n in 0..20 {
            let causes: &[_] = if n % 2 == 0 { &[("DiskFull", EventType::Warning)] } else { &[] };
            rig.snapshots.send_replace(snapshot(causes));
            sleep(Duration::from_secs(1)).await;
        }
        assert!(rig.after(0).await.len() <= 2);
        *rig.refuse.lock().unwrap() = true;
        rig.snapshots.send_replace(snapshot(&[("DiskFull", EventType::Warning)]));
        let tries = rig.after(3_600).await;
        assert!((5..60).contains(&tries.len()), "{}", tries.len());
        assert!(tries.windows(2).all(|two| since(two[0].0, two[1].0) >= AT_LEAST));
    }

    #[tokio::test(start_paused = true)]
    async fn switched_off_it_is_taken_back_and_says_no_more() {
        let rig = start();
        rig.after(61).await;
        rig.wanted.send_replace(false);
        assert_eq!(rig.after(1).await[0].1, json!({"$patch": "delete", "type": TYPE}));
        assert!(rig.after(3_600).await.is_empty());
    }
}
