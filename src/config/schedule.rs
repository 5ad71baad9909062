//! Whether a text is a cron expression of five fields, as a CronJob's `schedule` has them
//! (github.com/robfig/cron: parser.go). It is checked here; nothing is scheduled.

/// A field: its name, its bounds, and the words that stand for numbers.
struct Field {
    name: &'static str,
    from: u8,
    to: u8,
    words: &'static [&'static str],
}

const FIELDS: &[Field] = &[
    Field { name: "minute", from: 0, to: 59, words: &[] },
    Field { name: "hour", from: 0, to: 23, words: &[] },
    Field { name: "day of the month", from: 1, to: 31, words: &[] },
    Field {
        name: "month",
        from: 1,
        to: 12,
        words: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    Field { name: "day of the week", from: 0, to: 6, words: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/// Checks an expression.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(expression: &str) -> Result<(), String> {
    let parts: Vec<&str> = expression.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Err(format!("it has {} fields instead of 5", parts.len()));
    }
    match FIELDS.iter().zip(&parts).find(|(field, part)| !part.split(',').all(|range| field.takes(range))) {
        Some((field, part)) => Err(format!("{part} is no {} ({} to {})", field.name, field.from, field.to)),
        None => Ok(()),
    }
}

impl Field {
    /// `*`, `5`, `1-5`, each with or without `/2`.
    fn takes(&self, range: &str) -> bool {
        let (range, step) = range.split_once('/').map_or((range, None), |(range, step)| (range, Some(step)));
        let step_is_right = step.is_none_or(|step| step.parse::<u8>().is_ok_and(|step| step > 0));
        let range_is_right = match range.split_once('-') {
            _ if range == "*" => true,
            Some((from, to)) => matches!((self.number(from), self.number(to)), (Some(from), Some(to)) if from <= to),
            None => self.number(range).is_some(),
        };
        step_is_right && range_is_right
    }

    fn number(&self, text: &str) -> Option<u8> {
        let named = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let number = match named {
            Some(index) => self.from.checked_add(u8::try_from(index).ok()?)?,
            None => text.parse().ok()?,
        };
        (self.from..=self.to).contains(&number).then_some(number)
    }
}

/// Checks the name of a time zone: its spelling alone, for what it means is known only where the agent runs.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check_zone(name: &str) -> Result<(), &'static str> {
    let part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_+-".contains(c));
    let letter = name.chars().next().is_some_and(|c| c.is_ascii_uppercase());
    if letter && name.split('/').all(part) { Ok(()) } else { Err("this is no name of a time zone") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cron_expressions_are_checked_field_by_field() {
        for right in ["0 1 * * *", "*/15 8-18 * * mon-fri", "0 0 1,15 JAN,jul 0"] {
            assert_eq!(check(right), Ok(()), "{right}");
        }
        for (wrong, why) in [
            ("0 1 * *", "4 fields"),
            ("60 * * * *", "60 is no minute"),
            ("0 24 * * *", "24 is no hour"),
            ("0 0 * * fri-mon", "fri-mon is no day of the week"),
            ("*/0 * * * *", "*/0 is no minute"),
            ("0 0 1,,2 * *", "1,,2 is no day"),
            ("@daily", "1 fields"),
        ] {
            assert!(check(wrong).is_err_and(|said| said.contains(why)), "{wrong}: {:?}", check(wrong));
        }
    }

    #[test]
    fn time_zones_are_checked_by_their_spelling() {
        assert!(
            ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+1"]
                .iter()
                .all(|z| check_zone(z).is_ok())
        );
        assert!(["", "berlin", "Europe/", "+02:00", "Europe/Ber lin"].iter().all(|z| check_zone(z).is_err()));
    }
}
