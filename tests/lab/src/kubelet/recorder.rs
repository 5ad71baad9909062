//! Events as client-go's recorder writes them: core/v1, repeats counted by PATCH, floods silenced
//! (Kubernetes: client-go/tools/record/event.go). Never blocks who records: a full queue drops.

mod correlate;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Error, Resource};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use correlate::{Correlator, Said};

/// Events waiting to be written; client-go keeps as many (client-go/tools/record/event.go: maxQueuedEvents).
const QUEUE: usize = 1000;
const TRIES: u32 = 12;
const BETWEEN_TRIES: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What an Event says about its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Type {
    Normal,
    Warning,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// One occurrence, before counting.
#[derive(Debug, Clone)]
pub(super) struct Occurrence {
    pub(super) about: ObjectReference,
    pub(super) r#type: Type,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) at: Timestamp,
}

/// Takes occurrences; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    queue: mpsc::Sender<Occurrence>,
}

impl Recorder {
    /// The recorder and the writer that has to be polled for anything to be written.
    pub(super) fn new(client: Client, host: String) -> (Self, impl Future<Output = ()> + Send) {
        let (queue, occurrences) = mpsc::channel(QUEUE);
        (Self { queue }, Writer { client, host, correlator: Correlator::default() }.run(occurrences))
    }

    pub(super) fn record(&self, about: &ObjectReference, r#type: Type, reason: &str, message: String) {
        let at = Timestamp::now();
        let occurrence = Occurrence { about: about.clone(), r#type, reason: reason.to_owned(), message, at };
        if self.queue.try_send(occurrence).is_err() {
            tracing::warn!(reason, "event queue full, event dropped");
        }
    }
}

/// How an object is named in its Events; a container's pod carries a field path beside it.
pub(super) fn reference<K: Resource<DynamicType = ()>>(object: &K) -> ObjectReference {
    let meta = object.meta();
    ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
        field_path: None,
    }
}

struct Writer {
    client: Client,
    host: String,
    correlator: Correlator,
}

impl Writer {
    async fn run(mut self, mut occurrences: mpsc::Receiver<Occurrence>) {
        while let Some(occurrence) = occurrences.recv().await {
            let Some(said) = self.correlator.observe(occurrence, Instant::now()) else { continue };
            for _ in 0..TRIES {
                match timeout(ANSWER_WITHIN, self.write(&said)).await {
                    Ok(Ok(())) => break,
                    Ok(Err(Error::Api(refusal))) => {
                        tracing::warn!(reason = said.what.reason, refusal = refusal.message, "event refused");
                        break;
                    }
                    Ok(Err(_)) | Err(_) => sleep(BETWEEN_TRIES).await,
                }
            }
        }
    }

    async fn write(&self, said: &Said) -> Result<(), Error> {
        let namespace = said.what.about.namespace.as_deref().unwrap_or("default");
        let events = Api::<Event>::namespaced(self.client.clone(), namespace);
        if said.count > 1 {
            let change = json!({
                "count": said.count, "lastTimestamp": Time(said.what.at), "message": said.what.message,
            });
            match events.patch(&said.name, &PatchParams::default(), &Patch::Merge(change)).await {
                Err(Error::Api(refusal)) if refusal.is_not_found() => {}
                other => return other.map(drop),
            }
        }
        events.create(&PostParams::default(), &self.event(said, namespace)).await.map(drop)
    }

    /// A combined Event names no reporter: client-go forgets it when it builds one, and recordings show it missing.
    fn event(&self, said: &Said, namespace: &str) -> Event {
        let component = Some("kubelet".to_owned());
        let reporter = |name: &str| if said.combined { String::new() } else { name.to_owned() };
        let metadata = ObjectMeta {
            name: Some(said.name.clone()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        };
        Event {
            metadata,
            involved_object: said.what.about.clone(),
            type_: Some(said.what.r#type.name().to_owned()),
            reason: Some(said.what.reason.clone()),
            message: Some(said.what.message.clone()),
            first_timestamp: Some(Time(said.first)),
            last_timestamp: Some(Time(said.what.at)),
            count: Some(said.count),
            source: Some(EventSource { component, host: Some(self.host.clone()) }),
            reporting_component: Some(reporter("kubelet")),
            reporting_instance: Some(reporter(&self.host)),
            ..Event::default()
        }
    }
}
