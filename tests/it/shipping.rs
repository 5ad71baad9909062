//! What examples/shipping ships: the lines of a running agent, out of a pod's log as the kubelet has it written, by a real rsyslog. What
//! comes out is what the agent wrote, line by line.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kubewhy_lab::apiserver::{ApiServer, Options};
use serde_json::{Value, json};

use crate::agent::{Agent, without_image};

const NODE: &str = "node-7";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Ends with the test.
struct Rsyslog(Child);

impl Drop for Rsyslog {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Rsyslog {
    /// Starts it with the configuration as it is shipped, save where it reads, writes and keeps what it read.
    fn start(program: &Path, dir: &Path) -> Self {
        let shipped = std::fs::read_to_string(root().join("examples/shipping/rsyslog.conf")).unwrap();
        let own = shipped
            .replace("/var/log/pods", dir.join("pods").to_str().unwrap())
            .replace("/var/log/kubewhy.json", dir.join("out").to_str().unwrap());
        let work = format!("global(workDirectory=\"{}\")\n", dir.display());
        std::fs::write(dir.join("conf"), work + &own).unwrap();
        let mut command = Command::new(program);
        command.arg("-n").arg("-f").arg(dir.join("conf")).arg("-i").arg(dir.join("pid"));
        command.args(modules(program).iter().flat_map(|place| [Path::new("-M"), place.as_path()]));
        let said = std::fs::File::create(dir.join("said")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        Self(command.spawn().unwrap())
    }
}

/// Where its modules were unpacked; none where the machine has installed it.
fn modules(program: &Path) -> Option<PathBuf> {
    let unpacked = program.parent()?.parent()?.join("root/usr/lib");
    let places = std::fs::read_dir(unpacked).ok()?.map(|entry| entry.unwrap().path().join("rsyslog"));
    places.filter(|place| place.join("imfile.so").exists()).last()
}

/// The agent's lines and its log, as a runtime writes both into one file.
fn as_pod_log(agent: &Agent) -> String {
    let of = |stream: &'static str, text: String| {
        let lines: Vec<_> = text.lines().map(|line| format!("2026-11-21T03:00:00.1Z {stream} F {line}\n")).collect();
        lines.concat()
    };
    let torn = "2026-11-21T03:00:00.1Z stdout P {\"at\":\"2026-11-21T03:0\n";
    of("stderr", agent.log()) + torn + &of("stdout", agent.lines()) + &of("stdout", "no line of ours".to_owned())
}

fn parsed(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[tokio::test]
async fn rsyslog_ships_every_line_that_a_running_agent_writes_and_nothing_else() {
    let Some(program) = kubewhy_lab::parts::tool("rsyslogd") else {
        return crate::wanted("shipping by rsyslog", "there is no rsyslogd: run tests/lab/parts.sh lab");
    };
    let api = ApiServer::start(Options::default()).await.unwrap();
    api.store().put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}));
    api.store().put(without_image(NODE));
    let dir = tempfile::tempdir().unwrap();
    let kubeconfig = dir.path().join("kubeconfig");
    api.kubeconfig(&kubeconfig).unwrap();
    let agent = Agent::start(NODE, &kubeconfig, &["--lines", "stdout"]);
    let told = async || agent.lines().contains("\"cause\":\"ImageNotFound\"").then_some(());
    agent.until("the agent tells of the pod", told).await;

    let pod = dir.path().join("pods/kubewhy_kubewhy-x7k2p_0a1b2c3d/kubewhy");
    std::fs::create_dir_all(&pod).unwrap();
    let log = as_pod_log(&agent);
    let written = log.lines().filter_map(|line| line.strip_prefix("2026-11-21T03:00:00.1Z stdout F {"));
    let written = parsed(&written.map(|line| format!("{{{line}\n")).collect::<String>());
    std::fs::write(pod.join("0.log"), &log).unwrap();
    let _rsyslog = Rsyslog::start(&program, dir.path());
    let out = dir.path().join("out");
    let arrived = async || {
        let text = std::fs::read_to_string(&out).ok()?;
        (text.lines().count() >= written.len() && text.ends_with('\n')).then_some(text)
    };
    let shipped = agent.until("rsyslog ships the lines", arrived).await;
    assert_eq!(parsed(&shipped), written, "{}", std::fs::read_to_string(dir.path().join("said")).unwrap());
    agent.stop().await;

    // The page on it names every field.
    let page = std::fs::read_to_string(root().join("docs/events.md")).unwrap();
    for field in written[0].as_object().unwrap().keys() {
        assert!(page.contains(&format!("`{field}`")), "docs/events.md says nothing of {field}");
    }
}
