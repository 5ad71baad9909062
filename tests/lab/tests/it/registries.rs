//! What containerd says about each way a registry can fail, and that each fault ends when it is taken back.

use std::time::Duration;

use kubewhy_lab::faulty::Fault;
use kubewhy_lab::hosts::{NO_TLS, REFUSED, UNRESOLVED};
use kubewhy_lab::images::Image;
use kubewhy_lab::{Lab, in_lab};

use crate::cri::{Cri, soon, until};

const LAYER: usize = 256 * 1024;

#[test]
fn containerd_names_each_refusal() {
    in_lab!(async {
        let lab = Lab::start().await?;
        let mut cri = Cri::of(&lab)?;
        let image = Image::large(&lab.busybox, 1, LAYER, 1);
        let name = lab.faulty.push("team/app", "1", &image);
        // 1.6 says `401 Unauthorized`, later ones `authorization failed: no basic auth credentials`.
        let refusals = [(401, "uthoriz"), (403, "403 Forbidden"), (429, "429 Too Many Requests"), (503, "503")];
        for (code, words) in refusals {
            lab.faulty.set("team/app", Fault::Status(code));
            says(cri.pull(&name).await, words);
        }
        lab.faulty.set("team/app", Fault::Healthy);
        cri.pull(&name).await.map_err(anyhow::Error::msg)?;
        assert!(lab.faulty.served("team/app").bytes > LAYER as u64);
        let name = lab.faulty.push("team/spoilt", "1", &Image::large(&lab.busybox, 1, LAYER, 2));
        lab.faulty.set("team/spoilt", Fault::WrongDigest);
        says(cri.pull(&name).await, "unexpected commit digest");
        Ok(())
    });
}

#[test]
fn containerd_names_hosts_that_are_not_there() {
    in_lab!(async {
        let lab = Lab::start().await?;
        let mut cri = Cri::of(&lab)?;
        says(cri.pull(&format!("{REFUSED}/app:1")).await, "connection refused");
        says(cri.pull(&format!("{UNRESOLVED}/app:1")).await, "no such host");
        says(cri.pull(&format!("{NO_TLS}/app:1")).await, "server gave HTTP response to HTTPS client");
        says(cri.pull("registry.lab:5000/app:no-such-tag").await, "not found");
        lab.registry.push("brief", "1", &Image::pause(&lab.busybox))?;
        lab.registry.remove_tag("brief", "1")?;
        says(cri.pull("registry.lab:5000/brief:1").await, "not found");
        lab.names.forget("registry.lab");
        says(cri.pull(&lab.app).await, "no such host");
        lab.names.restore("registry.lab");
        cri.pull(&lab.app).await.map(drop).map_err(anyhow::Error::msg)
    });
}

#[test]
fn a_pull_that_stalls_goes_on_when_the_fault_ends() {
    in_lab!(async {
        let lab = Lab::start().await?;
        let cri = Cri::of(&lab)?;
        for (number, fault) in [Fault::Silent, Fault::Stalled(100_000), Fault::Slow(50_000)].into_iter().enumerate() {
            let repository = format!("team/app-{number}");
            let image = Image::large(&lab.busybox, 1, LAYER, number as u64);
            let name = lab.faulty.push(&repository, "1", &image);
            lab.faulty.set(&repository, fault);
            let mut puller = cri.clone();
            let pull = tokio::spawn(async move { puller.pull(&name).await });
            until(async || lab.faulty.served(&repository).requests > 0).await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert!(!pull.is_finished(), "{fault:?} did not hold the pull");
            lab.faulty.set(&repository, Fault::Healthy);
            soon(pull).await??.map_err(anyhow::Error::msg)?;
        }
        Ok(())
    });
}

fn says(outcome: Result<String, String>, words: &str) {
    let said = outcome.expect_err(words);
    println!("{said}");
    assert!(said.contains(words), "{said:?} does not say {words:?}");
}
