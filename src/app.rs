//! The composition root: the only file that knows every part. It makes the channels, hands each part its ends, and starts
//! the tasks. No decision about nodes or pods is taken here.
//!
//! ```text
//!   observers ─ mpsc ─► relay ─ mpsc ─► engine ─ mpsc ─► reporter ─► API server, log, stdout
//!       ▲                 │               │ questions
//!       └── watch ◄───────┴── attention ◄─┘──────────► EventObserver
//! ```

mod host_clock;
mod looks;
mod relay;
mod tally;
mod tasks;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::causes;
use crate::cli::logging::Level;
use crate::cli::run::RunArgs;
use crate::client::apiserver::{Access, Dates, Heeded, Requests};
use crate::client::cri::Cri;
use crate::client::cri::deadlines::Deadlines;
use crate::client::renewal;
use crate::clock::Clock;
use crate::config::follow::{Follower, Source};
use crate::diagnose::{explain, text};
use crate::engine::{self, Attention, Crank, Wires};
use crate::model::diagnosis::Findings;
use crate::model::ids::PodId;
use crate::model::observation::Observation;
use crate::model::settings::{Settings, Timing};
use crate::model::snapshot::Snapshot;
use crate::model::verification::Verification;
use crate::observe::host::{CniDirs, Heard};
use crate::prepull::pause::{self, Named, Pause};
use crate::prepull::{Prepull, Surroundings, queue};
use crate::report::condition::Condition;
use crate::report::history::History;
use crate::report::lines::Lines;
use crate::report::memory::Memory;
use crate::report::node_marks::{NodeMarks, Sets, Worn};
use crate::report::{Reporter, Setup};
use crate::serve::api;
use crate::serve::health::Health;
use crate::serve::listen;
use crate::serve::metrics::{Guard, Metrics};

use relay::{Awaited, Labels, Relay};
use tasks::Tasks;

/// Observations that may wait for the engine. Observers wait when it is full.
const OBSERVATIONS: usize = 256;
/// Looks that may wait for the reporter.
const FINDINGS: usize = 8;
/// Questions that may wait for an answer.
const QUESTIONS: usize = 32;

/// Runs the agent until `stop`.
///
/// # Errors
/// What makes a start impossible: no way to the API server; and a task that ends by itself.
pub async fn run(args: RunArgs, stop: CancellationToken, level: Level) -> anyhow::Result<ExitCode> {
    let clock = Clock::start();
    let node: Arc<str> = node_name(&args)?.into();
    let mut tasks = Tasks::new(stop);
    tasks.start_watch("host clock", host_clock::until_set(clock));
    let (seen, from_observers) = mpsc::channel(OBSERVATIONS);
    let settings = follow_config(&args, &mut tasks, &seen, clock);
    let requests = Requests::default();
    let heeded = Heeded { dates: Dates::new(seen.clone(), clock), requests: requests.clone() };
    let client = api_client(&args, heeded, clock).await?;
    let endpoint = args.runtime_endpoint.clone().below(&args.host_root);
    let cri = Cri::new(endpoint, clock, Deadlines::default());
    let metrics = Metrics::new(cri.containerd_calls(), requests);
    metrics.watch_queue("observations", &seen);

    let mut shared = Shared { clock, node, settings, metrics, tasks };
    shared.log_as_configured(level);
    shared.start(&args, cri, client, seen, from_observers).until_stopped().await
}

/// What pre-pulling needs to know of the Node object and its kubelet.
struct NodeFacts {
    labels: watch::Receiver<Labels>,
    pressure: watch::Receiver<bool>,
    verification: watch::Receiver<Verification>,
}

/// What nearly every part is given.
struct Shared {
    clock: Clock,
    node: Arc<str>,
    settings: watch::Receiver<Arc<Settings>>,
    metrics: Metrics,
    tasks: Tasks,
}

impl Shared {
    fn start(
        mut self,
        args: &RunArgs,
        cri: Cri,
        client: Option<kube::Client>,
        seen: mpsc::Sender<Observation>,
        from_observers: mpsc::Receiver<Observation>,
    ) -> Tasks {
        let standalone = client.is_none();
        let guard = client.clone().filter(|_| args.metrics_auth).map(|client| Guard::new(client, self.clock));
        let (questions, to_answer) = mpsc::channel(QUESTIONS);
        self.metrics.watch_queue("questions", &questions);
        let (attention, attends) =
            watch::channel(Attention { busy: true, unlisted: !standalone, ..Attention::default() });
        let (cni_dirs, told_dirs) = watch::channel(named_dirs(args).unwrap_or_default());
        let (hear, heard) = watch::channel(Heard::default());
        let (labels, node_labels) = watch::channel(Vec::new());
        let (pressure, node_pressure) = watch::channel(false);
        let (verification, verified) = watch::channel(Verification::default());
        let (worn, worn_now) = watch::channel(None);
        let (sets, sets_now) = watch::channel(Sets::new());
        let (awaited, still_awaited) = watch::channel(relay::awaited(standalone));
        let relay = Relay {
            cni_dirs: named_dirs(args).is_none().then_some(cni_dirs),
            heard: hear,
            labels,
            pressure,
            verification,
            worn,
            sets,
            awaited,
            metrics: self.metrics.clone(),
        };
        let to_engine = self.relay(relay, from_observers);
        let heartbeat = self.engine(to_engine, questions, attention, client.clone(), args);
        self.look_at_runtime(&cri, &attends, &seen);
        self.look_at_sandboxes(&cri, args, &attends, told_dirs.clone(), &seen);
        self.look_at_host(args, told_dirs.clone(), &attends, &seen);
        self.probe(args, told_dirs, heard.clone(), &attends, &seen);
        self.look_at_kubelet(args, &attends, &seen);
        if let Some(client) = client {
            self.look_at_volumes(args, client.clone(), &attends, &seen);
            self.mark_node(client.clone(), worn_now, sets_now, seen.clone());
            self.look_at_apiserver(client, &args.host_root, to_answer, &seen);
        }
        self.keep_pause_image(&cri, heard.clone(), &seen);
        let node = NodeFacts { labels: node_labels, pressure: node_pressure, verification: verified };
        self.prepull(args, cri, node, attends, heard, seen);
        self.serve(args, heartbeat, still_awaited, guard);
        self.tasks
    }

    fn relay(&mut self, relay: Relay, from: mpsc::Receiver<Observation>) -> mpsc::Receiver<Observation> {
        let (out, to_engine) = mpsc::channel(OBSERVATIONS);
        self.metrics.watch_queue("relayed", &out);
        self.tasks.start("relay", relay.run(from, out));
        to_engine
    }

    fn engine(
        &mut self,
        observations: mpsc::Receiver<Observation>,
        questions: mpsc::Sender<PodId>,
        attention: watch::Sender<Attention>,
        client: Option<kube::Client>,
        args: &RunArgs,
    ) -> watch::Receiver<crate::model::Time> {
        let (findings, to_report) = mpsc::channel(FINDINGS);
        self.metrics.watch_queue("findings", &findings);
        let (heartbeat, beats) = watch::channel(self.clock.now());
        let (standalone, condition_client) = (client.is_none(), client.clone());
        let memory = args.state_dir.as_deref().map(Memory::open).unwrap_or_default();
        let crank = Crank::new(&self.node, standalone).recalling(memory.node(), memory.open_stories());
        let first = crank.snapshot(self.clock.now(), &Findings::default());
        let (snapshot, snapshots) = watch::channel(Arc::new(first));
        let settings = self.settings.clone();
        let wires =
            Wires { observations, findings, questions, attention, snapshot, heartbeat, settings: settings.clone() };
        self.tasks.start("engine", engine::run(crank, wires, self.clock, self.tasks.stop.clone()));
        let reporter = Reporter::new(Setup {
            node: self.node.clone(),
            instance: args.pod_name.as_deref().unwrap_or(&self.node).into(),
            clock: self.clock,
            client,
            settings,
            lines: if args.lines.stdout(standalone) {
                Lines::json(Box::new(tokio::io::stdout()))
            } else {
                Lines::log_only()
            },
            history: args.state_dir.clone().map(History::at).unwrap_or_default(),
            tally: Arc::new(tally::Counted(self.metrics.clone())),
            memory,
        });
        // It ends by itself once the engine has ended, with everything that the engine still found.
        self.tasks.start("reporter", reporter.run(to_report, CancellationToken::new()));
        self.keep_condition(condition_client, snapshots.clone());
        self.serve_api(args, snapshots);
        beats
    }

    fn keep_condition(&mut self, client: Option<kube::Client>, snapshots: watch::Receiver<Arc<Snapshot>>) {
        let Some(client) = client else { return };
        let wanted = self.project(self.settings.clone(), |settings| settings.report.node_condition);
        let condition = Condition { client, node: self.node.clone(), snapshots, wanted, clock: self.clock };
        self.tasks.start("node condition", condition.run(self.tasks.stop.clone()));
    }

    fn mark_node(
        &mut self,
        client: kube::Client,
        worn: watch::Receiver<Option<Worn>>,
        sets: watch::Receiver<Sets>,
        seen: mpsc::Sender<Observation>,
    ) {
        let settings = self.project(self.settings.clone(), |settings| settings.prepull.clone());
        let marks = NodeMarks { client, node: self.node.clone(), worn, sets, settings, clock: self.clock };
        self.tasks.start("node marks", marks.run(seen, self.tasks.stop.clone()));
    }

    fn serve_api(&mut self, args: &RunArgs, snapshots: watch::Receiver<Arc<Snapshot>>) {
        let sources = api::Sources { clock: self.clock, snapshots, explain: explain::explain };
        let serving = api::serve(args.api_socket.clone(), sources, self.tasks.stop.clone());
        self.tasks.start("node-local API", serving);
    }

    /// Unless nobody wants to hear of it.
    fn keep_pause_image(&mut self, cri: &Cri, heard: watch::Receiver<Heard>, seen: &mpsc::Sender<Observation>) {
        let off = self.settings.borrow().causes.get(causes::PAUSE_IMAGE_MISSING.id).and_then(|own| own.enabled);
        if off == Some(false) {
            return;
        }
        let named =
            self.project(heard, |heard| match (&heard.pause, heard.sandboxes.as_deref().and_then(|ids| ids.first())) {
                (Some(image), _) => Named::Runtime(image.clone()),
                (None, Some(id)) => Named::Sandbox(id.clone()),
                (None, None) => Named::Nobody,
            });
        let pause = Pause { cri: cri.clone(), named, pace: pause::Pace::of(self.timing().probe), clock: self.clock };
        self.tasks.start("pause image", pause.run(seen.clone(), self.tasks.stop.clone()));
    }

    fn prepull(
        &mut self,
        args: &RunArgs,
        cri: Cri,
        node: NodeFacts,
        attends: watch::Receiver<Attention>,
        heard: watch::Receiver<Heard>,
        seen: mpsc::Sender<Observation>,
    ) {
        let settings = self.project(self.settings.clone(), |settings| settings.prepull.clone());
        let around = Surroundings {
            labels: node.labels,
            pressure: node.pressure,
            verification: node.verification,
            pods_wait: self.project(attends.clone(), |attention| attention.pulls || attention.unlisted),
            expected: self.project(attends, |attention| attention.expected.clone()),
            pause: self.project(heard, |heard| heard.pause.clone()),
        };
        let prepull = Prepull {
            cri,
            node: self.node.clone(),
            host_root: args.host_root.clone(),
            settings,
            around,
            pace: queue::Pace::default(),
            cause: |words| text::classify(words).map(|cause| cause.id),
            clock: self.clock,
        };
        self.tasks.start("pre-pull", prepull.run(seen, self.tasks.stop.clone()));
    }

    fn serve(
        &mut self,
        args: &RunArgs,
        heartbeat: watch::Receiver<crate::model::Time>,
        awaited: watch::Receiver<Awaited>,
        guard: Option<Guard>,
    ) {
        let stop = self.tasks.stop.clone();
        let health = Health::new(self.clock, heartbeat, awaited).router();
        self.tasks.start("health", listen::serve("health", args.health_address, health, stop.clone()));
        if let Some(address) = args.metrics_address {
            let router = self.metrics.clone().router(guard);
            self.tasks.start("metrics", listen::serve("metrics", address, router, stop));
        }
    }

    fn log_as_configured(&mut self, level: Level) {
        let mut wanted = self.project(self.settings.clone(), |settings| settings.log_level.clone());
        level.set(wanted.borrow_and_update().as_deref());
        let stop = self.tasks.stop.clone();
        self.tasks.start("log level", async move {
            let following = async {
                while wanted.changed().await.is_ok() {
                    level.set(wanted.borrow_and_update().as_deref());
                }
            };
            let _stopped = stop.run_until_cancelled(following).await;
        });
    }

    fn timing(&self) -> Timing {
        self.settings.borrow().timing.clone()
    }

    /// A part of a watched value, followed for as long as the agent runs.
    fn project<S, T>(&mut self, mut whole: watch::Receiver<S>, part: fn(&S) -> T) -> watch::Receiver<T>
    where
        S: Send + Sync + 'static,
        T: PartialEq + Send + Sync + 'static,
    {
        let (out, projected) = watch::channel(part(&whole.borrow_and_update()));
        let stop = self.tasks.stop.clone();
        self.tasks.start("projection", async move {
            let following = async {
                while whole.changed().await.is_ok() {
                    let new = part(&whole.borrow_and_update());
                    out.send_if_modified(|known| {
                        let changed = *known != new;
                        *known = new;
                        changed
                    });
                }
                std::future::pending::<()>().await;
            };
            let _stopped = stop.run_until_cancelled(following).await;
        });
        projected
    }
}

fn follow_config(
    args: &RunArgs,
    tasks: &mut Tasks,
    seen: &mpsc::Sender<Observation>,
    clock: Clock,
) -> watch::Receiver<Arc<Settings>> {
    let Some(file) = args.config.clone() else {
        let (keep, settings) = watch::channel(Arc::new(Settings::default()));
        let stop = tasks.stop.clone();
        tasks.start("settings", async move {
            stop.cancelled().await;
            drop(keep);
        });
        return settings;
    };
    let catalogue = causes::ALL.iter().map(|cause| cause.id).collect();
    let (follower, first) = Follower::start(Source { file, state_dir: args.state_dir.clone(), catalogue });
    let (sender, settings) = watch::channel(Arc::new(first));
    tasks.start("settings", follower.run(sender, seen.clone(), clock, tasks.stop.clone()));
    settings
}

async fn api_client(args: &RunArgs, heeded: Heeded, clock: Clock) -> anyhow::Result<Option<kube::Client>> {
    if args.standalone {
        anyhow::ensure!(!args.metrics_auth, "--metrics-auth asks the API server, and --standalone does without one");
        return Ok(None);
    }
    let access = args.kubeconfig.clone().map_or(Access::InCluster, Access::Kubeconfig);
    let client = renewal::connect(&access, heeded, clock)
        .await
        .context("no way to the API server; --standalone does without one")?;
    Ok(Some(client))
}

/// The CNI directories that the operator named, if any was.
fn named_dirs(args: &RunArgs) -> Option<CniDirs> {
    CniDirs::of_operator(args.cni_conf_dir.as_deref(), &args.cni_bin_dir)
}

fn node_name(args: &RunArgs) -> anyhow::Result<String> {
    match &args.node_name {
        Some(name) => Ok(name.clone()),
        None => sysinfo::System::host_name().context("this host has no name; give --node-name"),
    }
}
