//! `kubewhy prepull`: pulls images by hand on this node and shows how far they are, or shows what a configuration would pull
//! here. Needs the container runtime's socket and no agent; for a plan not even that. Removes nothing.

mod bars;
mod ends;
mod lines;
mod plan;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use clap::builder::BoolishValueParser;
use tokio::sync::watch;

use super::{Output, stop};
use crate::client::cri::Cri;
use crate::client::cri::deadlines::Deadlines;
use crate::client::endpoint::Endpoint;
use crate::clock::Clock;
use crate::config;
use crate::diagnose::text;
use crate::model::prepull::PullFailure;
use crate::model::settings::{CredentialSettings, CredentialSource, PrepullSet};
use crate::prepull::NameCause;
use crate::prepull::by_hand::ByHand;
use ends::Ends;

pub use plan::NoRuntime;

/// The name of the set that images given by hand make up.
const BY_HAND: &str = "by-hand";

/// What is to be pulled or planned, and how the answer looks.
#[derive(Debug, Args)]
pub struct PrepullArgs {
    /// Images, by tag or digest.
    #[arg(required_unless_present = "file", conflicts_with = "file", value_parser = image)]
    pub images: Vec<String>,
    /// Show what would be pulled, what that takes and whether the disk has room. To learn it pulls are begun and called off; an
    /// image so small that it comes meanwhile stays.
    #[arg(long, env = "KUBEWHY_PREPULL_PLAN", value_parser = BoolishValueParser::new())]
    pub plan: bool,
    /// A configuration file, whose sets are planned; it is checked, also where no runtime is.
    #[arg(short, long, env = "KUBEWHY_PREPULL_FILE", requires = "plan")]
    pub file: Option<PathBuf>,
    /// Plan for the node of that name [default: this host's name].
    #[arg(long, env = "NODE_NAME")]
    pub node_name: Option<String>,
    /// A label of that node, as in pool=general; may be given several times. Without any, every set is planned.
    #[arg(long, env = "KUBEWHY_NODE_LABEL", value_delimiter = ',', value_parser = label, requires = "file")]
    pub node_label: Vec<(String, String)>,
    /// How many at a time.
    #[arg(long, env = "KUBEWHY_PREPULL_PARALLEL", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub parallel: u8,
    /// What is to stay free of the disk that holds images, in percent.
    #[arg(long, env = "KUBEWHY_PREPULL_MIN_FREE", default_value_t = 20, value_parser = clap::value_parser!(u8).range(0..=99))]
    pub min_free: u8,
    /// Credentials for the registries, in the form of ~/.docker/config.json. What is pulled with them every pod of this node may use.
    #[arg(long, env = "KUBEWHY_PREPULL_CREDENTIALS", conflicts_with = "file")]
    pub credentials: Option<PathBuf>,
    /// Socket of the container runtime: a path, unix:///path, or auto for the first of the usual places.
    #[arg(long, env = "KUBEWHY_RUNTIME_ENDPOINT", default_value = "auto")]
    pub runtime_endpoint: Endpoint,
    /// Where the host's directories are seen: /host in a pod that mounts them there.
    #[arg(long, env = "KUBEWHY_HOST_ROOT", default_value = "/")]
    pub host_root: PathBuf,
    /// The form of the answer.
    #[arg(short, long, env = "KUBEWHY_OUTPUT", value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// Pulls or plans. Exit code 0 where all images are here, 1 where one can't be pulled, 2 where the disk has no room for one, 69
/// where the runtime does not answer, 130 after Ctrl-C; for a plan 64 where its file has faults.
///
/// # Errors
/// A file can't be read ([`NoCredentials`]), or the answer can't be written.
pub fn run(args: &PrepullArgs) -> anyhow::Result<ExitCode> {
    if let Some(file) = args.credentials.as_deref().filter(|file| !file.is_file()) {
        return Err(NoCredentials(file.to_owned()).into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    let outcome = runtime.block_on(Box::pin(async {
        let stop = stop::on_signal().context("no signal handlers")?;
        if args.plan { plan::show(args, &stop).await } else { Ok(pull(args, &stop).await?.code()) }
    }));
    // A file of a file system that hangs holds its thread; the process does not wait for it.
    runtime.shutdown_background();
    outcome
}

/// What `--credentials` names is no file.
#[derive(Debug, thiserror::Error)]
#[error("{} is no file; give --credentials a file in the form of ~/.docker/config.json", .0.display())]
pub struct NoCredentials(PathBuf);

async fn pull(args: &PrepullArgs, stop: &tokio_util::sync::CancellationToken) -> anyhow::Result<Ends> {
    let by_hand = ByHand {
        cri: args.cri(),
        host_root: args.host_root.clone(),
        set: args.by_hand(),
        cause: CAUSE,
        clock: Clock::start(),
    };
    let (views, seen) = watch::channel(Vec::new());
    let pulling = by_hand.run(views, stop.clone());
    let in_place = args.output == Output::Text && io::stderr().is_terminal();
    let showing = async {
        match args.output {
            Output::Text if in_place => bars::show(seen.clone()).await,
            Output::Text => lines::show(seen.clone()).await,
            Output::Json => Ok(()),
        }
    };
    let ((), shown) = tokio::join!(pulling, showing);
    shown?;
    let ends = Ends::of(seen.borrow().clone(), stop.is_cancelled());
    match args.output {
        Output::Text => ends.say()?,
        Output::Json => ends.say_as_json()?,
    }
    Ok(ends)
}

const CAUSE: NameCause = |words| text::classify(words).map(|cause| cause.id);

/// The cause of a failed pull, if it has a name.
fn cause(failure: &PullFailure) -> Option<&'static str> {
    failure.cause.or_else(|| CAUSE(&failure.text))
}

impl PrepullArgs {
    fn cri(&self) -> Cri {
        let endpoint = self.runtime_endpoint.clone().below(&self.host_root);
        Cri::new(endpoint, Clock::start(), Deadlines::default())
    }

    /// The images as one set, each once.
    fn by_hand(&self) -> PrepullSet {
        let mut images: Vec<Arc<str>> = Vec::new();
        for image in &self.images {
            if !images.iter().any(|known| **known == **image) {
                images.push(image.as_str().into());
            }
        }
        let file = |file: &PathBuf| CredentialSource::File(file.clone());
        let credentials = self.credentials.as_ref().map(file);
        PrepullSet {
            parallel: self.parallel.into(),
            min_free: self.min_free,
            credentials: credentials.map(|source| CredentialSettings { source, any_pod_may_use: true }),
            ..PrepullSet::new(BY_HAND, images)
        }
    }
}

fn image(text: &str) -> Result<String, String> {
    config::check_image(text).map(|()| text.to_owned())
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as in pool=general")?;
    Ok((key.to_owned(), value.to_owned()))
}
