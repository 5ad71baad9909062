//! What pre-pulling writes on the Node, against the double of the API server, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kubewhy::clock::Clock;
use kubewhy::model::observation::{Observation, Seen};
use kubewhy::model::prepull::{SetProgress, StartupTaint};
use kubewhy::model::settings::{PrepullSet, PrepullSettings};
use kubewhy::report::node_marks::{NodeMarks, PREFIX, Sets, Worn};
use kubewhy_lab::apiserver::resources::NODES;
use kubewhy_lab::apiserver::{ApiServer, Broken, Fault, Options};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

const NODE: &str = "node-7";
const TAINT: &str = "example.com/images";
const MINUTE: u64 = 60;

type Hook = Arc<Mutex<Option<Box<dyn FnOnce(&ApiServer) + Send>>>>;

/// A node in a cluster, and what marks it.
struct Stage {
    server: Arc<ApiServer>,
    /// Happens once, just before the next write.
    meanwhile: Hook,
    worn: watch::Sender<Option<Worn>>,
    sets: watch::Sender<Sets>,
    settings: watch::Sender<PrepullSettings>,
    told: mpsc::Receiver<Observation>,
}

fn taint(key: &str) -> Value {
    json!({"key": key, "effect": "NoSchedule"})
}

fn node(labels: &Value, taints: &[&str]) -> Value {
    let taints: Vec<_> = taints.iter().map(|key| taint(key)).collect();
    let metadata = json!({"name": NODE, "labels": labels});
    json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": taints, "providerID": "x"}})
}

impl Stage {
    /// The agent starts, and has seen its Node; of the sets nothing is known yet.
    async fn new(node: Value, settings: PrepullSettings) -> Self {
        let server = Arc::new(ApiServer::indoors(Options { schemas: None, ..Options::default() }));
        server.store().put(node);
        let meanwhile = Hook::default();
        let service = tower::service_fn({
            let (server, meanwhile) = (Arc::clone(&server), Arc::clone(&meanwhile));
            move |request: http::Request<kube::client::Body>| {
                if request.method() == http::Method::PATCH
                    && let Some(happens) = meanwhile.lock().unwrap().take()
                {
                    happens(&server);
                }
                server.way().ask(request.map(axum::body::Body::new))
            }
        });
        let ((worn, seen), (sets, far), (settings, wanted)) =
            (watch::channel(None), watch::channel(Sets::new()), watch::channel(settings));
        let (out, told) = mpsc::channel(16);
        let client = kube::Client::new(service, "default");
        let marks =
            NodeMarks { client, node: NODE.into(), worn: seen, sets: far, settings: wanted, clock: Clock::start() };
        tokio::spawn(marks.run(out, CancellationToken::new()));
        let stage = Self { server, meanwhile, worn, sets, settings, told };
        stage.look();
        stage.after(0).await;
        stage
    }

    fn node(&self) -> Value {
        Value::clone(&self.server.store().get(&NODES, "", NODE).unwrap())
    }

    /// What the watch of the Node would tell by now.
    fn look(&self) {
        let node = self.node();
        let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
        let labels = labels.map(|(key, value)| (key.as_str().into(), value.as_str().unwrap().into())).collect();
        let taints = self.taints().iter().map(|key| key.as_str().into()).collect();
        let created = node["metadata"]["creationTimestamp"].as_str().map(|at| at.parse().unwrap());
        self.worn.send_replace(Some(Worn { created, labels, taints }));
    }

    fn taints(&self) -> Vec<String> {
        let node = self.node();
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        taints.iter().map(|taint| taint["key"].as_str().unwrap().to_owned()).collect()
    }

    /// The labels of ours, without their prefix.
    fn labels(&self) -> Vec<String> {
        let node = self.node();
        let labels = node["metadata"]["labels"].as_object().cloned().unwrap_or_default();
        let ours = labels.iter().filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?.to_owned(), value.clone())));
        ours.map(|(set, value)| format!("{set}={}", value.as_str().unwrap())).collect()
    }

    fn is(&self, set: &str, here: &[&str], missing: &[&str]) {
        let images = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect::<Arc<[Arc<str>]>>();
        let progress = SetProgress {
            set: set.into(),
            images: here.len() + missing.len(),
            present: here.len(),
            pulled: 0,
            bytes: 0,
            here: images(here),
            missing: images(missing),
            failed: Vec::new(),
            gone: 0,
            settled: missing.is_empty(),
            refused: None,
            waits: None,
        };
        self.sets.send_modify(|sets| _ = sets.insert(set.into(), progress));
    }

    /// Whether something was written or read within so many seconds; then the Node is looked at.
    async fn after(&self, seconds: u64) -> usize {
        let before = self.asked().len();
        sleep(Duration::from_millis(1 + 1_000 * seconds)).await;
        self.look();
        sleep(Duration::from_millis(1)).await;
        self.asked().len() - before
    }

    fn asked(&self) -> Vec<String> {
        self.server.journal().requests().into_iter().map(|entry| entry.verb).collect()
    }

    fn patches(&self) -> usize {
        self.asked().iter().filter(|verb| *verb == "patch").count()
    }

    fn told(&mut self) -> Vec<StartupTaint> {
        std::iter::from_fn(|| self.told.try_recv().ok())
            .map(|observation| match observation.seen {
                Seen::StartupTaint(taint) => taint,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn fails(&self, broken: Broken) {
        self.server.set_fault(broken);
    }

    fn mends(&self) {
        self.server.set_faults(Vec::new());
    }
}

fn set(name: &str, images: &[&str]) -> PrepullSet {
    PrepullSet::new(name, images.iter().map(|image| (*image).into()).collect())
}

fn labelled(sets: Vec<PrepullSet>) -> PrepullSettings {
    PrepullSettings { node_labels: true, sets, ..PrepullSettings::default() }
}

fn tainted(sets: Vec<PrepullSet>) -> PrepullSettings {
    PrepullSettings { startup_taint: Some(TAINT.into()), sets, ..PrepullSettings::default() }
}

fn essential(name: &str, images: &[&str]) -> PrepullSet {
    PrepullSet { essential: true, ..set(name, images) }
}

fn forbidden() -> Broken {
    Fault::Answer { code: 403, retry_after: None }.on("patch", "nodes")
}

#[tokio::test(start_paused = true)]
async fn a_set_is_labelled_once_it_is_complete_and_no_more_when_it_is_not() {
    let stage = Stage::new(node(&json!({"zone": "a"}), &[]), labelled(vec![set("base", &["a:1", "b:1"])])).await;
    stage.is("base", &["a:1"], &["b:1"]);
    assert_eq!(stage.after(60).await, 0);
    stage.is("base", &["a:1", "b:1"], &[]);
    assert_eq!((stage.after(1).await, stage.labels()), (1, vec!["base=complete".to_owned()]));
    assert_eq!(stage.after(3_600).await, 0, "it is written on a change alone");
    stage.is("base", &["b:1"], &["a:1"]);
    assert_eq!((stage.after(10).await, stage.labels()), (1, Vec::new()));
    assert_eq!(stage.node()["metadata"]["labels"], json!({"zone": "a"}));
}

#[tokio::test(start_paused = true)]
async fn a_new_agent_takes_away_what_is_asked_for_no_more_and_leaves_what_it_does_not_know_yet() {
    let labels = json!({
        "prepull.kubewhy.dev/base": "complete", "prepull.kubewhy.dev/old": "complete", "prepull.kubewhy.dev/gpu": "complete",
        "prepull.kubewhy.devious/x": "complete", "kubewhy.dev/base": "complete",
    });
    let gpu = PrepullSet { match_labels: [("gpu".into(), "yes".into())].into(), ..set("gpu", &["g:1"]) };
    let stage = Stage::new(node(&labels, &[]), labelled(vec![set("base", &["a:1"]), gpu])).await;
    assert_eq!((stage.after(1).await, stage.labels()), (0, vec!["base=complete".to_owned()]));
    assert_eq!(stage.patches(), 1);
    let others = &stage.node()["metadata"]["labels"];
    assert!(others["prepull.kubewhy.devious/x"] == "complete" && others["kubewhy.dev/base"] == "complete");
    stage.is("base", &["a:1"], &[]);
    assert_eq!(stage.after(60).await, 0, "the label is there already");
    stage.settings.send_modify(|settings| settings.sets.clear());
    assert_eq!((stage.after(1).await, stage.labels().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_set_with_another_image_is_complete_again_once_that_is_here() {
    let stage = Stage::new(node(&json!({}), &[]), labelled(vec![set("base", &["a:1"])])).await;
    stage.is("base", &["a:1"], &[]);
    stage.after(10).await;
    stage.settings.send_modify(|settings| settings.sets = vec![set("base", &["a:2"])]);
    assert_eq!((stage.after(10).await, stage.labels().len()), (0, 1), "nothing is known of it yet");
    stage.is("base", &[], &["a:2"]);
    assert_eq!((stage.after(10).await, stage.labels().len()), (1, 0));
    stage.is("base", &["a:2"], &[]);
    assert_eq!((stage.after(10).await, stage.labels().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn switched_off_the_labels_are_taken_back_once_even_if_that_takes_a_while() {
    let stage = Stage::new(node(&json!({}), &[]), labelled(vec![set("base", &["a:1"])])).await;
    stage.is("base", &["a:1"], &[]);
    stage.after(10).await;
    stage.fails(forbidden());
    stage.settings.send_modify(|settings| settings.node_labels = false);
    stage.after(60).await;
    stage.mends();
    stage.after(600).await;
    assert!(stage.labels().is_empty());
    stage.is("base", &[], &["a:1"]);
    assert_eq!(stage.after(3_600).await, 0);
}

#[tokio::test(start_paused = true)]
async fn with_both_off_nothing_is_asked_and_nothing_is_written() {
    let sets = vec![essential("base", &["a:1"])];
    let labels = json!({"prepull.kubewhy.dev/old": "complete"});
    let stage = Stage::new(node(&labels, &[TAINT]), PrepullSettings { sets, ..PrepullSettings::default() }).await;
    stage.is("base", &["a:1"], &[]);
    stage.after(3_600).await;
    assert!(stage.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_label_that_may_not_be_written_is_tried_ever_more_rarely_for_ever() {
    let stage = Stage::new(node(&json!({}), &[]), labelled(vec![set("base", &["a:1"])])).await;
    stage.fails(forbidden());
    stage.is("base", &["a:1"], &[]);
    let tries = stage.after(3_600).await;
    assert!((8..120).contains(&tries), "{tries}");
    stage.mends();
    stage.after(600).await;
    assert_eq!(stage.labels(), ["base=complete"]);
}

#[tokio::test(start_paused = true)]
async fn the_taint_goes_once_every_essential_set_of_this_node_is_complete() {
    let elsewhere = PrepullSet { match_labels: [("gpu".into(), "yes".into())].into(), ..essential("gpu", &["g:1"]) };
    let sets = vec![essential("base", &["a:1", "b:1"]), elsewhere, set("more", &["c:1"])];
    let mut stage = Stage::new(node(&json!({}), &["other", TAINT]), tainted(sets)).await;
    stage.is("base", &["a:1"], &["b:1"]);
    assert_eq!(stage.after(5 * MINUTE).await, 0, "it waits without a question");
    stage.is("base", &["a:1", "b:1"], &[]);
    stage.after(1).await;
    assert_eq!((stage.taints(), stage.patches()), (vec!["other".to_owned()], 1));
    assert_eq!(stage.node()["spec"]["providerID"], "x");
    assert_eq!(stage.told(), [StartupTaint::Gone { taint: TAINT.into(), unfinished: Vec::new() }]);
    assert_eq!(stage.after(3_600).await, 0);
}

#[tokio::test(start_paused = true)]
async fn without_an_essential_set_the_taint_goes_at_once_with_all_its_effects() {
    let stage = Stage::new(node(&json!({}), &[TAINT, "other", TAINT]), tainted(vec![set("base", &["a:1"])])).await;
    assert_eq!(stage.taints(), ["other"]);
}

#[tokio::test(start_paused = true)]
async fn the_taint_goes_after_ten_minutes_whatever_is_missing_and_that_is_told() {
    let mut stage = Stage::new(node(&json!({}), &[TAINT]), tainted(vec![essential("base", &["a:1"])])).await;
    stage.is("base", &[], &["a:1"]);
    stage.after(9 * MINUTE + 50).await;
    assert_eq!((stage.taints().len(), stage.told()), (1, Vec::new()));
    stage.after(11).await;
    assert!(stage.taints().is_empty());
    assert_eq!(stage.told(), [StartupTaint::Gone { taint: TAINT.into(), unfinished: vec!["base".into()] }]);
}

/// An agent that keeps ending would else hold it for ever.
#[tokio::test(start_paused = true)]
async fn on_a_new_node_the_ten_minutes_count_from_when_it_was_made() {
    for (age, left) in [(9, 1), (55, 0), (65, 10)] {
        let mut made = node(&json!({}), &[TAINT]);
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(age);
        made["metadata"]["creationTimestamp"] = json!(kubewhy_lab::apiserver::rfc3339(at));
        let stage = Stage::new(made, tainted(vec![essential("base", &["a:1"])])).await;
        stage.is("base", &[], &["a:1"]);
        stage.after((left * MINUTE).saturating_sub(10)).await;
        assert_eq!(stage.taints().is_empty(), left == 0, "a node of {age} minutes");
        stage.after(11).await;
        assert!(stage.taints().is_empty(), "a node of {age} minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_is_asked_until_the_taint_is_gone() {
    let mut stage = Stage::new(node(&json!({}), &[TAINT]), tainted(vec![essential("base", &["a:1"])])).await;
    stage.fails(Fault::Refuse.everywhere());
    stage.is("base", &["a:1"], &[]);
    stage.after(2 * 3_600).await;
    assert_eq!((stage.taints().len(), stage.told()), (1, Vec::new()));
    stage.mends();
    stage.after(62).await;
    assert!(stage.taints().is_empty());
    assert_eq!(stage.told().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_taint_that_comes_between_the_look_and_the_write_is_never_lost() {
    let mut stage = Stage::new(node(&json!({}), &["first", TAINT]), tainted(vec![essential("base", &["a:1"])])).await;
    *stage.meanwhile.lock().unwrap() = Some(Box::new(|server| {
        server.store().edit(&NODES, "", NODE, |node| {
            node["spec"]["taints"] = json!([taint("first"), taint("new"), taint(TAINT)]);
        });
    }));
    stage.is("base", &["a:1"], &[]);
    stage.after(1).await;
    assert_eq!(stage.taints(), ["first", "new"]);
    assert_eq!((stage.patches(), stage.told().len()), (2, 1), "the first try fails as a whole");
}

#[tokio::test(start_paused = true)]
async fn a_taint_that_somebody_else_took_off_is_nobody_s_news() {
    let mut stage = Stage::new(node(&json!({}), &[TAINT]), tainted(vec![essential("base", &["a:1"])])).await;
    stage.server.store().edit(&NODES, "", NODE, |node| node["spec"]["taints"] = json!([]));
    stage.is("base", &["a:1"], &[]);
    stage.after(60).await;
    assert_eq!((stage.patches(), stage.told()), (0, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_once_and_the_taint_goes_when_the_right_is_there() {
    let mut stage = Stage::new(node(&json!({}), &[TAINT]), tainted(Vec::new())).await;
    assert_eq!(stage.told().len(), 1, "there is nothing to wait for");
    stage.server.store().edit(&NODES, "", NODE, |node| node["spec"]["taints"] = json!([taint(TAINT)]));
    stage.fails(forbidden());
    stage.look();
    stage.after(3_600).await;
    let [StartupTaint::Stays { taint, why }] = &stage.told()[..] else { panic!() };
    assert!(&**taint == TAINT && why.starts_with("403"), "{why}");
    assert!(stage.patches() < 60, "{}", stage.patches());
    stage.mends();
    stage.after(600).await;
    assert!(stage.taints().is_empty());
}
