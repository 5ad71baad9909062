//! Which words announce a secret, and which are one by themselves. Knows words only, never where they stand.

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
    "accountkey",
    "apikey",
    "privatekey",
    "signature",
    "credential",
    "registryauth",
];

/// Keys that are secrets only as a whole word: too many words end in them.
const SECRET_WORDS: &[&str] = &["auth", "pass", "pwd", "sig"];

/// Keys whose secret may also follow a colon in a sentence; other keys are prose there (`fetch token: …`).
const KEYS_BEFORE_COLON: &[&str] = &["password", "passwd", "passphrase", "registryauth", "apikey", "auth"];

/// Beginnings by which the tokens of well-known issuers are told: GitHub, GitLab, Docker Hub, Slack. AWS's `AKIA…` is the
/// name of a key and no secret.
const TOKENS: &[&str] = &[
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "dckr_pat_",
    "dckr_oat_",
    "xoxb-",
    "xoxp-",
    "xoxa-",
];

/// What a sentence says after the name of a flag, where a command has the flag's value.
const AFTER_A_FLAG: &[&str] = &[
    "and", "are", "can", "cannot", "flag", "for", "from", "has", "in", "instead", "is", "may", "must", "needs", "not",
    "option", "or", "requires", "set", "should", "to", "via", "was", "with",
];

/// What the key says about a value behind a colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// `DB_PASSWORD`, `X-Registry-Auth`: a variable or a header, hardly a word of a sentence.
    Name,
    /// `password`: what follows is a secret if it looks like one.
    Telling,
    /// `token`, `secret`: mostly prose.
    Common,
}

impl Key {
    /// What kind of key this is, if it holds a secret. Keys longer than any real one are none.
    pub(super) fn of(word: &[u8]) -> Option<Self> {
        if word.len() > 64 {
            return None;
        }
        let plain: String =
            word.iter().filter(|b| b.is_ascii_alphanumeric()).map(|b| char::from(b.to_ascii_lowercase())).collect();
        if !SECRET_WORDS.contains(&plain.as_str()) && !SECRET_KEYS.iter().any(|key| plain.ends_with(key)) {
            return None;
        }
        let header = plain.starts_with('x') && word.get(1) == Some(&b'-');
        Some(match () {
            () if header || word.contains(&b'_') => Self::Name,
            () if KEYS_BEFORE_COLON.iter().any(|key| plain == *key || *key != "auth" && plain.ends_with(key)) => {
                Self::Telling
            }
            () => Self::Common,
        })
    }

    /// Whether `value`, that follows `key: ` in running text, is a secret. `alone` says that no sentence goes on after it.
    pub(super) fn tells(self, value: &[u8], alone: bool) -> bool {
        match self {
            Self::Name => alone || looks_secret(value),
            Self::Telling => looks_secret(value) && !is_camel(value),
            Self::Common => looks_random(value),
        }
    }
}

/// Whether the word is a token by its beginning.
pub(super) fn is_token(word: &[u8]) -> bool {
    TOKENS.iter().any(|token| word.starts_with(token.as_bytes()) && word.len() >= token.len() + 8)
}

/// `abcdef.0123456789abcdef` (Kubernetes: cluster-bootstrap/token/api, `BootstrapTokenPattern`); the two halves.
pub(super) fn is_bootstrap_token(id: &[u8], secret: &[u8]) -> bool {
    let plain = |half: &[u8]| half.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    id.len() == 6 && secret.len() == 16 && plain(id) && plain(secret) && secret.iter().any(u8::is_ascii_digit)
}

/// Whether a sentence goes on so after a flag.
pub(super) fn goes_on_after_a_flag(word: &[u8]) -> bool {
    AFTER_A_FLAG.iter().any(|known| known.as_bytes() == word)
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

pub(super) fn is_credential(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=')
}

/// Six bytes at least, and something that words of a sentence lack: a digit, a symbol, a capital inside.
pub(super) fn looks_secret(text: &[u8]) -> bool {
    let telling = |b: &u8| !b.is_ascii_lowercase() && *b != b'-';
    text.len() >= 6 && text.iter().skip(1).any(telling)
}

/// Twenty bytes at least of capitals, small letters and digits, without what names and addresses have.
fn looks_random(text: &[u8]) -> bool {
    let has = |what: fn(&u8) -> bool| text.iter().any(what);
    text.len() >= 20
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && !has(|b| matches!(b, b'.' | b':'))
}

/// `AccessDenied`: the name of an error.
fn is_camel(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_uppercase)
        && text.iter().all(u8::is_ascii_alphabetic)
        && text.windows(2).any(|pair| pair.iter().all(u8::is_ascii_lowercase))
}
