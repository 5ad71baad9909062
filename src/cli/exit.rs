//! How the program ends: which code, and the last words where they are looked for. A pod's last words stand in its
//! status (`kubectl describe pod`), if they are written to the termination log.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::process::ExitCode;

use super::check::NoHost;
use super::config_check::Refused;
use super::lock::LockError;
use super::status::NoAnswer;
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

const TERMINATION_LOG: &str = "/dev/termination-log";
/// What the kubelet reads of it (Kubernetes: pkg/kubelet/kuberuntime: MaxContainerTerminationMessageLength).
const TERMINATION_LOG_BYTES: usize = 4096;

/// Turns how a command ended into the program's end. A fatal error is told on stderr, and the agent's own in the
/// termination log too: it is the pod's, and what is run beside the agent (`kubectl exec`) has no business there.
pub fn conclude(is_agent: bool, outcome: anyhow::Result<ExitCode>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let words = last_words(&error);
            _ = writeln!(io::stderr(), "{words}");
            if is_agent {
                leave_last_words(&words);
            }
            ExitCode::from(code_of(&error))
        }
    }
}

fn last_words(error: &anyhow::Error) -> String {
    format!("kubewhy: {}", wording::chain(error.as_ref()))
}

fn code_of(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<LockError>() {
        Some(LockError::Held { .. }) => HELD,
        _ if error.is::<Refused>() || error.is::<NoHost>() => USAGE,
        _ if error.is::<io::Error>() => IO,
        _ if error.is::<NoAnswer>() => UNAVAILABLE,
        _ => 1,
    }
}

/// Whoever read our output has seen enough: `kubewhy … | head`.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Outside a pod there is no such file, and none is made.
fn leave_last_words(words: &str) {
    if let Ok(mut log) = OpenOptions::new().write(true).truncate(true).open(TERMINATION_LOG) {
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
    fn the_last_words_say_nothing_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("the file is not there: {0}")]
        struct Repeats(#[source] io::Error);
        let error = anyhow::Error::new(Repeats(io::Error::other("no such file"))).context("no start");
        assert_eq!(last_words(&error), "kubewhy: no start: the file is not there: no such file");
    }
}
