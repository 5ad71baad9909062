//! Takes secrets out of text that others wrote: errors of runtimes and registries quote URLs, headers and credentials.
//! One pass, linear in the text; what it does not recognise it leaves alone, so it is the last line of defence and no
//! licence to print requests.

use std::borrow::Cow;

/// What stands where a secret stood.
const MARK: &str = "[redacted]";

/// Keys whose value is a secret, in lower case without `-` and `_`. A key matches if it ends so: `DB_PASSWORD`,
/// `X-Amz-Security-Token`, `identitytoken`.
const SECRET_KEYS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "token",
    "secret",
    "secretkey",
    "accesskey",
    "apikey",
    "privatekey",
    "signature",
    "credential",
    "registryauth",
];

/// Keys that are secrets only as a whole word: too many words end in them.
const SECRET_WORDS: &[&str] = &["auth", "pwd", "sig"];

/// Keys whose secret may also follow a colon without any quotes; other keys are prose there (`fetch token: …`).
const KEYS_BEFORE_COLON: &[&str] = &["password", "passwd", "passphrase", "registryauth"];

/// The text without user names and passwords in URLs, query strings, bearer and basic credentials, JSON web tokens, and
/// values of keys that hold secrets, docker's `auth` and AWS's signature among them.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut scan = Scan { text, bytes: text.as_bytes(), at: 0, kept: 0, in_url: false, out: String::new() };
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
            self.in_url &= !self.ends_url(self.at);
            self.at += 1;
        }
    }

    /// Drops `user:password@` after a scheme. An image reference by digest has an `@` too.
    fn url(&mut self) {
        let start = self.at + 3;
        let end = self.find(start, |s, at| matches!(s.bytes[at], b'/' | b'?' | b'#') || s.ends_url(at));
        let user_end = self.bytes[start..end].iter().rposition(|b| *b == b'@').map(|i| start + i);
        self.in_url = true;
        self.at = start;
        if let Some(user_end) = user_end.filter(|i| !self.is_digest(i + 1)) {
            self.drop_span(start, user_end);
        }
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
        if word.starts_with(b"eyJ") && word.len() > 8 && self.starts_with(end, b".") {
            let end = self.find(end, |s, at| !is_credential(s.bytes[at]));
            self.drop_span(start, end);
        } else if word.eq_ignore_ascii_case(b"bearer") || word.eq_ignore_ascii_case(b"basic") {
            self.credential_after(end);
        } else if let Some(key) = secret_key(word) {
            self.value_of(&key, start, end);
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

    /// `key=value`, `key: value`, `"key": "value"`, also where the quotes are escaped.
    fn value_of(&mut self, key: &str, key_start: usize, key_end: usize) {
        let quoted_key = key_start > 0 && matches!(self.bytes[key_start - 1], b'"' | b'\'');
        let separator = self.skip_spaces(if quoted_key { self.skip_quote(key_end) } else { key_end });
        let Some(sign) = self.bytes.get(separator).copied().filter(|b| matches!(b, b'=' | b':')) else { return };
        let start = self.skip_spaces(separator + 1);
        let inside = self.skip_quote(start);
        let quoted = inside > start;
        if sign == b':' && !quoted_key && !KEYS_BEFORE_COLON.contains(&key) {
            return;
        }
        let end = if quoted {
            let quote = self.bytes[inside - 1];
            self.find(inside, |s, at| s.closes(at, quote, inside - start))
        } else {
            self.find(inside, |s, at| s.ends_value(at))
        };
        let value = &self.bytes[inside..end];
        let prose = sign == b':' && !quoted && (quoted_key || !looks_secret(value));
        if !prose && !matches!(value, b"" | b"true" | b"false" | b"null") {
            self.drop_span(inside, end);
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

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_credential(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=')
}

/// Six bytes at least, and something that words of a sentence lack: a digit, a symbol, a capital inside.
fn looks_secret(text: &[u8]) -> bool {
    let telling = |b: &u8| !b.is_ascii_lowercase() && *b != b'-';
    text.len() >= 6 && text.iter().skip(1).any(telling)
}

/// The key in its plain form, if it holds a secret. Keys longer than any real one are none.
fn secret_key(word: &[u8]) -> Option<String> {
    if word.len() > 64 {
        return None;
    }
    let plain: String =
        word.iter().filter(|b| b.is_ascii_alphanumeric()).map(|b| char::from(b.to_ascii_lowercase())).collect();
    let secret = SECRET_WORDS.contains(&plain.as_str()) || SECRET_KEYS.iter().any(|key| plain.ends_with(key));
    secret.then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_every_known_shape_are_taken_out() {
        for (text, clean) in [
            ("Get \"https://bob:hunter2@reg.io/v2/\": EOF", "Get \"https://[redacted]@reg.io/v2/\": EOF"),
            ("https://t0ken@reg.io: 401", "https://[redacted]@reg.io: 401"),
            ("https://a.io/b?X-Amz-Signature=ab&c=d: 403", "https://a.io/b?[redacted]: 403"),
            ("see \"https://a.io/t?x=1\\u0026y=2\" now", "see \"https://a.io/t?[redacted]\" now"),
            ("{\\\"u\\\":\\\"https://a.io/t?x=1\\\"} now", "{\\\"u\\\":\\\"https://a.io/t?[redacted]\\\"} now"),
            ("Authorization: Bearer abc.DEF-123", "Authorization: Bearer [redacted]"),
            ("authorization: basic dXNlcjpwYXNz", "authorization: basic [redacted]"),
            ("password=hunter2 for bob", "password=[redacted] for bob"),
            ("DB_PASSWORD='hun ter2', next", "DB_PASSWORD='[redacted]', next"),
            ("password: hunter2", "password: [redacted]"),
            ("{\"auth\": \"dXNlcjpwYXNz\"}", "{\"auth\": \"[redacted]\"}"),
            ("{\\\"auth\\\":\\\"dXNl\\\",\\\"a\\\":1}", "{\\\"auth\\\":\\\"[redacted]\\\",\\\"a\\\":1}"),
            ("\"identitytoken\":\"a\\\"b\"", "\"identitytoken\":\"[redacted]\""),
            ("Credential=AKIA/2026/x, Signature=00ff", "Credential=[redacted], Signature=[redacted]"),
            ("r.io/t?access_token=abc&scope=pull", "r.io/t?access_token=[redacted]&scope=pull"),
            ("got eyJhbGciOiJ.eyJzdWIi.c2ln-x done", "got [redacted] done"),
            ("password=\"never closed", "password=\"[redacted]"),
            ("pässwörter: https://ü:ß@h/", "pässwörter: https://[redacted]@h/"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }

    #[test]
    fn what_is_no_secret_survives_to_the_byte() {
        for text in [
            "docker.io/library/nginx@sha256:aaaa",
            "docker://nginx@sha256:aaaa and docker://quay.io/a/b@sha256:bbbb",
            "write to ops@example.com or https://example.com/~ops@home",
            "Www-Authenticate: Bearer realm=\"https://auth.docker.io/token\",service=\"registry\"",
            "no basic auth credentials; Basic authentication. failed; bearer token missing",
            "failed to fetch anonymous token: unexpected status from GET request to https://a.io/token: 401 Unauthorized",
            "failed to fetch oauth token: denied",
            "secret \"db-password\" not found",
            "couldn't find key token in Secret default/db",
            "references non-existent secret key: password",
            "invalid password: access denied",
            "MountVolume.SetUp failed for volume \"auth\" : hostPath type check failed",
            "automountServiceAccountToken=false",
            "scope=repository:a/b:pull digest=sha256:abc",
            "password= ",
            "why? because",
        ] {
            assert_eq!(redact(text), text);
            assert!(matches!(redact(text), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn no_text_makes_it_stop_or_grow_without_reason() {
        let pieces = ["://", "@", "?", "\\", "\"", "auth", "=", ":", "ü", "Bearer ", "eyJ", ".", " ", "password", "\0"];
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..20_000 {
            let text: String = (0..random.usize(0..12)).map(|_| pieces[random.usize(0..pieces.len())]).collect();
            assert!(redact(&text).len() <= text.len() + 12 * MARK.len());
        }
    }

    #[test]
    fn a_megabyte_of_traps_takes_one_pass() {
        for trap in ["://", "password=\"", "password: ", "Bearer ", "\"auth\":", "eyJaaaaaa.", "?", "\\"] {
            assert!(redact(&trap.repeat((1 << 20) / trap.len())).len() < 1 << 22);
        }
    }
}
