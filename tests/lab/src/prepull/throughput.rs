//! The same images by `kubewhy prepull` and by the runtime's own clients, from a registry that limits each connection.

use std::time::Duration;

use anyhow::ensure;
use futures::future::try_join_all;
use tokio::process::Command;
use tokio::time::Instant;

use super::ground::{Ground, Images, Make};
use super::rounds::Rounds;
use super::{Plan, Row};
use crate::faulty::Fault;
use crate::process::Daemon;

const MAKE: Make = Make { images: 6, layers: 2, bytes: 3 << 20 };
/// Bytes a second and connection: an image comes within two seconds, …
const FAST: u64 = 1536 << 10;
/// … or six, so that what a program takes to start counts little where all come at once.
const SLOW: u64 = 512 << 10;

#[derive(Clone, Copy, Debug)]
enum Way {
    /// One image after another.
    InTurn(Client),
    AtOnce(Client),
    /// `kubewhy prepull`, so many at a time; none: its default.
    Ours(Option<usize>),
}

#[derive(Clone, Copy, Debug)]
enum Client {
    Ctr,
    /// A call of CRI an image, as crictl makes.
    Cri,
}

pub(super) async fn measure(ground: &Ground<'_>, plan: Plan) -> anyhow::Result<Vec<Row>> {
    let images = Images::serve(ground.lab, "throughput", MAKE);
    println!("{} images by prepull and one after another, {} rounds", MAKE.images, plan.in_turn);
    images.give(Fault::Slow(FAST * plan.haste));
    let in_turn = Compared::measure(ground, &images, Way::InTurn, Way::Ours(None), plan.in_turn).await?;
    println!("the same at once, {} rounds", plan.at_once);
    images.give(Fault::Slow(SLOW * plan.haste));
    let at_once = Compared::measure(ground, &images, Way::AtOnce, Way::Ours(Some(MAKE.images)), plan.at_once).await?;
    let all = MAKE.images;
    Ok(vec![
        Row::new("prepull faster than ctr, one image after another", in_turn.ctr.to_string(), "at least 1.3 ×"),
        Row::new("likewise CRI", in_turn.cri.to_string(), "at least 1.3 ×"),
        Row::new(format!("prepull --parallel {all} than ctr, all at once"), at_once.ctr.to_string(), "at least 0.95 ×"),
        Row::new("likewise CRI", at_once.cri.to_string(), "at least 0.95 ×"),
    ])
}

/// Each client's times over ours.
#[derive(Debug, Default)]
struct Compared {
    ctr: Rounds,
    cri: Rounds,
}

impl Compared {
    async fn measure(
        ground: &Ground<'_>,
        images: &Images<'_>,
        theirs: fn(Client) -> Way,
        ours: Way,
        rounds: usize,
    ) -> anyhow::Result<Self> {
        let mut compared = Self::default();
        for round in 0..rounds {
            let mut ways = [ours, theirs(Client::Ctr), theirs(Client::Cri)];
            ways.rotate_left(round % 3);
            for way in ways {
                let took = time(ground, images, way).await?;
                match way {
                    Way::Ours(_) => {
                        compared.ctr.other.push(took);
                        compared.cri.other.push(took);
                    }
                    Way::InTurn(Client::Ctr) | Way::AtOnce(Client::Ctr) => compared.ctr.one.push(took),
                    Way::InTurn(Client::Cri) | Way::AtOnce(Client::Cri) => compared.cri.one.push(took),
                }
            }
        }
        Ok(compared)
    }
}

async fn time(ground: &Ground<'_>, images: &Images<'_>, way: Way) -> anyhow::Result<Duration> {
    ground.wipe().await?;
    let before = images.served().bytes;
    let begin = Instant::now();
    match way {
        Way::InTurn(client) => {
            for name in &images.names {
                pull(ground, name, client).await?;
            }
        }
        Way::AtOnce(client) => {
            try_join_all(images.names.iter().map(|name| pull(ground, name, client))).await?;
        }
        Way::Ours(parallel) => ours(ground, images, parallel).await?,
    }
    let took = begin.elapsed();
    images.all_came_since(before)?;
    Ok(took)
}

async fn pull(ground: &Ground<'_>, image: &str, client: Client) -> anyhow::Result<()> {
    match client {
        Client::Ctr => ground.containerd.pull_with_ctr(image).await,
        Client::Cri => ground.containerd.pull_image(image).await,
    }
}

async fn ours(ground: &Ground<'_>, images: &Images<'_>, parallel: Option<usize>) -> anyhow::Result<()> {
    let mut command = prepull(ground, &images.names);
    command.args(parallel.map(|parallel| format!("--parallel={parallel}")));
    let mut program = Daemon::spawn(&mut command, &ground.lab.dir.join("prepull.log"))?;
    let status = program.ended().await?;
    ensure!(status.success(), "prepull ended with {status}:\n{}", program.log_end());
    Ok(())
}

/// `kubewhy prepull` of these images.
pub(super) fn prepull(ground: &Ground<'_>, images: &[String]) -> Command {
    let mut command = Command::new(ground.program);
    command.args(["prepull", "--min-free", "0"]).arg("--runtime-endpoint").arg(ground.containerd.socket()).args(images);
    command
}
