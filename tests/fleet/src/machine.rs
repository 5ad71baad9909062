//! What an agent sees of a node that is well, as the observers of its runtime and its host would tell it, and how it asks
//! for `/livez` while the way to the API server is in doubt. Seldomer than the observers look: what they find is the same.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use kubewhy::clock::Clock;
use kubewhy::model::cni::{CniConfig, CniHost};
use kubewhy::model::observation::Seen;
use kubewhy::model::reading::{Missing, Reading};
use kubewhy::model::runtime::{CallOutcome, Method, RuntimeCondition, RuntimeInfo, RuntimeStatus};
use kubewhy::observe::Outlet;
use kubewhy::observe::host::period_in_doubt;
use kubewhy_lab::apiserver::Indoors;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::wire::Refused;

/// Between two looks at a node on which nothing changes.
const LOOK: Duration = Duration::from_secs(60);
/// Between the first two looks at the way to the API server, as by default.
const PROBE: Duration = Duration::from_secs(10);
const SOCKET: &str = "/run/containerd/containerd.sock";

/// A runtime and a network that are well.
pub async fn be_well(out: Outlet) {
    let runtime =
        RuntimeInfo { name: "containerd".into(), version: "2.1.0".into(), api: "v1".into(), socket: SOCKET.into() };
    out.tell(Seen::RuntimeFound(runtime)).await;
    loop {
        for method in [Method::ListPodSandbox, Method::ListContainers, Method::Status] {
            out.tell(Seen::RuntimeCall(CallOutcome { method, took: Duration::from_millis(3), failure: None })).await;
        }
        out.tell(Seen::RuntimeStatus(status())).await;
        out.tell(Seen::Cni(cni())).await;
        sleep(LOOK + LOOK.mul_f64(0.2 * fastrand::f64())).await;
    }
}

fn status() -> RuntimeStatus {
    let holds =
        |kind: &str| RuntimeCondition { kind: kind.into(), status: true, reason: "".into(), message: "".into() };
    RuntimeStatus { conditions: vec![holds("RuntimeReady"), holds("NetworkReady")], ..RuntimeStatus::default() }
}

fn cni() -> CniHost {
    let dir = Path::new("/etc/cni/net.d");
    CniHost {
        conf_dir: dir.into(),
        bin_dirs: vec!["/opt/cni/bin".into()],
        config: CniConfig::Loaded {
            file: dir.join("10-flannel.conflist"),
            network: "cbr0".into(),
            plugins: vec!["flannel".into()],
        },
        missing_plugins: Vec::new(),
        unreadable: None,
    }
}

/// Asks for `/livez` as long as the way is in doubt, and tells what the probe would: by `deploy/base` it sees no kubeconfig,
/// so that only the service address is known.
pub async fn probe_the_way(
    way: Indoors,
    refused: Refused,
    clock: Clock,
    mut in_doubt: watch::Receiver<bool>,
    out: Outlet,
) {
    let mut looks = 0;
    loop {
        if !*in_doubt.borrow() {
            looks = 0;
        }
        if in_doubt.wait_for(|doubt| *doubt).await.is_err() {
            return;
        }
        looks += 1;
        let answers = livez(way.clone()).await;
        if !answers {
            refused.note(clock.now());
        }
        out.tell(Seen::Readings { probe: "api-server", readings: readings(answers) }).await;
        let rest = period_in_doubt(PROBE, looks);
        sleep(rest + rest.mul_f64(0.2 * fastrand::f64())).await;
    }
}

async fn livez(way: Indoors) -> bool {
    let request = Request::builder().uri("/livez").body(Body::empty());
    let Ok(request) = request else { return false };
    way.ask(request).await.is_ok_and(|answer| !answer.status().is_server_error())
}

fn readings(answers: bool) -> Vec<Reading> {
    let of = "service address";
    let direct = Reading::unknown("api-server", "direct", Missing::Access, "no kubeconfig is to be seen");
    let service = if answers {
        Reading::fine("api-server", of, "10.96.0.1:443 takes connections")
    } else {
        let lost = Reading::suspect("api-server", of, "ApiServerUnreachable", "no connection to 10.96.0.1:443");
        lost.with("api", "10.96.0.1:443").with("failure", "no connection to its service address")
    };
    vec![direct, service]
}

/// The name of a node by its number.
#[must_use]
pub fn name(number: usize) -> Arc<str> {
    format!("node-{number:05}").into()
}
