//! Images are there before pods ask for them: what is present costs the registry nothing, and what fails is explained.

use anyhow::ensure;
use kubewhy_lab::demo::{CONFIG, NODE};
use kubewhy_lab::hosts::FAULTY;
use kubewhy_lab::images::Image;
use kubewhy_lab::in_lab;

use super::stage::{Way, events, message, said, told, told_so, unwatched};

#[test]
fn present_images_are_left_alone_absent_ones_pulled_and_a_missing_one_told_with_its_set() {
    in_lab!(async {
        let scene = unwatched().await?;
        let faulty = &scene.lab.faulty;
        let present = faulty.push("base/present", "1", &Image::large(&scene.lab.busybox, 1, 1 << 20, 1));
        let absent = faulty.push("base/absent", "1", &Image::large(&scene.lab.busybox, 1, 1 << 20, 2));
        let missing = format!("{FAULTY}/base/missing:1");
        scene.lab.containerd.pull_image(&present).await?;
        let asked = faulty.served("base/present");

        let sets = format!(
            "prepull:\n  sets:\n  - {{name: good, images: ['{present}', '{absent}']}}\n  \
             - {{name: mixed, images: ['{present}', '{absent}', '{missing}']}}\n"
        );
        let way = Way { config: format!("{CONFIG}{sets}"), ..Way::of(&scene, "prepull") };
        let mut agent = way.ready().await?;
        let complete = told(&scene, NODE, "PrepullComplete").await?;
        ensure!(message(&complete).contains("Pre-pull set good: all 2 images are here"), "{complete:#}");
        let failed = told_so(&scene, NODE, "ImageNotFound", "Pre-pull set mixed").await?;
        ensure!(message(&failed).contains(&missing), "{failed:#}");
        agent.stop().await?;

        ensure!(faulty.served("base/present") == asked, "what was present was pulled again");
        let once = 2 * (1 << 20);
        ensure!((1 << 20..once).contains(&faulty.served("base/absent").bytes), "the absent one was not pulled once");
        let complete = events(&scene).iter().filter(|event| event["reason"] == "PrepullComplete").count();
        ensure!(complete == 1, "not told once: {:#?}", said(&scene));
        Ok(())
    });
}
