//! A measured time: what the agent and the runtime use in it, and what the agent asks of whom.

use anyhow::Context;

use super::calls::Counts;
use super::meter::{Load, Meter};
use super::process::{Memory, memory};
use crate::demo::Scene;

/// A measured time that has not ended.
#[derive(Debug)]
pub(super) struct Watch {
    calls: Counts,
    asked: usize,
    agent: Meter,
    runtime: Meter,
    memory: Vec<Memory>,
}

/// What was seen in it.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) agent: Load,
    pub(super) runtime: Load,
    pub(super) memory: Vec<Memory>,
    pub(super) calls: Counts,
    pub(super) requests: Counts,
    pub(super) events: usize,
}

impl Watch {
    /// The metrics are read before and after the measured time, so that reading them is not in it.
    pub(super) async fn begin(scene: &mut Scene) -> anyhow::Result<Self> {
        let agent = scene.agent.daemon.pid().context("the agent has ended")?;
        let calls = Counts::of_calls(&scene.agent.metrics().await?);
        let asked = scene.api.journal().requests().len();
        Ok(Self { calls, asked, agent: Meter::of(agent)?, runtime: runtime(scene)?, memory: Vec::new() })
    }

    /// Notes what the agent holds now.
    pub(super) fn sample(&mut self) -> anyhow::Result<()> {
        self.memory.push(memory(self.agent.pid)?);
        Ok(())
    }

    /// What was seen until now.
    pub(super) async fn end(self, scene: &Scene) -> anyhow::Result<Watched> {
        let (agent, runtime) = (self.agent.load()?, self.runtime.load()?);
        let requests = scene.api.journal().requests();
        Ok(Watched {
            agent,
            runtime,
            memory: self.memory,
            calls: Counts::of_calls(&scene.agent.metrics().await?).since(&self.calls),
            requests: Counts::of_requests(requests.get(self.asked..).unwrap_or_default()),
            events: scene.events_written(),
        })
    }
}

/// Measures the runtime from now on.
pub(super) fn runtime(scene: &mut Scene) -> anyhow::Result<Meter> {
    Meter::of(scene.lab.containerd.daemon().pid().context("containerd has ended")?)
}
