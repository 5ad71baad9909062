//! Times that come again and again: a cron expression of five fields, as a CronJob's `schedule` has them, and the time
//! zone it is meant in. The zones are those of the time zone database in the program, wherever it runs. It knows when a
//! time came last and when it comes next; it never reads a clock.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::Time;

/// The fields of an expression, each with what it may be.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12, or jan to dec"),
    ("day of the week", "0 to 7, or sun to sat"),
];

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Too few fields, or too many.
    #[error("it has {0} fields instead of 5")]
    Fields(usize),
    /// Begins with `@` and is none of the words that stand for an expression.
    #[error("only @hourly, @daily, @weekly, @monthly and @yearly stand for a schedule")]
    Nickname,
    /// One field is wrong.
    #[error("{part} is no {name} ({takes})")]
    Field {
        /// As it was written.
        part: String,
        /// What it should be.
        name: &'static str,
        /// What would be right.
        takes: &'static str,
    },
    /// Right field by field, and no calendar has such a day.
    #[error("no month has that day, so it never comes")]
    Never,
    /// Not in the time zone database.
    #[error("there is no such time zone")]
    Zone,
}

/// A schedule that was understood.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

impl Schedule {
    /// Reads an expression, and the name of the zone it is meant in; none is UTC.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn parse(expression: &str, zone: Option<&str>) -> Result<Self, Fault> {
        Ok(Self { cron: cron(expression)?, zone: zone.map_or(Ok(TimeZone::UTC), time_zone)? })
    }

    /// When it came last, up to and including `now`.
    ///
    /// A time that the clocks skip in spring comes when they have been put on; one that they show twice in autumn comes
    /// once, the first time, unless the expression names no fixed time of day.
    #[must_use]
    pub fn last(&self, now: Time) -> Option<Time> {
        let now = now.to_zoned(self.zone.clone());
        self.cron.find_previous_occurrence(&now, true).ok().map(|found| found.timestamp())
    }

    /// When it comes next after `now`.
    #[must_use]
    pub fn next(&self, now: Time) -> Option<Time> {
        let now = now.to_zoned(self.zone.clone());
        self.cron.find_next_occurrence(&now, false).ok().map(|found| found.timestamp())
    }
}

/// Checks an expression.
///
/// # Errors
/// What is wrong with it.
pub fn check(expression: &str) -> Result<(), Fault> {
    cron(expression).map(drop)
}

/// Checks the name of a time zone.
///
/// # Errors
/// There is none of that name.
pub fn check_zone(name: &str) -> Result<(), Fault> {
    time_zone(name).map(drop)
}

/// The names of all time zones.
#[must_use]
pub fn zones() -> Vec<String> {
    TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
}

/// `Etc/Unknown` is in the database, as the name of none.
fn time_zone(name: &str) -> Result<TimeZone, Fault> {
    let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| Fault::Zone)?;
    if zone.is_unknown() { Err(Fault::Zone) } else { Ok(zone) }
}

fn cron(expression: &str) -> Result<Cron, Fault> {
    if expression.starts_with('@') {
        return parse(expression).ok_or(Fault::Nickname);
    }
    let parts: Vec<&str> = expression.split_whitespace().collect();
    let Ok(parts) = <[&str; 5]>::try_from(parts.as_slice()) else {
        return Err(Fault::Fields(parts.len()));
    };
    for (index, (part, (name, takes))) in parts.into_iter().zip(FIELDS).enumerate() {
        if !is_right(index, part) {
            return Err(Fault::Field { part: part.to_owned(), name, takes });
        }
    }
    parse(expression).filter(comes).ok_or(Fault::Never)
}

/// Whether it comes at all. It does not matter from when on: the calendar repeats itself.
fn comes(cron: &Cron) -> bool {
    cron.find_next_occurrence(&Time::UNIX_EPOCH.to_zoned(TimeZone::UTC), true).is_ok()
}

/// Whether the expression with this field and no other would do, so that a fault can name the field. The parser takes an
/// empty item of a list for none at all.
fn is_right(index: usize, part: &str) -> bool {
    let alone: Vec<&str> = (0..FIELDS.len()).map(|field| if field == index { part } else { "*" }).collect();
    part.split(',').all(|item| !item.is_empty()) && parse(&alone.join(" ")).is_some()
}

fn parse(expression: &str) -> Option<Cron> {
    CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build().parse(expression).ok()
}

#[cfg(test)]
mod tests;
