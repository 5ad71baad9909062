//! Puts a lab into mount, network and PID namespaces of its own by running the same program again inside them.
//!
//! Inside, `/run` and `/var/lib` are empty and private, the network is a loopback, and everything of the lab lies in
//! [`GROUND`], in memory: when the holder ends, for whatever reason, the kernel takes all of it away. Only the lab's
//! cgroups outlive it; the `cgroups` module removes those. Nothing here ever changes the machine's own namespaces.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::cgroups;
use crate::parts::{CONTAINERD, Parts};

/// Where everything of a lab lies, seen from inside.
pub const GROUND: &str = "/run/kubewhy-lab";

/// Set inside a lab: the name of its cgroup.
const MARK: &str = "KUBEWHY_LAB_CGROUP";
/// `required`: a test that cannot have its lab fails instead of being skipped.
const SWITCH: &str = "KUBEWHY_LAB";
const INSIDE: &str = include_str!("inside.sh");
/// Longer than any test of the lab takes on a slow machine.
const TEST_DEADLINE: Duration = Duration::from_secs(300);
/// Likewise of the long run, whose tests do more.
const SOAK_DEADLINE: Duration = Duration::from_secs(3600);
/// Set for the long run.
const SOAK: &str = "KUBEWHY_SOAK";
/// What an interrupted lab may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(10);

/// The name of this lab's cgroup, if this process runs inside a lab.
#[must_use]
pub fn cgroup() -> Option<String> {
    std::env::var(MARK).ok()
}

/// Whether this is the long run, in which tests do more of the same.
#[must_use]
pub fn is_soak() -> bool {
    std::env::var_os(SOAK).is_some()
}

/// Why this machine or user cannot have a lab, if so.
#[must_use]
pub fn obstacle() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("the lab needs Linux".to_owned());
    }
    if !capable(CAP_SYS_ADMIN) {
        return Some("the lab needs root (CAP_SYS_ADMIN), to make namespaces".to_owned());
    }
    if let Ok(program) = std::env::current_exe()
        && (program.starts_with("/run") || program.starts_with("/var/lib"))
    {
        return Some("a lab hides /run and /var/lib: move the checkout elsewhere".to_owned());
    }
    Parts::find().err().map(|missing| missing.to_string())
}

/// Linux: include/uapi/linux/capability.h.
const CAP_SYS_ADMIN: u32 = 21;
/// Without it a process may not lower an OOM score, and runc fails unless told not to try.
pub(crate) const CAP_SYS_RESOURCE: u32 = 24;

/// Whether this process has a capability, by its number.
pub(crate) fn capable(capability: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).is_some_and(|mask| mask & (1 << capability) != 0)
}

/// Runs this program again inside a lab, with these arguments and the same standard streams, and waits for it.
/// An interrupt gives it ten seconds to end by itself.
///
/// # Errors
/// When there can be no lab here: the message says why.
pub fn run_again(args: impl IntoIterator<Item = OsString>) -> anyhow::Result<ExitStatus> {
    block_on(async {
        let (mut command, cgroup) = holder()?;
        let mut child = command.args(args).spawn().context("cannot start unshare")?;
        let status = wait_or_interrupt(&mut child).await;
        cgroups::remove(&cgroup).await;
        status
    })
}

/// Runs one test inside a lab: the body when inside already, else this test binary again for this test alone, failing
/// as it fails. Where there can be no lab it says so past the test harness's capture. [`crate::in_lab!`] calls it.
///
/// # Panics
/// When the test fails, takes too long, or is required but has no lab.
#[expect(clippy::panic, reason = "that is how a test fails")]
pub fn run_test<F>(name: &str, body: impl FnOnce() -> F)
where
    F: Future<Output = anyhow::Result<()>>,
{
    if cgroup().is_some() {
        if let Err(error) = block_on(body()) {
            panic!("{error:#}");
        }
    } else if !unavailable(name) {
        match block_on(test_again(name, None)) {
            Ok(said) => eprintln!("{said}"),
            Err(error) => panic!("{name}, inside its lab: {error:#}"),
        }
    }
}

/// Runs one test of this binary, an ignored one too, inside a lab with that containerd (none: the usual one), and returns
/// what it said.
///
/// # Errors
/// When the test fails or takes too long; what it said is in the error.
pub async fn run_test_on(name: &str, containerd: Option<&Path>) -> anyhow::Result<String> {
    test_again(name, containerd).await
}

/// Whether there can be no lab here; says then, past the test harness's capture, that the test is skipped.
///
/// # Panics
/// When the lab is required.
#[expect(clippy::panic, reason = "that is how a test fails")]
#[must_use]
pub fn unavailable(name: &str) -> bool {
    let Some(reason) = obstacle() else { return false };
    if std::env::var(SWITCH).is_ok_and(|value| value == "required") {
        panic!("{name} needs its lab: {reason}");
    }
    drop(writeln!(std::io::stderr(), "\n*** SKIPPED {name}: {reason} ***\n"));
    true
}

async fn test_again(name: &str, containerd: Option<&Path>) -> anyhow::Result<String> {
    let (mut command, cgroup) = holder()?;
    command.envs(containerd.map(|program| (CONTAINERD, program)));
    command.args(["--exact", name, "--nocapture", "--include-ignored"]).stdin(Stdio::null());
    let deadline = if is_soak() { SOAK_DEADLINE } else { TEST_DEADLINE };
    let output = tokio::time::timeout(deadline, command.output()).await;
    cgroups::remove(&cgroup).await;
    let output =
        output.with_context(|| format!("not done in {} s", deadline.as_secs()))?.context("cannot start unshare")?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    anyhow::ensure!(output.status.success(), "{}\n{said}", output.status);
    anyhow::ensure!(said.contains("1 passed"), "the test binary knows no test of that name");
    Ok(said)
}

/// The command that holds new namespaces and runs this program in them, and the name of the lab's cgroup.
/// It dies with this process, and everything inside with it.
fn holder() -> anyhow::Result<(Command, String)> {
    if let Some(reason) = obstacle() {
        anyhow::bail!(reason);
    }
    cgroups::sweep();
    let cgroup = cgroups::fresh_name();
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"])
        .args(["sh", "-c", INSIDE, "lab"])
        .arg(Parts::find()?.program("busybox"))
        .arg(std::env::current_exe()?)
        .env(MARK, &cgroup)
        .env("KUBEWHY_LAB_GROUND", GROUND)
        .env("TMPDIR", format!("{GROUND}/tmp"))
        .kill_on_drop(true);
    Ok((command, cgroup))
}

async fn wait_or_interrupt(child: &mut Child) -> anyhow::Result<ExitStatus> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        status = child.wait() => return Ok(status?),
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => child.start_kill()?,
    }
    if let Ok(status) = tokio::time::timeout(GOODBYE, child.wait()).await {
        return Ok(status?);
    }
    child.kill().await?;
    Ok(child.wait().await?)
}

fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

/// The body of a test that needs a lab: an `async` block that yields `anyhow::Result<()>`. The test is an ordinary
/// `#[test]` function with nothing else in it.
#[macro_export]
macro_rules! in_lab {
    ($body:expr) => {{
        fn here() {}
        $crate::namespaces::run_test($crate::namespaces::test_name(std::any::type_name_of_val(&here)), || $body)
    }};
}

/// `crate::module::test::here` → `module::test`, as the test harness calls it.
#[doc(hidden)]
#[must_use]
pub fn test_name(path: &str) -> &str {
    let inner = path.strip_suffix("::here").unwrap_or(path);
    inner.split_once("::").map_or(inner, |(_, name)| name)
}
