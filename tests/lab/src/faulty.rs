//! A registry that misbehaves on request, one repository at a time, and mends the same way: a pull that hangs on a fault
//! goes on when the fault is taken back. Serves the read side of the distribution API, from memory.

mod ledger;
mod pace;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::hosts;
use crate::images::{Image, MANIFEST};
use ledger::Ledger;

pub use ledger::{Sent, Served};

const ADDRESS: &str = "127.0.0.1:5001";
/// Seconds that a 429 or 503 asks for.
const RETRY_AFTER: &str = "30";

/// What goes wrong with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    Healthy,
    /// Every request gets this status: 401, 403, 429, 503…
    Status(u16),
    /// Blobs come at this many bytes per second and connection.
    Slow(u64),
    /// Blobs come at this many bytes per second over all connections to repositories with this fault: a narrow link.
    Narrow(u64),
    /// Blobs come up to this many bytes, then nothing more.
    Stalled(u64),
    /// Requests are accepted and never answered.
    Silent,
    /// The first byte of each blob is wrong. containerd 1.6 keeps what it got and fails on, also once this is mended.
    WrongDigest,
}

/// A blob that was asked for, and from which byte on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The blob.
    pub digest: String,
    /// Its first byte that was wanted.
    pub from: u64,
}

type Faults = BTreeMap<String, Fault>;

#[derive(Debug)]
struct Shelf {
    images: Mutex<BTreeMap<(String, String), Image>>,
    ledger: Mutex<Ledger>,
    /// By repository, what a client has to show.
    keys: Mutex<BTreeMap<String, String>>,
    ranges: Mutex<BTreeMap<String, Vec<Range>>>,
    faults: watch::Sender<Faults>,
    link: pace::Link,
}

/// The running server. Dropped, it ends.
#[derive(Debug)]
pub struct Faulty {
    shelf: Arc<Shelf>,
    server: AbortHandle,
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Faulty {
    /// Starts the server.
    ///
    /// # Errors
    /// When its port is taken.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(ADDRESS).await.with_context(|| format!("cannot listen on {ADDRESS}"))?;
        let shelf = Arc::new(Shelf {
            images: Mutex::default(),
            ledger: Mutex::default(),
            keys: Mutex::default(),
            ranges: Mutex::default(),
            faults: watch::Sender::new(Faults::new()),
            link: pace::Link::default(),
        });
        let router = Router::new()
            .route("/v2/", get(StatusCode::OK))
            .route("/v2/{*path}", get(answer))
            .with_state(Arc::clone(&shelf));
        let server = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Ok(Self { shelf, server })
    }

    /// Serves an image as `repository:tag` and returns the name to pull it by.
    #[must_use]
    pub fn push(&self, repository: &str, tag: &str, image: &Image) -> String {
        lock(&self.shelf.images).insert((repository.to_owned(), tag.to_owned()), image.clone());
        format!("{}/{repository}:{tag}", hosts::FAULTY)
    }

    /// From now on this is wrong with the repository; requests under way feel it too.
    pub fn set(&self, repository: &str, fault: Fault) {
        self.shelf.faults.send_modify(|faults| {
            faults.insert(repository.to_owned(), fault);
        });
    }

    /// From now on the repository opens to this user alone.
    pub fn lock(&self, repository: &str, user: &str, password: &str) {
        let key = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        lock(&self.shelf.keys).insert(repository.to_owned(), key);
    }

    /// What the repository served so far.
    #[must_use]
    pub fn served(&self, repository: &str) -> Served {
        lock(&self.shelf.ledger).served(repository)
    }

    /// What was given of a blob so far, by whichever repository.
    #[must_use]
    pub fn sent(&self, digest: &str) -> Sent {
        lock(&self.shelf.ledger).sent(digest)
    }

    /// The blobs that were asked of the repository since this was called last, in that order.
    #[must_use]
    pub fn take_ranges(&self, repository: &str) -> Vec<Range> {
        lock(&self.shelf.ranges).remove(repository).unwrap_or_default()
    }
}

impl Shelf {
    fn opens(&self, repository: &str, headers: &HeaderMap) -> bool {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        lock(&self.keys).get(repository).is_none_or(|key| shown == Some(key.as_str()))
    }

    /// The image of a tag or of a manifest's digest.
    fn image(&self, repository: &str, reference: &str) -> Option<Image> {
        let images = lock(&self.images);
        let mut ours = images.iter().filter(|((name, _), _)| name == repository);
        ours.find(|((_, tag), image)| tag == reference || image.manifest.digest == reference)
            .map(|(_, image)| image.clone())
    }

    fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        let images = lock(&self.images);
        let mut ours = images.iter().filter(|((name, _), _)| name == repository).flat_map(|(_, image)| image.blobs());
        ours.find(|blob| blob.digest == digest).map(|blob| blob.bytes.clone())
    }
}

async fn answer(State(shelf): State<Arc<Shelf>>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    let Some((repository, kind, reference)) = parse(&path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    lock(&shelf.ledger).asked(repository);
    match pace::after_silence(&mut shelf.faults.subscribe(), repository).await {
        Fault::Status(code) => refuse(code),
        _ if !shelf.opens(repository, &headers) => refuse(401),
        fault if kind == "blobs" => blob(&shelf, repository, reference, fault, &headers),
        _ => manifest(&shelf, repository, reference),
    }
}

/// `team/app/manifests/1` → (`team/app`, `manifests`, `1`).
fn parse(path: &str) -> Option<(&str, &str, &str)> {
    let (rest, reference) = path.rsplit_once('/')?;
    let (repository, kind) = rest.rsplit_once('/')?;
    ["manifests", "blobs"].contains(&kind).then_some((repository, kind, reference))
}

fn refuse(code: u16) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match code {
        401 => (status, [(header::WWW_AUTHENTICATE, "Basic realm=\"lab\"")]).into_response(),
        429 | 503 => (status, [(header::RETRY_AFTER, RETRY_AFTER)]).into_response(),
        _ => status.into_response(),
    }
}

/// The distribution API's way to say no.
fn unknown(code: &str) -> Response {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": "not here" }] });
    (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
}

fn manifest(shelf: &Shelf, repository: &str, reference: &str) -> Response {
    let Some(image) = shelf.image(repository, reference) else {
        return unknown("MANIFEST_UNKNOWN");
    };
    let digest = image.manifest.digest.clone();
    let headers = [(header::CONTENT_TYPE.as_str(), MANIFEST.to_owned()), ("docker-content-digest", digest)];
    (headers, image.manifest.bytes).into_response()
}

fn blob(shelf: &Arc<Shelf>, repository: &str, digest: &str, fault: Fault, headers: &HeaderMap) -> Response {
    let Some(content) = shelf.blob(repository, digest) else {
        return unknown("BLOB_UNKNOWN");
    };
    let content = if fault == Fault::WrongDigest { spoil(&content) } else { content };
    let from = wanted_from(headers).filter(|from| *from < content.len());
    let (total, start) = (content.len(), from.unwrap_or(0));
    let range = Range { digest: digest.to_owned(), from: start as u64 };
    lock(&shelf.ranges).entry(repository.to_owned()).or_default().push(range);
    let rest = content.slice(start..);
    let length = (header::CONTENT_LENGTH, rest.len().to_string());
    lock(&shelf.ledger).begun(digest, from.is_some());
    let body = Body::from_stream(pace::paced(Arc::clone(shelf), [repository, digest], rest));
    match from {
        Some(from) => {
            let range = (header::CONTENT_RANGE, format!("bytes {from}-{}/{total}", total - 1));
            (StatusCode::PARTIAL_CONTENT, [length, range], body).into_response()
        }
        None => ([length], body).into_response(),
    }
}

/// `Range: bytes=N-`, as a client sends that has N bytes already.
fn wanted_from(headers: &HeaderMap) -> Option<usize> {
    let range = headers.get(header::RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
}

fn spoil(content: &Bytes) -> Bytes {
    let mut bytes = content.to_vec();
    if let Some(first) = bytes.first_mut() {
        *first ^= 1;
    }
    bytes.into()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
