//! What every test of this ring needs: a scene, agents that are started another way, and waiting for what they say.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use kubewhy_lab::apiserver::resources::EVENTS;
use kubewhy_lab::cni::PLUGIN;
use kubewhy_lab::demo::{Agent, CONFIG, NODE, Scene, Start, Tempo};
use kubewhy_lab::namespaces;
use serde_json::Value;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_kubewhy");
/// What is waited for comes within this time, or not at all.
pub(crate) const SOON: Duration = Duration::from_secs(40);

/// Held by a test that measures time and takes the whole machine: one of them at a time.
pub(crate) fn machine() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What comes of work that takes the whole machine, after such work of others; none where there can be no lab, which is said then.
pub(crate) fn on_the_machine<T>(name: &str, work: impl Future<Output = T>) -> Option<T> {
    if namespaces::unavailable(name) {
        return None;
    }
    let _machine = machine();
    Some(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work))
}

/// Prints it past the test harness's capture.
pub(crate) fn show(text: &str) {
    drop(writeln!(std::io::stderr(), "\n{text}"));
}

/// A healthy node with an agent on it.
pub(crate) async fn scene() -> anyhow::Result<Scene> {
    Scene::start(Path::new(PROGRAM), Tempo::Hasty).await
}

/// Likewise, and its kubelet pulls one image at a time.
pub(crate) async fn serial_scene() -> anyhow::Result<Scene> {
    Scene::start(Path::new(PROGRAM), Tempo::Serial).await
}

/// A healthy node whose agent has ended, for tests that start one their own way.
pub(crate) async fn unwatched() -> anyhow::Result<Scene> {
    let mut scene = scene().await?;
    scene.agent.stop().await?;
    Ok(scene)
}

/// How an agent is started.
pub(crate) struct Way {
    pub(crate) node: String,
    pub(crate) dir: PathBuf,
    pub(crate) socket: PathBuf,
    pub(crate) kubelet: PathBuf,
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) config: String,
    pub(crate) port: u16,
}

impl Way {
    /// On the scene's node, with a directory of its own of that name.
    pub(crate) fn of(scene: &Scene, name: &str) -> Self {
        Self {
            node: NODE.to_owned(),
            dir: scene.lab.dir.join(name),
            socket: scene.lab.containerd.socket(),
            kubelet: scene.lab.dir.clone(),
            kubeconfig: Some(scene.kubeconfig.clone()),
            config: CONFIG.to_owned(),
            port: 9480,
        }
    }

    fn start(&self) -> Start<'_> {
        Start {
            program: Path::new(PROGRAM),
            dir: &self.dir,
            node: &self.node,
            socket: &self.socket,
            kubelet: &self.kubelet,
            kubeconfig: self.kubeconfig.as_deref(),
            config: &self.config,
            port: self.port,
        }
    }

    /// Starts it and waits until it is ready.
    pub(crate) async fn ready(&self) -> anyhow::Result<Agent> {
        Agent::start(&self.start()).await
    }

    /// Starts it and waits for nothing.
    pub(crate) fn launch(&self) -> anyhow::Result<Agent> {
        Agent::launch(&self.start(), |_| {})
    }

    /// Starts it as another user, to whom its directory is given.
    pub(crate) fn launch_as(&self, user: u32) -> anyhow::Result<Agent> {
        std::fs::create_dir_all(&self.dir)?;
        std::os::unix::fs::chown(&self.dir, Some(user), Some(user))?;
        Agent::launch(&self.start(), |command| {
            command.uid(user).gid(user);
        })
    }

    /// Replaces its configuration file, as a ConfigMap's is: at once.
    pub(crate) fn edit(&self, text: &str) -> anyhow::Result<()> {
        let beside = self.dir.join("config.new");
        std::fs::write(&beside, text)?;
        Ok(std::fs::rename(beside, self.dir.join("config.yaml"))?)
    }
}

/// kubewhy's Events, as they stand.
pub(crate) fn events(scene: &Scene) -> Vec<Value> {
    let all = scene.api.store().list(&EVENTS, None);
    all.iter().map(|event| Value::clone(event)).filter(|event| event["source"]["component"] == "kubewhy").collect()
}

/// The first Event of kubewhy about that object with that reason, once there is one.
pub(crate) async fn told(scene: &Scene, name: &str, reason: &str) -> anyhow::Result<Value> {
    told_so(scene, name, reason, "").await
}

/// Likewise, and its message holds these words.
pub(crate) async fn told_so(scene: &Scene, name: &str, reason: &str, words: &str) -> anyhow::Result<Value> {
    let mut changes = scene.api.store().subscribe();
    let is = |event: &Value| {
        event["involvedObject"]["name"] == name && event["reason"] == reason && message(event).contains(words)
    };
    let waiting = async {
        loop {
            if let Some(event) = events(scene).into_iter().find(is) {
                return Some(event);
            }
            changes.next().await?;
        }
    };
    let heard = tokio::time::timeout(SOON, waiting).await.ok().flatten();
    heard.with_context(|| {
        format!("no {reason} ({words}) on {name}, but {:#?}\n{}", said(scene), scene.agent.daemon.log_end())
    })
}

/// What an Event says.
pub(crate) fn message(event: &Value) -> &str {
    event["message"].as_str().unwrap_or_default()
}

/// Every Event of kubewhy in short, for a failure to show.
pub(crate) fn said(scene: &Scene) -> Vec<String> {
    let short = |event: &Value| format!("{} {}: {}", event["involvedObject"]["name"], event["reason"], message(event));
    events(scene).iter().map(short).collect()
}

/// Breaks the node in another way and waits until that is told: whatever the agent made of what was before has been
/// written by then.
pub(crate) async fn everything_is_told(scene: &Scene) -> anyhow::Result<()> {
    scene.lab.cni.take_plugin_away(PLUGIN)?;
    told(scene, NODE, "CniPluginMissing").await?;
    Ok(scene.lab.cni.put_plugin_back(PLUGIN)?)
}

/// Asks again and again until it is so.
pub(crate) async fn until(what: &str, mut so: impl FnMut() -> bool) -> anyhow::Result<()> {
    let asking = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, asking).await.with_context(|| format!("not in time: {what}"))
}
