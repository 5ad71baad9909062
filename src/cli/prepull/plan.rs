//! What pre-pulling would do on this node, or off the cluster what a file says: per set when its turn is and why it is refused,
//! per image whether it is here and what it takes, and whether the disk has room. Pulls nothing to keep.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::ends::INTERRUPTED;
use super::{BY_HAND, CAUSE, PrepullArgs};
use crate::causes;
use crate::cli::Output;
use crate::cli::config_check::Refused;
use crate::client::endpoint::Endpoint;
use crate::clock::Clock;
use crate::config::{self, BYTES_AT_MOST};
use crate::model::pull::sum;
use crate::model::settings::{PrepullSet, PrepullSettings};
use crate::model::verification::Verification;
use crate::model::wording::{one_line, size, span};
use crate::prepull::plan::{Plan, PlannedSet, plan};
use crate::prepull::room::Space;
use crate::prepull::survey::{Found, Survey};

/// An image can't be pulled, or the disk has no room.
const TROUBLE: u8 = 1;

/// A planned set with what is known of its images; nothing where no runtime answers.
struct Surveyed {
    planned: PlannedSet,
    images: Vec<(Arc<str>, Found)>,
    /// What the sets before it take of the disk.
    before: u64,
}

/// The runtime that was asked for does not answer.
#[derive(Debug, thiserror::Error)]
#[error("no container runtime answers: {0}; name its socket with --runtime-endpoint, or try kubewhy check")]
pub struct NoRuntime(String);

/// Shows the plan. Exit code 0 where all can be pulled as far as can be told, else 1.
pub(super) async fn show(args: &PrepullArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    let plan = planned(args)?;
    let cri = args.cri();
    let mut asked = None;
    match cri.version().await.result {
        Ok(_) => asked = Some(Survey::new(cri, &args.host_root, CAUSE, Clock::start(), stop.clone())),
        // A file can be planned off the cluster; for images, or with a runtime that was named, somebody relies on an answer.
        Err(failure) if args.file.is_none() || matches!(args.runtime_endpoint, Endpoint::Given(_)) => {
            return Err(NoRuntime(failure.text).into());
        }
        Err(_) => {}
    }
    let Some(sets) = stop.run_until_cancelled(survey(plan, asked.as_mut())).await else {
        if let Some(asked) = asked {
            asked.forget().await;
        }
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let space = match asked {
        Some(asked) => asked.space().await,
        None => None,
    };
    match args.output {
        Output::Text => say(&sets, space, &mut io::stdout().lock())?,
        Output::Json => writeln!(io::stdout(), "{:#}", document(&sets, space))?,
    }
    let bad = sets.iter().any(|set| set.is_in_trouble(space));
    Ok(if bad { ExitCode::from(TROUBLE) } else { ExitCode::SUCCESS })
}

fn planned(args: &PrepullArgs) -> anyhow::Result<Plan> {
    let Some(file) = &args.file else {
        let settings = PrepullSettings { sets: vec![args.by_hand()], ..PrepullSettings::default() };
        return Ok(plan(&settings, "", &[], &Verification::default()));
    };
    let settings = read(file)?;
    let name = args.node_name.clone().or_else(|| sysinfo::System::host_name().ok()).unwrap_or_default();
    let labels: Vec<(Arc<str>, Arc<str>)> =
        args.node_label.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect();
    if !labels.is_empty() {
        return Ok(plan(&settings, &name, &labels, &Verification::default()));
    }
    // No node has the labels of all sets: each is planned for one that has its own.
    let alone = |set: &PrepullSet| {
        let only = PrepullSettings { sets: vec![set.clone()], ..settings.clone() };
        let own: Vec<_> = set.match_labels.clone().into_iter().collect();
        plan(&only, &name, &own, &Verification::default()).sets
    };
    Ok(Plan { sets: settings.sets.iter().flat_map(alone).collect() })
}

/// The settings of a file; its faults are told with their places.
fn read(file: &Path) -> anyhow::Result<PrepullSettings> {
    let name = file.display();
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(BYTES_AT_MOST as u64 + 1).read_to_end(&mut bytes))
        .with_context(|| format!("{name} can't be read; give the path of a configuration file"))?;
    let catalogue: Vec<&str> = causes::ALL.iter().map(|cause| cause.id).collect();
    match config::parse(&bytes, &catalogue) {
        Ok(accepted) => Ok(accepted.settings.prepull),
        Err(faults) => {
            for fault in faults {
                writeln!(io::stderr(), "{name}:{fault}")?;
            }
            Err(Refused.into())
        }
    }
}

/// Asks the runtime of each image, where there is one. Of a set that is refused nothing is begun: what comes with its
/// credentials every pod of the node could use.
async fn survey(plan: Plan, mut asked: Option<&mut Survey>) -> Vec<Surveyed> {
    let mut sets: Vec<Surveyed> = Vec::new();
    for planned in plan.sets {
        let mut images = Vec::new();
        if let Some(asked) = &mut asked {
            for image in &planned.set.images {
                let found = match planned.refused {
                    Some(_) => asked.look(image, &planned.set).await.unwrap_or(Found::Unmeasured("its set is refused")),
                    None => asked.find(image, &planned.set).await,
                };
                images.push((image.clone(), found));
            }
        }
        let before = sets.last().map_or(0, |set| set.before.saturating_add(set.needs()));
        sets.push(Surveyed { planned, images, before });
    }
    sets
}

impl Surveyed {
    fn needs(&self) -> u64 {
        sum(self.images.iter().filter_map(|(_, found)| needs(found)))
    }

    /// Images that are missing, of a size that nobody tells.
    fn unmeasured(&self) -> usize {
        self.images.iter().filter(|(_, found)| matches!(found, Found::Unmeasured(_))).count()
    }

    fn has_room(&self, space: Option<Space>) -> bool {
        space.is_none_or(|space| {
            self.before.saturating_add(self.needs()) <= space.above(self.planned.set.min_free) || self.needs() == 0
        })
    }

    fn is_in_trouble(&self, space: Option<Space>) -> bool {
        let fails = |found: &Found| matches!(found, Found::Failed(_) | Found::Unanswered);
        self.planned.refused.is_some() || !self.has_room(space) || self.images.iter().any(|(_, found)| fails(found))
    }
}

fn needs(found: &Found) -> Option<u64> {
    if let Found::Missing { needs, .. } = found { Some(*needs) } else { None }
}

fn say(sets: &[Surveyed], space: Option<Space>, out: &mut impl Write) -> io::Result<()> {
    if sets.is_empty() {
        writeln!(out, "No set selects this node.")?;
    }
    for set in sets {
        let PlannedSet { set: settings, refused, .. } = &set.planned;
        writeln!(out, "{}", heading(&set.planned))?;
        if let Some(why) = refused {
            writeln!(out, "  refused: {why}")?;
        }
        if let Some(window) = &settings.window {
            let zone = window.zone.as_deref().unwrap_or("UTC");
            writeln!(out, "  window: {} for {} ({zone})", window.cron, span(window.lasts))?;
        }
        if set.images.is_empty() {
            settings.images.iter().try_for_each(|image| writeln!(out, "  {image}"))?;
            continue;
        }
        set.images.iter().try_for_each(|(image, found)| writeln!(out, "  {image}: {}", words(found)))?;
        let room = match space {
            Some(space) => format!("{} are free above {} %", size(space.above(settings.min_free)), settings.min_free),
            None => "the disk is not seen from here".to_owned(),
        };
        let before = match set.before {
            0 => String::new(),
            before => format!(" beside the {} of the sets before it", size(before)),
        };
        let verdict = if set.has_room(space) { "" } else { ": no room" };
        let unknown = match set.unmeasured() {
            0 => String::new(),
            1 => ", and what an image takes whose size is not known".to_owned(),
            images => format!(", and what {images} images take whose size is not known"),
        };
        writeln!(out, "  takes {} of the disk, unpacked{unknown}{before}; {room}{verdict}", size(set.needs()))?;
    }
    if sets.iter().all(|set| set.images.is_empty()) && !sets.is_empty() {
        writeln!(
            out,
            "No container runtime answers here: what is present and how large the rest is, only a node can tell."
        )?;
    }
    Ok(())
}

/// What is asked for by hand is no set to who asks.
fn heading(PlannedSet { set, delay, .. }: &PlannedSet) -> String {
    let images = set.images.len();
    let images = format!("{images} {}", if images == 1 { "image" } else { "images" });
    if &*set.name == BY_HAND {
        return images;
    }
    let selector: Vec<String> = set.match_labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let nodes = if selector.is_empty() { String::new() } else { format!(" for nodes with {}", selector.join(", ")) };
    format!("set {}: {images}{nodes}, {} after the file is read", set.name, span(*delay))
}

fn words(found: &Found) -> String {
    match found {
        Found::Present => "here".to_owned(),
        Found::Missing { total, fetch, .. } if fetch == total => format!("missing, {} to fetch", size(*total)),
        Found::Missing { total, fetch, .. } => format!("missing, {} of {} to fetch", size(*fetch), size(*total)),
        Found::Pulled => "was missing, and so small that it is here by now".to_owned(),
        Found::Failed(text) => format!("can't be pulled: {}", one_line(text)),
        Found::Unmeasured(why) => format!("missing; {why}"),
        Found::Unanswered => "the runtime does not answer".to_owned(),
    }
}

fn document(sets: &[Surveyed], space: Option<Space>) -> Value {
    let set = |set: &Surveyed| {
        let images: Vec<Value> = set.images.iter().map(|(image, found)| image_document(image, found)).collect();
        json!({
            "set": set.planned.set.name,
            "images": set.planned.set.images,
            "refused": set.planned.refused,
            "delaySeconds": set.planned.delay.as_secs(),
            "found": images,
            "nodes": labels(&set.planned.set),
            "needs": set.needs(),
            "needsBefore": set.before,
            "hasRoom": space.map(|_| set.has_room(space)),
        })
    };
    let disk = space.map(|space| json!({"free": space.free, "size": space.size}));
    json!({"sets": sets.iter().map(set).collect::<Vec<_>>(), "disk": disk})
}

fn labels(set: &PrepullSet) -> Value {
    set.match_labels
        .iter()
        .map(|(key, value)| (key.to_string(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn image_document(image: &str, found: &Found) -> Value {
    match found {
        Found::Present => json!({"image": image, "state": "present"}),
        Found::Pulled => json!({"image": image, "state": "pulled"}),
        Found::Missing { total, fetch, needs } => {
            json!({"image": image, "state": "missing", "total": total, "fetch": fetch, "needs": needs})
        }
        Found::Failed(text) => {
            json!({"image": image, "state": "failed", "cause": CAUSE(text), "error": one_line(text)})
        }
        Found::Unmeasured(why) => json!({"image": image, "state": "missing", "why": why}),
        Found::Unanswered => json!({"image": image, "state": "unanswered"}),
    }
}
