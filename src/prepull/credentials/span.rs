//! Durations as Go reads them (time.ParseDuration): `12h`, `1h30m`, `1.5s`, `0`. Negative ones make no sense here.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Longer units first, or `m` would be read off `ms`.
const UNITS: &[(&str, f64)] =
    &[("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("μs", 1e-6), ("ms", 1e-3), ("h", 3_600.0), ("m", 60.0), ("s", 1.0)];

/// None where that is no duration.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len()));
        let (unit, length) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        seconds += number.parse::<f64>().ok()? * length;
        rest = after.strip_prefix(unit)?;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// For `#[serde(deserialize_with)]`: absent and null are none.
pub(super) fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| parse(&text).ok_or_else(|| de::Error::custom("no duration"))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, millis) in [
            ("12h", Some(43_200_000)),
            ("1h30m", Some(5_400_000)),
            ("5m0s", Some(300_000)),
            ("1.5s", Some(1_500)),
            ("250ms", Some(250)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("", None),
            ("+", None),
            ("12", None),
            ("-1s", None),
            ("1d", None),
            ("h", None),
            ("s1", None),
            ("999999999999999999999h", None),
        ] {
            assert_eq!(parse(text).map(|span| span.as_millis()), millis, "{text}");
        }
    }
}
