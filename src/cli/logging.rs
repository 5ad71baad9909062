//! The log: lines for a person on a terminal, JSON in a pod. Always on stderr; stdout is for answers.

use std::io::{self, IsTerminal as _};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text, or JSON in a pod without a terminal.
    Auto,
    /// Lines for a person.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// What `auto` means where stderr is, or is not, a terminal and this process runs, or does not run, in a pod.
    fn settle(self, terminal: bool, pod: bool) -> Self {
        match self {
            Self::Auto if pod && !terminal => Self::Json,
            Self::Auto => Self::Text,
            settled => settled,
        }
    }
}

/// Checks what is to be logged.
///
/// # Errors
/// It is no filter. A lone word that is no level is none either, though [`EnvFilter`] takes it for a module and then logs
/// nothing else.
pub(super) fn filter(level: &str) -> Result<String, String> {
    let lone = level.split(',').filter(|part| !part.contains(['=', '[']));
    let known = lone.map(str::trim).all(|word| word.parse::<LevelFilter>().is_ok());
    match EnvFilter::try_new(level) {
        Ok(_) if known => Ok(level.to_owned()),
        _ => Err("give error, warn, info, debug or trace, or such as info,kubewhy=debug".to_owned()),
    }
}

/// Starts the log for the whole process; once.
///
/// # Errors
/// A filter that does not parse, or a log that was started already.
pub fn start(format: LogFormat, level: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level)?;
    let terminal = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match format.settle(terminal, std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()) {
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        _ => log.with_ansi(terminal).with_target(false).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("the log can't be started: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_refused_rather_than_silence_everything() {
        for good in ["info", "info,kubewhy=debug", "kubewhy::report=trace", "off", "WARN"] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["loud", "info,kubewhy", "info;debug"] {
            assert!(filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_pod_without_a_terminal_logs_json_unasked() {
        assert_eq!(LogFormat::Auto.settle(false, true), LogFormat::Json);
        assert_eq!(LogFormat::Auto.settle(true, true), LogFormat::Text);
        assert_eq!(LogFormat::Auto.settle(false, false), LogFormat::Text);
        assert_eq!(LogFormat::Json.settle(true, false), LogFormat::Json);
    }
}
