//! What follows a key, the name of a header or a flag. Decides by the form of what follows and the kind of the key, so
//! that sentences with these words in them stay whole.

use super::words::{Key, goes_on_after_a_flag, is_word};
use super::{MARK, Scan};

/// Headers that hold credentials without any word that says so.
const AUTHORIZATION: &[&str] = &["authorization", "proxy-authorization"];
const COOKIES: &[&str] = &["cookie", "set-cookie"];

/// Names of flags that take `user:password` (curl).
const USER_FLAGS: &[&[u8]] = &[b"-u", b"--user", b"--proxy-user"];

/// Values that say something about the secret and are none.
const NO_SECRETS: &[&[u8]] = &[b"", b"true", b"false", b"null", b"nil", b"<nil>"];

impl Scan<'_> {
    /// `key=value`, `key: value`, `"key": "value"`, also where the quotes are escaped; `key:[value]`; `--key value`.
    pub(super) fn value_of(&mut self, key: Key, key_start: usize, key_end: usize) {
        let quoted_key = key_start > 0 && matches!(self.bytes[key_start - 1], b'"' | b'\'');
        let separator = self.skip_spaces(if quoted_key { self.skip_quote(key_end) } else { key_end });
        let start = self.skip_spaces((separator + 1).min(self.bytes.len()));
        let quoted = self.skip_quote(start) > start;
        match self.bytes.get(separator) {
            Some(b'=') => self.drop_value(start),
            Some(b':') if quoted_key && !quoted => {}
            Some(b':') if self.starts_with(separator, b":[") => self.listed(start),
            Some(b':') if quoted_key || self.is_told(key, key_start, key_end, start) => self.drop_value(start),
            Some(b':') | None => {}
            Some(_) if self.bytes[key_start] == b'-' => self.flag(key_end),
            Some(_) => {}
        }
    }

    /// Whether a secret follows a key that stands before a colon without quotes.
    fn is_told(&self, key: Key, key_start: usize, key_end: usize, start: usize) -> bool {
        let inside = self.skip_quote(start);
        if inside > start {
            let end = self.find_near(inside, |s, at| matches!(s.bytes[at], b'"' | b'\'' | b'\\'));
            return key != Key::Common || key.tells(&self.bytes[inside..end], false);
        }
        let mut end = self.find_near(start, Self::ends_value);
        let alone = self.bytes.get(end).is_none_or(|b| *b != b' ');
        while end > start && matches!(self.bytes[end - 1], b'.' | b':') {
            end -= 1;
        }
        let value = &self.bytes[start..end];
        if !self.starts_with(key_end, b": ") {
            if self.depth > 0 {
                return !value.starts_with(b"&");
            }
            if is_version(value) || key_start > 0 && self.bytes[key_start - 1] == b'/' {
                return false;
            }
        }
        key.tells(value, alone)
    }

    /// Drops the value that begins here, up to its quote or to where values end.
    fn drop_value(&mut self, start: usize) {
        if self.skips_mark(start) {
            return;
        }
        let inside = self.skip_quote(start);
        let end = if inside > start {
            let quote = self.bytes[inside - 1];
            self.find(inside, |s, at| s.closes(at, quote, inside - start))
        } else {
            self.find(inside, Self::ends_value)
        };
        if !NO_SECRETS.contains(&&self.bytes[inside..end]) {
            self.drop_span(inside, end);
        }
    }

    /// What Go prints for the values of a header: `[value]`.
    fn listed(&mut self, bracket: usize) {
        let start = bracket + 1;
        if !self.skips_mark(bracket) && !self.skips_mark(start) {
            let end = self.find(start, |s, at| matches!(s.bytes[at], b']' | b'\n'));
            self.drop_span(start, end);
        }
    }

    /// Texts may come here twice.
    fn skips_mark(&mut self, at: usize) -> bool {
        let marked = self.starts_with(at, MARK.as_bytes());
        if marked {
            self.at = at + MARK.len();
        }
        marked
    }

    /// `--password hunter2`, but neither `--password --user` nor `--password is deprecated`.
    fn flag(&mut self, end: usize) {
        let start = self.skip_spaces(end);
        let value = &self.bytes[start..self.find_near(start, Self::ends_value)];
        let begins = self.bytes.get(start).is_some_and(|b| b.is_ascii_graphic() && !b"-([<,:;.".contains(b));
        if start > end && begins && !goes_on_after_a_flag(value) {
            self.drop_value(start);
        }
    }

    /// `login -p hunter2`, `curl -u bob:hunter2`; whether this was such a flag.
    pub(super) fn short_flag(&mut self, word: &[u8], end: usize) -> bool {
        let user = USER_FLAGS.contains(&word);
        if user {
            let start = self.skip_quote(self.skip_spaces(end));
            let value = &self.bytes[start..self.find_near(start, Self::ends_value)];
            let password = value.iter().position(|b| *b == b':').map(|at| &value[at + 1..]);
            let is_id = value.iter().all(|b| b.is_ascii_digit() || *b == b':');
            if password.is_some_and(|word| !word.is_empty() && !word.starts_with(b"//") && !is_id) {
                self.flag(end);
            }
        } else if word == b"-p" && self.login {
            self.flag(end);
        }
        user || word == b"-p"
    }

    /// `Authorization: Token …` and `Set-Cookie: …`; whether this was such a header.
    pub(super) fn header(&mut self, word: &[u8], end: usize) -> bool {
        let is_one_of = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()));
        let authorization = is_one_of(AUTHORIZATION);
        if !authorization && !is_one_of(COOKIES) {
            return false;
        }
        let separator = self.skip_quote(end);
        if self.starts_with(separator, b":") {
            let value = self.skip_spaces(separator + 1);
            let start = self.skip_quote(value);
            match () {
                () if self.starts_with(start, b"[") => self.listed(start),
                () if authorization => self.authorization(start),
                () => self.cookie(start),
            }
        }
        true
    }

    /// A scheme and its credential; of `Bearer` and `Basic` every mention is looked at anyway.
    fn authorization(&mut self, start: usize) {
        let end = self.find_near(start, |s, at| !is_word(s.bytes[at]));
        let scheme = &self.bytes[start..end];
        if scheme.eq_ignore_ascii_case(b"token") || scheme.eq_ignore_ascii_case(b"apikey") {
            self.credential_after(end);
            return;
        }
        let end = self.find_near(start, Self::ends_value);
        if Key::Telling.tells(&self.bytes[start..end], true) {
            self.drop_value(start);
        }
    }

    fn cookie(&mut self, start: usize) {
        let name_end = self.find_near(start, |s, at| !is_word(s.bytes[at]));
        if name_end > start && self.starts_with(name_end, b"=") {
            let end = self.find(start, |s, at| matches!(s.bytes[at], b'\n' | b'"' | b'\'' | b'\\'));
            self.drop_span(start, end);
        }
    }
}

/// `v1.27.3`, `1.27`: what follows the name of an image.
fn is_version(value: &[u8]) -> bool {
    let number = value.strip_prefix(b"v").unwrap_or(value);
    number.first().is_some_and(u8::is_ascii_digit) && number.contains(&b'.')
}
