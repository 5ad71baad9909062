//! Takes secrets out of text that others wrote: errors of runtimes and registries quote URLs, headers and credentials.
//! One pass, linear in the text; what it does not recognise it leaves alone, so it is the last line of defence and no
//! licence to print requests.

mod keys;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;

use words::{Key, is_credential, is_word, looks_secret};

/// What stands where a secret stood.
const MARK: &str = "[redacted]";

/// What decides whether a value is a secret stands in its first bytes; a bound keeps the scan linear.
const JUDGED: usize = 128;

/// The text without user names and passwords in URLs, query strings, credentials and cookies in headers, tokens that are
/// known by their form, private keys, and values of keys and flags that hold secrets, docker's `auth` and AWS's signature
/// among them.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut scan = Scan {
        text,
        bytes: text.as_bytes(),
        at: 0,
        kept: 0,
        in_url: false,
        depth: 0,
        login: false,
        out: String::new(),
    };
    while scan.at < scan.bytes.len() {
        scan.step();
    }
    scan.finish()
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// The next byte to look at.
    at: usize,
    /// Up to here the text was copied or dropped.
    kept: usize,
    in_url: bool,
    /// How many brackets are open of what Go prints for a map or a struct.
    depth: usize,
    /// Whether this line had the word `login`.
    login: bool,
    out: String,
}

impl<'a> Scan<'a> {
    fn step(&mut self) {
        let byte = self.bytes[self.at];
        if self.starts_with(self.at, b"://") {
            self.url();
        } else if self.in_url && byte == b'?' {
            self.query();
        } else if is_word(byte) {
            self.word();
        } else {
            self.sign(byte);
        }
    }

    /// `map[` and `AuthConfig{` open what Go prints for a map and a struct.
    fn sign(&mut self, byte: u8) {
        self.in_url &= !self.ends_url(self.at);
        let before = &self.bytes[..self.at];
        match byte {
            b'[' if self.depth > 0 || before.ends_with(b"map") => self.depth += 1,
            b'{' if self.depth > 0 || before.last().is_some_and(|b| is_word(*b)) => self.depth += 1,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            b'\n' => self.login = false,
            _ => {}
        }
        self.at += 1;
    }

    /// Drops `user:password@` after a scheme. An image reference by digest has an `@` too.
    fn url(&mut self) {
        let start = self.at + 3;
        let mut end = self.find(start, |s, at| matches!(s.bytes[at], b'/' | b'?' | b'#') || s.ends_url(at));
        if self.has_no_port(start, end) {
            end = self.find_near(end, Self::ends_url);
        }
        let user_end = self.bytes[start..end].iter().rposition(|b| *b == b'@').map(|i| start + i);
        self.in_url = true;
        self.at = start;
        if let Some(user_end) = user_end.filter(|i| !self.is_digest(i + 1)) {
            self.drop_span(start, user_end);
        }
    }

    /// `user:p` before a slash: what should be a port is none, so the slash is one of the password.
    fn has_no_port(&self, start: usize, end: usize) -> bool {
        let authority = &self.bytes[start..end];
        let colon = authority.iter().position(|b| *b == b':').filter(|_| !authority.contains(&b'@'));
        colon.is_some_and(|at| authority[0] != b'[' && authority[at + 1..].iter().any(|b| b.is_ascii_alphabetic()))
    }

    /// Drops what follows a URL's `?`, but not the sentence's own `: 401 Unauthorized` behind it.
    fn query(&mut self) {
        let start = self.at + 1;
        let mut end = self.find(start, Self::ends_url);
        while end > start && matches!(self.bytes[end - 1], b':' | b',' | b'.') {
            end -= 1;
        }
        self.at = start;
        self.drop_span(start, end);
    }

    fn is_digest(&self, at: usize) -> bool {
        self.starts_with(at, b"sha256:") || self.starts_with(at, b"sha512:")
    }

    /// A word may be a token by itself, announce one, or be the key of one.
    fn word(&mut self) {
        let start = self.at;
        let end = self.find(start, |s, at| !is_word(s.bytes[at]));
        self.at = end;
        let word = &self.bytes[start..end];
        self.login |= word == b"login";
        if let Some(end) = self.token_end(start, end) {
            self.drop_span(start, end);
        } else if word.ends_with(b"-----BEGIN") {
            self.private_key(end);
        } else if word.eq_ignore_ascii_case(b"bearer") || word.eq_ignore_ascii_case(b"basic") {
            self.credential_after(end);
        } else if let Some(key) = Key::of(word) {
            self.value_of(key, start, end);
        } else if !self.header(word, end) && !self.short_flag(word, end) {
            self.user_info(start, end);
        }
    }

    /// Where a token ends that begins with this word and is known by its form.
    fn token_end(&self, start: usize, end: usize) -> Option<usize> {
        let word = &self.bytes[start..end];
        if word.starts_with(b"eyJ") && word.len() > 8 && self.starts_with(end, b".") {
            return Some(self.find(end, |s, at| !is_credential(s.bytes[at])));
        }
        if words::is_token(word) {
            return Some(end);
        }
        let last = self.find_near((end + 1).min(self.bytes.len()), |s, at| !is_word(s.bytes[at]));
        let inside = self.starts_with(end, b".") && !self.starts_with(last, b".");
        let outside = start == 0 || !matches!(self.bytes[start - 1], b'.' | b'/');
        (inside && outside && words::is_bootstrap_token(word, &self.bytes[end + 1..last])).then_some(last)
    }

    /// Drops what stands between `-----BEGIN RSA PRIVATE KEY-----` and `-----END`; a certificate stays.
    fn private_key(&mut self, begin_end: usize) {
        const TITLE: &[u8] = b"PRIVATE KEY-----";
        let near = &self.bytes[begin_end..self.bytes.len().min(begin_end + JUDGED)];
        if let Some(at) = near.windows(TITLE.len()).position(|window| window == TITLE) {
            let start = begin_end + at + TITLE.len();
            let rest = self.text.get(start..).unwrap_or_default();
            let end = rest.find("-----END").map_or(self.bytes.len(), |at| start + at);
            self.drop_span(start, end);
        }
    }

    /// `bob:hunter2@reg.io/v2`, but not `nginx:1.27@sha256:…`.
    fn user_info(&mut self, start: usize, end: usize) {
        let begins = start == 0 || !matches!(self.bytes[start - 1], b'/' | b':' | b'@' | b'.');
        if self.in_url || !begins || !self.starts_with(end, b":") || self.starts_with(end, b"://") {
            return;
        }
        let stop = self.find_near(end, |s, at| s.ends_value(at) || matches!(s.bytes[at], b'/' | b'[' | b'(' | b'\\'));
        let at_sign = self.bytes[end..stop].iter().rposition(|b| *b == b'@').map(|at| end + at);
        let host = |at: &usize| self.bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
        if let Some(at) = at_sign.filter(|at| *at > end + 1 && host(at) && !self.is_digest(at + 1)) {
            self.drop_span(start, at);
        }
    }

    /// `Bearer eyJh…`, `Basic dXNlc…`, but neither `Bearer realm="…"` nor `basic authentication`.
    fn credential_after(&mut self, word_end: usize) {
        let start = self.skip_spaces(word_end);
        let mut end = self.find(start, |s, at| !is_credential(s.bytes[at]));
        let quoted = end < self.bytes.len() && matches!(self.bytes[end], b'"' | b'\\');
        while end > start && self.bytes[end - 1] == b'.' {
            end -= 1;
        }
        let attribute = quoted && end > start && self.bytes[end - 1] == b'=';
        if start > word_end && !attribute && looks_secret(&self.bytes[start..end]) {
            self.drop_span(start, end);
        }
    }

    /// Whether a string that was opened by `quote`, escaped if its opening is two bytes long, ends here.
    fn closes(&self, at: usize, quote: u8, opening: usize) -> bool {
        if opening == 2 {
            return self.bytes[at] == b'\\' && self.bytes.get(at + 1) == Some(&quote);
        }
        self.bytes[at] == quote && self.bytes[at - 1] != b'\\'
    }

    fn drop_span(&mut self, start: usize, end: usize) {
        self.at = end;
        if end > start {
            self.out.push_str(self.text.get(self.kept..start).unwrap_or_default());
            self.out.push_str(MARK);
            self.kept = end;
        }
    }

    fn finish(mut self) -> Cow<'a, str> {
        if self.kept == 0 {
            return Cow::Borrowed(self.text);
        }
        self.out.push_str(self.text.get(self.kept..).unwrap_or_default());
        Cow::Owned(self.out)
    }

    fn find(&self, from: usize, stop: impl Fn(&Self, usize) -> bool) -> usize {
        (from..self.bytes.len()).find(|at| stop(self, *at)).unwrap_or(self.bytes.len())
    }

    /// The same, but not far away.
    fn find_near(&self, from: usize, stop: impl Fn(&Self, usize) -> bool) -> usize {
        let end = self.bytes.len().min(from + JUDGED);
        (from..end).find(|at| stop(self, *at)).unwrap_or(end)
    }

    fn starts_with(&self, at: usize, what: &[u8]) -> bool {
        self.bytes.get(at..).is_some_and(|rest| rest.starts_with(what))
    }

    fn skip_spaces(&self, at: usize) -> usize {
        self.find(at, |s, at| s.bytes[at] != b' ')
    }

    fn skip_quote(&self, at: usize) -> usize {
        let escaped = usize::from(self.starts_with(at, b"\\"));
        match self.bytes.get(at + escaped) {
            Some(b'"' | b'\'') => at + escaped + 1,
            _ => at,
        }
    }

    /// URLs end at white space, quotes and angle brackets; an escaped quote ends them too, `\u0026` does not.
    fn ends_url(&self, at: usize) -> bool {
        match self.bytes[at] {
            b'\\' => matches!(self.bytes.get(at + 1), Some(b'"' | b'\'')),
            byte => byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>'),
        }
    }

    fn ends_value(&self, at: usize) -> bool {
        self.ends_url(at) || matches!(self.bytes[at], b',' | b';' | b'&' | b')' | b']' | b'}')
    }
}
