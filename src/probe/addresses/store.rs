//! What host-local gave out: a file for each address, named by it, with the container's id in it (containernetworking/plugins:
//! plugins/ipam/host-local/backend/disk/backend.go).

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use crate::host::{Lost, Root};
use crate::model::{Time, since};
use crate::probe::Node;

/// More addresses than this no node gives out.
const FILES_AT_MOST: usize = 65_536;
/// So many files are read to learn whose they are.
const READ_AT_MOST: usize = 4_096;
const SIZE_AT_MOST: u64 = 1 << 10;
/// A sandbox under way has its address already and is not listed yet; the kubelet gives it up after four minutes
/// (Kubernetes: pkg/kubelet/cri/remote, twice runtimeRequestTimeout).
const SURELY_LISTED: Duration = Duration::from_secs(600);

/// The addresses of one network.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) taken: Vec<Taken>,
}

/// An address that was given out.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) address: IpAddr,
    /// The name of its file.
    file: String,
    since: Option<Time>,
}

impl Store {
    pub(super) fn read(root: Root<'_>, dir: &Path) -> Result<Self, Lost> {
        let found = root.find(dir)?;
        let failed = |error: std::io::Error| Lost::Unknown(format!("{}: {error}", dir.display()));
        let entries = fs::read_dir(found).map_err(failed)?.take(FILES_AT_MOST).filter_map(Result::ok);
        let taken = entries.filter_map(|entry| {
            let file = entry.file_name().to_str()?.to_owned();
            let since = entry.metadata().ok()?.modified().ok().and_then(|at| Time::try_from(at).ok());
            Some(Taken { address: address(&file)?, file, since })
        });
        Ok(Self { taken: taken.collect() })
    }
}

/// `lock` and `last_reserved_ip.0` are no addresses. Windows can't have colons in names, and the plugin writes none there.
fn address(file: &str) -> Option<IpAddr> {
    file.parse().ok()
}

/// How many of these are held for sandboxes that the runtime does not know; none where it did not tell its sandboxes.
pub(super) fn leaked(node: &Node, dir: &Path, taken: &[&Taken]) -> usize {
    let Some(known) = &node.sandboxes else { return 0 };
    let old = |taken: &&&Taken| taken.since.is_some_and(|at| since(at, node.now) > SURELY_LISTED);
    let gone = |taken: &&Taken| {
        let content = node.root().read(&dir.join(&taken.file), SIZE_AT_MOST).ok()?;
        let id = String::from_utf8_lossy(&content).lines().next()?.trim().to_owned();
        Some(!id.is_empty() && !known.contains(&*id))
    };
    taken.iter().filter(old).take(READ_AT_MOST).filter(|taken| gone(taken) == Some(true)).count()
}
