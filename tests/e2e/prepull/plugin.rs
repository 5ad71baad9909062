//! A credential-provider plugin of the kubelet's: it is run as the kubelet runs it, once for all images of its registry, and
//! anew when its configuration changes. Its passwords stand nowhere.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::ensure;
use kubewhy_lab::hosts::FAULTY;
use kubewhy_lab::in_lab;
use serde_json::{Value, json};

use super::node::{Node, set};
use super::registry::USER;
use crate::stage::SOON;

const PLUGIN: &str = "lab-credential-provider";
const API: &str = "credentialprovider.kubelet.k8s.io/v1";

/// Notes what it is asked, and answers with the password of its environment for the whole registry.
const SCRIPT: &str = r#"#!/bin/sh
cat >>"$ASKED"
echo >>"$ASKED"
echo "{\"kind\":\"CredentialProviderResponse\",\"apiVersion\":\"$API\",\"cacheKeyType\":\"Registry\",\"cacheDuration\":\"1h\",\
\"auth\":{\"$REGISTRY\":{\"username\":\"$USER\",\"password\":\"$PASSWORD\"}}}"
"#;

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn asked() {
    in_lab!(async {
        let mut node = Node::start().await?;
        let [one, other] = [("team/one", 1), ("team/other", 2)].map(|(name, seed)| node.serve(name, 1, 1, seed));
        for image in [&one, &other] {
            node.scene.lab.faulty.lock(&image.repository, USER, "hunter2-of-today");
        }
        let dir = node.scene.lab.dir.join("plugins");
        std::fs::create_dir(&dir)?;
        std::fs::write(dir.join(PLUGIN), SCRIPT)?;
        std::fs::set_permissions(dir.join(PLUGIN), std::fs::Permissions::from_mode(0o755))?;
        configure(&dir, "hunter2-of-yesterday")?;
        let credentials = format!(
            ", parallel: 1, credentials: {{providers: {{config: {0}/config.yaml, binDir: {0}}}, anyPodMayUse: true}}",
            dir.display()
        );
        node.begin(&set("team", &[&one.name, &other.name], &credentials))?;
        node.told("ImageAccessDenied", "Pre-pull set team: could not pull ", SOON).await?;
        ensure!(!node.has(&one).await? && !node.has(&other).await?, "yesterday's password opened them");
        ensure!(requests(&dir)?.len() == 1, "its answer was good for the registry: {:?}", requests(&dir)?);

        configure(&dir, "hunter2-of-today")?;
        node.complete("team").await?;
        let requests = requests(&dir)?;
        ensure!(requests.len() == 2, "asked other than once for each configuration: {requests:?}");
        for asked in &requests {
            ensure!(asked["kind"] == "CredentialProviderRequest" && asked["apiVersion"] == API, "{asked}");
            ensure!(asked["image"].as_str().is_some_and(|image| image.starts_with(FAULTY)), "{asked}");
        }
        node.keeps_secret("hunter2")?;
        node.end().await
    });
}

/// What it was asked so far.
fn requests(dir: &Path) -> anyhow::Result<Vec<Value>> {
    let asked = std::fs::read_to_string(dir.join("asked"))?;
    Ok(serde_json::Deserializer::from_str(&asked).into_iter().collect::<Result<_, _>>()?)
}

/// As one file after the other, never half of one.
fn configure(dir: &Path, password: &str) -> anyhow::Result<()> {
    let env = [
        ("API", API),
        ("REGISTRY", FAULTY),
        ("USER", USER),
        ("PASSWORD", password),
        ("ASKED", &dir.join("asked").display().to_string()),
    ];
    let configuration = json!({
        "kind": "CredentialProviderConfig",
        "apiVersion": "kubelet.config.k8s.io/v1",
        "providers": [{
            "name": PLUGIN,
            "matchImages": [FAULTY],
            "defaultCacheDuration": "10m",
            "apiVersion": API,
            "env": env.map(|(name, value)| json!({"name": name, "value": value})),
        }],
    });
    std::fs::write(dir.join("new"), configuration.to_string())?;
    Ok(std::fs::rename(dir.join("new"), dir.join("config.yaml"))?)
}
