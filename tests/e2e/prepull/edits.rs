//! A configuration that is changed ten times in ten seconds: the last one holds in the end, and nothing came twice on the way.

use std::time::Duration;

use anyhow::ensure;
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::in_lab;
use tokio::time::sleep;

use super::node::{Node, Served, say_measured, set};

const EDITS: usize = 10;
/// Two edits, then a pause in which the agent may see the second.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(1900)];

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn ten() {
    in_lab!(async {
        let mut node = Node::start().await?;
        let [stays, moves] =
            [("base/stays", 1), ("base/moves", 2)].map(|(name, seed)| node.serve_slowly(name, 1, 16, seed));
        let single = |number: usize| node.serve_slowly(&format!("base/single-{number}"), 1, 4, 10 + number as u64);
        let singles: Vec<Served> = (0..EDITS).map(single).collect();
        // One image is in all of them, one in another set each time, and one in each alone.
        let sets = |number: usize| {
            let (one, other) = ([&*stays.name], [&*moves.name, &*singles[number].name]);
            match number % 2 {
                0 => set("one", &[one.as_slice(), &other].concat(), ", parallel: 3"),
                _ => set("one", &one, "") + &set("other", &other, ""),
            }
        };
        node.begin(&sets(0))?;
        node.gave(&moves, 1).await?;
        for number in 1..EDITS {
            sleep(PAUSES[number % 2]).await;
            node.edit(&sets(number))?;
        }
        for image in [&stays, &moves, &singles[EDITS - 1]] {
            node.fault(&image.repository, Fault::Healthy);
        }
        node.complete("other").await?;
        node.complete("one").await?;
        for image in [&stays, &moves, &singles[EDITS - 1]] {
            ensure!(node.has(image).await?, "{} is not here", image.name);
            node.came_once(image, EDITS as u64)?;
        }
        node.holds_nothing().await?;
        say_measured(&format!("the agent saw {} of {EDITS} configurations", node.accepted()));
        ensure!(node.accepted() > 2, "it saw none between the first and the last");
        node.end().await
    });
}
