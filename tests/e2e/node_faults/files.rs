//! Faults of what the node keeps: the file system below the runtime's root, the pause image, a mount that hangs.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use kubewhy_lab::dead_mount::DeadMount;
use kubewhy_lab::demo::{Act, NAMESPACE, On, Props, Scene, pod};
use kubewhy_lab::disk::Disk;
use kubewhy_lab::images::Image;
use kubewhy_lab::in_lab;
use kubewhy_lab::namespaces::GROUND;
use serde_json::json;

use super::row::{Fault, LOOK, node, play};

/// Some four times what the images of the lab take.
pub(crate) const SIZE: u64 = 96 << 20;
/// The pod whose volume hangs.
const UID: &str = "0b8f2f43-55a7-4f6f-9d0e-7c1f6e2a9b10";

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        act: Act {
            title: "the runtime's file system is full to the last block",
            cause: "DiskFull",
            on: On::Node,
            also: None,
            broken: |s| Box::pin(async { disk(s)?.fill_blocks() }),
            mended: |s| Box::pin(async { disk(s)?.empty() }),
        },
        shows: LOOK,
        heals: LOOK,
    },
    Fault {
        act: Act {
            title: "the runtime's file system has no inode left",
            cause: "InodesExhausted",
            on: On::Node,
            also: None,
            broken: |s| Box::pin(async { disk(s)?.fill_inodes() }),
            mended: |s| Box::pin(async { disk(s)?.empty() }),
        },
        // Thousands of files have to be made first.
        shows: Duration::from_secs(5),
        heals: LOOK,
    },
    Fault {
        act: Act {
            title: "the pause image is gone and can't be pulled",
            cause: "PauseImageMissing",
            on: On::Node,
            also: None,
            broken: |s| {
                Box::pin(async {
                    s.lab.registry.remove_tag("pause", "1")?;
                    s.lab.containerd.forget_image(&s.lab.pause).await
                })
            },
            mended: |s| {
                Box::pin(async {
                    s.lab.registry.push("pause", "1", &Image::pause(&s.lab.busybox))?;
                    s.lab.containerd.pull_image(&s.lab.pause).await
                })
            },
        },
        // Looked for six times more rarely than others, and pulled if it is gone twice in a row.
        shows: Duration::from_secs(8),
        heals: LOOK,
    },
    Fault {
        act: Act {
            title: "a mount of a pod hangs",
            cause: "MountHung",
            on: On::Node,
            also: None,
            broken: |s| Box::pin(mount_hangs(s)),
            mended: |s| {
                Box::pin(async {
                    let (mount, place) = s.props.mount.take().context("no mount")?;
                    mount.end(&place).await
                })
            },
        },
        // The pod has to wait for it, and who asks the mount waits 2 s.
        shows: Duration::from_secs(6),
        heals: LOOK,
    },
];

fn disk(scene: &Scene) -> anyhow::Result<&Disk> {
    scene.props.disk.as_ref().context("no disk")
}

/// A pod waits for a claim that nobody binds, and below its directory lies a mount that does not answer.
async fn mount_hangs(scene: &mut Scene) -> anyhow::Result<()> {
    let place = scene.lab.places.kubelet.join("pods").join(UID).join("volumes/kubernetes.io~csi/data/mount");
    scene.props.mount = Some((DeadMount::at(&place).await?, place));
    let mut pod = pod(NAMESPACE, "archive", json!({"image": scene.lab.app}));
    pod["metadata"]["uid"] = json!(UID);
    pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "archive"}}]);
    scene.put(pod);
    Ok(())
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn kept() {
    in_lab!(async {
        let ground = Path::new(GROUND);
        let disk = Disk::mount(&ground.join("disk"), &ground.join("containerd/root"), SIZE)?;
        let mut scene = node().await?;
        scene.props = Props { disk: Some(disk), ..Props::default() };
        play(FAULTS, &mut scene).await?;
        scene.end().await
    });
}
