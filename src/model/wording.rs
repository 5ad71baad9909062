//! How things are put into words: spans, sizes, bounded and clean text. Pure; never a word about what happened.

use std::error::Error;
use std::time::Duration;

/// The hard limit of an Event's message in bytes (Kubernetes: pkg/apis/core/validation/events.go).
pub const MESSAGE_LIMIT: usize = 1024;

/// A span as a person says it: `40 s`, `4 min`, `9 min 40 s`, `2 h 5 min`, `3 d 4 h`.
#[must_use]
pub fn span(of: Duration) -> String {
    let seconds = of.as_secs();
    let (major, minor) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3_600 => ((seconds / 60, "min"), (seconds % 60, "s")),
        3_600..86_400 => ((seconds / 3_600, "h"), (seconds % 3_600 / 60, "min")),
        _ => ((seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")),
    };
    if minor.0 == 0 {
        format!("{} {}", major.0, major.1)
    } else {
        format!("{} {} {} {}", major.0, major.1, minor.0, minor.1)
    }
}

/// A size in decimal units, as registries and disks are sold: `812 B`, `3.1 MB`, `9.8 GB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = bytes as f64 / 1_000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// `text` on one line without control characters, runs of white space folded.
#[must_use]
pub fn one_line(text: &str) -> String {
    if is_one_line(text) {
        return text.to_owned();
    }
    let visible = text.chars().map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c }).collect::<String>();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Most texts are: plain ASCII with single spaces inside. Told cheaply, since every fact of every look passes here.
fn is_one_line(text: &str) -> bool {
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    printable && !text.starts_with(' ') && !text.ends_with(' ') && !text.contains("  ")
}

/// Characters that change how a terminal orders or hides what follows (Unicode bidi controls and zero-width marks).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// An error with its sources, without what a message repeats of its source.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(source) = at {
        let part = source.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        at = source.source();
    }
    text
}

/// At most `limit` bytes of `text`, cut on a character boundary, with `…` where something was cut.
#[must_use]
pub fn cut(text: &str, limit: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit.saturating_sub(MARK.len()));
    format!("{}{MARK}", text.get(..end).unwrap_or_default().trim_end())
}

/// At most `limit` bytes of `text`, shortened in its middle: both the operation and the innermost error survive.
#[must_use]
pub fn cut_middle(text: &str, limit: usize) -> String {
    const MARK: &str = " … ";
    if text.len() <= limit {
        return text.to_owned();
    }
    let half = limit.saturating_sub(MARK.len()) / 2;
    let head = text.floor_char_boundary(half);
    let tail = text.ceil_char_boundary(text.len() - half);
    format!(
        "{}{MARK}{}",
        text.get(..head).unwrap_or_default().trim_end(),
        text.get(tail..).unwrap_or_default().trim_start()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_like_speech() {
        for (seconds, said) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (580, "9 min 40 s"), (7_500, "2 h 5 min"), (273_600, "3 d 4 h")]
        {
            assert_eq!(span(Duration::from_secs(seconds)), said);
        }
    }

    #[test]
    fn sizes_keep_two_or_three_digits() {
        for (bytes, said) in
            [(0, "0 B"), (999, "999 B"), (3_100_000, "3.1 MB"), (999_600, "1.0 MB"), (9_800_000_000, "9.8 GB")]
        {
            assert_eq!(size(bytes), said);
        }
    }

    #[test]
    fn text_is_cut_on_character_boundaries_and_never_over_the_limit() {
        let text = "wörld ".repeat(400);
        for limit in 8..64 {
            assert!(cut(&text, limit).len() <= limit);
            assert!(cut_middle(&text, limit).len() <= limit);
        }
        assert_eq!(cut("short", 10), "short");
    }

    #[test]
    fn control_and_bidi_characters_do_not_survive() {
        assert_eq!(one_line("a\u{1b}[31mb\n\tc\0d\u{202e}e"), "a [31mb c d e");
        for text in ["a b", " a b", "a b ", "a  b", "a\u{7f}b", ""] {
            assert_eq!(one_line(text), text.replace('\u{7f}', " ").split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    #[test]
    fn a_chain_says_nothing_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("{text}")]
        struct Link {
            text: &'static str,
            source: Option<Box<Link>>,
        }
        let link = |text, source: Option<Link>| Link { text, source: source.map(Box::new) };
        let repeats = link("no start: refused", Some(link("refused", Some(link("os error 111", None)))));
        assert_eq!(chain(&repeats), "no start: refused: os error 111");
    }
}
