//! What the runtime itself tells `kubewhy check` on its socket: whether it answers, how long each call takes, whether its
//! pause image is here; and what the probes of the host's files make more of. Asks each question once, pulls nothing.

use std::time::Duration;

use k8s_cri::v1::Image;

use crate::client::call::Call;
use crate::client::cri::Cri;
use crate::client::cri::deadlines::Deadlines;
use crate::client::endpoint::Endpoint;
use crate::client::link::Live;
use crate::clock::Clock;
use crate::diagnose::runtime_too_old;
use crate::model::observation::Seen;
use crate::model::reading::{Missing, Reading};
use crate::model::runtime::{CallFailure, FailureKind, Method};
use crate::observe::cri::{sandboxes_of, status_of};
use crate::observe::host::{CniDirs, Heard};

const CALLS: &str = "runtime-calls";
const PAUSE: &str = "pause-image";
/// What is answered from memory and takes so long holds up the kubelet.
const LATE: Duration = Duration::from_secs(2);
const DEADLINE: Duration = Duration::from_secs(4);

/// What came of asking.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// One for each call, and one for the pause image.
    pub(super) readings: Vec<Reading>,
    /// What probes of the host's files need.
    pub(super) heard: Heard,
    /// Where CNI lives, where it tells.
    pub(super) cni: Option<CniDirs>,
}

/// Asks whoever answers there.
pub(super) fn ask(endpoint: &Endpoint) -> Answers {
    let deadlines = Deadlines { list: DEADLINE, status: DEADLINE, image: DEADLINE, ..Deadlines::default() };
    let asking = async {
        let cri = Cri::new(endpoint.clone(), Clock::start(), deadlines);
        let mut answers = Answers::default();
        answers.of(&cri, endpoint).await;
        answers
    };
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(events) => events.block_on(asking),
        Err(error) => {
            let unasked = Reading::unknown(CALLS, "", Missing::Answer, format!("not asked: {error}"));
            Answers { readings: vec![unasked], ..Answers::default() }
        }
    }
}

impl Answers {
    async fn of(&mut self, cri: &Cri, endpoint: &Endpoint) {
        let connected = cri.connected().await;
        let who = |live: &Live| format!("{} {}", live.runtime.name, live.runtime.version);
        self.called(&connected, endpoint, who);
        let Ok(live) = connected.result else { return };
        self.heard.hear(&Seen::RuntimeFound((*live.runtime).clone()));
        let (status, sandboxes, containers) =
            tokio::join!(cri.status(true), cri.list_pod_sandbox(), cri.list_containers());
        self.called(&status, endpoint, |_| String::new());
        self.called(&sandboxes, endpoint, |list| format!("{} sandboxes", list.len()));
        self.called(&containers, endpoint, |list| format!("{} containers", list.len()));
        if let Ok(list) = &sandboxes.result {
            self.heard.hear(&Seen::Sandboxes(sandboxes_of(list)));
        }
        let Ok(status) = status.result.map(|answer| status_of(&answer)) else { return };
        self.cni = CniDirs::told_by(&status);
        self.heard.hear(&Seen::RuntimeStatus(status));
        self.pause(cri, endpoint).await;
    }

    fn called<T>(&mut self, call: &Call<T>, endpoint: &Endpoint, says: impl FnOnce(&T) -> String) {
        let reading = match &call.result {
            Ok(answer) => answered(call.method, call.took, &says(answer)),
            Err(failure) => failed(call.method, &endpoint.as_the_host_names(failure.clone())),
        };
        self.readings.push(reading);
    }

    /// That it is gone is not yet that it can't be had: nothing is pulled here.
    async fn pause(&mut self, cri: &Cri, endpoint: &Endpoint) {
        let Some(name) = self.heard.pause.clone() else {
            let why = "the runtime does not tell its name";
            return self.readings.push(Reading::unknown(PAUSE, "", Missing::Subject, why));
        };
        let call = cri.image_status(&name).await;
        self.called(&call, endpoint, |_| String::new());
        if let Ok(answer) = call.result {
            self.readings.push(pause(&name, answer.image.as_ref()));
        }
    }
}

fn answered(method: Method, took: Duration, says: &str) -> Reading {
    let comma = if says.is_empty() { "" } else { ", " };
    let says = format!("{} ms{comma}{says}", took.as_millis());
    match took >= LATE && method.vital() {
        true => Reading::suspect(CALLS, method.name(), "RuntimeSlow", says),
        false => Reading::fine(CALLS, method.name(), says),
    }
}

fn failed(method: Method, failure: &CallFailure) -> Reading {
    let unknown = |missing| Reading::unknown(CALLS, method.name(), missing, failure.text.as_str());
    match failure.kind {
        FailureKind::NoneFound => unknown(Missing::Subject),
        FailureKind::PermissionDenied => unknown(Missing::Access),
        // A CNI plugin may hold it up.
        _ if !method.vital() => unknown(Missing::Answer),
        _ if runtime_too_old(failure) => Reading::broken(CALLS, method.name(), "RuntimeTooOld", failure.text.as_str()),
        _ => Reading::broken(CALLS, method.name(), "RuntimeDown", failure.text.as_str())
            .with("runtime", "The container runtime")
            .with("failure", failure.text.as_str()),
    }
}

fn pause(name: &str, image: Option<&Image>) -> Reading {
    match image {
        Some(image) if image.pinned => Reading::fine(PAUSE, "", format!("{name} is here, and pinned")),
        Some(_) => Reading::fine(PAUSE, "", format!("{name} is here; not pinned, so a clean-up may remove it")),
        None => {
            let says = format!("{name} is not here: the next pod has to pull it");
            Reading::suspect(PAUSE, "", "PauseImageMissing", says).with("image", name)
        }
    }
}
