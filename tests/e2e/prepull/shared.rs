//! Twenty images that share layers, pulled side by side: each layer comes once, and nothing is held when all are here.

use anyhow::ensure;
use kubewhy_lab::in_lab;

use super::node::{Node, Served, set};

const FAMILIES: usize = 4;
const GENERATIONS: usize = 5;

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn layers() {
    in_lab!(async {
        let mut node = Node::start().await?;
        // In a family, each image has all layers of the one before it and one more.
        let image = |number: usize| {
            let (family, generation) = (number / GENERATIONS, number % GENERATIONS);
            node.serve(&format!("family-{family}/app-{generation}"), generation + 1, 1, 100 + family as u64)
        };
        let images: Vec<Served> = (0..FAMILIES * GENERATIONS).map(image).collect();
        let names: Vec<&str> = images.iter().map(|image| &*image.name).collect();
        node.begin(&set("all", &names, ", parallel: 4"))?;
        node.complete("all").await?;
        for image in &images {
            ensure!(node.has(image).await?, "{} is not here", image.name);
            node.came_once(image, 0)?;
            for layer in image.layers() {
                let sent = node.scene.lab.faulty.sent(&layer.digest);
                ensure!(sent.times == 1, "{}: a layer was asked for {} times", image.name, sent.times);
            }
        }
        node.holds_nothing().await?;
        node.end().await
    });
}
