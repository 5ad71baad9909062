//! What of pre-pulling stands on the Node: the startup taint goes when the essential sets are complete and not before, and a
//! label tells of each set for as long as it is complete.

use anyhow::{Context, ensure};
use kubewhy_lab::apiserver::resources::NODES;
use kubewhy_lab::demo::NODE;
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::in_lab;
use serde_json::{Value, json};

use super::node::{Node, set};
use crate::stage::SOON;

const TAINT: &str = "example.com/images";
/// Somebody else's, of the same effect.
const OTHER: &str = "example.com/gpu";
const LABEL: &str = "prepull.kubewhy.dev/";

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn kept() {
    in_lab!(async {
        let mut node = Node::start().await?;
        let taints = [TAINT, OTHER].map(|key| json!({"key": key, "effect": "NoSchedule"}));
        let mut tainted = object(&node)?;
        tainted["spec"]["taints"] = json!(taints);
        node.scene.put(tainted);

        let [needed, nice] = [("base/needed", 1), ("base/nice", 2)].map(|(name, seed)| node.serve(name, 1, 1, seed));
        node.fault(&needed.repository, Fault::Status(503));
        let sets = set("needed", &[&needed.name], ", essential: true") + &set("nice", &[&nice.name], "");
        let marked = format!("{sets}  nodeLabels: true\n  startupTaint: {TAINT}\n");
        node.begin(&marked)?;
        node.until("the label of the other set", SOON, async || label(&node, "nice")).await?;
        ensure!(taints_of(&node)? == [TAINT, OTHER] && !label(&node, "needed")?, "its essential set is not complete");

        node.fault(&needed.repository, Fault::Healthy);
        node.until("the taint gone", SOON, async || Ok(taints_of(&node)? == [OTHER])).await?;
        node.until("the label of the essential set", SOON, async || label(&node, "needed")).await?;

        node.edit(&marked.replace(&set("nice", &[&nice.name], ""), ""))?;
        node.until("the label gone with its set", SOON, async || Ok(!label(&node, "nice")?)).await?;
        ensure!(label(&node, "needed")? && taints_of(&node)? == [OTHER], "what was not edited changed");
        node.end().await
    });
}

fn object(node: &Node) -> anyhow::Result<Value> {
    let object = node.scene.api.store().get(&NODES, "", NODE).context("the node is gone")?;
    Ok(Value::clone(&object))
}

fn label(node: &Node, set: &str) -> anyhow::Result<bool> {
    Ok(object(node)?["metadata"]["labels"][format!("{LABEL}{set}")] == "complete")
}

fn taints_of(node: &Node) -> anyhow::Result<Vec<String>> {
    let object = object(node)?;
    let taints = object["spec"]["taints"].as_array().into_iter().flatten();
    Ok(taints.filter_map(|taint| taint["key"].as_str().map(str::to_owned)).collect())
}
