//! One look at a full node, 110 pods with 300 containers: where all is well, where every pod waits for an image that its
//! registry does not have, and where CNI hangs for all of them. And what comes before each look: taking in the runtime's lists.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::{SignedDuration, Timestamp};
use kubewhy::engine::Crank;
use kubewhy::model::Time;
use kubewhy::model::ids::{PodId, PodUid};
use kubewhy::model::making::{PluginProcess, SandboxRecord, Step};
use kubewhy::model::observation::{Observation, Seen};
use kubewhy::model::pod::{ContainerKind, ContainerSlot, ContainerState, Phase, Pod};
use kubewhy::model::runtime::{Container, RunState, Sandbox};
use kubewhy::model::settings::Settings;
use kubewhy::model::volume::Waits;

const PODS: usize = 110;
const CONTAINERS: usize = 300;
/// When everything began.
const BEGIN: Time = Timestamp::UNIX_EPOCH;
/// How much later the look is taken.
const LATER: SignedDuration = SignedDuration::from_secs(60);

const MISSING: &str = r#"rpc error: code = NotFound desc = failed to pull and unpack image "registry.example.com/shop/cart:2.14.1": failed to resolve reference "registry.example.com/shop/cart:2.14.1": registry.example.com/shop/cart:2.14.1: not found"#;

/// How the pods of a node fare.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pods {
    Run,
    WaitForImages,
    Hang,
}

fn id(number: usize) -> PodId {
    let text = |prefix: &str| -> Arc<str> { format!("{prefix}-{number:04}").into() };
    PodId { uid: PodUid(text("36e56131-f8f9-47a5-b2d9")), namespace: "shop".into(), name: text("cart") }
}

/// The containers of a pod: as many as make [`CONTAINERS`] over all of them.
fn names(number: usize) -> impl Iterator<Item = Arc<str>> {
    let count = CONTAINERS * (number + 1) / PODS - CONTAINERS * number / PODS;
    (0..count).map(|n| format!("main-{n}").into())
}

fn pod(number: usize, fare: Pods) -> Pod {
    let run = fare == Pods::Run;
    let state = || match fare {
        Pods::Run => ContainerState::Running { since: Some(BEGIN) },
        Pods::Hang => ContainerState::Waiting { reason: "ContainerCreating".into(), message: "".into() },
        Pods::WaitForImages => ContainerState::Waiting { reason: "ErrImagePull".into(), message: MISSING.into() },
    };
    let slot = |name| ContainerSlot {
        name,
        kind: ContainerKind::Main,
        image: "registry.example.com/shop/cart:2.14.1".into(),
        state: state(),
        last: None,
        started: run,
        post_start: false,
        restarts: 0,
        refs: Vec::new(),
    };
    Pod {
        id: id(number),
        api_uid: id(number).uid,
        owner: Some("ReplicaSet/cart".into()),
        host_network: false,
        created: Some(BEGIN),
        scheduled: Some(BEGIN),
        started: Some(BEGIN),
        deleting: false,
        phase: if run { Phase::Running } else { Phase::Pending },
        reason: String::new(),
        message: String::new(),
        sandbox_ready: Some((true, Some(BEGIN))),
        ready: run,
        ready_since: None,
        waits: Waits::default(),
        told_waits: false,
        host_dirs: Vec::new(),
        node_critical: false,
        pull_secrets: Vec::new(),
        containers: names(number).map(slot).collect(),
    }
}

fn sandbox(number: usize) -> Sandbox {
    let PodId { uid, namespace, name } = id(number);
    let id = format!("sandbox-{number}").into();
    Sandbox { id, pod: uid, namespace, name, attempt: 0, ready: true, created: Some(BEGIN) }
}

fn containers(number: usize) -> impl Iterator<Item = Container> {
    names(number).map(move |name| Container {
        id: format!("container-{number}-{name}").into(),
        sandbox: format!("sandbox-{number}").into(),
        pod: id(number).uid,
        name,
        state: RunState::Running,
        created: Some(BEGIN),
        image: "registry.example.com/shop/cart:2.14.1".into(),
    })
}

fn at(seen: Seen) -> Observation {
    Observation { at: BEGIN, seen }
}

/// What the runtime's lists show.
fn lists(fare: Pods) -> [Observation; 2] {
    let containers = if fare == Pods::Run { (0..PODS).flat_map(containers).collect() } else { Vec::new() };
    [at(Seen::Sandboxes((0..PODS).map(sandbox).collect())), at(Seen::Containers(containers))]
}

fn node(fare: Pods) -> Crank {
    let mut crank = Crank::new("node-7", false);
    crank.take(at(Seen::PodsListed((0..PODS).map(|number| pod(number, fare)).collect())));
    lists(fare).into_iter().for_each(|list| _ = crank.take(list));
    crank
}

/// A node on which each pod waits for its network, and for each of them two plugins hang.
fn hung() -> Crank {
    let mut crank = Crank::new("node-7", false);
    let waits = |number| Pod { sandbox_ready: Some((false, Some(BEGIN))), ..pod(number, Pods::Hang) };
    crank.take(at(Seen::PodsListed((0..PODS).map(waits).collect())));
    let then = |seen| Observation { at: BEGIN + LATER, seen };
    let record = |number| SandboxRecord {
        id: format!("sandbox-{number}").into(),
        pod: id(number).uid,
        created: BEGIN,
        step: Some(Step::Network),
    };
    crank.take(then(Seen::Sandboxes(Vec::new())));
    crank.take(then(Seen::SandboxRecords(Ok((0..PODS).map(record).collect()))));
    crank.take(then(Seen::Plugins(Ok((1000..).step_by(2).take(PODS).flat_map(plugins).collect()))));
    crank
}

/// One plugin, and the one that it called; what for may not be read.
fn plugins(pid: u32) -> [PluginProcess; 2] {
    let first =
        PluginProcess { pid, caller: None, plugin: "bridge".into(), began: BEGIN, uninterruptible: false, call: None };
    [PluginProcess { pid: pid + 1, caller: Some(pid), ..first.clone() }, first]
}

fn looking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("look");
    let settings = Settings::default();
    for (name, fare, found) in [("all run", Pods::Run, 0), ("all fail", Pods::WaitForImages, PODS)] {
        let mut crank = node(fare);
        let (findings, _) = crank.turn(&settings, BEGIN + LATER);
        assert!(findings.diagnoses.len() >= found, "{} diagnoses", findings.diagnoses.len());
        group.bench_function(name, |b| b.iter(|| crank.turn(&settings, BEGIN + LATER)));
    }
    let mut crank = hung();
    let (findings, _) = crank.turn(&settings, BEGIN + LATER);
    assert!(findings.diagnoses.len() >= PODS, "{} diagnoses", findings.diagnoses.len());
    group.bench_function("CNI hangs", |b| b.iter(|| crank.turn(&settings, BEGIN + LATER)));
    let mut crank = node(Pods::Run);
    group.bench_function("take the lists", |b| {
        b.iter_batched(|| lists(Pods::Run), |lists| lists.map(|list| crank.take(list)), BatchSize::SmallInput);
    });
}

criterion_group!(benches, looking);
criterion_main!(benches);
