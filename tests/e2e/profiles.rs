//! The three profiles of rights, each as the pod of its rendered DaemonSet in a real containerd: which faults of a node it names,
//! and that it names none wrongly. Printed past the test harness's capture; `KUBEWHY_LAB_IMAGE` names the archive of an image to
//! be tried in place of the program under test:
//!
//! ```sh
//! make image && KUBEWHY_LAB_IMAGE=$PWD/target/image/kubewhy-0.1.0-amd64.tar cargo test --test e2e profiles -- --nocapture
//! ```

mod pod;
mod row;

use std::path::Path;

use kubewhy_lab::demo::{Act, Props};
use kubewhy_lab::disk::Disk;
use kubewhy_lab::in_lab;
use kubewhy_lab::namespaces::GROUND;

use crate::node_faults::{files, network, runtime, surroundings};

/// The faults of the table that need no other agent than the pod.
fn acts() -> impl Iterator<Item = &'static Act> {
    let beside = surroundings::FAULTS.iter().filter(|fault| fault.act.cause == "KubeletDown");
    let all = network::FAULTS.iter().chain(files::FAULTS).chain(runtime::FAULTS).chain(beside);
    all.map(|fault| &fault.act)
}

/// Breaks a node whose only agent is the pod of that overlay.
async fn watched_by(overlay: &str) -> anyhow::Result<()> {
    let ground = Path::new(GROUND);
    let disk = Disk::mount(&ground.join("disk"), Path::new("/var/lib/containerd"), files::SIZE)?;
    let mut scene = pod::scene(overlay).await?;
    scene.props = Props { disk: Some(disk), ..Props::default() };
    for act in acts() {
        row::play(act, &mut scene).await?;
    }
    Ok(())
}

#[test]
#[ignore = "the table of profiles runs it"]
fn socket() {
    in_lab!(watched_by("socket"));
}

#[test]
#[ignore = "the table of profiles runs it"]
fn standard() {
    in_lab!(watched_by("base"));
}

#[test]
#[ignore = "the table of profiles runs it"]
fn deep() {
    in_lab!(watched_by("deep"));
}
