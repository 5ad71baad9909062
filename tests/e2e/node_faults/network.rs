//! Faults of the pod network.

use std::time::Duration;

use kubewhy_lab::cni::{Misbehaviour, PLUGIN};
use kubewhy_lab::demo::{Act, NAMESPACE, On, PLUGIN_GONE, PLUGIN_HANGS, Scene, pod};
use kubewhy_lab::in_lab;
use serde_json::json;

use super::row::{Fault, LOOK, STALLED, node, play};

/// So many addresses are left for pods, and so many pods take one.
const ADDRESSES: u8 = 2;

pub(crate) const FAULTS: &[Fault] = &[
    Fault { act: Act { title: "a CNI plugin is not installed", ..PLUGIN_GONE }, shows: LOOK, heals: LOOK },
    Fault {
        act: Act {
            title: "the CNI configuration names a plugin that nobody has",
            cause: "CniPluginMissing",
            on: On::Node,
            also: None,
            broken: |s| Box::pin(async { Ok(s.lab.cni.configure_plugin("brigde")?) }),
            mended: |s| Box::pin(async { Ok(s.lab.cni.configure()?) }),
        },
        shows: LOOK,
        heals: LOOK,
    },
    Fault {
        act: Act {
            title: "the CNI configuration is removed",
            cause: "CniConfigMissing",
            on: On::Node,
            also: None,
            broken: |s| Box::pin(async { Ok(s.lab.cni.remove_configuration()?) }),
            mended: |s| Box::pin(async { Ok(s.lab.cni.configure()?) }),
        },
        shows: LOOK,
        heals: LOOK,
    },
    Fault {
        act: Act {
            title: "the CNI configuration is cut off in its middle",
            cause: "CniConfigInvalid",
            on: On::Node,
            also: None,
            broken: |s| Box::pin(async { Ok(s.lab.cni.configure_text("{ \"cniVersion\": \"0.4.0\", \"name\": ")?) }),
            mended: |s| Box::pin(async { Ok(s.lab.cni.configure()?) }),
        },
        shows: LOOK,
        heals: LOOK,
    },
    Fault {
        act: Act {
            title: "a CNI plugin dies without a word, for pods of two owners",
            cause: "NodeCannotStartPods",
            on: On::Node,
            also: None,
            broken: |s| {
                Box::pin(async {
                    s.lab.cni.misbehave(PLUGIN, &Misbehaviour::DieSilently)?;
                    ["cart", "search"].iter().for_each(|owner| owned(s, owner));
                    Ok(())
                })
            },
            mended: |s| Box::pin(async { Ok(s.lab.cni.put_plugin_back(PLUGIN)?) }),
        },
        // Only the pods' Events say so, which are asked for once a pod has waited for 3 s; a node may ask for six an hour.
        shows: Duration::from_secs(8),
        heals: Duration::from_secs(6),
    },
    Fault {
        act: Act {
            title: "every address for pods is in use",
            cause: "PodIpExhausted",
            on: On::Node,
            also: None,
            broken: |s| {
                Box::pin(async {
                    s.lab.cni.configure_addresses(ADDRESSES)?;
                    (0..=ADDRESSES)
                        .for_each(|number| s.run_pod(&format!("guest-{number}"), json!({"image": s.lab.app})));
                    Ok(())
                })
            },
            mended: |s| Box::pin(async { Ok(s.lab.cni.configure()?) }),
        },
        // Pods have to start first.
        shows: Duration::from_secs(6),
        heals: LOOK,
    },
    Fault { act: Act { title: "a CNI plugin does not return", ..PLUGIN_HANGS }, shows: LOOK, heals: LOOK },
    Fault {
        act: Act {
            title: "a CNI plugin does not return, for pods of two owners",
            cause: "NodeCannotStartPods",
            on: On::Node,
            also: Some(On::Pod("till-0")),
            broken: |s| {
                Box::pin(async {
                    s.lab.cni.misbehave(PLUGIN, &Misbehaviour::Hang)?;
                    ["till", "post"].iter().for_each(|owner| owned(s, owner));
                    Ok(())
                })
            },
            mended: |s| Box::pin(async { Ok(s.lab.cni.put_plugin_back(PLUGIN)?) }),
        },
        // Of pods that only wait, each must have waited for as long as its own cause dwells.
        shows: Duration::from_secs(LOOK.as_secs() + STALLED.1.as_secs()),
        heals: LOOK,
    },
];

/// Two pods of that owner.
fn owned(scene: &Scene, owner: &str) {
    for number in 0..2 {
        let mut pod = pod(NAMESPACE, &format!("{owner}-{number}"), json!({"image": scene.lab.app}));
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": owner, "controller": true,
        }]);
        scene.put(pod);
    }
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn cni() {
    in_lab!(async {
        let mut scene = node().await?;
        play(FAULTS, &mut scene).await?;
        scene.end().await
    });
}
