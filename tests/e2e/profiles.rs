//! The three profiles of rights, each as the pod of its rendered DaemonSet in a real containerd: which faults of a node it names,
//! and that it names none wrongly, held to what the catalogue says of it. Printed past the test harness's capture;
//! `KUBEWHY_LAB_IMAGE` names the archive of an image to be tried in place of the program under test:
//!
//! ```sh
//! make image && KUBEWHY_LAB_IMAGE=$PWD/target/image/kubewhy-0.1.0-amd64.tar cargo test --test e2e profiles -- --nocapture
//! ```

mod pod;
mod row;

use std::path::Path;

use anyhow::ensure;
use futures::future::join_all;
use kubewhy::causes;
use kubewhy::model::profile::{Profile, Telling};
use kubewhy_lab::demo::{Act, NODE, PLUGIN_GONE, Props, RUNTIME_KILLED};
use kubewhy_lab::disk::Disk;
use kubewhy_lab::in_lab;
use kubewhy_lab::namespaces::{self, GROUND};

use crate::node_faults::{files, network, runtime, surroundings};
use crate::stage::{on_the_machine, show};
use row::Row;

/// The test of each profile.
const LABS: [&str; 3] = ["profiles::socket", "profiles::standard", "profiles::deep"];
/// One fault for each kind of evidence; the long run has all of the table.
const SHORT: &[&str] = &[
    "a CNI plugin is not installed",
    "the runtime's file system is full to the last block",
    "a mount of a pod hangs",
    "containerd has no descriptor left",
    "containerd is killed",
    "the kubelet is killed",
];
/// What may rightly be told beside any fault: what a machine suffers from on which tests run.
const ANYWAY: &[&str] = &["NodeCpuStarved", "NodeIoSaturated"];
/// Beside what is the node's fault: what its pods fail with each by itself, before that is certain.
const BESIDE: &[(&str, &[&str])] = &[("NodeCannotStartPods", &["CniFailed", "SandboxStalled"])];

/// The faults of the table that need no other agent than the pod.
fn acts() -> impl Iterator<Item = &'static Act> {
    let beside = surroundings::FAULTS.iter().filter(|fault| fault.act.cause == "KubeletDown");
    let all = network::FAULTS.iter().chain(files::FAULTS).chain(runtime::FAULTS).chain(beside);
    all.map(|fault| &fault.act).filter(|act| namespaces::is_soak() || SHORT.contains(&act.title))
}

#[test]
fn each_profile_names_what_it_can_see_and_nothing_that_is_not_so() {
    assert!(namespaces::is_soak() || acts().count() == SHORT.len(), "a fault of that title is no more");
    let runs = LABS.map(|test| namespaces::run_test_on(test, None));
    let Some(said) = on_the_machine("the table of profiles", join_all(runs)) else { return };
    let rows: Vec<Vec<Row>> =
        said.into_iter().map(|lab| row::read(&lab.unwrap_or_else(|error| format!("{error:#}")))).collect();
    show(&page(&rows));
    let flaws = Profile::ALL.into_iter().zip(&rows).flat_map(|(profile, rows)| flaws(profile, rows));
    let flaws: Vec<String> = flaws.collect();
    assert!(flaws.is_empty(), "{}", flaws.join("\n"));
}

/// What does not fit to what the catalogue says.
fn flaws(profile: Profile, rows: &[Row]) -> Vec<String> {
    let mut flaws = Vec::new();
    if rows.len() != acts().count() {
        flaws.push(format!("{}: {} rows of {}", profile.name(), rows.len(), acts().count()));
    }
    for row in rows {
        let cause = causes::by_id(&row.cause).unwrap();
        let fits = match profile.tells(cause) {
            Telling::Whole | Telling::InPart => row.named.is_some() && row.ended,
            Telling::ByWords => true,
            Telling::Not => row.named.is_none(),
        };
        let own = BESIDE.iter().filter(|(cause, _)| *cause == row.cause).flat_map(|(_, reasons)| *reasons);
        let may: Vec<&str> = own.chain(ANYWAY).copied().collect();
        let wrong = row.beside.iter().any(|reason| !may.contains(&reason.as_str()));
        if !fits || wrong {
            flaws.push(format!("{}, {:?}: {row:#?}", profile.name(), profile.tells(cause)));
        }
    }
    flaws
}

/// Seconds until each fault was named, by profile.
fn page(rows: &[Vec<Row>]) -> String {
    let mut text = format!("{:<62}{:<26}", "fault; seconds until it is named", "cause");
    Profile::ALL.iter().for_each(|profile| text.push_str(&format!("{:<10}", profile.name())));
    for act in acts() {
        text.push_str(&format!("\n{:<62}{:<26}", act.title, act.cause));
        for rows in rows {
            let row = rows.iter().find(|row| row.fault == act.title);
            let named = row.and_then(|row| row.named).map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1}"));
            text.push_str(&format!("{named:<10}"));
        }
    }
    text
}

/// Breaks a node whose only agent is the pod of that profile.
async fn watched_by(profile: Profile) -> anyhow::Result<()> {
    let ground = Path::new(GROUND);
    let disk = Disk::mount(&ground.join("disk"), Path::new("/var/lib/containerd"), files::SIZE)?;
    let mut scene = pod::scene(&pod::folder(profile.folder())).await?;
    scene.props = Props { disk: Some(disk), ..Props::default() };
    for act in acts() {
        row::play(act, profile, &mut scene).await?;
    }
    Ok(())
}

/// As no root, with the group that the runtime's socket has; and as whoever looks at the node from the agent's pod.
#[test]
fn as_no_root_it_watches_the_node_and_answers_in_its_pod() {
    in_lab!(async {
        let overlay = Path::new(GROUND).join("non-root");
        pod::overlay(&overlay, "socket", "non-root")?;
        let mut scene = pod::scene(&overlay).await?;
        let [(status, shown), (check, looked)] = [
            scene.lab.containerd.exec("kubewhy", &["kubewhy", "status"]).await?,
            scene.lab.containerd.exec("kubewhy", &["kubewhy", "check"]).await?,
        ];
        ensure!(status == 0 && shown.contains(NODE), "{status}: {shown}");
        ensure!(check == 2 && looked.contains('?'), "what it has no mount for can't be told: {check}: {looked}");
        ensure!(pod::user()? == "65532", "it runs as {}", pod::user()?);
        for act in [&PLUGIN_GONE, &RUNTIME_KILLED] {
            let row = row::play(act, Profile::Socket, &mut scene).await?;
            ensure!(
                row.named.is_some() && row.ended && row.beside.is_empty(),
                "{row:#?}: {looked}\n{}",
                pod::log(&scene)
            );
        }
        Ok(())
    });
}

#[test]
#[ignore = "the table of profiles runs it"]
fn socket() {
    in_lab!(watched_by(Profile::Socket));
}

#[test]
#[ignore = "the table of profiles runs it"]
fn standard() {
    in_lab!(watched_by(Profile::Standard));
}

#[test]
#[ignore = "the table of profiles runs it"]
fn deep() {
    in_lab!(watched_by(Profile::Deep));
}
