//! SIGTERM ends the agent within five seconds and well, whatever it is at, and a pre-pull that it cuts off goes on from
//! the bytes it has.

use std::time::Duration;

use anyhow::ensure;
use kubewhy_lab::apiserver::Fault as ApiFault;
use kubewhy_lab::demo::{Agent, CONFIG, NODE};
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::images::Image;
use kubewhy_lab::in_lab;
use tokio::time::Instant;

use super::stage::{SOON, Way, scene, told, until, unwatched};

const PROMISED: Duration = Duration::from_secs(5);
const REPOSITORY: &str = "base/jre";
/// What was under way when the pull was cut off may come twice.
const UNDER_WAY: u64 = 1 << 20;

async fn ends(agent: &mut Agent) -> anyhow::Result<()> {
    let told_at = Instant::now();
    agent.stop().await?;
    ensure!(told_at.elapsed() < PROMISED, "it took {:?}: {}", told_at.elapsed(), agent.daemon.log_end());
    Ok(())
}

#[test]
fn a_calm_agent_ends_at_once_and_so_does_one_whose_runtime_and_api_server_hang() {
    in_lab!(async {
        let mut scene = scene().await?;
        ends(&mut scene.agent).await?;
        let mut agent = Way::of(&scene, "hung").ready().await?;
        scene.api.set_fault(ApiFault::Hang.everywhere());
        scene.lab.containerd.daemon().freeze()?;
        agent.says(&["report", "first", "RuntimeDown"], SOON).await?;
        ends(&mut agent).await?;
        scene.lab.containerd.daemon().thaw()
    });
}

#[test]
fn a_pre_pull_that_is_cut_off_goes_on_at_the_next_start_from_the_bytes_it_has() {
    in_lab!(async {
        let scene = unwatched().await?;
        let image = Image::large(&scene.lab.busybox, 1, 8 << 20, 3);
        let size: u64 = image.layers.iter().skip(1).map(|layer| layer.bytes.len() as u64).sum();
        let faulty = &scene.lab.faulty;
        let name = faulty.push(REPOSITORY, "21", &image);
        // Its lowest layer is every image's: fetched beforehand, it is not counted below.
        scene.lab.containerd.pull_image(&scene.lab.app).await?;
        faulty.set(REPOSITORY, Fault::Slow(2_000_000));

        let sets = format!("prepull: {{sets: [{{name: base, minFree: 1%, images: ['{name}']}}]}}\n");
        let way = Way { config: format!("{CONFIG}{sets}"), ..Way::of(&scene, "prepull") };
        let mut agent = way.ready().await?;
        until("half of it came", || faulty.served(REPOSITORY).bytes > size / 2).await?;
        ends(&mut agent).await?;
        ensure!(faulty.served(REPOSITORY).bytes < size, "it was done before it could be cut off");

        faulty.set(REPOSITORY, Fault::Healthy);
        let mut agent = way.ready().await?;
        told(&scene, NODE, "PrepullComplete").await?;
        let bytes = faulty.served(REPOSITORY).bytes;
        ensure!(bytes < size + UNDER_WAY, "{bytes} bytes were fetched for {size}");
        ends(&mut agent).await
    });
}
