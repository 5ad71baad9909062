//! One file of systemd's journal: the entries of a unit, last ones last (systemd: docs/JOURNAL_FILE_FORMAT.md). It is
//! written while it is read, and may be anything: every offset is checked, and the reads are counted. Fields packed with
//! LZ4 or XZ, as systemd before 246 packs long ones, are lost; those packed with Zstandard are not.

use std::cell::Cell;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;

const SIGNATURE: &[u8] = b"LPKSHHRH";
/// Flags of a file that a reader must know: LZ4, XZ, keyed hashes, Zstandard, and the one that is read differently.
const COMPACT: u32 = 1 << 4;
const KNOWN: u32 = 0b1111 | COMPACT;
/// Flags of an object: what it is packed with.
const PACKED: u8 = 0b111;
const ZSTANDARD: u8 = 1 << 2;

const DATA: u8 = 1;
const FIELD: u8 = 2;
const ENTRY: u8 = 3;
const ENTRY_ARRAY: u8 = 6;

/// Where what follows the fixed part of an object begins.
const FIELD_PAYLOAD: u64 = 40;
const ENTRY_ITEMS: u64 = 64;
const ARRAY_ITEMS: u64 = 24;

/// A table, an array or a text is read up to here.
const PART_AT_MOST: u64 = 64 << 10;
/// A message is kept up to here.
const MESSAGE_AT_MOST: u64 = 16 << 10;
/// So many reads and no more: what leads in a circle ends here.
const READS_AT_MOST: u32 = 50_000;

/// A journal file.
#[derive(Debug)]
pub struct Journal {
    file: File,
    compact: bool,
    fields: (u64, u64),
    reads: Cell<u32>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it was written, in microseconds since the epoch.
    pub at: u64,
    /// Its `MESSAGE`.
    pub message: String,
}

impl Journal {
    /// Reads a file's header; nothing where it is no journal, or of a kind that is not known.
    #[must_use]
    pub fn of(file: File) -> Option<Self> {
        let mut journal = Self { file, compact: false, fields: (0, 0), reads: Cell::new(0) };
        let header = journal.read(0, 256)?;
        let flags = u32::try_from(number(&header, 8)? >> 32).ok()?;
        journal.compact = flags & COMPACT != 0;
        journal.fields = (number(&header, 120)?, number(&header, 128)?);
        (header.starts_with(SIGNATURE) && flags & !KNOWN == 0).then_some(journal)
    }

    /// The last entries that have this field with this value, at most so many.
    #[must_use]
    pub fn last(&self, field: &str, value: &str, most: usize) -> Vec<Entry> {
        let places = self.data(field, value).and_then(|data| self.places(data, most)).unwrap_or_default();
        places.into_iter().filter_map(|place| self.entry(place)).collect()
    }

    /// The object that holds `field=value`. It is found without its hash, of which there are two kinds: a field's values are
    /// chained.
    fn data(&self, field: &str, value: &str) -> Option<u64> {
        let wanted = format!("{field}={value}");
        let mut next = number(&self.read(self.field(field)?, FIELD_PAYLOAD)?, 32)?;
        while next != 0 {
            let head = self.object(next, DATA, self.payload())?;
            let length = number(&head, 8)?.checked_sub(self.payload())?;
            if length == wanted.len() as u64 && self.read(next + self.payload(), length)? == wanted.as_bytes() {
                return Some(next);
            }
            next = number(&head, 32)?;
        }
        None
    }

    fn field(&self, name: &str) -> Option<u64> {
        let (table, size) = self.fields;
        let table = self.read(table, size.min(PART_AT_MOST))?;
        for bucket in table.chunks_exact(16) {
            let mut next = number(bucket, 0)?;
            while next != 0 {
                let head = self.object(next, FIELD, FIELD_PAYLOAD)?;
                let length = number(&head, 8)?.checked_sub(FIELD_PAYLOAD)?;
                if length == name.len() as u64 && self.read(next + FIELD_PAYLOAD, length)? == name.as_bytes() {
                    return Some(next);
                }
                next = number(&head, 24)?;
            }
        }
        None
    }

    /// Where the last entries of a value are: the first of all is named in it, the others in arrays, each larger than the
    /// one before.
    fn places(&self, data: u64, most: usize) -> Option<Vec<u64>> {
        let head = self.object(data, DATA, self.payload())?;
        let (first, mut next, mut left) =
            (number(&head, 40)?, number(&head, 48)?, number(&head, 56)?.saturating_sub(1));
        let mut arrays = Vec::new();
        while next != 0 && left > 0 {
            let head = self.object(next, ENTRY_ARRAY, ARRAY_ITEMS)?;
            let room = number(&head, 8)?.checked_sub(ARRAY_ITEMS)? / self.width(8);
            arrays.push((next + ARRAY_ITEMS, room.min(left)));
            left -= room.min(left);
            next = number(&head, 16)?;
        }
        let mut places = Vec::new();
        for (items, count) in arrays.into_iter().rev() {
            let wanted = count.min((most - places.len()) as u64).min(PART_AT_MOST / 8);
            let width = self.width(8);
            let part = self.read(items + (count - wanted) * width, wanted * width)?;
            let width = usize::try_from(width).ok()?;
            places.extend(part.chunks_exact(width).rev().filter_map(|item| number(item, 0)));
            if places.len() >= most {
                break;
            }
        }
        if places.len() < most {
            places.push(first);
        }
        places.reverse();
        Some(places)
    }

    fn entry(&self, place: u64) -> Option<Entry> {
        let head = self.object(place, ENTRY, ENTRY_ITEMS)?;
        let size = number(&head, 8)?.checked_sub(ENTRY_ITEMS)?.min(PART_AT_MOST);
        let items = self.read(place + ENTRY_ITEMS, size)?;
        let width = usize::try_from(self.width(16)).ok()?;
        let places = items.chunks_exact(width).filter_map(|item| number(item.get(..width.min(8))?, 0));
        let message = places.filter_map(|data| self.text(data)).find_map(|text| message(&text))?;
        Some(Entry { at: number(&head, 24)?, message })
    }

    /// What a data object holds, where it may be a message.
    fn text(&self, data: u64) -> Option<Vec<u8>> {
        let head = self.object(data, DATA, self.payload())?;
        let length = number(&head, 8)?.checked_sub(self.payload())?.min(PART_AT_MOST);
        let at = data + self.payload();
        match head.get(1)? & PACKED {
            0 if self.read(at, length.min(8))? == b"MESSAGE=" => self.read(at, length.min(MESSAGE_AT_MOST)),
            ZSTANDARD => unpacked(&self.read(at, length)?),
            _ => None,
        }
    }

    /// An object's fixed part, where it is of that kind.
    fn object(&self, at: u64, kind: u8, length: u64) -> Option<Vec<u8>> {
        self.read(at, length).filter(|head| head.first() == Some(&kind))
    }

    fn payload(&self) -> u64 {
        if self.compact { 72 } else { 64 }
    }

    /// How wide a place is in a list: as it is, or in four bytes.
    fn width(&self, usual: u64) -> u64 {
        if self.compact { 4 } else { usual }
    }

    fn read(&self, at: u64, length: u64) -> Option<Vec<u8>> {
        self.reads.set(self.reads.get() + 1);
        if self.reads.get() > READS_AT_MOST || length > PART_AT_MOST {
            return None;
        }
        let mut part = vec![0; usize::try_from(length).ok()?];
        self.file.read_exact_at(&mut part, at).ok()?;
        Some(part)
    }
}

/// A little-endian number of eight bytes, or of four where no more are there.
fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let rest = bytes.get(at..)?;
    let eight = rest.first_chunk().map(|eight| u64::from_le_bytes(*eight));
    eight.or_else(|| rest.first_chunk().map(|four| u32::from_le_bytes(*four).into()))
}

fn unpacked(packed: &[u8]) -> Option<Vec<u8>> {
    let decoder = ruzstd::decoding::StreamingDecoder::new(packed).ok()?;
    let mut text = Vec::new();
    decoder.take(MESSAGE_AT_MOST).read_to_end(&mut text).ok()?;
    Some(text)
}

fn message(text: &[u8]) -> Option<String> {
    text.strip_prefix(b"MESSAGE=").map(|message| String::from_utf8_lossy(message).into_owned())
}
