//! `kubewhy clean` against far ends that refuse, in part or at all: what can go goes, what stays is told with what to do, and a
//! second try does the rest.

use std::path::Path;
use std::process::Output;

use containerd_client::services::v1::{
    DeleteRequest, GetImageRequest, GetImageResponse, Image, Lease, ListImagesResponse, ListResponse,
    UpdateImageRequest,
};
use k8s_cri::v1::{ListPodSandboxResponse, PodSandbox, PodSandboxStatusResponse};
use kubewhy_lab::apiserver::resources::NODES;
use kubewhy_lab::apiserver::{ApiServer, Fault, Options};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::process::Command;
use tonic::Code;

use crate::fake_runtime::{FakeRuntime, Reply, answer, by, containerd, runtime};

const NODE: &str = "node-7";
const PAUSE: &str = "registry.k8s.io/pause:3.10";

/// A node on which an agent ran.
struct Stage {
    dir: tempfile::TempDir,
    fake: FakeRuntime,
    api: ApiServer,
}

fn lease(method: &str) -> String {
    containerd(&format!("leases.v1.Leases/{method}"))
}

fn record(method: &str) -> String {
    containerd(&format!("images.v1.Images/{method}"))
}

fn labels(of: &[(&str, &str)]) -> std::collections::HashMap<String, String> {
    of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

impl Stage {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("state")).unwrap();
        std::fs::write(dir.path().join("state/holder"), "{}").unwrap();
        let fake = FakeRuntime::containerd(&dir.path().join("cri.sock"));
        let one = |id: &str, of: &[(&str, &str)]| Lease { id: id.to_owned(), created_at: None, labels: labels(of) };
        let leases = vec![
            one("kubewhy-1", &[("kubewhy.dev/image", "a:1")]),
            one("kubewhy-by-hand-2", &[("kubewhy.dev/image", "b:1"), ("kubewhy.dev/by-hand", "true")]),
            one("kubewhy-3", &[]),
            one("somebody", &[("kubewhy.dev/image", "a:1")]),
        ];
        fake.on(&lease("List"), answer(&ListResponse { leases }));
        fake.on(&lease("Delete"), answer(&()));
        pins(&fake);
        let api = ApiServer::start(Options { schemas: None, ..Options::default() }).await.unwrap();
        let marks = json!({"prepull.kubewhy.dev/base": "complete", "zone": "a"});
        let conditions =
            json!([{"type": "Ready", "status": "True"}, {"type": "kubewhy.dev/NodeTrouble", "status": "True"}]);
        let metadata = json!({"name": NODE, "labels": marks});
        let node =
            json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": {"conditions": conditions}});
        api.store().put(node);
        Self { dir, fake, api }
    }

    async fn clean(&self, more: &[&str]) -> Output {
        let at = |name: &str| self.dir.path().join(name);
        self.api.kubeconfig(&at("kubeconfig")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubewhy"));
        command.args(["clean", "--node-name", NODE]).args(more).env_clear();
        for (flag, name) in [
            ("--state-dir", "state"),
            ("--api-socket", "api.sock"),
            ("--runtime-endpoint", "cri.sock"),
            ("--kubeconfig", "kubeconfig"),
        ] {
            command.arg(flag).arg(at(name));
        }
        command.output().await.unwrap()
    }

    fn node(&self) -> Value {
        Value::clone(&self.api.store().get(&NODES, "", NODE).unwrap())
    }

    /// The leases that were ended, and whether containerd was to collect at once.
    fn ended(&self) -> Vec<(String, bool)> {
        let asked = self.fake.asked(&lease("Delete"));
        let ended = asked.iter().map(|asked| DeleteRequest::decode(&*asked.message).unwrap());
        ended.map(|request| (request.id, request.sync)).collect()
    }

    /// Which labels of which image were taken off.
    fn unlabelled(&self) -> Vec<(String, Vec<String>)> {
        let asked = self.fake.asked(&record("Update"));
        let updates = asked.iter().map(|asked| UpdateImageRequest::decode(&*asked.message).unwrap());
        let off = |update: UpdateImageRequest| {
            let image = update.image.unwrap();
            assert!(image.labels.values().all(String::is_empty), "{image:?}");
            let mut paths = update.update_mask.unwrap().paths;
            paths.sort();
            (image.name, paths)
        };
        updates.map(off).collect()
    }
}

/// Two images with pins of ours, of which one is the pause image by the word of a sandbox.
fn pins(fake: &FakeRuntime) {
    let pinned = |name: &str| Image {
        name: name.to_owned(),
        labels: labels(&[("io.cri-containerd.pinned", "pinned"), ("kubewhy.dev/pinned", "true")]),
        ..Image::default()
    };
    let images = vec![pinned(PAUSE), pinned("docker.io/library/a:1")];
    fake.on(&record("List"), answer(&ListImagesResponse { images }));
    fake.on(
        &record("Get"),
        by(move |asked: GetImageRequest| Ok(GetImageResponse { image: Some(pinned(&asked.name)) })),
    );
    fake.on(&record("Update"), answer(&()));
    let items = vec![PodSandbox { id: "s".to_owned(), ..PodSandbox::default() }];
    fake.on(&runtime("ListPodSandbox"), answer(&ListPodSandboxResponse { items }));
    let info = [("info".to_owned(), json!({"image": PAUSE}).to_string())].into();
    fake.on(
        &runtime("PodSandboxStatus"),
        answer(&PodSandboxStatusResponse { info, ..PodSandboxStatusResponse::default() }),
    );
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn exists(stage: &Stage, name: &str) -> bool {
    Path::new(stage.dir.path()).join(name).exists()
}

#[tokio::test]
async fn all_that_is_ours_goes_and_nothing_else() {
    let stage = Stage::new().await;
    let shown = stage.clean(&["--dry-run"]).await;
    assert_eq!(shown.status.code(), Some(0), "{}", said(&shown));
    assert!(said(&shown).contains("found    lease kubewhy-1 of a:1\n") && exists(&stage, "state"), "{}", said(&shown));
    assert!(stage.ended().is_empty() && stage.unlabelled().is_empty(), "only asked");

    let output = stage.clean(&[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).ends_with("Nothing of kubewhy is left on this node.\n"), "{}", said(&output));
    let ended = [("kubewhy-1", false), ("kubewhy-by-hand-2", true)];
    assert_eq!(stage.ended(), ended.map(|(id, sync)| (id.to_owned(), sync)));
    let [pin, ours] = ["labels.io.cri-containerd.pinned", "labels.kubewhy.dev/pinned"].map(str::to_owned);
    let unlabelled = [("docker.io/library/a:1".to_owned(), vec![pin, ours.clone()]), (PAUSE.to_owned(), vec![ours])];
    assert_eq!(stage.unlabelled(), unlabelled, "the pause image stays pinned");
    assert_eq!(stage.node()["metadata"]["labels"], json!({"zone": "a"}));
    assert_eq!(stage.node()["status"]["conditions"], json!([{"type": "Ready", "status": "True"}]));
    assert!(!exists(&stage, "state"));
}

#[tokio::test]
async fn what_can_not_go_is_told_with_what_to_do_and_all_else_goes() {
    let stage = Stage::new().await;
    stage.api.set_faults(vec![Fault::Answer { code: 403, retry_after: None }.on("patch", "nodes/status")]);
    stage.fake.on(&lease("Delete"), Reply::Fail(Code::Internal, "boltdb is read-only"));
    let output = stage.clean(&["-o", "json"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let items: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed = items.as_array().unwrap().iter().filter(|item| item["outcome"] == "failed");
    let failed: Vec<_> = failed.map(|item| format!("{}: {}", item["name"], item["says"])).collect();
    assert_eq!(failed.len(), 3, "{failed:#?}");
    assert!(failed[0].contains("kubewhy-1 of a:1") && failed[1].contains("boltdb is read-only"), "{failed:#?}");
    assert!(failed[2].contains("kubewhy.dev/NodeTrouble") && failed[2].contains("deploy/condition"), "{failed:#?}");
    assert_eq!(stage.node()["metadata"]["labels"], json!({"zone": "a"}));
    assert!(!exists(&stage, "state") && stage.unlabelled().len() == 2);

    stage.api.set_faults(Vec::new());
    stage.fake.on(&lease("Delete"), Reply::Fail(Code::NotFound, "gone by now"));
    let again = stage.clean(&[]).await;
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
    assert_eq!(stage.node()["status"]["conditions"], json!([{"type": "Ready", "status": "True"}]));
}

#[tokio::test]
async fn who_can_not_be_asked_is_named_and_the_files_go_all_the_same() {
    let stage = Stage::new().await;
    stage.fake.on(&lease("List"), Reply::Fail(Code::Unavailable, "shutting down"));
    stage.api.set_faults(vec![Fault::Answer { code: 403, retry_after: None }.on("list", "nodes")]);
    let output = stage.clean(&[]).await;
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("failed   what is in the runtime") && said.contains("shutting down"), "{said}");
    assert!(said.contains("failed   what is on the Node node-7") && said.contains("deploy/base"), "{said}");
    assert!(said.contains("run this again") && !exists(&stage, "state"), "{said}");
}

#[tokio::test]
async fn another_runtime_than_containerd_holds_nothing_of_ours() {
    let stage = Stage::new().await;
    stage.fake.is_called("cri-o", "1.37.0");
    let output = stage.clean(&["--standalone"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(stage.ended().is_empty() && !exists(&stage, "state"));
    assert_eq!(stage.node()["metadata"]["labels"]["prepull.kubewhy.dev/base"], "complete", "it was not asked for");
}

#[tokio::test]
async fn while_an_agent_serves_its_socket_nothing_is_touched() {
    let stage = Stage::new().await;
    let _agent = std::os::unix::net::UnixListener::bind(stage.dir.path().join("api.sock")).unwrap();
    let output = stage.clean(&[]).await;
    assert_eq!(output.status.code(), Some(75), "{}", said(&output));
    assert!(said(&output).contains("nothing was changed: an agent serves"), "{}", said(&output));
    assert!(exists(&stage, "state/holder") && stage.ended().is_empty());
}
