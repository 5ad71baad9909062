//! What containerd says about each way a CNI plugin can fail, and that each fault ends when it is taken back.

use std::time::Duration;

use kubewhy_lab::cni::{Misbehaviour, PLUGIN};
use kubewhy_lab::{Lab, in_lab};

use crate::cri::{Cri, soon, until};

#[test]
fn without_a_configuration_the_network_is_not_ready() {
    in_lab!(async {
        let lab = Lab::start().await?;
        let mut cri = Cri::of(&lab)?;
        assert!(cri.network_ready().await);
        lab.cni.remove_configuration()?;
        until(async || !cri.network_ready().await).await?;
        says(cri.run_sandbox("web").await, "cni plugin not initialized");
        lab.cni.configure_text("{ not json")?;
        says(cri.run_sandbox("web").await, "cni plugin not initialized");
        lab.cni.configure()?;
        until(async || cri.network_ready().await).await?;
        cri.run_sandbox("web").await.map(drop).map_err(anyhow::Error::msg)
    });
}

#[test]
fn a_missing_plugin_is_named_while_the_network_stays_ready() {
    in_lab!(async {
        let lab = Lab::start().await?;
        let mut cri = Cri::of(&lab)?;
        lab.cni.take_plugin_away(PLUGIN)?;
        says(cri.run_sandbox("web").await, "failed to find plugin \"bridge\"");
        assert!(cri.network_ready().await);
        lab.cni.put_plugin_back(PLUGIN)?;
        lab.cni.configure_plugin("calico")?;
        let words = "failed to find plugin \"calico\"";
        until(async || cri.run_sandbox("web").await.is_err_and(|said| said.contains(words))).await
    });
}

#[test]
fn a_plugin_fails_in_its_own_words_or_without_any() {
    in_lab!(async {
        let lab = Lab::start().await?;
        let mut cri = Cri::of(&lab)?;
        let words = "error getting ClusterInformation: connection is unauthorized: Unauthorized";
        lab.cni.misbehave(PLUGIN, &Misbehaviour::Fail(words.to_owned()))?;
        says(cri.run_sandbox("web").await, words);
        lab.cni.misbehave(PLUGIN, &Misbehaviour::DieSilently)?;
        says(cri.run_sandbox("web").await, "netplugin failed with no error message");
        lab.cni.put_plugin_back(PLUGIN)?;
        cri.run_sandbox("web").await.map(drop).map_err(anyhow::Error::msg)
    });
}

#[test]
fn a_plugin_that_hangs_goes_on_when_it_is_mended() {
    in_lab!(async {
        let lab = Lab::start().await?;
        let cri = Cri::of(&lab)?;
        lab.cni.misbehave(PLUGIN, &Misbehaviour::Hang)?;
        let mut starter = cri.clone();
        let start = tokio::spawn(async move { starter.run_sandbox("web").await });
        until(async || process_named(PLUGIN)).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!start.is_finished(), "it did not hang");
        lab.cni.put_plugin_back(PLUGIN)?;
        soon(start).await??.map(drop).map_err(anyhow::Error::msg)
    });
}

/// Whether a process of the lab has this name, as a probe would find a hung plugin.
fn process_named(name: &str) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("comm")).ok());
    names.into_iter().any(|comm| comm.trim() == name)
}

fn says(outcome: Result<String, String>, words: &str) {
    let said = outcome.expect_err(words);
    println!("{said}");
    assert!(said.contains(words), "{said:?} does not say {words:?}");
}
