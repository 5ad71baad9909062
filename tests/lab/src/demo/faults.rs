//! The faults of the demo, in the order in which they are shown: first those for which the agent has to ask for a pod's
//! Events, while its budget for the hour is whole; last those that need a restart.

use anyhow::Context;
use serde_json::json;

use crate::cni::{Misbehaviour, PLUGIN};
use crate::faulty::Fault;
use crate::hosts::{REFUSED, REGISTRY};
use crate::images::Image;

use super::act::Act;
use super::scene::{NAMESPACE, On};

/// A registry of its own name, which can be taken away without hurting the others.
const NAMED: &str = "images.lab:5000";
/// Size of each layer of the big images.
const LAYER: usize = 6 << 20;

/// A CNI plugin's program is removed.
pub const PLUGIN_GONE: Act = Act {
    title: "the program of a CNI plugin is removed from the node, before any pod needs it",
    cause: "CniPluginMissing",
    on: On::Node,
    also: None,
    broken: |s| Box::pin(async { Ok(s.lab.cni.take_plugin_away(PLUGIN)?) }),
    mended: |s| Box::pin(async { Ok(s.lab.cni.put_plugin_back(PLUGIN)?) }),
};

/// A CNI plugin does not return, and a pod wants to start.
pub const PLUGIN_HANGS: Act = Act {
    title: "a CNI plugin does not return, and the kubelet says nothing for four minutes",
    cause: "SandboxStalled",
    on: On::Pod("invoice"),
    also: None,
    broken: |s| {
        Box::pin(async {
            s.lab.cni.misbehave(PLUGIN, &Misbehaviour::Hang)?;
            s.run_pod("invoice", json!({"image": s.lab.app}));
            Ok(())
        })
    },
    mended: |s| Box::pin(async { Ok(s.lab.cni.put_plugin_back(PLUGIN)?) }),
};

/// The runtime holds its socket and answers nothing.
pub const RUNTIME_STOPPED: Act = Act {
    title: "containerd is stopped: it holds its socket and answers nothing",
    cause: "RuntimeDown",
    on: On::Node,
    also: None,
    broken: |s| Box::pin(async { s.lab.containerd.daemon().freeze() }),
    mended: |s| Box::pin(async { s.lab.containerd.daemon().thaw() }),
};

/// The runtime is killed.
pub const RUNTIME_KILLED: Act = Act {
    title: "containerd is killed",
    cause: "RuntimeDown",
    on: On::Node,
    also: None,
    broken: |s| Box::pin(async { s.lab.containerd.daemon().kill().await.context("killing containerd") }),
    mended: |s| Box::pin(async { s.lab.containerd.restart().await }),
};

/// All of them.
pub const FAULTS: &[Act] = &[
    PLUGIN_GONE,
    Act {
        title: "the CNI configuration is removed, and a pod wants to start",
        cause: "CniConfigMissing",
        on: On::Node,
        also: Some(On::Pod("basket")),
        broken: |s| {
            Box::pin(async {
                s.lab.cni.remove_configuration()?;
                s.run_pod("basket", json!({"image": s.lab.app}));
                Ok(())
            })
        },
        mended: |s| Box::pin(async { Ok(s.lab.cni.configure()?) }),
    },
    Act {
        title: "the pause image is gone from the node and from its registry",
        cause: "SandboxImageUnavailable",
        on: On::Node,
        also: None,
        broken: |s| {
            Box::pin(async {
                s.lab.registry.remove_tag("pause", "1")?;
                s.lab.containerd.forget_image(&s.lab.pause).await?;
                s.run_pod("ledger", json!({"image": s.lab.app}));
                Ok(())
            })
        },
        mended: |s| {
            Box::pin(async {
                s.lab.registry.push("pause", "1", &Image::pause(&s.lab.busybox))?;
                Ok(())
            })
        },
    },
    PLUGIN_HANGS,
    Act {
        title: "a pod asks for an image tag that nobody has pushed",
        cause: "ImageNotFound",
        on: On::Pod("cart"),
        also: None,
        broken: |s| {
            Box::pin(async {
                s.run_pod("cart", json!({"image": format!("{REGISTRY}/shop/cart:2.14.1")}));
                Ok(())
            })
        },
        mended: |s| {
            Box::pin(async {
                s.lab.registry.push("shop/cart", "2.14.1", &Image::app(&s.lab.busybox))?;
                Ok(())
            })
        },
    },
    Act {
        title: "a registry wants a login (401) and the pod has none",
        cause: "ImageAccessDenied",
        on: On::Pod("checkout"),
        also: None,
        broken: |s| {
            Box::pin(async {
                let image = s.lab.faulty.push("shop/checkout", "1.9.0", &Image::app(&s.lab.busybox));
                s.lab.faulty.set("shop/checkout", Fault::Status(401));
                s.run_pod("checkout", json!({"image": image}));
                Ok(())
            })
        },
        mended: |s| {
            Box::pin(async {
                s.lab.faulty.set("shop/checkout", Fault::Healthy);
                Ok(())
            })
        },
    },
    Act {
        title: "the registry's name has no address",
        cause: "RegistryNameUnresolved",
        on: On::Pod("search"),
        also: None,
        broken: |s| {
            Box::pin(async {
                s.lab.registry.push("shop/search", "4.2.0", &Image::app(&s.lab.busybox))?;
                s.lab.hosts.set(NAMED, &format!("http://{NAMED}"))?;
                s.lab.names.forget("images.lab");
                s.run_pod("search", json!({"image": format!("{NAMED}/shop/search:4.2.0")}));
                Ok(())
            })
        },
        mended: |s| {
            Box::pin(async {
                s.lab.names.restore("images.lab");
                Ok(())
            })
        },
    },
    Act {
        title: "nobody listens where the registry should be",
        cause: "RegistryUnreachable",
        on: On::Pod("orders"),
        also: None,
        broken: |s| {
            Box::pin(async {
                s.lab.registry.push("shop/orders", "7.0.1", &Image::app(&s.lab.busybox))?;
                s.run_pod("orders", json!({"image": format!("{REFUSED}/shop/orders:7.0.1")}));
                Ok(())
            })
        },
        mended: |s| Box::pin(async { Ok(s.lab.hosts.set(REFUSED, &format!("http://{REGISTRY}"))?) }),
    },
    Act {
        title: "the way to the registry is narrow: 300 kB/s for each layer",
        cause: "ImagePullSlow",
        on: On::Pod("catalog"),
        also: None,
        broken: |s| {
            Box::pin(async {
                let image = s.lab.faulty.push("shop/catalog", "3.3.0", &Image::large(&s.lab.busybox, 3, LAYER, 7));
                s.lab.faulty.set("shop/catalog", Fault::Slow(300_000));
                s.run_pod("catalog", json!({"image": image}));
                Ok(())
            })
        },
        mended: |s| {
            Box::pin(async {
                s.lab.faulty.set("shop/catalog", Fault::Healthy);
                Ok(())
            })
        },
    },
    Act {
        title: "the registry stops in the middle of a layer and keeps the connection open",
        cause: "ImagePullStalled",
        on: On::Pod("reports"),
        also: None,
        broken: |s| {
            Box::pin(async {
                let image = s.lab.faulty.push("shop/reports", "0.8.2", &Image::large(&s.lab.busybox, 2, LAYER, 8));
                s.lab.faulty.set("shop/reports", Fault::Stalled(2_500_000));
                s.run_pod("reports", json!({"image": image}));
                Ok(())
            })
        },
        mended: |s| {
            Box::pin(async {
                s.lab.faulty.set("shop/reports", Fault::Healthy);
                Ok(())
            })
        },
    },
    Act {
        title: "a pod takes a variable from a ConfigMap that does not exist",
        cause: "ConfigReferenceMissing",
        on: On::Pod("payment"),
        also: None,
        broken: |s| {
            Box::pin(async {
                let from = json!({"configMapKeyRef": {"name": "payment-settings", "key": "db-host"}});
                let env = json!([{"name": "DB_HOST", "valueFrom": from}]);
                s.run_pod("payment", json!({"image": s.lab.app, "env": env}));
                Ok(())
            })
        },
        mended: |s| {
            Box::pin(async {
                s.put(json!({
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": "payment-settings", "namespace": NAMESPACE},
                    "data": {"db-host": "db.shop.svc"},
                }));
                Ok(())
            })
        },
    },
    Act {
        title: "a pod's command is not in its image",
        cause: "CommandNotFound",
        on: On::Pod("mailer"),
        also: None,
        broken: |s| {
            Box::pin(async {
                let image = s.lab.registry.push("shop/mailer", "1", &Image::app(&s.lab.busybox))?;
                s.run_pod("mailer", json!({"image": image, "command": ["/bin/mailer"]}));
                Ok(())
            })
        },
        mended: |s| {
            Box::pin(async {
                s.lab.registry.push("shop/mailer", "1", &Image::with_program(&s.lab.busybox, "bin/mailer"))?;
                Ok(())
            })
        },
    },
    RUNTIME_STOPPED,
    RUNTIME_KILLED,
];
