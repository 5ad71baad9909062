//! The log: lines for a person on a terminal, JSON in a pod. Always on stderr; stdout is for answers.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use clap::ValueEnum;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

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

/// What is to be logged: a level for all, or one for each module named.
///
/// # Errors
/// It is no filter. A lone word that is no level is none either, though [`Targets`] takes it for a module and then logs
/// nothing else.
pub(super) fn filter(text: &str) -> Result<Targets, String> {
    let lone = text.split(',').filter(|part| !part.contains('='));
    let known = lone.map(str::trim).all(|word| word.parse::<LevelFilter>().is_ok());
    match text.parse() {
        Ok(targets) if known => Ok(targets),
        _ => Err("give error, warn, info, debug or trace, or such as info,kubewhy=debug".to_owned()),
    }
}

/// Starts the log for the whole process; once.
///
/// # Errors
/// A log that was started already.
pub fn start(format: LogFormat, filter: &Targets) -> anyhow::Result<()> {
    let terminal = io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match format.settle(terminal, std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()) {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
        _ => lines.with_ansi(terminal).with_target(false).boxed(),
    };
    let started = tracing_subscriber::registry().with(lines.with_filter(filter.clone())).try_init();
    started.context("the log can't be started")
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
