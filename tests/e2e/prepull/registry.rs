//! Registries in trouble, each under a set of its own: what is wrong is told with its cause, and the pull goes on by itself
//! once it is mended, or once somebody changes what it needs.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::hosts::{FAULTY, REFUSED};
use kubewhy_lab::in_lab;
use serde_json::json;

use super::node::{MIB, Node, Served, set};
use crate::stage::SOON;

/// A registry that said "too many" is left alone for a minute and up to a fifth more.
const CROWDED: Duration = Duration::from_secs(110);
pub(super) const USER: &str = "kubewhy";

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn troubles() {
    in_lab!(async {
        let mut node = Node::start().await?;
        let [corrupt, crowded, broken, down, stalled] =
            [("corrupt", 1), ("crowded", 2), ("broken", 3), ("down", 4), ("stalled", 5)]
                .map(|(name, seed)| node.serve(&format!("base/{name}"), 1, 2, seed));
        for (image, fault) in [
            (&corrupt, Fault::WrongDigest),
            (&crowded, Fault::Status(429)),
            (&broken, Fault::Status(503)),
            (&stalled, Fault::Stalled(MIB)),
        ] {
            node.fault(&image.repository, fault);
        }
        let refused = down.name.replace(FAULTY, REFUSED);
        let mut sets: String = [&corrupt, &crowded, &broken, &stalled]
            .map(|image| set(image.repository.trim_start_matches("base/"), &[&image.name], ""))
            .concat();
        sets += &set("down", &[&refused], "");
        node.begin(&sets)?;

        let mended = async |set: &str, cause: &str, image: &Served, within| {
            node.told(cause, &format!("Pre-pull set {set}: could not pull "), SOON).await?;
            node.fault(&image.repository, Fault::Healthy);
            node.told("PrepullComplete", &format!("Pre-pull set {set}: "), within).await
        };
        let reachable = async {
            node.told("RegistryUnreachable", "Pre-pull set down: could not pull ", SOON).await?;
            node.scene.lab.hosts.set(REFUSED, &format!("http://{FAULTY}"))?;
            node.told("PrepullComplete", "Pre-pull set down: ", SOON).await
        };
        let moving = async {
            node.gave(&stalled, MIB).await?;
            node.fault(&stalled.repository, Fault::Healthy);
            node.told("PrepullComplete", "Pre-pull set stalled: ", SOON).await
        };
        tokio::try_join!(
            mended("corrupt", "ImageCorrupt", &corrupt, SOON),
            mended("crowded", "ImageRateLimited", &crowded, CROWDED),
            mended("broken", "RegistryServerError", &broken, SOON),
            reachable,
            moving,
        )?;
        for image in [&crowded, &broken, &down, &stalled] {
            node.came_once(image, 0)?;
        }
        let sent = node.sent(&corrupt);
        ensure!(sent.rests == 0, "bytes that were wrong were gone on from: {sent:?}");
        node.end().await
    });
}

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn private() {
    in_lab!(async {
        let mut node = Node::start().await?;
        let [open, rotated] = [("team/open", 1), ("team/rotated", 2)].map(|(name, seed)| node.serve(name, 1, 1, seed));
        for image in [&open, &rotated] {
            node.scene.lab.faulty.lock(&image.repository, USER, "hunter2-of-today");
        }
        let (new, old) = (node.scene.lab.dir.join("new.json"), node.scene.lab.dir.join("old.json"));
        write(&new, "hunter2-of-today")?;
        write(&old, "hunter2-of-yesterday")?;
        let with = |file: &Path| format!(", credentials: {{file: {}, anyPodMayUse: true}}", file.display());
        let sets = set("open", &[&open.name], &with(&new)) + &set("rotated", &[&rotated.name], &with(&old));
        node.begin(&sets)?;
        node.complete("open").await?;
        node.told("ImageAccessDenied", "Pre-pull set rotated: could not pull ", SOON).await?;
        ensure!(node.heard("PrepullComplete", "set rotated").is_none() && !node.has(&rotated).await?, "it is closed");

        // As the kubelet brings a Secret that was changed: at once.
        std::fs::rename(&new, &old)?;
        write(&new, "hunter2-of-today")?;
        node.complete("rotated").await?;
        node.keeps_secret("hunter2")?;
        node.end().await
    });
}

/// Credentials of the registry's user with that password.
pub(super) fn write(file: &Path, password: &str) -> std::io::Result<()> {
    let auths = json!({"auths": {FAULTY: {"username": USER, "password": password}}});
    std::fs::write(file, auths.to_string())
}
