//! Something else than a runtime's socket lies where it should be. The agent says what and where in one line, tells the
//! node unless it is the agent alone that is kept out, keeps trying, and goes on once the real socket is there.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use anyhow::ensure;
use kubewhy_lab::demo::{Agent, Scene};
use kubewhy_lab::in_lab;
use serde_json::json;

use super::stage::{SOON, Way, events, message, told, unwatched};

const NOBODY: u32 = 65_534;
/// The one that says nothing about the runtime.
const KEPT_OUT: &str = "forbidden";

/// One thing that may lie there.
struct Wrong {
    name: &'static str,
    user: Option<u32>,
    /// Puts it there; the second path is the real socket.
    put: fn(&Path, &Path) -> std::io::Result<()>,
    /// What the line in the log says beside the path.
    says: &'static str,
}

const WRONG: &[Wrong] = &[
    Wrong { name: "absent", user: None, put: |_, _| Ok(()), says: "start the container runtime" },
    Wrong { name: "file", user: None, put: |path, _| std::fs::write(path, ""), says: "is no socket: give the path" },
    Wrong { name: KEPT_OUT, user: Some(NOBODY), put: forbid, says: "not allowed to open" },
    Wrong { name: "dead", user: None, put: |path, _| UnixListener::bind(path).map(drop), says: "nobody listens at" },
];

/// A socket that only root may open.
fn forbid(path: &Path, real: &Path) -> std::io::Result<()> {
    std::fs::set_permissions(real, std::fs::Permissions::from_mode(0o600))?;
    symlink(real, path)
}

#[test]
fn what_is_no_runtime_s_socket_is_named_with_its_path_until_the_real_one_is_there() {
    in_lab!(async {
        let scene = unwatched().await?;
        let mut agents = Vec::new();
        for (number, wrong) in (0..).zip(WRONG) {
            agents.push(start(&scene, number, wrong)?);
        }
        for (wrong, (way, agent)) in WRONG.iter().zip(&mut agents) {
            named(&scene, wrong, way, agent).await?;
        }
        for (way, _) in &agents {
            put_real(&scene, &way.socket)?;
        }
        for (way, agent) in &mut agents {
            agent.says(&["the container runtime answers again"], SOON).await?;
            if way.node != KEPT_OUT {
                told(&scene, &way.node, "Resolved").await?;
            }
            agent.stop().await?;
        }
        let blamed = events(&scene).into_iter().find(|event| event["involvedObject"]["name"] == KEPT_OUT);
        ensure!(blamed.is_none(), "the node was blamed for what the agent may not: {blamed:#?}");
        Ok(())
    });
}

/// Each agent has a Node of its own, so that their Events do not mix.
fn start(scene: &Scene, number: u16, wrong: &Wrong) -> anyhow::Result<(Way, Agent)> {
    let own = Way::of(scene, wrong.name);
    let way =
        Way { node: wrong.name.to_owned(), socket: own.dir.join("runtime.sock"), port: own.port + 2 * number, ..own };
    std::fs::create_dir_all(&way.dir)?;
    (wrong.put)(&way.socket, &scene.lab.containerd.socket())?;
    scene.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": wrong.name}}));
    let agent = match wrong.user {
        Some(user) => way.launch_as(user)?,
        None => way.launch()?,
    };
    Ok((way, agent))
}

async fn named(scene: &Scene, wrong: &Wrong, way: &Way, agent: &mut Agent) -> anyhow::Result<()> {
    let path = way.socket.display().to_string();
    agent.says(&["WARN", &path, wrong.says], SOON).await?;
    if wrong.name != KEPT_OUT {
        let down = told(scene, &way.node, "RuntimeDown").await?;
        ensure!(message(&down).contains(&path), "{}: it does not name {path}: {down:#}", wrong.name);
    }
    let lines = agent.lines(&["WARN", "the container runtime"]);
    ensure!(lines.len() == 1, "{}: not one line, but {lines:#?}", wrong.name);
    Ok(())
}

/// Puts a link to the real socket there, open to all.
fn put_real(scene: &Scene, path: &Path) -> anyhow::Result<()> {
    let real = scene.lab.containerd.socket();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o666))?;
    let beside = path.with_extension("new");
    symlink(real, &beside)?;
    Ok(std::fs::rename(beside, path)?)
}
