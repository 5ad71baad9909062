//! Keeps the settings in step with the file. The file is read again every few seconds and compared by content, which
//! sees a ConfigMap's swapped symlink, an editor's rename and a write in place alike. A bad file is told and changes
//! nothing: what was in force stays in force.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::model::observation::{ConfigState, Observation, Seen};
use crate::model::settings::Settings;

use super::last::LastAccepted;
use super::{Accepted, BYTES_AT_MOST};

/// Between two looks at the file. The kubelet itself brings an edited ConfigMap only within about a minute.
const PERIOD: Duration = Duration::from_secs(4);
/// Until the second look at one that changed.
const AGAIN: Duration = Duration::from_secs(1);
/// What holds where a newer agent accepted the file.
const KNOWN: &str = "what this version knows of the last accepted file, no pre-pull";

/// Which file is followed.
#[derive(Clone, Debug)]
pub struct Source {
    /// The configuration file.
    pub file: PathBuf,
    /// Where the last accepted file is kept; none: it is not kept.
    pub state_dir: Option<PathBuf>,
    /// The ids of all causes.
    pub catalogue: Vec<&'static str>,
}

/// A file being followed.
#[derive(Debug)]
pub struct Follower {
    source: Source,
    last: LastAccepted,
    /// What the file held when it was judged last.
    judged: Content,
    state: ConfigState,
}

/// What a file holds, or why it can't be read.
type Content = Result<Vec<u8>, String>;

impl Follower {
    /// Reads the file for the first time, blocking: the settings to start with are those of the file, else of the last
    /// accepted file, else the defaults, with no pre-pull.
    #[must_use]
    pub fn start(source: Source) -> (Self, Settings) {
        let last = LastAccepted::new(source.state_dir.as_deref());
        let judged = read(&source.file);
        let mut follower = Self { source, last, judged, state: ConfigState::Accepted };
        let settings = match follower.judge() {
            Ok(settings) => settings,
            Err(faults) => {
                let (settings, in_force) = follower.fall_back();
                follower.refuse(faults, in_force);
                settings
            }
        };
        (follower, settings)
    }

    /// Follows the file until `stop`: each change that is accepted goes to `settings`, and how each was received to `out`.
    pub async fn run(
        mut self,
        settings: watch::Sender<Arc<Settings>>,
        out: mpsc::Sender<Observation>,
        clock: Clock,
        stop: CancellationToken,
    ) {
        let mut before = self.judged.clone();
        let mut told = tell(&out, &clock, &self.state).await;
        while told {
            let rest = if before == self.judged { clock.together(PERIOD) } else { AGAIN };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(rest) => {}
            }
            let now = self.look().await;
            // A change counts once two looks agree on it: a file half written is not judged.
            let settled = now == before;
            before = now;
            if settled && before != self.judged {
                self.judged.clone_from(&before);
                self.judge_again(&settings);
                told = tell(&out, &clock, &self.state).await;
            }
        }
    }

    async fn look(&self) -> Content {
        let file = self.source.file.clone();
        tokio::task::spawn_blocking(move || read(&file)).await.unwrap_or_else(|error| Err(error.to_string()))
    }

    fn judge_again(&mut self, settings: &watch::Sender<Arc<Settings>>) {
        match self.judge() {
            Ok(new) => _ = settings.send_replace(Arc::new(new)),
            Err(faults) => self.refuse(faults, "the settings of before"),
        }
    }

    /// Judges what the file holds; keeps it if it is in order.
    fn judge(&mut self) -> Result<Settings, Vec<String>> {
        let path = self.source.file.display();
        let bytes = self.judged.as_ref().map_err(|why| vec![format!("{path}: {why}")])?;
        let Accepted { settings, notes } = super::parse(bytes, &self.source.catalogue)
            .map_err(|faults| faults.iter().map(|fault| format!("{path}:{fault}")).collect::<Vec<_>>())?;
        info!(file = %path, "configuration accepted");
        for note in &notes {
            info!(note = %format_args!("{path}:{note}"), "configuration note");
        }
        if let Err(error) = self.last.keep(bytes) {
            warn!(%error, "the accepted configuration can't be kept for the next start; check the state directory");
        }
        self.state = ConfigState::Accepted;
        Ok(settings)
    }

    fn refuse(&mut self, faults: Vec<String>, in_force: &'static str) {
        for fault in &faults {
            error!(%fault, in_force, "configuration refused");
        }
        self.state = ConfigState::Refused { faults, in_force };
    }

    fn fall_back(&self) -> (Settings, &'static str) {
        let of_kept = |kept: Vec<u8>| match super::parse(&kept, &self.source.catalogue) {
            Ok(accepted) => Some((accepted.settings, "the last accepted file")),
            Err(_) => super::parse_known(&kept, &self.source.catalogue).map(|known| (known, KNOWN)),
        };
        self.last.read().and_then(of_kept).unwrap_or_else(|| (Settings::default(), "defaults, no pre-pull"))
    }
}

/// `false` once nobody listens.
async fn tell(out: &mpsc::Sender<Observation>, clock: &Clock, state: &ConfigState) -> bool {
    out.send(Observation { at: clock.now(), seen: Seen::Config(state.clone()) }).await.is_ok()
}

/// Reads a file, and not more of it than one byte beyond what is accepted.
fn read(file: &Path) -> Content {
    let bytes = || -> io::Result<Vec<u8>> {
        if !fs::metadata(file)?.is_file() {
            return Err(io::Error::other("this is no regular file"));
        }
        let mut bytes = Vec::new();
        fs::File::open(file)?.take(BYTES_AT_MOST as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    bytes().map_err(|error| format!("can't be read ({error}); check --config and the mount of the ConfigMap"))
}

#[cfg(test)]
mod tests;
