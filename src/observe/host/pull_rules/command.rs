//! The kubelet's command line, from the host's process table. A program that holds a kubelet under another name is none.

use std::fs;
use std::path::{Path, PathBuf};

use super::file::Choices;
use crate::host::Root;

/// The name of the process.
const NAME: &[u8] = b"kubelet\n";
/// A command line is a few kilobytes.
const SIZE_AT_MOST: u64 = 256 << 10;
/// As many processes are looked at.
const PROCESSES_AT_MOST: usize = 65_536;

/// What a command line says about the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Command {
    pub(super) file: Option<PathBuf>,
    pub(super) drop_ins: Option<PathBuf>,
    pub(super) flags: Choices,
}

/// A kubelet that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) command: Command,
    /// Where the process table has it, as the host names it; several that say the same.
    pub(super) places: Vec<PathBuf>,
}

/// The command of the one kubelet that runs; none where no process is one, or none can be seen.
///
/// # Errors
/// There are several that say different things (nodes in containers), or one that can't be read.
pub(super) fn running(root: Root<'_>) -> Result<Option<Running>, ()> {
    let Ok(processes) = root.find(Path::new("/proc")) else { return Ok(None) };
    let mut found: Option<Running> = None;
    for entry in fs::read_dir(processes).into_iter().flatten().flatten().take(PROCESSES_AT_MOST) {
        let folder = entry.path();
        if !is_process(&folder) || fs::read(folder.join("comm")).is_ok_and(|name| name != NAME) {
            continue;
        }
        let place = Path::new("/proc").join(entry.file_name());
        let Ok(line) = root.read(&place.join("cmdline"), SIZE_AT_MOST) else { continue };
        let command = parse(&line).ok_or(())?;
        let running = found.get_or_insert_with(|| Running { command: command.clone(), places: Vec::new() });
        if running.command != command {
            return Err(());
        }
        running.places.push(place);
    }
    Ok(found)
}

fn is_process(folder: &Path) -> bool {
    folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The flags that matter here, as pflag reads them: `--name=value`, `--name value`, and `--name` alone for true. None
/// where a value makes no sense.
pub(super) fn parse(line: &[u8]) -> Option<Command> {
    let text = String::from_utf8_lossy(line);
    let mut words = text.split('\0').skip(1).peekable();
    let mut command = Command::default();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--") else { continue };
        let (name, mut value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        if value.is_none() && name != "serialize-image-pulls" {
            value = words.next_if(|next| !next.starts_with("--"));
        }
        let flags = &mut command.flags;
        match name {
            "config" => command.file = value.map(Into::into),
            "config-dir" => command.drop_ins = value.map(Into::into),
            "serialize-image-pulls" => flags.serialize_image_pulls = Some(value.unwrap_or("true").parse().ok()?),
            "max-parallel-image-pulls" => flags.max_parallel_image_pulls = Some(value?.parse().ok()?),
            "registry-qps" => flags.registry_pull_qps = Some(value?.parse().ok()?),
            "registry-burst" => flags.registry_burst = Some(value?.parse().ok()?),
            _ => {}
        }
    }
    Some(command)
}
