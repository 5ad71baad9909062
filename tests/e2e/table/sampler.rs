//! Holds what the agent tells of every pod against what the lab did, each second.
//!
//! What counts: a sample is one pod at one second. Pods that run and are told to run are no samples: they would make every
//! share look small. A sample is right if the stage that is told, with its container, was true at any moment of the last
//! [`LATE`] before the agent answered: the agent lists the runtime once a second while something starts and looks at what it
//! knows twice a second, so it may show the stage before for so long. A pod that is not told at all counts as told to run.
//! A second in which the agent does not answer gives no sample, and is counted.

#![allow(clippy::print_stdout, reason = "shown when a scenario fails or is run by hand")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use kubewhy::model::Time;
use kubewhy::model::snapshot::Start;
use kubewhy_lab::kubelet::record::{Record, Stage, Step};
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::node::{Told, ask};

const EVERY: Duration = Duration::from_secs(1);
/// The agent's period of listing, and that of its looks.
const LATE: Duration = Duration::from_millis(1500);

/// Samples so far.
#[derive(Clone, Default)]
pub(super) struct Samples {
    /// How often the agent was asked.
    pub(super) asked: usize,
    /// How often it did not answer, or not within the second.
    pub(super) unanswered: usize,
    /// How many samples.
    pub(super) all: usize,
    /// How often what was told as what.
    pub(super) wrong: BTreeMap<String, usize>,
}

/// Takes samples until it is dropped.
pub(super) struct Sampler {
    samples: Arc<Mutex<Samples>>,
    task: AbortHandle,
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sampler {
    pub(super) fn start(socket: PathBuf, record: Record) -> Self {
        let samples = Arc::<Mutex<Samples>>::default();
        let into = Arc::clone(&samples);
        let task = tokio::spawn(async move {
            let mut seconds = interval(EVERY);
            seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                seconds.tick().await;
                let answer = timeout(EVERY, ask(&socket)).await;
                into.lock().unwrap().hear(answer.map_err(anyhow::Error::from).flatten(), &record);
            }
        });
        Self { samples, task: task.abort_handle() }
    }

    pub(super) fn samples(&self) -> Samples {
        self.samples.lock().unwrap().clone()
    }
}

impl Samples {
    fn hear(&mut self, answer: anyhow::Result<Told>, record: &Record) {
        self.asked += 1;
        match answer {
            Ok(told) => self.take(&told, record),
            Err(error) => {
                println!("no answer at {}: {error:#}", Time::now());
                self.unanswered += 1;
            }
        }
    }

    fn take(&mut self, told: &Told, record: &Record) {
        for (uid, name) in record.pods() {
            let start = told.snapshot.starts.iter().find(|start| *start.pod.uid.0 == *uid);
            let Ok(verdict) = judge(start, told.now, record, &uid) else { continue };
            self.all += 1;
            if let Some(wrong) = verdict {
                let (spans, steps) = (start.map(|start| &start.spans), record.steps(&uid));
                println!("wrong at {}: {name} {wrong}; told {spans:?}; done {steps:?}", told.now);
                *self.wrong.entry(wrong).or_default() += 1;
            }
        }
    }
}

/// None if right, else what is wrong; no verdict for a pod that runs and is told to.
fn judge(start: Option<&Start>, now: Time, record: &Record, uid: &str) -> anyhow::Result<Option<String>> {
    let truths = record.between(uid, now - LATE, now);
    let last = truths.last().context("not known yet")?;
    let told = start.map_or_else(|| "Running".to_owned(), |start| start.stage.to_string());
    anyhow::ensure!(last.stage != Stage::Running || told != "Running");
    let unheard = start.is_none() && truths.first().is_some_and(|step| step.at > now - LATE);
    let same = |step: &Step| format!("{:?}", step.stage) == told && same_container(step, start);
    if unheard || truths.iter().any(same) {
        return Ok(None);
    }
    let container = start.map_or(" (not told at all)".to_owned(), |start| of(start.container.as_deref()));
    Ok(Some(format!("{:?}{} told as {told}{container}", last.stage, of(last.container.as_deref()))))
}

fn same_container(step: &Step, start: Option<&Start>) -> bool {
    let told = start.and_then(|start| start.container.as_deref());
    step.container.is_none() || told.is_none() || told == step.container.as_deref()
}

fn of(container: Option<&str>) -> String {
    container.map(|name| format!(" of {name}")).unwrap_or_default()
}
