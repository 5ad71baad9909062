//! Looks at the runtime through CRI: lists sandboxes and containers at the engine's pace, asks `Status` now and then and
//! `ImageStatus` of the images that pods wait for. Each of the three goes its own way, so that a `Status` that a CNI plugin holds up delays no
//! list. At most one call of a kind is under way. It never subscribes to `GetContainerEvents`: a reader there can steal
//! events from the kubelet (containerd 1.7) or block RunPodSandbox (2.x).

mod convert;
mod images;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Outlet, Pace};
use crate::client::backoff::jittered;
use crate::client::call::Call;
use crate::client::cri::Cri;
use crate::clock::Clock;
use crate::model::observation::{Observation, Seen};
use crate::model::runtime::{CallFailure, FailureKind, RuntimeStatus, Sandbox};
use crate::model::settings::Timing;

use images::Images;

/// The longest period between two `Status` calls while they hang. From containerd 2.1 on a call that was given up goes on
/// waiting for the CNI plugin inside the runtime: few of them shall pile up there.
const STATUS_AT_LEAST_EVERY: Duration = Duration::from_secs(60);

/// The longest wait before a runtime that is down is tried again: it must be seen within seconds when it is back.
const RETRY_AT_MOST: Duration = Duration::from_secs(1);

/// Observes one runtime.
#[derive(Debug)]
pub struct CriObserver {
    cri: Cri,
    clock: Clock,
    pace: Pace,
    images: watch::Receiver<Arc<[Arc<str>]>>,
    status_every: Duration,
}

impl CriObserver {
    /// An observer that lists at `pace`, asks for `images`, and asks `Status` every [`Timing::status`].
    #[must_use]
    pub fn new(cri: Cri, clock: Clock, pace: Pace, images: watch::Receiver<Arc<[Arc<str>]>>, timing: &Timing) -> Self {
        Self { cri, clock, pace, images, status_every: timing.status }
    }

    /// Looks until `stop`.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let out = Outlet::new(out, self.clock);
        let (connection, changes) = watch::channel(None);
        let images = Images {
            cri: &self.cri,
            out: &out,
            clock: self.clock,
            connection: changes.clone(),
            awaited: self.images.clone(),
            asked: BTreeMap::new(),
        };
        let lists = Lists { cri: &self.cri, out: &out, connection, failing: None };
        tokio::select! {
            () = stop.cancelled() => {}
            _ = async { tokio::join!(
                lists.run(self.pace.clone()),
                statuses(&self.cri, &out, changes.clone(), self.status_every, self.clock),
                images.run(),
            ) } => {}
        }
    }
}

/// An answer of `Status` that somebody else asked for or recorded.
#[must_use]
pub fn status_of(wire: &k8s_cri::v1::StatusResponse) -> RuntimeStatus {
    convert::status(wire)
}

/// A list of sandboxes that somebody else asked for or recorded.
#[must_use]
pub fn sandboxes_of(wire: &[k8s_cri::v1::PodSandbox]) -> Vec<Sandbox> {
    convert::sandboxes(wire)
}

/// The connection's number, none while there is none.
type Connection = Option<u64>;

/// The lists of sandboxes and containers; they also keep the connection up and tell the others of it.
struct Lists<'a> {
    cri: &'a Cri,
    out: &'a Outlet,
    connection: watch::Sender<Connection>,
    failing: Option<FailureKind>,
}

impl Lists<'_> {
    async fn run(mut self, mut pace: Pace) {
        loop {
            let failure = self.look().await.err();
            self.log(failure.as_ref());
            if failure.is_some() {
                sleep(jittered(pace.busy().min(RETRY_AT_MOST))).await;
            } else {
                pace.rest().await;
            }
        }
    }

    async fn look(&self) -> Result<(), CallFailure> {
        self.connect().await?;
        let (sandboxes, containers) = tokio::join!(self.cri.list_pod_sandbox(), self.cri.list_containers());
        let sandboxes = told(self.out, sandboxes).await;
        if let Ok(list) = &sandboxes {
            self.out.tell(Seen::Sandboxes(convert::sandboxes(list))).await;
        }
        let containers = told(self.out, containers).await;
        if let Ok(list) = &containers {
            self.out.tell(Seen::Containers(convert::containers(list))).await;
        }
        sandboxes.map(drop).and(containers.map(drop))
    }

    /// Tells of a new connection, or why there is none.
    async fn connect(&self) -> Result<(), CallFailure> {
        let call = self.cri.connected().await;
        let number = call.result.as_ref().ok().map(|live| live.generation);
        if number.is_none() || number != *self.connection.borrow() {
            let live = told(self.out, call).await;
            if let Ok(live) = &live {
                tracing::info!(runtime = %live.runtime.name, version = %live.runtime.version,
                    socket = %live.socket().display(), "connected to the container runtime");
                self.out.tell(Seen::RuntimeFound((*live.runtime).clone())).await;
            }
            self.connection.send_replace(number);
            live?;
        }
        Ok(())
    }

    /// One line when it starts to fail, or fails otherwise, and one when it is well again.
    fn log(&mut self, failure: Option<&CallFailure>) {
        let kind = failure.map(|failure| failure.kind);
        if kind != self.failing {
            match failure {
                Some(failure) if failure.kind.blind() => {
                    tracing::warn!(reason = %failure.text, "the container runtime is out of this agent's reach");
                }
                Some(failure) => tracing::warn!(reason = %failure.text, "the container runtime does not answer"),
                None => tracing::info!("the container runtime answers again"),
            }
        }
        self.failing = kind;
    }
}

async fn statuses(cri: &Cri, out: &Outlet, mut connection: watch::Receiver<Connection>, every: Duration, clock: Clock) {
    let mut period = every;
    while connection.wait_for(Option::is_some).await.is_ok() {
        match told(out, cri.status(true).await).await {
            Ok(answer) => {
                period = every;
                out.tell(Seen::RuntimeStatus(convert::status(&answer))).await;
            }
            Err(failure) if failure.kind == FailureKind::TimedOut => {
                period = period.saturating_mul(2).min(STATUS_AT_LEAST_EVERY.max(every));
            }
            Err(_) => {}
        }
        tokio::select! {
            () = sleep(clock.together(period)) => {}
            Ok(()) = connection.changed() => {}
        }
    }
}

/// Hands on how a call ended, and gives back its result.
async fn told<T>(out: &Outlet, call: Call<T>) -> Result<T, CallFailure> {
    out.tell(Seen::RuntimeCall(call.outcome())).await;
    call.result
}
