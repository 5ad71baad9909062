//! Makes sure a container's image is there (Kubernetes: pkg/kubelet/images/image_manager.go): policy, back-off, the pull queue.
//! Never pulls with credentials and never gives a pull a deadline, as the kubelet gives none.

mod intents;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_cri::v1 as cri;
use k8s_openapi::api::core::v1::{Container, ObjectReference};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Options;
use super::backoff::Backoff;
use super::golang;
use super::record::{Record, Stage};
use super::recorder::{Recorder, Type};
use super::rpc::Runtime;
use super::status::Failure;
use intents::Intents;

/// The image side of one node.
#[derive(Debug)]
pub(super) struct Images {
    runtime: Runtime,
    recorder: Recorder,
    record: Record,
    /// One pull at a time, in the order of asking; none when pulls run beside each other.
    queue: Option<Semaphore>,
    intents: Intents,
    backoff: Mutex<Backoff>,
    errors: Mutex<HashMap<String, String>>,
}

/// Who asks for an image, and for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) about: &'a ObjectReference,
    pub(super) uid: &'a str,
    pub(super) container: &'a Container,
    pub(super) sandbox: &'a cri::PodSandboxConfig,
}

impl Images {
    pub(super) fn new(options: &Options, runtime: Runtime, recorder: Recorder, record: Record) -> Self {
        Self {
            runtime,
            recorder,
            record,
            queue: options.serialize_pulls.then(|| Semaphore::new(1)),
            intents: Intents::under(&options.root),
            backoff: Mutex::new(Backoff::new(options.backoff_initial, options.backoff_max)),
            errors: Mutex::default(),
        }
    }

    /// The image's id in the runtime once it is there.
    pub(super) async fn ensure(&self, wanted: Wanted<'_>) -> Result<String, Failure> {
        let named = wanted.container.image.as_deref().unwrap_or_default();
        let image = tagged(named).map_err(|message| self.fail(wanted, "InspectFailed", "InvalidImageName", message))?;
        let policy = policy(wanted.container, &image);
        if policy != "Always" {
            if let Some(id) = self.present(wanted, named, &image).await? {
                let text =
                    format!("Container image \"{named}\" already present on machine and can be accessed by the pod");
                self.recorder.record(wanted.about, Type::Normal, "Pulled", text);
                return Ok(id);
            }
            if policy == "Never" {
                let message = format!("Container image \"{named}\" is not present with pull policy of Never");
                return Err(self.fail(wanted, "ErrImageNeverPull", "ErrImageNeverPull", message));
            }
        }
        self.pull(wanted, named, &image).await
    }

    /// Forgets the failed pulls of a pod that is gone.
    pub(super) fn forget(&self, uid: &str) {
        locked(&self.errors).retain(|key, _| !key.starts_with(uid));
    }

    async fn present(&self, wanted: Wanted<'_>, named: &str, image: &str) -> Result<Option<String>, Failure> {
        let found = self.runtime.image(image).await.map_err(|error| {
            let message = format!("Failed to inspect image \"{named}\": {error}");
            self.fail(wanted, "InspectFailed", "ImageInspectError", message)
        })?;
        Ok(found.map(|image| image.id))
    }

    fn fail(&self, wanted: Wanted<'_>, event: &str, reason: &str, message: String) -> Failure {
        self.recorder.record(wanted.about, Type::Warning, event, message.clone());
        Failure { reason: reason.to_owned(), message }
    }

    async fn pull(&self, wanted: Wanted<'_>, named: &str, image: &str) -> Result<String, Failure> {
        let key = format!("{}_{image}", wanted.uid);
        let _intent = self.intents.announce(image);
        if locked(&self.backoff).remaining(&key, None, Instant::now()).is_some() {
            return Err(self.backed_off(wanted, named, &key));
        }
        self.recorder.record(wanted.about, Type::Normal, "Pulling", format!("Pulling image \"{named}\""));
        let asked = Instant::now();
        self.record.begins(wanted.uid, Stage::ImageQueue, Some(&wanted.container.name));
        let turn = self.turn().await;
        self.record.begins(wanted.uid, Stage::ImagePull, Some(&wanted.container.name));
        let started = Instant::now();
        let answer = self.runtime.pull(image, wanted.sandbox.clone()).await;
        drop(turn);
        match answer {
            Ok(id) => {
                locked(&self.errors).remove(&key);
                self.say_pulled(wanted, named, &id, (started.elapsed(), asked.elapsed())).await;
                Ok(id)
            }
            Err(error) => {
                locked(&self.backoff).next(&key, Instant::now());
                let message = error.to_string();
                let text = format!("Failed to pull image \"{named}\": {message}");
                self.recorder.record(wanted.about, Type::Warning, "Failed", text);
                locked(&self.errors).insert(key, format!("ErrImagePull: {message}"));
                Err(Failure { reason: "ErrImagePull".to_owned(), message })
            }
        }
    }

    fn backed_off(&self, wanted: Wanted<'_>, named: &str, key: &str) -> Failure {
        let text = format!("Back-off pulling image \"{named}\"");
        self.recorder.record(wanted.about, Type::Normal, "BackOff", text.clone());
        let earlier = locked(&self.errors).get(key).map(|error| format!(": {error}")).unwrap_or_default();
        Failure { reason: "ImagePullBackOff".to_owned(), message: format!("{text}{earlier}") }
    }

    async fn turn(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        match &self.queue {
            Some(queue) => queue.acquire().await.ok(),
            None => None,
        }
    }

    async fn say_pulled(&self, wanted: Wanted<'_>, named: &str, id: &str, took: (Duration, Duration)) {
        let size = self.runtime.image(id).await.ok().flatten().map_or(0, |image| image.size);
        let (pulling, waiting) = (golang::duration(took.0), golang::duration(took.1));
        let text = format!(
            "Successfully pulled image \"{named}\" in {pulling} ({waiting} including waiting). Image size: {size} bytes."
        );
        self.recorder.record(wanted.about, Type::Normal, "Pulled", text);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The policy of a container; the API server writes it, this is what it would have written.
fn policy<'a>(container: &'a Container, image: &str) -> &'a str {
    let default = if image.ends_with(":latest") { "Always" } else { "IfNotPresent" };
    container.image_pull_policy.as_deref().unwrap_or(default)
}

/// The reference with its default tag, or the kubelet's complaint about one that is none.
fn tagged(image: &str) -> Result<String, String> {
    let (path, digest) = image.split_once('@').map_or((image, None), |(path, digest)| (path, Some(digest)));
    let (host, repository) = match path.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), rest),
        _ => (None, path),
    };
    let (repository, tag) = repository.split_once(':').map_or((repository, None), |(name, tag)| (name, Some(tag)));
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let complaint = if repository.contains(|c: char| c.is_ascii_uppercase()) {
        format!("invalid reference format: repository name ({repository}) must be lowercase")
    } else if repository.is_empty() || !repository.chars().all(allowed) || host.is_some_and(|host| host.contains(' ')) {
        "invalid reference format".to_owned()
    } else {
        return Ok(if tag.is_some() || digest.is_some() { image.to_owned() } else { format!("{image}:latest") });
    };
    Err(format!("Failed to apply default image tag \"{image}\": couldn't parse image name \"{image}\": {complaint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_without_tag_or_digest_means_latest() {
        let given = ["busybox", "127.0.0.1:5000/app", "127.0.0.1:5000/app:v1", "app@sha256:00"];
        let read = given.map(|image| tagged(image).unwrap());
        assert_eq!(read, ["busybox:latest", "127.0.0.1:5000/app:latest", "127.0.0.1:5000/app:v1", "app@sha256:00"]);
    }

    #[test]
    fn an_upper_case_repository_is_refused_in_the_kubelets_words() {
        assert_eq!(
            tagged("127.0.0.1:5000/App:v1").unwrap_err(),
            "Failed to apply default image tag \"127.0.0.1:5000/App:v1\": couldn't parse image name \
             \"127.0.0.1:5000/App:v1\": invalid reference format: repository name (App) must be lowercase"
        );
    }
}
