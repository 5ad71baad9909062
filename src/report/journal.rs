//! Lines that outlive the agent: two files of fixed size in its state directory, written in turn. Whoever writes decides
//! what a line says and which lines hold; this knows neither Events nor stories, and blocks while it works.
//!
//! A file is written anew, from its start, with all that holds, and then appended to until it is full; then the other file
//! is. Both have their full size from the beginning, so that a disk which fills up later takes nothing away. A line bears
//! the number of its generation and a checksum: a crash at any point leaves the lines before it, and a damaged byte costs
//! one line.

mod line;
mod slot;

use std::io;
use std::path::Path;

use slot::Slot;

/// The size of each file, in bytes.
pub const CAPACITY: usize = 512 << 10;
/// Its files in the state directory.
pub const NAMES: [&str; 2] = ["stories.0", "stories.1"];

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The file has no room for these lines: all that holds is to be written anew.
    #[error("the journal is full")]
    Full,
    /// The disk or the file system refused.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

/// What was there at the start.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The lines, oldest first.
    pub lines: Vec<String>,
    /// How many lines were damaged, and are lost.
    pub damaged: usize,
}

/// The two files.
#[derive(Debug)]
pub struct Journal {
    slots: [Slot; 2],
    current: usize,
    generation: u64,
}

impl Journal {
    /// Opens the files in `dir`, which it makes where they are not there, and reads the newest that was written to its end.
    /// The next write is to be [`rewrite`](Self::rewrite).
    ///
    /// # Errors
    ///
    /// Where the directory or its disk does not allow that.
    pub fn open(dir: &Path) -> io::Result<(Self, Found)> {
        std::fs::create_dir_all(dir)?;
        let [first, second] = NAMES.map(|name| Slot::open(&dir.join(name), CAPACITY));
        let ((first, of_first), (second, of_second)) = (first?, second?);
        let generation = of_first.newest.max(of_second.newest);
        // Where both are as old, as where neither was written, it is the second: the first is written next.
        let (current, content) = if of_first.whole > of_second.whole { (0, of_first) } else { (1, of_second) };
        Ok((Self { slots: [first, second], current, generation }, content.found()))
    }

    /// How far the current file is written, in bytes.
    #[must_use]
    pub fn used(&self) -> usize {
        self.slots.get(self.current).map_or(0, Slot::used)
    }

    /// Writes these lines behind the others, all or none of them. `durably`: they survive the node's own crash too.
    ///
    /// # Errors
    ///
    /// [`Trouble::Full`], or what the disk said; then [`rewrite`](Self::rewrite) is the next to be tried.
    pub fn append(&mut self, lines: &[String], durably: bool) -> Result<(), Trouble> {
        let batch: String = lines.iter().map(|line| line::seal(self.generation, line)).collect();
        let slot = self.slots.get_mut(self.current).ok_or(Trouble::Full)?;
        slot.append(batch.into_bytes(), durably)
    }

    /// Writes what holds into the other file, and goes on there. Until that is done the old one holds.
    ///
    /// # Errors
    ///
    /// [`Trouble::Full`] where it is too much for a file, or what the disk said.
    pub fn rewrite(&mut self, lines: &[String]) -> Result<(), Trouble> {
        let generation = self.generation + 1;
        let other = (self.current + 1) % NAMES.len();
        let batch: String =
            lines.iter().map(|line| line::seal(generation, line)).chain(line::end(generation)).collect();
        let slot = self.slots.get_mut(other).ok_or(Trouble::Full)?;
        self.generation = generation; // also where this fails: what it leaves behind is no part of the next try
        slot.rewrite(batch.into_bytes())?;
        self.current = other;
        Ok(())
    }
}

/// As many of these lines, from the first, as fit a file that is written anew and leave it a quarter to be appended to. The
/// others are not even made.
pub fn fitting(lines: impl Iterator<Item = String>) -> Vec<String> {
    let with_ends = lines.scan(line::MARGIN, |end, line| {
        *end += line::length(&line);
        Some((*end, line))
    });
    with_ends.take_while(|(end, _)| *end <= CAPACITY / 4 * 3).map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests;
