//! The agent as deploy/systemd has it run, on a node without Kubernetes: its command line, its variables, and root without a
//! capability. systemd itself is not here: what else the unit takes away, it takes away on real hosts alone.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use kubewhy_lab::cni::PLUGIN;
use kubewhy_lab::demo::CONFIG;
use kubewhy_lab::namespaces::GROUND;
use kubewhy_lab::places::Places;
use kubewhy_lab::{Daemon, Lab, in_lab};
use tokio::process::Command;

use crate::stage::{PROGRAM, SOON};

/// What the unit says.
struct Unit {
    variables: Vec<(String, String)>,
    /// Of the program, without its own name.
    arguments: Vec<String>,
}

fn unit() -> anyhow::Result<Unit> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd/kubewhy.service");
    let text = std::fs::read_to_string(path)?;
    let of = |key: &'static str| text.lines().filter_map(move |line| line.strip_prefix(key)?.strip_prefix('='));
    let pairs = of("Environment").filter_map(|pair| pair.split_once('='));
    let variables = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let command = of("ExecStart").next().context("it starts nothing")?;
    Ok(Unit { variables, arguments: command.split_whitespace().skip(1).map(str::to_owned).collect() })
}

#[test]
fn as_a_service_without_kubernetes_it_says_why_no_pod_could_start() {
    in_lab!(async {
        let mut lab = Lab::start_at(Places::usual(Path::new(GROUND))?).await?;
        let Unit { variables, arguments } = unit()?;
        for folder in ["/var/lib/kubewhy", "/run/kubewhy", "/etc/kubewhy"] {
            std::fs::create_dir_all(folder)?;
        }
        // What /etc/default/kubewhy would name, so that nobody waits for long.
        std::fs::write("/etc/kubewhy/config.yaml", CONFIG)?;
        let mut command = Command::new(lab.parts.program("setpriv"));
        command.args(["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", PROGRAM]).args(arguments);
        command.env_clear().envs(variables).env("KUBEWHY_CONFIG", "/etc/kubewhy/config.yaml");
        let log = lab.dir.join("service.log");
        let mut service = Daemon::spawn(&mut command, &log)?;

        lab.cni.take_plugin_away(PLUGIN)?;
        says(&mut service, &log, &["\"first\"", "CniPluginMissing"]).await?;
        lab.cni.put_plugin_back(PLUGIN)?;
        says(&mut service, &log, &["\"ended\"", "CniPluginMissing"]).await?;
        lab.containerd.daemon().kill().await?;
        says(&mut service, &log, &["\"first\"", "RuntimeDown"]).await?;

        let status = std::fs::read_to_string(format!("/proc/{}/status", service.pid().context("it ended")?))?;
        let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:")).context("no CapEff")?;
        ensure!(capabilities.trim().trim_start_matches('0').is_empty(), "it had capabilities: {capabilities}");
        ensure!(Path::new("/var/lib/kubewhy/holder").exists(), "it kept no state");
        ensure!(service.stop().await?.success(), "{}", service.log_end());
        Ok(())
    });
}

/// Waits for a line of JSON with all of these words.
async fn says(service: &mut Daemon, log: &Path, words: &[&str]) -> anyhow::Result<()> {
    let has = |line: &str| line.starts_with('{') && words.iter().all(|word| line.contains(word));
    let heard = async || std::fs::read_to_string(log).ok()?.lines().any(has).then_some(());
    service.until(SOON + Duration::from_secs(20), heard).await.with_context(|| format!("no line with {words:?}"))
}
