//! What a person pipes in, as messages: what kubectl prints, a log, or one message as it is.

use super::{describe, states};

/// One message to explain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// The reason it came with.
    pub(super) reason: Option<String>,
    /// Its words.
    pub(super) text: String,
    /// Where it stood: `Warning FailedMount, 2m (x9), kubelet`, or `line 7`; empty for a message that came alone.
    pub(super) place: String,
}

impl Message {
    /// How many lines of plain text were taken for this one message.
    pub(super) fn lines_read_as_one(&self) -> usize {
        if self.place.is_empty() { self.text.lines().filter(|line| !line.trim().is_empty()).count() } else { 1 }
    }
}

/// The messages in `text`. `reason` is that of a message that came alone.
pub(super) fn messages(text: &str, reason: Option<&str>) -> Vec<Message> {
    let told = describe::messages(text);
    if !told.is_empty() {
        return told;
    }
    if describe::is_kubectl(text) {
        return states::messages(text);
    }
    let lines: Vec<_> = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).collect();
    match lines.len() {
        0 => Vec::new(),
        n if n > 1 && 2 * lines.iter().filter(|(_, line)| is_of_a_log(line)).count() > n => {
            lines.into_iter().map(of_a_log).collect()
        }
        _ => vec![Message { reason: reason.map(str::to_owned), text: text.trim().to_owned(), place: String::new() }],
    }
}

fn of_a_log((index, line): (usize, &str)) -> Message {
    Message { reason: None, text: line.to_owned(), place: format!("line {}", index + 1) }
}

/// Whether a line has the beginning that log lines have: klog's, journald's, logfmt's, RFC 3339's, the kernel's.
fn is_of_a_log(line: &str) -> bool {
    const MONTHS: &[&str] =
        &["Jan ", "Feb ", "Mar ", "Apr ", "May ", "Jun ", "Jul ", "Aug ", "Sep ", "Oct ", "Nov ", "Dec "];
    let line = line.trim_start();
    let digits = |from: usize, count: usize| {
        line.as_bytes().get(from..from + count).is_some_and(|d| d.iter().all(u8::is_ascii_digit))
    };
    let klog = line.starts_with(['I', 'W', 'E', 'F']) && digits(1, 4);
    let dated = digits(0, 4) && line.as_bytes().get(4) == Some(&b'-');
    let kernel = line.starts_with('[')
        && line.get(1..).is_some_and(|rest| rest.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    klog || dated
        || kernel
        || MONTHS.iter().any(|month| line.starts_with(month))
        || line.starts_with("time=")
        || line.starts_with("level=")
        || line.starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_line_breaks_stays_one_and_a_log_is_one_a_line() {
        let mount = "MountVolume.SetUp failed for volume \"data\" : mount failed: exit status 32\nMounting command: mount\nOutput: x";
        assert_eq!(messages(mount, Some("FailedMount")).len(), 1);
        assert_eq!(messages(mount, Some("FailedMount"))[0].reason.as_deref(), Some("FailedMount"));
        let log = "E0512 10:23:45.123456 1 a.go:1] one\n\nNov 20 01:02:03 n1 kubelet[7]: two\ntime=\"x\" level=error msg=three\n";
        let places: Vec<_> = messages(log, None).into_iter().map(|message| message.place).collect();
        assert_eq!(places, ["line 1", "line 3", "line 4"]);
        assert_eq!(messages(" \n\n", None), []);
    }
}
