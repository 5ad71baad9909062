//! How the program ends: which code, and the last words where they are looked for. A pod's last words stand in its
//! status (`kubectl describe pod`), if they are written to the termination log.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use super::check::NoHost;
use super::clean::Served;
use super::config_check::Refused;
use super::lock::LockError;
use super::prepull::{NoCredentials, NoRuntime};
use super::status::NoAnswer;
use crate::model::redact::redact;
use crate::model::wording;

/// The command line or a configuration file is wrong (sysexits.h: EX_USAGE).
pub const USAGE: u8 = 64;
/// Some of the input made no sense; the rest was answered (sysexits.h: EX_DATAERR).
pub const DATA: u8 = 65;
/// No agent answers (sysexits.h: EX_UNAVAILABLE).
pub const UNAVAILABLE: u8 = 69;
/// The answer can't be written (sysexits.h: EX_IOERR).
pub const IO: u8 = 74;
/// Another agent holds this node (sysexits.h: EX_TEMPFAIL).
pub const HELD: u8 = 75;

/// Where a pod's last words are looked for, unless it says otherwise (Kubernetes: terminationMessagePath).
pub const TERMINATION_LOG: &str = "/dev/termination-log";
/// What the kubelet reads of it (Kubernetes: pkg/kubelet/kuberuntime: MaxContainerTerminationMessageLength).
const TERMINATION_LOG_BYTES: usize = 4096;

/// Turns how a command ended into the program's end. A fatal error is told on stderr, and the agent's own in the
/// termination log too: it is the pod's, and what is run beside the agent (`kubectl exec`) has no business there.
pub fn conclude(termination_log: Option<&Path>, outcome: anyhow::Result<ExitCode>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&last_words(&error), termination_log);
            ExitCode::from(code_of(&error))
        }
    }
}

/// From now on a panic, on whatever thread and in whatever task, is the end of the process: with 1, and its last words. A part
/// that is gone would otherwise be missed by nobody but those whom it should have told.
pub fn end_at_panics(termination_log: PathBuf) {
    panic::set_hook(Box::new(move |panic| {
        tell(&of_panic(panic), Some(&termination_log));
        process::exit(1);
    }));
}

/// What a panic says may quote what it stumbled over.
fn of_panic(panic: &PanicHookInfo<'_>) -> String {
    let says = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let words = wording::one_line(&redact(&format!("panicked at {place}: {says}")));
    format!("kubewhy: {words}. This is a fault of kubewhy; please report it")
}

fn tell(words: &str, termination_log: Option<&Path>) {
    _ = writeln!(io::stderr(), "{words}");
    if let Some(log) = termination_log {
        leave_last_words(log, words);
    }
}

fn last_words(error: &anyhow::Error) -> String {
    format!("kubewhy: {}", wording::chain(error.as_ref()))
}

fn code_of(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<LockError>() {
        Some(LockError::Held { .. }) => HELD,
        _ if error.is::<Served>() => HELD,
        _ if error.is::<Refused>() || error.is::<NoHost>() || error.is::<NoCredentials>() => USAGE,
        _ if error.is::<io::Error>() => IO,
        _ if error.is::<NoAnswer>() || error.is::<NoRuntime>() => UNAVAILABLE,
        _ => 1,
    }
}

/// Whoever read our output has seen enough: `kubewhy … | head`.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Outside a pod there is no such file, and none is made.
fn leave_last_words(log: &Path, words: &str) {
    if let Ok(mut log) = OpenOptions::new().write(true).truncate(true).open(log) {
        let end = words.floor_char_boundary(TERMINATION_LOG_BYTES);
        _ = log.write_all(words.as_bytes().get(..end).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_what_kind_of_failure_it_was() {
        let held = LockError::Held { path: "/x/lock".into(), holder: "pid 1".to_owned() };
        assert_eq!(code_of(&anyhow::Error::new(held).context("no start")), 75);
        assert_eq!(code_of(&Refused.into()), 64);
        assert_eq!(code_of(&io::Error::other("disk full").into()), 74);
        assert_eq!(code_of(&anyhow::anyhow!("else")), 1);
        assert!(is_closed_pipe(&io::Error::from(io::ErrorKind::BrokenPipe).into()));
    }

    #[test]
    fn the_agents_last_words_are_left_where_there_is_a_place_for_them() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("termination-log");
        let ended = || Err(anyhow::anyhow!("task relay ended by itself"));
        conclude(Some(&log), ended());
        assert!(!log.exists());
        std::fs::write(&log, "of before, and longer than what comes now, by far").unwrap();
        conclude(None, ended());
        assert!(std::fs::read_to_string(&log).unwrap().starts_with("of before"));
        conclude(Some(&log), ended());
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "kubewhy: task relay ended by itself");
    }

    const PANIC_LOG: &str = "KUBEWHY_TEST_PANIC_LOG";

    /// Runs this very test in a process of its own, for that is what a panic ends.
    #[test]
    fn a_task_that_panics_ends_the_process_with_its_reason() {
        let name = "cli::exit::tests::a_task_that_panics_ends_the_process_with_its_reason";
        if let Some(log) = std::env::var_os(PANIC_LOG) {
            end_at_panics(log.into());
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            _ = runtime.block_on(async { tokio::spawn(async { panic!("no\nway, token=abc") }).await });
            unreachable!("the process ended");
        }
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut again = process::Command::new(std::env::current_exe().unwrap());
        let ended = again.args([name, "--exact", "--nocapture"]).env(PANIC_LOG, log.path()).output().unwrap();
        let words = std::fs::read_to_string(log.path()).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{words}");
        assert!(words.starts_with("kubewhy: panicked at src/cli/exit.rs:") && words.contains(": no way, "), "{words}");
        assert!(!words.contains("abc") && String::from_utf8_lossy(&ended.stderr).contains(&words), "{words}");
    }

    #[test]
    fn the_last_words_say_nothing_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("the file is not there: {0}")]
        struct Repeats(#[source] io::Error);
        let error = anyhow::Error::new(Repeats(io::Error::other("no such file"))).context("no start");
        assert_eq!(last_words(&error), "kubewhy: no start: the file is not there: no such file");
    }
}
