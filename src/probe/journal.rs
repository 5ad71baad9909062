//! The last words of the node's daemons: from systemd's journal, or from log files where there is none. Asked for only when
//! something is wrong, bounded in lines and bytes, and without the secrets that such lines quote.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Node;
use crate::host::{Journal, Lost, Root};
use crate::model::Time;
use crate::model::redact::redact;
use crate::model::wording::{cut_middle, one_line};

/// Where the journal is kept, or was since boot (systemd: journald.conf(5), Storage=).
const JOURNALS: &[&str] = &["/var/log/journal", "/run/log/journal"];
/// Where others write what daemons say: syslog's files, and the files of hosts without systemd.
const LOGS: &[&str] = &["/var/log/syslog", "/var/log/messages", "/var/log/daemon.log", "/var/log/kubelet.log"];
/// Why a daemon ended was said within this time before.
const LATELY: Duration = Duration::from_secs(600);
/// As last words of one that ended.
const LINES_AT_MOST: usize = 100;
const LINE_AT_MOST: usize = 2_048;
const LOG_AT_MOST: u64 = 512 << 10;
const ENTRIES_AT_MOST: usize = 1_024;
/// The newest files hold the last lines; older ones are archives.
const FILES_AT_MOST: usize = 3;

/// One line that a daemon wrote, or systemd about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, where that is told.
    pub at: Option<Time>,
    /// What, on one line and without secrets.
    pub text: String,
}

/// What a systemd unit (`kubelet.service`) wrote since a moment, and systemd about it, the last line last.
///
/// # Errors
/// Neither a journal nor a log file can be read; that there is none is [`Lost::Missing`].
pub fn last_words(root: Root<'_>, unit: &str, since: Time) -> Result<Vec<Line>, Lost> {
    match dated_words(root, unit, since, LINES_AT_MOST) {
        Err(lost) => of_logs(root, unit.trim_end_matches(".service")).ok_or(lost),
        lines => lines,
    }
}

/// The same of a journal alone, which says when each line was written.
///
/// # Errors
/// No journal can be read; that there is none is [`Lost::Missing`].
pub fn dated_words(root: Root<'_>, unit: &str, since: Time, at_most: usize) -> Result<Vec<Line>, Lost> {
    Ok(of_journals(&files(root, since)?, unit, since, at_most))
}

/// The same of the first of these units that wrote anything in the last ten minutes, line by line.
pub(super) fn last_of_any(node: &Node, units: &[&str]) -> Option<String> {
    let since = node.now.checked_sub(LATELY).unwrap_or(node.now);
    let said = |unit: &&str| last_words(node.root(), unit, since).ok().filter(|lines| !lines.is_empty());
    let lines = units.iter().find_map(said)?;
    Some(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n"))
}

fn of_journals(files: &[PathBuf], unit: &str, since: Time, at_most: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for file in files {
        let Some(journal) = fs::File::open(file).ok().and_then(Journal::of) else { continue };
        for field in ["_SYSTEMD_UNIT", "UNIT"] {
            let entries = journal.last(field, unit, at_most).into_iter();
            lines.extend(entries.filter_map(|entry| Some((moment(entry.at)?, entry.message))));
        }
    }
    lines.retain(|(at, _)| *at >= since);
    lines.sort_by_key(|(at, _)| *at);
    let surplus = lines.len().saturating_sub(at_most);
    lines.into_iter().skip(surplus).map(|(at, text)| Line { at: Some(at), text: clean(&text) }).collect()
}

fn moment(microseconds: u64) -> Option<Time> {
    Time::from_microsecond(i64::try_from(microseconds).ok()?).ok()
}

fn clean(text: &str) -> String {
    cut_middle(&redact(&one_line(text)), LINE_AT_MOST)
}

/// The system's journal files that were written to since then, newest first.
fn files(root: Root<'_>, since: Time) -> Result<Vec<PathBuf>, Lost> {
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    let mut lost = Lost::Missing;
    for dir in JOURNALS {
        match root.find(Path::new(dir)) {
            Ok(dir) => found.extend(entries(&dir).iter().flat_map(|machine| entries(machine)).filter_map(dated)),
            Err(Lost::Missing) => {}
            Err(why) => lost = why,
        }
    }
    if found.is_empty() {
        return Err(lost); // a directory that nothing is written to is as good as none
    }
    found.sort_by_key(|(written, _)| std::cmp::Reverse(*written));
    found.retain(|(written, _)| Time::try_from(*written).is_ok_and(|written| written >= since));
    Ok(found.into_iter().take(FILES_AT_MOST).map(|(_, file)| file).collect())
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().take(ENTRIES_AT_MOST);
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// A regular file of the system's own journal: those of users are named `user-1000.journal`.
fn dated(file: PathBuf) -> Option<(SystemTime, PathBuf)> {
    let name = file.file_name()?.to_str()?;
    let meta = file.symlink_metadata().ok().filter(fs::Metadata::is_file)?;
    (name.starts_with("system") && name.ends_with(".journal")).then_some((meta.modified().ok()?, file))
}

/// The lines that name the daemon as their writer, `kubelet[812]:` or `kubelet:`, or all where the file is its own.
fn of_logs(root: Root<'_>, daemon: &str) -> Option<Vec<Line>> {
    let marks = [format!(" {daemon}["), format!(" {daemon}:"), format!(" {daemon}.service: ")];
    LOGS.iter().find_map(|file| {
        let tail = root.tail(Path::new(file), LOG_AT_MOST).ok()?;
        let own = file.ends_with(&format!("/{daemon}.log"));
        let text = String::from_utf8_lossy(&tail);
        let said = |line: &&str| own || marks.iter().any(|mark| line.contains(mark));
        // The first of them may be the end of one.
        let lines: Vec<&str> = text.lines().skip(1).filter(said).collect();
        let last = lines.get(lines.len().saturating_sub(LINES_AT_MOST)..).unwrap_or_default();
        (!last.is_empty()).then(|| last.iter().map(|line| Line { at: None, text: clean(line) }).collect())
    })
}

#[cfg(test)]
mod tests;
