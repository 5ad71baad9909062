//! What Go prints: durations and gRPC errors, because the kubelet's sentences carry both. Never used for anything but text.

use std::error::Error;
use std::io;
use std::time::Duration;

use tonic::{Code, Status};

/// A duration as Go's `time.Duration` prints it, cut to milliseconds: `892ms`, `1.31s`, `3m0s`.
pub(super) fn duration(length: Duration) -> String {
    let millis = length.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let seconds = seconds(millis % 60_000);
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, _) => format!("{minutes}m{seconds}"),
        _ => format!("{hours}h{minutes}m{seconds}"),
    }
}

fn seconds(millis: u128) -> String {
    let fraction = format!("{:03}", millis % 1000);
    match fraction.trim_end_matches('0') {
        "" => format!("{}s", millis / 1000),
        digits => format!("{}.{digits}s", millis / 1000),
    }
}

/// The name of a gRPC code in Go (google.golang.org/grpc: codes/code_string.go); one letter differs from tonic's.
pub(super) fn code(code: Code) -> String {
    match code {
        Code::Ok => "OK".to_owned(),
        Code::Cancelled => "Canceled".to_owned(),
        other => format!("{other:?}"),
    }
}

/// The `desc` of a failed call: the server's own words, or grpc-go's for a connection that failed on our side.
pub(super) fn description(status: &Status, socket: &str) -> String {
    if status.source().is_none() {
        return status.message().to_owned();
    }
    match io_error(status) {
        Some(error) if never_connected(error) => format!(
            "connection error: desc = \"transport: Error while dialing: dial unix {socket}: connect: {}\"",
            errno(error)
        ),
        _ => "error reading from server: EOF".to_owned(),
    }
}

fn io_error(status: &Status) -> Option<&io::Error> {
    let mut cause = status.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<io::Error>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

fn never_connected(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    matches!(error.kind(), ConnectionRefused | NotFound | PermissionDenied)
}

fn errno(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words);
    words.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_prints_them() {
        let texts = [0, 892, 1310, 1000, 61_001, 180_000, 3_600_000].map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(texts, ["0s", "892ms", "1.31s", "1s", "1m1.001s", "3m0s", "1h0m0s"]);
    }

    #[test]
    fn canceled_has_one_l() {
        assert_eq!(code(Code::Cancelled), "Canceled");
        assert_eq!(code(Code::DeadlineExceeded), "DeadlineExceeded");
    }
}
