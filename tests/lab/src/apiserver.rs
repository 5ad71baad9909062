//! A double of the Kubernetes API server: in memory, over HTTP on a loopback port, for the few resources the agent and
//! the kubelet stand-in use. `tests/conformance.rs` holds it to the real one. It is no place to learn Kubernetes from:
//! what no test asks for is not there.

mod access;
mod answer;
mod call;
mod clock;
mod discovery;
mod door;
mod fault;
mod indoors;
mod journal;
mod merge;
mod reading;
mod refusal;
pub mod resources;
mod review;
mod secure;
mod selector;
mod steps;
mod store;
mod table;
mod validate;
mod watching;
mod writing;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::access::{Rule, User};
pub use self::clock::{Clock, rfc3339};
pub use self::fault::{Broken, Fault};
pub use self::indoors::Indoors;
pub use self::journal::{Entry, Journal, Read};
pub use self::store::{Change, Key, Store, Subscription, TooOld};
use crate::openapi::Schemas;

/// How the double is set up.
#[derive(Debug)]
pub struct Options {
    /// Who may call; empty: everybody, without a token.
    pub users: Vec<User>,
    /// How long an Event lives after its last write.
    pub event_ttl: Duration,
    /// How many writes are kept for watches and pages; what is older answers 410.
    pub history: usize,
    /// How many requests its journal keeps, and how many Events.
    pub journal: usize,
    /// Time between bookmarks.
    pub bookmark_every: Duration,
    /// The clock.
    pub clock: Clock,
    /// The schemas that bodies are held to, if there are any.
    pub schemas: Option<Schemas>,
}

impl Default for Options {
    /// What a real API server does by default; schemas from the environment.
    fn default() -> Self {
        Self {
            users: Vec::new(),
            event_ttl: Duration::from_secs(3600),
            history: 10_000,
            journal: 50_000,
            bookmark_every: Duration::from_secs(60),
            clock: Clock::start(),
            schemas: Schemas::from_env(),
        }
    }
}

/// What all requests share.
struct Shared {
    store: Arc<Store>,
    journal: Journal,
    users: RwLock<Arc<[User]>>,
    faults: watch::Sender<Vec<Broken>>,
    bookmark_every: Duration,
    schemas: Option<Schemas>,
}

impl Shared {
    fn users(&self) -> Arc<[User]> {
        Arc::clone(&self.users.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A running double. Ends, with all its connections, when dropped.
pub struct ApiServer {
    shared: Arc<Shared>,
    url: String,
    address: Option<SocketAddr>,
    stopping: CancellationToken,
    running: Option<DropGuard>,
}

impl ApiServer {
    /// Starts a double on a free port of 127.0.0.1, with the namespaces every cluster has.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(options: Options) -> io::Result<Self> {
        let mut server = Self::indoors(options);
        let stopping = server.stopping.clone();
        let door = door::Door::open(server.shared.faults.subscribe(), stopping.clone()).await?;
        server.address = Some(door.address());
        server.url = format!("http://{}", door.address());
        let (router, stopped) = (server.router(), stopping.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = axum::serve(door, router) => {}
                () = stopped.cancelled() => {}
            }
        });
        server.running = Some(stopping.drop_guard());
        Ok(server)
    }

    /// A double without a port, which only this process can ask.
    #[must_use]
    pub fn indoors(options: Options) -> Self {
        let store = Store::new(options.clock, options.event_ttl, options.history);
        for namespace in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            store.ensure_namespace(namespace);
        }
        let shared = Shared {
            store: Arc::new(store),
            journal: Journal::of(options.journal),
            users: RwLock::new(options.users.into()),
            faults: watch::Sender::new(Vec::new()),
            bookmark_every: options.bookmark_every,
            schemas: options.schemas,
        };
        Self {
            shared: Arc::new(shared),
            url: String::new(),
            address: None,
            stopping: CancellationToken::new(),
            running: None,
        }
    }

    fn router(&self) -> Router {
        Router::new().fallback(answer::answer).with_state(Arc::clone(&self.shared))
    }

    /// The way to it from inside this process.
    #[must_use]
    pub fn way(&self) -> Indoors {
        Indoors::new(self.router(), self.shared.faults.subscribe())
    }

    /// Opens another port, which speaks TLS, as pods need it; its address, and the authority of its certificate as PEM.
    ///
    /// # Errors
    /// When no port can be bound, or this double is one without a port.
    pub async fn secured(&self) -> anyhow::Result<(SocketAddr, String)> {
        let inner = self.address.context("it has no port")?;
        secure::open(inner, self.stopping.clone()).await
    }

    /// `http://127.0.0.1:PORT`; empty if it has no port.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it remembers, past every check.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.shared.store
    }

    /// What it was asked.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// By which it dates objects and answers.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        self.shared.store.clock()
    }

    /// Breaks it in one way; ends what was broken before.
    pub fn set_fault(&self, broken: Broken) {
        self.set_faults(vec![broken]);
    }

    /// Breaks it in these ways and no others; the first that fits a request counts. None: it is whole again.
    pub fn set_faults(&self, broken: Vec<Broken>) {
        self.shared.faults.send_replace(broken);
    }

    /// From now on these may call, and nobody else.
    pub fn set_users(&self, users: Vec<User>) {
        *self.shared.users.write().unwrap_or_else(PoisonError::into_inner) = users.into();
    }

    /// Writes a kubeconfig that names this server and the token of the first user.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn kubeconfig(&self, path: &Path) -> io::Result<()> {
        let users = self.shared.users();
        self.kubeconfig_for(path, users.first().map_or("", |user| user.token.as_str()))
    }

    /// Writes a kubeconfig that names this server and a token.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn kubeconfig_for(&self, path: &Path, token: &str) -> io::Result<()> {
        let user = if token.is_empty() { json!({}) } else { json!({"token": token}) };
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": self.url}}],
            "users": [{"name": "lab", "user": user}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
        });
        std::fs::write(path, config.to_string())
    }
}
