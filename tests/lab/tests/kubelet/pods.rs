//! Pods that do and do not start: the same statuses and Events as the real kubelet's, in the same order.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;
use tonic::Code;

use crate::api::{Line, only};
use crate::lab::{Lab, recorded};
use crate::runtime::Script;
use crate::shape;

/// Long enough for the slowest case on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The recorded pod, bound and not yet seen by a kubelet.
fn bound(tape: &[Line]) -> Value {
    let pods = only("pods", tape);
    pods.iter().find(|line| line.object["spec"]["nodeName"].is_string()).unwrap().object.clone()
}

/// Replays what the recorded node was like and holds every shape against the recording.
async fn conforms(name: &str, script: Script) {
    let Some(tape) = recorded(&format!("pods-parallel-pulls/{name}")) else { return };
    let lab = Lab::start(script).await;
    play(&lab, &tape).await;
}

async fn play(lab: &Lab, tape: &[Line]) {
    let name = "kube-root-ca.crt";
    lab.api.put(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": {} }));
    lab.run(&bound(tape));
    let expected = shape::events(&only("events", tape));
    let all_said = |tape: &[Line]| shape::events(&of_pods(tape)).len() >= expected.len();
    let events =
        timeout(PATIENCE, lab.api.wait_for("events", all_said)).await.unwrap_or_else(|_| lab.api.tape("events"));
    let events = shape::events(&of_pods(&events));
    assert!(events == expected, "recorded: {expected:#?}\nours: {events:#?}");
    let expected = shape::statuses(&only("pods", tape));
    let all_seen = |tape: &[Line]| shape::within(&expected, &shape::statuses(tape));
    let seen = timeout(PATIENCE, lab.api.wait_for("pods", all_seen)).await;
    let seen = shape::statuses(&seen.unwrap_or_else(|_| lab.api.tape("pods")));
    assert!(shape::within(&expected, &seen), "recorded: {expected:#?}\nours: {seen:#?}");
    let (expected, seen) = (shape::states(&expected), shape::states(&seen));
    assert_eq!(seen[..expected.len().min(seen.len())], expected);
}

fn of_pods(tape: &[Line]) -> Vec<Line> {
    tape.iter().filter(|line| line.object["involvedObject"]["kind"] == "Pod").cloned().collect()
}

fn failing_pull(image: &str, errors: &[(Code, &str)]) -> Script {
    let errors = errors.iter().map(|(code, message)| (*code, (*message).to_owned())).collect();
    Script { pulls: [(image.to_owned(), errors)].into(), ..Script::default() }
}

#[tokio::test]
async fn a_healthy_pod_starts_as_recorded() {
    conforms("healthy", Script::default()).await;
}

#[tokio::test]
async fn a_missing_tag_reads_as_recorded() {
    let message = "failed to pull and unpack image \"127.0.0.1:5000/app:nope\": failed to resolve image: \
                   127.0.0.1:5000/app:nope: not found";
    conforms("image-tag-missing", failing_pull("127.0.0.1:5000/app:nope", &[(Code::NotFound, message)])).await;
}

#[tokio::test]
async fn a_missing_image_of_an_init_container_reads_as_recorded() {
    let message = "failed to pull and unpack image \"127.0.0.1:5000/init:nope\": failed to resolve image: \
                   127.0.0.1:5000/init:nope: not found";
    conforms("init-image-missing", failing_pull("127.0.0.1:5000/init:nope", &[(Code::NotFound, message)])).await;
}

#[tokio::test]
async fn a_stalled_pull_reads_as_recorded() {
    let Some(tape) = recorded("pods-parallel-pulls/image-stall") else { return };
    let image = "127.0.0.1:5016/big:v1";
    let prefix = format!("Failed to pull image \"{image}\": rpc error: code = FailedPrecondition desc = ");
    let texts = only("events", &tape);
    let first = texts.iter().find_map(|line| line.object["message"].as_str()?.strip_prefix(&prefix)).unwrap();
    let second = format!("failed to pull and unpack image \"{image}\": context canceled");
    let errors = [(Code::FailedPrecondition, first), (Code::Cancelled, &second)];
    let lab = Lab::start(failing_pull(image, &errors)).await;
    play(&lab, &tape).await;
}

#[tokio::test]
async fn missing_configuration_reads_as_recorded() {
    tokio::join!(
        conforms("config-missing", Script::default()),
        conforms("config-key-missing", Script::default()),
        conforms("secret-env-missing", Script::default()),
    );
}

#[tokio::test]
async fn images_that_are_never_pulled_read_as_recorded() {
    tokio::join!(conforms("image-never", Script::default()), conforms("image-invalid-name", Script::default()));
}

#[tokio::test]
async fn a_missing_command_reads_as_recorded() {
    let message = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create \
                   failed: unable to start container process: exec: \"/bin/nope\": stat /bin/nope: no such file or \
                   directory";
    let starts = [("app".to_owned(), message.to_owned())].into();
    conforms("command-not-found", Script { starts, ..Script::default() }).await;
}

/// Whether the named container runs in the newest status.
fn runs(tape: &[Line], list: &str) -> bool {
    let status = tape.last().map(|line| &line.object["status"][list][0]["state"]);
    status.is_some_and(|state| state["running"].is_object())
}

#[tokio::test]
async fn a_crashing_application_reads_as_recorded() {
    let Some(tape) = recorded("pods-parallel-pulls/app-crash") else { return };
    let lab = Lab::start(Script::default()).await;
    let crash = async {
        loop {
            let seen = lab.api.wait_for("pods", |tape| runs(tape, "containerStatuses")).await.len();
            lab.runtime.exit("app", 3);
            lab.api.wait_for("pods", |tape| tape.len() > seen).await;
        }
    };
    tokio::select! {
        () = play(&lab, &tape) => {}
        () = crash => {}
    }
}

#[tokio::test]
async fn a_slow_init_container_reads_as_recorded() {
    let Some(tape) = recorded("pods-parallel-pulls/init-slow") else { return };
    let lab = Lab::start(Script::default()).await;
    let end_init = async {
        lab.api.wait_for("pods", |tape| runs(tape, "initContainerStatuses")).await;
        lab.runtime.exit("init", 0);
    };
    tokio::join!(play(&lab, &tape), end_init);
}
