//! The log: lines for a person on a terminal, JSON in a pod. Always on stderr; stdout is for answers. How much is logged can
//! be changed while it runs.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use clap::ValueEnum;
use tracing::Subscriber;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

use crate::config::log::filter;

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

/// How much is logged: by the flag, until somebody wants it otherwise.
#[derive(Clone, Debug)]
pub struct Level {
    in_force: reload::Handle<Targets, Registry>,
    by_flag: Targets,
}

impl Level {
    /// Logs so much from now on; as the flag says, where nobody wants it otherwise. A filter that was not checked changes
    /// nothing.
    pub fn set(&self, wanted: Option<&str>) {
        let Ok(wanted) = wanted.map_or_else(|| Ok(self.by_flag.clone()), filter) else { return };
        if self.in_force.clone_current().is_some_and(|known| known != wanted) {
            let level = wanted.to_string();
            if self.in_force.reload(wanted).is_ok() {
                tracing::info!(level, "another log level is in force");
            }
        }
    }
}

/// Starts the log for the whole process; once.
///
/// # Errors
/// A log that was started already.
pub fn start(format: LogFormat, filter: &Targets) -> anyhow::Result<Level> {
    let terminal = io::stderr().is_terminal();
    let format = format.settle(terminal, std::env::var_os("KUBERNETES_SERVICE_HOST").is_some());
    let (log, level) = log(format, terminal, io::stderr, filter);
    log.try_init().context("the log can't be started")?;
    Ok(level)
}

fn log(
    format: LogFormat,
    terminal: bool,
    writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
    filter: &Targets,
) -> (impl Subscriber + Send + Sync, Level) {
    let lines = fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
        _ => lines.with_ansi(terminal).with_target(false).boxed(),
    };
    let (changing, in_force) = reload::Layer::new(filter.clone());
    let level = Level { in_force, by_flag: filter.clone() };
    (tracing_subscriber::registry().with(lines.with_filter(changing)), level)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn only_a_pod_without_a_terminal_logs_json_unasked() {
        assert_eq!(LogFormat::Auto.settle(false, true), LogFormat::Json);
        assert_eq!(LogFormat::Auto.settle(true, true), LogFormat::Text);
        assert_eq!(LogFormat::Auto.settle(false, false), LogFormat::Text);
        assert_eq!(LogFormat::Json.settle(true, false), LogFormat::Json);
    }

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_level_changes_while_the_log_runs_and_goes_back_to_the_flags() {
        let written = Written::default();
        let writer = written.clone();
        let (log, level) = log(LogFormat::Text, false, move || writer.clone(), &filter("info").unwrap());
        tracing::subscriber::with_default(log, || {
            let say = |word: &str| tracing::debug!(word, "aside");
            say("one");
            level.set(Some("debug"));
            say("two");
            level.set(Some("no level"));
            say("three");
            level.set(None);
            say("four");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let asides: Vec<_> = text.lines().filter_map(|line| line.split("aside word=").nth(1)).collect();
        assert_eq!(asides, ["\"two\"", "\"three\""], "{text}");
        assert_eq!(text.matches("another log level is in force").count(), 2, "{text}");
    }
}
