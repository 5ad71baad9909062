//! Times as kubectl prints them: `5s`, `2m10s`, `5s (x3 over 2m)`.

use jiff::Timestamp;
use serde_json::Value;

/// The Age of an Event. (Kubernetes: kubectl/pkg/describe/describe.go, DescribeEvents.)
pub(super) fn interval(event: &Value, now: Timestamp) -> String {
    let first = time(&event["firstTimestamp"]).or(time(&event["eventTime"]));
    let seen = |value: &Value| since(time(value), now);
    let series = &event["series"];
    if series.is_object() {
        let first = time(&event["eventTime"]).or(first);
        return format!("{} (x{} over {})", seen(&series["lastObservedTime"]), series["count"], since(first, now));
    }
    match event["count"].as_i64() {
        Some(count) if count > 1 => {
            format!("{} (x{count} over {})", seen(&event["lastTimestamp"]), seen(&event["firstTimestamp"]))
        }
        _ => since(time(&event["eventTime"]).or(first), now),
    }
}

pub(super) fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn since(then: Option<Timestamp>, now: Timestamp) -> String {
    then.map_or_else(|| "<unknown>".to_owned(), |then| age(now.duration_since(then).as_secs()))
}

/// A number of seconds in at most two units. (Kubernetes: apimachinery/pkg/util/duration, HumanDuration.)
#[must_use]
pub fn age(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{small_unit}"),
    };
    match seconds {
        ..=-2 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn ages_are_rounded_as_kubectl_rounds_them() {
        let told = [0, 119, 120, 130, 601, 10_800, 10_860, 30_000, 180_000, 700_000].map(age);
        assert_eq!(told, ["0s", "119s", "2m", "2m10s", "10m", "3h", "3h1m", "8h", "2d2h", "8d"]);
    }
}
