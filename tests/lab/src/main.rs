//! The `kubewhy-lab` command: a lab by hand.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use kubewhy_lab::cost::{calm, rush};
use kubewhy_lab::parts::Parts;
use kubewhy_lab::{Lab, demo, namespaces, prepull};

/// A broken Kubernetes node on one machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the programs a lab is made of, and their versions.
    Parts,
    /// Breaks a node in every way kubewhy can name, one after the other, and shows what is said.
    Demo,
    /// Watches a healthy node and shows what the watching costs.
    Calm(Calm),
    /// Starts pods, as many as a node takes, and shows what watching that costs.
    Rush(Rush),
    /// Pulls images ahead in every way that has a limit, beside the runtime's own clients, and shows what came of it.
    Prepull(Prepull),
    /// Starts a lab and a shell inside it; everything ends with the shell.
    Shell,
}

#[derive(Debug, clap::Args)]
struct Calm {
    /// Pods that run on the node.
    #[arg(long, default_value_t = 50)]
    pods: usize,
    /// Images on the node beside theirs.
    #[arg(long, default_value_t = 0)]
    images: usize,
    /// How long the node is watched; a third of it more, the runtime is measured without the agent.
    #[arg(long, default_value_t = 10)]
    minutes: u32,
    /// The agent; by default the one beside this program.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Rush {
    /// Pods that start.
    #[arg(long, default_value_t = 110)]
    pods: usize,
    /// Images on the node beside theirs.
    #[arg(long, default_value_t = 0)]
    images: usize,
    /// Over how long they are bound to the node.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// The agent; by default the one beside this program.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Prepull {
    /// One round of everything: shows that it works, measures little.
    #[arg(long)]
    quick: bool,
    /// The agent; by default the one beside this program.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Parts => parts(),
        Command::Demo => {
            let program = demo::agent_program()?;
            inside(async || demo::run(&program).await)
        }
        Command::Calm(args) => measure_calm(args),
        Command::Rush(args) => measure_rush(args),
        Command::Prepull(args) => measure_prepull(args),
        Command::Shell => inside(shell),
    }
}

fn parts() -> anyhow::Result<ExitCode> {
    for (path, version) in Parts::find()?.versions() {
        println!("{version}\n    {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn measure_calm(args: Calm) -> anyhow::Result<ExitCode> {
    let program = agent(args.program)?;
    let plan = calm::Plan { pods: args.pods, images: args.images, span: Duration::from_secs(60) * args.minutes };
    inside(async || calm::run(&program, plan).await)
}

fn measure_rush(args: Rush) -> anyhow::Result<ExitCode> {
    let program = agent(args.program)?;
    let span = Duration::from_secs(1) * args.seconds;
    let plan = rush::Plan { pods: args.pods, images: args.images, span };
    inside(async || rush::run(&program, plan).await)
}

fn measure_prepull(args: Prepull) -> anyhow::Result<ExitCode> {
    let program = agent(args.program)?;
    let plan = if args.quick { prepull::Plan::QUICK } else { prepull::Plan::WHOLE };
    inside(async || prepull::run(&program, plan).await)
}

/// The agent that was named, or the one beside this program.
fn agent(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    named.map_or_else(demo::agent_program, |path| Ok(std::path::absolute(path)?))
}

/// Runs `body` inside a lab's namespaces: this program again, if it is not there yet.
fn inside(body: impl AsyncFnOnce() -> anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    if namespaces::cgroup().is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(body());
    }
    let status = namespaces::run_again(std::env::args_os().skip(1))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

async fn shell() -> anyhow::Result<ExitCode> {
    let lab = Lab::start().await?;
    println!("containerd  {}  {}", lab.containerd.version(), lab.containerd.socket().display());
    println!("registry    {}", lab.app);
    println!("cni         {}", lab.cni.conf().display());
    println!("everything  {}", lab.dir.display());
    let status = tokio::process::Command::new("sh")
        .env("PATH", lab.parts.search_path())
        .env("CONTAINERD_ADDRESS", lab.containerd.socket())
        .env("CONTAINERD_NAMESPACE", "k8s.io")
        .status()
        .await?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
