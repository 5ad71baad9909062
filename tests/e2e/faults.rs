//! Every fault that the demo shows is named and ended, by Events of the right shape that tell no tenant of another.

use std::collections::BTreeMap;

use anyhow::ensure;
use kubewhy_lab::apiserver::resources::{NODES, PODS};
use kubewhy_lab::demo::{Act, FAULTS, NAMESPACE, Scene, perform, pod};
use kubewhy_lab::hosts::FAULTY;
use kubewhy_lab::images::Image;
use kubewhy_lab::in_lab;
use serde_json::{Value, json};

use super::stage::{events, message, said, scene, until};

/// The other tenant: its namespace, its pods and its images all hold this word, and nothing else does.
const TENANT: &str = "treasury";
/// A pod that is well all the time.
const CONTROL: &str = "control";

#[test]
fn every_fault_is_named_and_ended_and_no_tenant_hears_of_another() {
    in_lab!(async {
        let mut scene = scene().await?;
        scene.run_pod(CONTROL, json!({"image": scene.lab.app}));
        until("the control pod runs", || runs(&scene, CONTROL)).await?;
        let missing = format!("{FAULTY}/{TENANT}/ledger:1");
        scene.put(pod(TENANT, "treasury-ledger", json!({"image": missing})));
        for act in FAULTS {
            play(act, &mut scene).await?;
        }
        check_shape(&scene)?;
        check_stories(&scene)?;
        check_tenants(&scene)?;
        let control: Vec<_> = events(&scene).into_iter().filter(|e| e["involvedObject"]["name"] == CONTROL).collect();
        ensure!(control.is_empty(), "a healthy pod was told: {control:#?}");
        scene.end().await
    });
}

fn runs(scene: &Scene, name: &str) -> bool {
    let pods = scene.api.store().list(&PODS, None);
    pods.iter().any(|pod| pod["metadata"]["name"] == name && pod["status"]["phase"] == "Running")
}

/// Performs the act; when the pod network is gone, a pod of the other tenant joins the one that waits.
async fn play(act: &Act, scene: &mut Scene) -> anyhow::Result<()> {
    let image = scene.lab.registry.push(&format!("{TENANT}/vault"), "1", &Image::app(&scene.lab.busybox))?;
    let store = scene.api.store().clone();
    let mut changes = store.subscribe();
    let joining = async {
        while store.list(&PODS, Some(NAMESPACE)).iter().all(|pod| pod["metadata"]["name"] != "basket") {
            changes.next().await;
        }
        store.put(pod(TENANT, "treasury-vault", json!({"image": image})));
        std::future::pending().await
    };
    let outcome = tokio::select! {
        outcome = perform(act, scene) => outcome?,
        never = joining, if act.cause == "CniConfigMissing" => never,
    };
    ensure!(outcome.named.is_some(), "{} was not named, but {:#?}", act.cause, outcome.beside);
    ensure!(outcome.ended.is_some(), "{} was not ended", act.cause);
    Ok(())
}

/// The contract of an Event, for every state that one was ever in.
fn check_shape(scene: &Scene) -> anyhow::Result<()> {
    let uids: BTreeMap<_, _> = [&NODES, &PODS]
        .iter()
        .flat_map(|resource| scene.api.store().list(resource, None))
        .map(|object| (object["metadata"]["name"].to_string(), object["metadata"]["uid"].clone()))
        .collect();
    for event in written(scene) {
        let involved = &event["involvedObject"];
        ensure!(uids.get(&involved["name"].to_string()) == Some(&involved["uid"]), "another uid: {event:#}");
        ensure!(message(&event).len() <= 1024 && !message(&event).is_empty(), "too long or empty: {event:#}");
        ensure!(event["eventTime"].is_null(), "an eventTime: {event:#}");
        ensure!(event["firstTimestamp"].is_string() && event["lastTimestamp"].is_string(), "no times: {event:#}");
        ensure!(event["count"].as_u64() >= Some(1), "no count: {event:#}");
    }
    Ok(())
}

/// One Event for each cause and type of a subject; whatever is said again is said by the same one.
fn check_stories(scene: &Scene) -> anyhow::Result<()> {
    let mut seen = BTreeMap::<_, u32>::new();
    for event in events(scene).iter().filter(|event| event["reason"] != "Resolved") {
        let key = (event["involvedObject"]["uid"].to_string(), event["reason"].to_string(), event["type"].to_string());
        *seen.entry(key).or_default() += 1;
    }
    let twice: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).collect();
    ensure!(twice.is_empty(), "told by more than one Event: {twice:#?}\n{:#?}", said(scene));
    Ok(())
}

/// An Event on one tenant's pod or on the node names nothing of another tenant.
fn check_tenants(scene: &Scene) -> anyhow::Result<()> {
    let ours = ["shop", "basket", "cart", "checkout", "orders", "catalog", "payment", "mailer"];
    let mut heard = 0;
    for event in written(scene) {
        let theirs = event["involvedObject"]["namespace"] == TENANT;
        heard += u32::from(theirs);
        let named = if theirs { ours.iter().find(|word| message(&event).contains(**word)) } else { None };
        ensure!(named.is_none(), "{TENANT} hears of {named:?}: {event:#}");
        ensure!(theirs || !event.to_string().contains(TENANT), "another hears of {TENANT}: {event:#}");
    }
    ensure!(heard >= 2, "both pods of {TENANT} were to be told: {:#?}", said(scene));
    Ok(())
}

fn written(scene: &Scene) -> Vec<Value> {
    let all = scene.api.journal().events();
    all.iter().map(|event| Value::clone(event)).filter(|event| event["source"]["component"] == "kubewhy").collect()
}
