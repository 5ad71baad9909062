//! The configuration file: text → checked [`Settings`], or every fault in it, each with its line and column and what
//! would be right. A reader per part; what a reader does not ask for is an unknown key, so nothing is ignored in silence.
//! [`schema()`] is what the readers ask for, as JSON schema.
//!
//! [`follow`] keeps the settings in step with the file while the agent runs. A bad file never stops the agent.

mod causes;
mod fault;
pub mod follow;
mod image;
mod last;
pub mod log;
mod prepull;
mod reader;
mod report;
mod schema;
mod sketch;
pub mod span;
mod spelling;
mod timing;
mod tree;
mod version;

pub use fault::{Place, Remark};
pub use last::NAMES as ACCEPTED;
pub use schema::schema;

use crate::model::settings::{PrepullSettings, Settings};

use fault::Remarks;
use reader::{Item, Section};

/// How large a file may be. Two hundred sets of ten images take a tenth of it.
pub const BYTES_AT_MOST: usize = 512 * 1024;

/// A file that is in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// What it decides.
    pub settings: Settings,
    /// What its author should know: settings that this version does not act on.
    pub notes: Vec<Remark>,
}

/// Reads a configuration file. An empty one means the defaults. `catalogue` has the ids of all causes.
///
/// # Errors
/// Every fault of the file, in its order; at least one.
pub fn parse(bytes: &[u8], catalogue: &[&str]) -> Result<Accepted, Vec<Remark>> {
    read(bytes, catalogue, Remarks::default())
}

/// Reads a file that an agent accepted before, which may have been a newer one: keys that are unknown here are left out, and
/// with them all pre-pulling, for such a key may be what held a set back. None where more is wrong with it.
fn parse_known(bytes: &[u8], catalogue: &[&str]) -> Option<Settings> {
    let remarks = Remarks::default();
    remarks.be_lenient();
    let accepted = read(bytes, catalogue, remarks).ok()?;
    Some(Settings { prepull: PrepullSettings::default(), ..accepted.settings })
}

fn read(bytes: &[u8], catalogue: &[&str], remarks: Remarks) -> Result<Accepted, Vec<Remark>> {
    let settings = text(bytes).and_then(|text| {
        indented_by_blanks(text, &remarks);
        tree::parse(text, &remarks)
    });
    let settings = match settings {
        Ok(Some(root)) => Item::new(&root, &remarks).section(|section| whole(section, catalogue)).unwrap_or_default(),
        Ok(None) => Settings::default(),
        Err(fault) => {
            remarks.fault(fault.at, fault.says);
            Settings::default()
        }
    };
    match remarks.into_parts() {
        (faults, notes) if faults.is_empty() => Ok(Accepted { settings, notes }),
        (faults, _) => Err(faults),
    }
}

fn whole(section: &mut Section<'_>, catalogue: &[&str]) -> Settings {
    version::read(section);
    Settings {
        log_level: section.part("log", log::read),
        report: section.part("report", report::read),
        causes: section.take("causes").and_then(|item| causes::read(item, catalogue)).unwrap_or_default(),
        timing: section.part("timing", timing::read),
        prepull: section.part("prepull", prepull::read),
    }
}

/// Checks an image's name as those of sets are checked.
///
/// # Errors
/// What is wrong with it.
pub fn check_image(text: &str) -> Result<(), String> {
    image::check(text).map_err(|what| what.to_string())
}

fn text(bytes: &[u8]) -> Result<&str, Remark> {
    let start = Place { line: 1, column: 1 };
    if bytes.len() > BYTES_AT_MOST {
        let says = format!("the file is larger than {} KiB; that is no configuration", BYTES_AT_MOST / 1024);
        return Err(Remark { at: start, says });
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).map(String::from_utf8_lossy).unwrap_or_default();
        let line = good.matches('\n').count() + 1;
        let column = good.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Remark { at: Place { line, column }, says: "this byte is not UTF-8; save the file as UTF-8".to_owned() }
    })
}

/// YAML forbids tabs in front of a line, and parsers tell it in riddles.
fn indented_by_blanks(text: &str, remarks: &Remarks) {
    for (index, line) in text.lines().enumerate() {
        let indent = line.chars().take_while(|c| c.is_whitespace());
        if let Some(column) = indent.enumerate().find(|(_, c)| *c == '\t').map(|(column, _)| column + 1) {
            let at = Place { line: index + 1, column };
            remarks.fault(at, "a tab indents this line; indent with blanks");
        }
    }
}

#[cfg(test)]
mod tests;
