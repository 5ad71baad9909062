//! Faults of the runtime's process.

use anyhow::Context;
use kubewhy_lab::demo::{Act, On};
use kubewhy_lab::in_lab;

use super::row::{Fault, LOOK, node, play};

const FAULTS: &[Fault] = &[
    Fault {
        act: Act {
            title: "containerd has no descriptor left",
            cause: "FileDescriptorsExhausted",
            on: On::Node,
            also: None,
            broken: |s| Box::pin(async { s.lab.containerd.daemon().allow_more_files(0) }),
            mended: |s| Box::pin(async { s.lab.containerd.daemon().allow_all_files() }),
        },
        shows: LOOK,
        heals: LOOK,
    },
    Fault {
        act: Act {
            title: "containerd is stopped (SIGSTOP)",
            cause: "RuntimeDown",
            on: On::Node,
            also: None,
            broken: |s| Box::pin(async { s.lab.containerd.daemon().freeze() }),
            mended: |s| Box::pin(async { s.lab.containerd.daemon().thaw() }),
        },
        shows: LOOK,
        heals: LOOK,
    },
    Fault {
        act: Act {
            title: "containerd is killed",
            cause: "RuntimeDown",
            on: On::Node,
            also: None,
            broken: |s| Box::pin(async { s.lab.containerd.daemon().kill().await.context("killing containerd") }),
            mended: |s| Box::pin(async { s.lab.containerd.restart().await }),
        },
        shows: LOOK,
        heals: LOOK,
    },
];

#[test]
#[ignore = "the table runs it on every containerd"]
fn process() {
    in_lab!(async {
        let mut scene = node().await?;
        play(FAULTS, &mut scene).await?;
        scene.end().await
    });
}
