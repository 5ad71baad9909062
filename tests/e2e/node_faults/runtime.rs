//! Faults of the runtime's process.

use kubewhy_lab::demo::{Act, On, RUNTIME_KILLED, RUNTIME_STOPPED};
use kubewhy_lab::in_lab;

use super::row::{Fault, LOOK, node, play};

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        act: Act {
            title: "containerd has no descriptor left",
            cause: "FileDescriptorsExhausted",
            on: On::Node,
            also: None,
            broken: |s| Box::pin(async { s.lab.containerd.daemon().allow_no_more_files() }),
            mended: |s| Box::pin(async { s.lab.containerd.daemon().allow_all_files() }),
        },
        shows: LOOK,
        heals: LOOK,
    },
    Fault { act: Act { title: "containerd is stopped (SIGSTOP)", ..RUNTIME_STOPPED }, shows: LOOK, heals: LOOK },
    Fault { act: Act { title: "containerd is killed", ..RUNTIME_KILLED }, shows: LOOK, heals: LOOK },
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
