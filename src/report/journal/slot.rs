//! One file of the journal. Two NULs follow its last line; what stands behind them is of generations before.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::super::disk;
use super::line::{self, Line};
use super::{Found, Trouble};

/// One alone could be a damaged byte.
const MARK: [u8; 2] = [0; 2];

/// A file and where its next line goes.
#[derive(Debug)]
pub(super) struct Slot {
    file: File,
    capacity: usize,
    end: usize,
}

/// What was read of a file.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The newest generation that any line bears.
    pub(super) newest: u64,
    /// The newest one that was written to its end.
    pub(super) whole: Option<u64>,
    /// Where each line stands, and what it says in which generation; none where it can't be read.
    lines: Vec<(usize, Option<(u64, String)>)>,
    /// Where the last line should be behind.
    mark: usize,
}

impl Content {
    fn read(bytes: &[u8]) -> Self {
        let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let bytes = bytes.get(..written).unwrap_or_default();
        let mark = bytes.windows(MARK.len()).position(|at| at == MARK).unwrap_or(written);
        let mut content = Self { mark, ..Self::default() };
        let mut at = 0;
        for line in bytes.split(|byte| matches!(*byte, b'\n' | 0)) {
            let read = line::read(line);
            if let Some(Line::Said(generation, _) | Line::End(generation)) = read {
                content.newest = content.newest.max(generation);
            }
            match read {
                Some(Line::End(generation)) => content.whole = content.whole.max(Some(generation)),
                Some(Line::Said(generation, says)) => content.lines.push((at, Some((generation, says.to_owned())))),
                None if line.is_empty() => {}
                None => content.lines.push((at, None)),
            }
            at += line.len() + 1;
        }
        content
    }

    /// The lines of the newest whole generation; where none is whole, of the newest. What stands behind the last of them
    /// and can't be read is of generations before.
    pub(super) fn found(self) -> Found {
        let holds = self.whole.unwrap_or(self.newest);
        let of = |line: &Option<(u64, String)>| line.as_ref().is_some_and(|(generation, _)| *generation == holds);
        let last = self.lines.iter().rfind(|(_, line)| of(line)).map_or(0, |(at, _)| *at);
        let damaged = self.lines.iter().filter(|(at, line)| line.is_none() && *at < last.max(self.mark)).count();
        let lines = self.lines.into_iter().filter(|(_, line)| of(line));
        Found { lines: lines.filter_map(|(_, line)| Some(line?.1)).collect(), damaged }
    }
}

impl Slot {
    /// Opens the file, or makes it at its full size, and reads it.
    pub(super) fn open(path: &Path, capacity: usize) -> io::Result<(Self, Content)> {
        let file = disk::open(path, OpenOptions::new().write(true))?;
        let mut bytes = Vec::new();
        (&file).take(capacity as u64).read_to_end(&mut bytes)?;
        // Blocks that were written once are there for good, also where the disk is full later (ext4, xfs).
        file.write_all_at(&vec![0; capacity - bytes.len()], bytes.len() as u64)?;
        Ok((Self { file, capacity, end: capacity }, Content::read(&bytes)))
    }

    /// How far it is written; all of it before the first writing.
    pub(super) fn used(&self) -> usize {
        self.end
    }

    /// Writes all of it, or nothing where there is no room.
    pub(super) fn append(&mut self, batch: Vec<u8>, durably: bool) -> Result<(), Trouble> {
        self.write(self.end, batch)?;
        if durably {
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Writes it from the start.
    pub(super) fn rewrite(&mut self, batch: Vec<u8>) -> Result<(), Trouble> {
        self.write(0, batch)?;
        self.file.sync_data()?;
        Ok(())
    }

    /// A batch whose writing failed is written over by the next one.
    fn write(&mut self, at: usize, mut batch: Vec<u8>) -> Result<(), Trouble> {
        let end = at + batch.len();
        if end + MARK.len() > self.capacity {
            return Err(Trouble::Full);
        }
        batch.extend(MARK);
        self.file.write_all_at(&batch, at as u64)?;
        self.end = end;
        Ok(())
    }
}
