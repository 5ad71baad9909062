//! The private containerd runs pods, and can be stopped, frozen and restarted under them.

use std::time::Duration;

use kubewhy_lab::{Lab, in_lab};

use crate::cri::{Cri, until};

#[test]
fn a_pod_gets_an_address_and_runs_an_image_from_the_registry() {
    in_lab!(async {
        let lab = Lab::start().await?;
        println!("containerd {}", lab.containerd.version());
        let mut cri = Cri::of(&lab)?;
        cri.pull(&lab.app).await.map_err(anyhow::Error::msg)?;
        let sandbox = cri.run_sandbox("web").await.map_err(anyhow::Error::msg)?;
        assert!(cri.address(&sandbox).await?.starts_with("10.88."));
        cri.start_container("web", &sandbox, &lab.app).await?;
        cri.remove_sandbox(&sandbox).await?;
        assert_eq!(cri.sandboxes().await?, 0);
        Ok(())
    });
}

#[test]
fn pods_outlive_a_restart_of_containerd() {
    in_lab!(async {
        let mut lab = Lab::start().await?;
        let mut cri = Cri::of(&lab)?;
        cri.run_sandbox("web").await.map_err(anyhow::Error::msg)?;
        lab.containerd.restart().await?;
        until(async || cri.sandboxes().await.is_ok_and(|count| count == 1)).await
    });
}

#[test]
fn a_killed_containerd_refuses_and_a_frozen_one_hangs() {
    in_lab!(async {
        let mut lab = Lab::start().await?;
        let mut cri = Cri::of(&lab)?;
        lab.containerd.daemon().freeze()?;
        let frozen = tokio::time::timeout(Duration::from_secs(1), cri.sandboxes()).await;
        assert!(frozen.is_err(), "it answered");
        lab.containerd.daemon().thaw()?;
        assert_eq!(cri.sandboxes().await?, 0);
        lab.containerd.daemon().kill().await?;
        assert!(cri.sandboxes().await.is_err());
        lab.containerd.restart().await?;
        until(async || cri.sandboxes().await.is_ok()).await
    });
}
