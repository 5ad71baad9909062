//! A mount that hangs: FUSE, whose server holds the device and answers nothing, as one that was stopped. Whoever asks it
//! waits until the server ends.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use tokio::process::Command;

use crate::process::Daemon;

const MOUNTED_WITHIN: Duration = Duration::from_secs(5);
/// Mounts, and then only lives. The device is closed with it, which fails whoever waits.
const SERVER: &str = "exec 3<>/dev/fuse
mount -i -t fuse.lab -o fd=3,rootmode=40000,user_id=0,group_id=0 lab \"$1\"
exec sleep infinity";

/// The mount, and the server that does not serve.
#[derive(Debug)]
pub struct DeadMount {
    server: Daemon,
}

impl DeadMount {
    /// Mounts it at a directory, which is made; the log lies beside it.
    ///
    /// # Errors
    /// When the kernel has no FUSE.
    pub async fn at(place: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(place)?;
        let mut command = Command::new("sh");
        command.args(["-c", SERVER, "sh"]).arg(place);
        let mut server = Daemon::spawn(&mut command, &place.with_extension("log"))?;
        server.until(MOUNTED_WITHIN, async || is_mounted(place).then_some(())).await?;
        Ok(Self { server })
    }

    /// Ends the server and takes the mount away.
    ///
    /// # Errors
    /// When the mount stays.
    pub async fn end(mut self, place: &Path) -> anyhow::Result<()> {
        self.server.kill().await?;
        let done = Command::new("umount").arg("--lazy").arg(place).status().await?;
        ensure!(done.success(), "umount: {done}");
        Ok(())
    }
}

/// Asked of the table: the mount itself would not answer.
fn is_mounted(place: &Path) -> bool {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    table.lines().any(|line| line.split(' ').nth(4).is_some_and(|point| Path::new(point) == place))
}
