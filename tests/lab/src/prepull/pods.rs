//! The pull of a pod's image by a kubelet, while the agent pulls ahead and while it has nothing to pull, over a link that both
//! share.

use std::time::Duration;

use anyhow::Context;
use tokio::time::{sleep, timeout};

use super::agent;
use super::cluster::Cluster;
use super::ground::{Ground, Images, Make};
use super::rounds::Rounds;
use super::{Plan, Row};
use crate::faulty::Fault;

/// Bytes a second that the link carries.
const RATE: u64 = 1 << 20;
/// Ten seconds of it.
const LARGE: Make = Make { images: 1, layers: 2, bytes: 5 << 20 };
/// Half a second.
const SMALL: Make = Make { images: 1, layers: 2, bytes: 256 << 10 };
/// More than comes while a pod's pulls are measured.
const AHEAD: Make = Make { images: 2, layers: 3, bytes: 5 << 20 };
/// The agent pulls when so many bytes came.
const FLOWS: u64 = 256 << 10;
const FLOWS_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);
/// A pod comes at any moment, between the agent's looks too: a random part of this after bytes come.
const LOOKS: Duration = Duration::from_millis(500);

struct Stage<'a> {
    ground: &'a Ground<'a>,
    cluster: Cluster,
    large: Images<'a>,
    small: Images<'a>,
    ahead: Images<'a>,
}

pub(super) async fn measure(ground: &Ground<'_>, plan: Plan) -> anyhow::Result<Vec<Row>> {
    let version = ground.containerd.version();
    println!("a pod's pull with and without the agent pulling ahead, {version}, {} rounds", plan.pods);
    let on = version.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let serve = |name: &str, make| {
        let images = Images::serve(ground.lab, &format!("{name}-on-{on}"), make);
        images.give(Fault::Narrow(RATE * plan.haste));
        images
    };
    let cluster = Cluster::start(ground).await?;
    let stage = Stage {
        ground,
        cluster,
        large: serve("large", LARGE),
        small: serve("small", SMALL),
        ahead: serve("ahead", AHEAD),
    };
    let (mut large, mut small) = (Rounds::default(), Rounds::default());
    for round in 0..plan.pods {
        for active in [round % 2 == 0, round % 2 != 0] {
            let (small_took, large_took) = stage.pull(active).await?;
            let side = |rounds: &mut Rounds, took| {
                if active { rounds.one.push(took) } else { rounds.other.push(took) }
            };
            side(&mut small, small_took);
            side(&mut large, large_took);
        }
    }
    Ok(vec![
        Row::new(format!("pod's pull with / without, {version}"), large.to_string(), "at most 1.05 ×"),
        Row::new("likewise, an image of half a second", small.to_string(), "at most 1.05 ×"),
    ])
}

impl Stage<'_> {
    /// What a pod's pull of the small image takes and one of the large image.
    async fn pull(&self, active: bool) -> anyhow::Result<(Duration, Duration)> {
        self.ground.wipe().await?;
        let mut agent =
            agent::start(self.ground, active.then_some(&self.ahead), Some(&self.cluster.kubeconfig)).await?;
        let small = self.time(&self.small, active).await;
        let small = small.with_context(|| format!("the agent's last words: {}", agent.daemon.log_end()))?;
        let large = self.time(&self.large, active).await?;
        if active {
            let flows = self.until_it_flows().await;
            flows.with_context(|| format!("after the pods' pulls; its last words: {}", agent.daemon.log_end()))?;
        }
        agent.stop().await?;
        Ok((small, large))
    }

    async fn time(&self, images: &Images<'_>, active: bool) -> anyhow::Result<Duration> {
        if active {
            self.until_it_flows().await?;
        }
        sleep(LOOKS.mul_f64(fastrand::f64())).await;
        let before = images.served().bytes;
        let mut took = Duration::ZERO;
        for name in &images.names {
            took += self.cluster.pull(name).await?;
        }
        images.all_came_since(before)?;
        Ok(took)
    }

    /// Until the agent pulls.
    async fn until_it_flows(&self) -> anyhow::Result<()> {
        let before = self.ahead.served().bytes;
        let flowing = async {
            while self.ahead.served().bytes < before + FLOWS {
                sleep(LOOK).await;
            }
        };
        timeout(FLOWS_WITHIN, flowing).await.context("the agent does not pull ahead")
    }
}
