//! Whether a text is an image reference: `[host[:port]/]path[:tag][@digest]`
//! (github.com/distribution/reference: regexp.go, and the limits in reference.go). Says what is wrong with it; never
//! fills in what is missing: a short name is the runtime's to complete.

use std::fmt;

/// How long host and path may be together (reference.go: RepositoryNameTotalLengthMax).
const NAME_AT_MOST: usize = 255;
const TAG_AT_MOST: usize = 128;

/// What is wrong with a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAnImage {
    Scheme,
    Empty,
    Host,
    UpperCase,
    Path,
    TooLong,
    Tag,
    Digest,
}

impl fmt::Display for NotAnImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "an image has no https:// in front",
            Self::Empty => "the image has no name",
            Self::Host => "the host of the registry is not written as host or host:port",
            Self::UpperCase => "the path of an image has no upper-case letters",
            Self::Path => "the path of the image is not letters and digits parted by . _ - and /",
            Self::TooLong => "the name is longer than 255 characters",
            Self::Tag => "the tag is not up to 128 letters, digits, . _ -",
            Self::Digest => "the digest is not sha256: and 64 hexadecimal digits",
        })
    }
}

/// Checks a reference.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn check(reference: &str) -> Result<(), NotAnImage> {
    if reference.contains("://") {
        return Err(NotAnImage::Scheme);
    }
    let (rest, digest) = cut_last(reference, '@');
    let (name, tag) = match cut_last(rest, ':') {
        (name, Some(tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    name_is_right(name)?;
    require(tag.is_none_or(is_tag), NotAnImage::Tag)?;
    require(digest.is_none_or(is_digest), NotAnImage::Digest)
}

fn name_is_right(name: &str) -> Result<(), NotAnImage> {
    require(!name.is_empty(), NotAnImage::Empty)?;
    require(name.len() <= NAME_AT_MOST, NotAnImage::TooLong)?;
    let path = match name.split_once('/') {
        Some((host, path)) if is_host_like(host) => {
            require(is_host(host), NotAnImage::Host)?;
            path
        }
        _ => name,
    };
    require(!path.chars().any(|c| c.is_ascii_uppercase()), NotAnImage::UpperCase)?;
    require(path.split('/').all(is_component), NotAnImage::Path)
}

/// The first part of a name is a host if it could not be part of a path (reference.go: splitDockerDomain).
fn is_host_like(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.chars().any(|c| c.is_ascii_uppercase())
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, port)) => return is_v6(v6) && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)),
        None => cut_last(text, ':'),
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label) && port.is_none_or(is_port)
}

fn is_v6(text: &str) -> bool {
    text.parse::<std::net::Ipv6Addr>().is_ok()
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Runs of lower-case letters and digits, parted by one `.`, one or two `_`, or any number of `-`.
fn is_component(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = text.chars().next().is_some_and(word) && text.chars().next_back().is_some_and(word);
    let separator = |run: &str| matches!(run, "" | "." | "_" | "__") || run.chars().all(|c| c == '-');
    ends && text.split(word).filter(|run| !run.is_empty()).all(separator)
        && text.chars().all(|c| word(c) || matches!(c, '.' | '_' | '-'))
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= TAG_AT_MOST
        && text.chars().next().is_some_and(word)
        && text.chars().all(|c| word(c) || matches!(c, '.' | '-'))
}

fn is_digest(text: &str) -> bool {
    let hex =
        |digits: &str, length| digits.len() == length && digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    match text.split_once(':') {
        Some(("sha256", digits)) => hex(digits, 64),
        Some(("sha512", digits)) => hex(digits, 128),
        _ => false,
    }
}

fn cut_last(text: &str, at: char) -> (&str, Option<&str>) {
    text.rsplit_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn require(holds: bool, otherwise: NotAnImage) -> Result<(), NotAnImage> {
    if holds { Ok(()) } else { Err(otherwise) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_call_images_is_taken() {
        let digest = format!("registry.example.com/mesh/proxy:1@sha256:{}", "9f".repeat(32));
        for image in [
            "nginx",
            "nginx:1.27",
            "library/nginx",
            "localhost/app",
            "localhost:5000/app:v1",
            "registry.example.com:5000/a/b/c",
            "[2001:db8::1]:5000/app",
            "ghcr.io/a__b/c---d.e:V1_2.3-rc",
            "Registry.example.com/app",
            digest.as_str(),
        ] {
            assert_eq!(check(image), Ok(()), "{image}");
        }
    }

    #[test]
    fn what_no_runtime_would_parse_is_refused_with_the_reason() {
        for (image, why) in [
            ("https://registry.example.com/app", NotAnImage::Scheme),
            ("", NotAnImage::Empty),
            (":tag", NotAnImage::Empty),
            ("registry.example.com/Team/app", NotAnImage::UpperCase),
            ("registry.example.com/", NotAnImage::Path),
            ("a//b", NotAnImage::Path),
            ("a..b/c d", NotAnImage::Host),
            ("a b", NotAnImage::Path),
            ("-a.example/app", NotAnImage::Host),
            ("app:", NotAnImage::Tag),
            ("app:a b", NotAnImage::Tag),
            ("app@sha256:123", NotAnImage::Digest),
            ("app@sha256", NotAnImage::Digest),
        ] {
            assert_eq!(check(image), Err(why), "{image}");
        }
        assert_eq!(check(&"a".repeat(256)), Err(NotAnImage::TooLong));
    }
}
