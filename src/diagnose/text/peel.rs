//! Takes the wrapping off a message: log prefixes, escapes of escapes, formatting debris, line breaks. What is left reads as
//! the component wrote it, on one line. Total: any text gives an answer.

use std::borrow::Cow;

use crate::model::wording::cut_middle;

/// Longer texts are read from both ends only: the operation stands in front, the innermost error at the end.
const READ_AT_MOST: usize = 8 * 1024;

/// What the API server's clients put in front of an Event that stands for several (client-go: tools/record/events_cache.go).
const COMBINED: &str = "(combined from similar events): ";

/// CRI-O tries an image, then an OCI artifact; the second error repeats or hides the first (cri-o: internal/storage, "unable
/// to pull image or OCI artifact").
const SECOND_HALF: &str = "; artifact err: ";

/// The message as it was before it was wrapped.
#[must_use]
pub fn peel(text: &str) -> String {
    let text = shorten(text);
    let text = text.trim();
    let text = text.strip_prefix(COMBINED).unwrap_or(text);
    let text = unlogged(text);
    let text = text.split_once(SECOND_HALF).map_or(text, |(image, _)| image);
    unescape(text)
}

fn shorten(text: &str) -> Cow<'_, str> {
    if text.len() <= READ_AT_MOST { Cow::Borrowed(text) } else { Cow::Owned(cut_middle(text, READ_AT_MOST)) }
}

/// Without klog's header, and journald's before it: `I0512 10:23:45.123456    1234 kubelet.go:2345] `
/// (klog: "Lmmdd hh:mm:ss.uuuuuu threadid file:line] msg").
fn unlogged(text: &str) -> &str {
    const HEADER_AT_MOST: usize = 200;
    let head = text.get(..text.floor_char_boundary(HEADER_AT_MOST)).unwrap_or_default();
    match head.split_once("] ") {
        Some((header, _)) if is_klog(header) => text.get(header.len() + 2..).unwrap_or(text),
        _ => text,
    }
}

fn is_klog(header: &str) -> bool {
    let file = header.rsplit(' ').next().unwrap_or_default();
    file.split_once(".go:").is_some_and(|(_, line)| !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit()))
}

/// Resolves quotes and breaks that were escaped, however often; drops what Go prints for an argument it was not given.
/// Blanks and breaks in a row become one blank, or signs of two words would miss them.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = special(rest, out.ends_with(' ')) {
        let (before, special) = rest.split_at(at);
        out.push_str(before);
        let (meant, length) = resolve(special);
        if meant != ' ' || !out.ends_with(' ') {
            out.extend(Some(meant).filter(|c| *c != '\0'));
        }
        rest = special.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Where the first character stands that may not be meant as it is. By bytes, for nearly all of a message is plain ASCII.
fn special(text: &str, mut behind_blank: bool) -> Option<usize> {
    text.bytes().position(|byte| {
        let again = behind_blank && byte == b' ';
        behind_blank = byte == b' ';
        again || matches!(byte, b'\\' | b'%' | 0..b' ' | 0x7f..)
    })
}

/// What the first characters of `text` stand for and how many bytes they are; NUL for nothing at all.
fn resolve(text: &str) -> (char, usize) {
    let slashes = text.bytes().take_while(|b| *b == b'\\').count();
    if slashes > 0 {
        return match text.as_bytes().get(slashes) {
            Some(quote @ (b'"' | b'\'')) => (char::from(*quote), slashes + 1),
            Some(b'n' | b't' | b'r') => (' ', slashes + 1),
            _ => ('\\', slashes),
        };
    }
    if text.starts_with('%') {
        return debris(text).unwrap_or(('%', 1));
    }
    let first = text.chars().next().unwrap_or(' ');
    let blank = first.is_control() || first.is_whitespace();
    (if blank { ' ' } else { first }, first.len_utf8())
}

/// `%!s(MISSING)`; `%!F(MISSING)` was the `%2F` of an escaped path (Go: package fmt, "Format errors").
fn debris(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix("%!")?;
    let verb = rest.chars().next()?;
    let after = rest.get(verb.len_utf8()..)?;
    after.starts_with("(MISSING)").then(|| {
        let meant = if verb == 'F' { '/' } else { '\0' };
        (meant, "%!".len() + verb.len_utf8() + "(MISSING)".len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_comes_off_and_words_stay() {
        for (wrapped, plain) in [
            ("(combined from similar events): Failed to pull image", "Failed to pull image"),
            (r#"E0512 10:23:45.123456    1234 kubelet.go:2345] "Error" err="a: \"b\"""#, r#""Error" err="a: "b"""#),
            ("Nov 20 01:02:03 n1 kubelet[77]: W1120 01:02:03.1 77 reflector.go:12] failed", "failed"),
            (r#"caused \\\"exec: \\\\\\\"x\\\\\\\"\\\""#, r#"caused "exec: "x"""#),
            ("Get http://%!F(MISSING)run%!F(MISSING)x.sock and %!s(MISSING)", "Get http:///run/x.sock and "),
            ("a\nb\0c\\nd", "a b c d"),
            ("pull QPS\0 exceeded\n  again \\n %!s(MISSING) and\u{a0}\u{2028}on", "pull QPS exceeded again and on"),
            ("pull image err: x; artifact err: y", "pull image err: x"),
            ("[a, b] c", "[a, b] c"),
            ("100% \\x41 %d %!", "100% \\x41 %d %!"),
            ("", ""),
        ] {
            assert_eq!(peel(wrapped), plain, "{wrapped}");
        }
    }

    #[test]
    fn long_texts_keep_both_ends() {
        let long = format!("head {} tail", "ü\\".repeat(100_000));
        let plain = peel(&long);
        assert!(plain.starts_with("head ") && plain.ends_with(" tail") && plain.len() <= READ_AT_MOST);
    }
}
