//! One line: a checksum, the number of a generation, and what was said. A generation that was written to its end says so.

use sha2::{Digest, Sha256};

/// Said twice at the end of a generation's first writing, an empty line between: no one damaged byte undoes both.
const END: &str = "end";
/// Checksum, generation, two blanks and a line break, at most.
const AROUND: usize = 8 + 20 + 3;
/// Room for both ends, and for the mark behind the last line.
pub(super) const MARGIN: usize = 2 * (AROUND + END.len()) + 3;

/// A line as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// What was said, in this generation.
    Said(u64, &'a str),
    /// The generation was written to its end.
    End(u64),
}

/// The line that says this, with its break.
pub(super) fn seal(generation: u64, says: &str) -> String {
    let body = format!("{generation} {says}");
    format!("{} {body}\n", checksum(&body))
}

/// How a generation ends.
pub(super) fn end(generation: u64) -> [String; 2] {
    [seal(generation, END), format!("\n{}", seal(generation, END))]
}

/// So many bytes it takes, at most.
pub(super) fn length(says: &str) -> usize {
    says.len() + AROUND
}

/// Reads a line without its break; none where it is not as it was written.
pub(super) fn read(line: &[u8]) -> Option<Line<'_>> {
    let (sum, body) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let (generation, says) = body.split_once(' ').filter(|_| sum == checksum(body))?;
    let generation = generation.parse().ok()?;
    Some(if says == END { Line::End(generation) } else { Line::Said(generation, says) })
}

/// Four bytes of SHA-256: against damage, not against malice.
fn checksum(body: &str) -> String {
    Sha256::digest(body).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}
