//! Two files of JSON lines that take turns: when the one is full, or a week old, the other is begun anew. So there are never
//! more than two mebibytes, and nothing older than two weeks. A line that was torn costs itself. Blocking.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::disk;
use super::super::told::Told;
use crate::model::{Time, since};

/// Its files in the state directory.
pub const NAMES: [&str; 2] = ["history.0", "history.1"];
/// The size of each file, in bytes.
pub(super) const CAPACITY: u64 = 1 << 20;
/// Then the other file is begun.
pub(super) const AGE: Duration = Duration::from_secs(7 * 86_400);

/// The writing end.
#[derive(Debug)]
pub(super) struct Files {
    dir: PathBuf,
    current: Option<Current>,
}

/// The file whose turn it is.
#[derive(Debug)]
struct Current {
    file: File,
    index: usize,
    length: u64,
    begun: Time,
    torn: bool,
}

impl Files {
    /// In this directory; nothing is opened yet.
    pub(super) fn at(dir: PathBuf) -> Self {
        Self { dir, current: None }
    }

    /// Writes these lines behind the others, each with its line break. After a failure the files are opened anew.
    pub(super) fn append(&mut self, lines: &[String], now: Time) -> io::Result<()> {
        let batch = lines.concat();
        let mut current = match self.current.take().filter(Current::is_there) {
            Some(current) => current,
            None => self.newest(now)?,
        };
        let full = current.length > 0 && current.length + batch.len() as u64 > CAPACITY;
        if full || since(current.begun, now) >= AGE {
            current = Current::open(&self.dir, (current.index + 1) % NAMES.len(), true, now)?;
        }
        current.write(&batch)?;
        self.current = Some(current);
        Ok(())
    }

    /// The one that was written to last.
    fn newest(&self, now: Time) -> io::Result<Current> {
        fs::create_dir_all(&self.dir)?;
        let written = |index: &usize| fs::metadata(self.dir.join(NAMES[*index])).and_then(|is| is.modified()).ok();
        let index = (0..NAMES.len()).rev().max_by_key(written).unwrap_or_default();
        Current::open(&self.dir, index, false, now)
    }
}

impl Current {
    fn open(dir: &Path, index: usize, anew: bool, now: Time) -> io::Result<Self> {
        let path = dir.join(NAMES[index]);
        let file = disk::open(&path, OpenOptions::new().append(true))?;
        if anew {
            file.set_len(0)?;
        }
        let length = file.metadata()?.len();
        let mut last = [b'\n'];
        if length > 0 {
            file.read_exact_at(&mut last, length - 1)?;
        }
        let begun = begun(&file).filter(|begun| *begun < now).unwrap_or(now);
        Ok(Self { index, length, begun, torn: last != *b"\n", file })
    }

    /// Whether anybody would find what is written to it.
    fn is_there(&self) -> bool {
        self.file.metadata().is_ok_and(|is| is.nlink() > 0)
    }

    fn write(&mut self, batch: &str) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let apart = if std::mem::take(&mut self.torn) { "\n" } else { "" };
        self.file.write_all(format!("{apart}{batch}").as_bytes())?;
        self.length += (apart.len() + batch.len()) as u64;
        Ok(())
    }
}

/// By its first line; one that has none was begun when it was emptied.
fn begun(file: &File) -> Option<Time> {
    let first = lines(file).map_while(Result::ok).find_map(|line| Some(parse(&line)?.at));
    first.or_else(|| Time::try_from(file.metadata().ok()?.modified().ok()?).ok())
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// By time.
    pub told: Vec<Told>,
    /// How many lines make no sense: torn by a crash or a full disk, or of another version.
    pub damaged: usize,
}

/// Reads the history in `dir`, also while an agent writes it.
///
/// # Errors
/// Neither file is there, or one can't be read.
pub fn read(dir: &Path) -> io::Result<Found> {
    let opened = NAMES.map(|name| File::open(dir.join(name)));
    let missing = |file: &io::Result<File>| file.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound);
    if opened.iter().all(missing) {
        return Err(ErrorKind::NotFound.into());
    }
    let mut found = Found::default();
    for file in opened.into_iter().filter(|file| !missing(file)) {
        for line in lines(&file?) {
            match parse(&line?) {
                Some(told) => found.told.push(told),
                None => found.damaged += 1,
            }
        }
    }
    found.told.sort_by_key(|told| told.at);
    Ok(found)
}

/// The lines of a file that is not larger than it should be; empty ones set torn ones apart.
fn lines(file: &File) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    let lines = BufReader::new(file).take(2 * CAPACITY).split(b'\n');
    lines.filter(|line| line.as_ref().map_or(true, |line| !line.is_empty()))
}

fn parse(line: &[u8]) -> Option<Told> {
    serde_json::from_slice(line).ok()
}
