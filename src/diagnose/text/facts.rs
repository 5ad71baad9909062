//! What a text says besides its cause, by name: image, host, plugin, path, volume … as the finders know where to look.

use super::{INDEX, finders};
use crate::diagnose::phrase::Facts;
use crate::model::image::Reference;
use crate::model::redact::redact;
use crate::model::wording::cut;

/// Longer values are cut: a fact is a name, not a story.
const BYTES_AT_MOST: usize = 120;

/// The facts of a peeled text, without its secrets. Of several finders for one fact the first that finds something decides.
#[must_use]
pub fn facts(text: &str) -> Facts {
    let text = &*redact(text);
    let marks = INDEX.scan(text);
    let mut facts = Facts::default();
    for (finder, at) in INDEX.finders(&marks) {
        if facts.get(finder.fact).is_some() {
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        if let Some(value) = finders::value(finder, rest) {
            facts.set(finder.fact, cut(value, BYTES_AT_MOST));
        }
    }
    for phrase in INDEX.phrases(&marks) {
        if facts.get(phrase.fact).is_none() {
            facts.set(phrase.fact, phrase.said);
        }
    }
    if facts.get("image").is_none() {
        facts.set("image", asked_for(text).unwrap_or_default());
    }
    of_image(facts)
}

/// The image that a registry was asked for, where the text names it by the request alone:
/// `https://HOST/v2/PATH/manifests/TAG` (OCI distribution, "Pulling manifests"), `source docker://NAME`,
/// `reading manifest TAG in HOST/PATH` (c/image: docker).
fn asked_for(text: &str) -> Option<String> {
    source(text).or_else(|| requested(text)).or_else(|| read_manifest(text))
}

fn source(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("source docker://")?;
    let name = rest.split(char::is_whitespace).next()?.trim_end_matches(':');
    (!name.is_empty()).then(|| name.to_owned())
}

fn requested(text: &str) -> Option<String> {
    let (before, after) = text.split_once("/manifests/")?;
    let (host, path) = before.rsplit_once("://")?.1.split_once("/v2/")?;
    let end = after.find(|c: char| matches!(c, '"' | '?' | ',') || c.is_whitespace()).unwrap_or(after.len());
    image(host, path, after.get(..end)?.trim_end_matches(':'))
}

fn read_manifest(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("reading manifest ")?;
    let (version, rest) = rest.split_once(" in ")?;
    let (host, path) = rest.split(": ").next()?.split_once('/')?;
    image(host, path, version)
}

fn image(host: &str, path: &str, version: &str) -> Option<String> {
    let word = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
    let sign = if version.contains(':') { '@' } else { ':' };
    [host, path, version].into_iter().all(word).then(|| format!("{host}/{path}{sign}{version}"))
}

/// An image's name without a scheme that does not belong there.
pub(in crate::diagnose) fn bare(image: &str) -> &str {
    image.split_once("://").map_or(image, |(_, name)| name)
}

/// An image's parts are facts of their own.
fn of_image(facts: Facts) -> Facts {
    let Some(image) = facts.get("image").map(str::to_owned) else { return facts };
    let reference = Reference::parse(bare(&image));
    let parts = [
        ("host", reference.host),
        ("name", reference.host_name()),
        ("path", &*reference.path),
        ("version", reference.version()),
    ];
    parts
        .into_iter()
        .fold(facts, |facts, (name, value)| if facts.get(name).is_some() { facts } else { facts.with(name, value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_from_the_request_for_its_manifest() {
        for (text, image) in [
            (r#"Head "https://r.example.com/v2/shop/cart/manifests/2.14": Forbidden"#, "r.example.com/shop/cart:2.14"),
            ("from HEAD request to https://r.example.com:5000/v2/cart/manifests/2: 500 x", "r.example.com:5000/cart:2"),
            (r#"Get "https://r.example.com/v2/a/b/manifests/sha256:ab12": EOF"#, "r.example.com/a/b@sha256:ab12"),
            ("reading manifest 2 in r.example.com/shop/cart: denied", "r.example.com/shop/cart:2"),
            ("initializing source docker://cart:2: reading manifest 2 in docker.io/library/cart: denied", "cart:2"),
            (r#"Failed to pull image "cart:3": Get "https://m/v2/cart/manifests/2": EOF"#, "cart:3"),
        ] {
            assert_eq!(facts(text).get("image"), Some(image), "{text}");
        }
    }

    #[test]
    fn what_is_no_request_for_a_manifest_names_no_image() {
        for text in [
            "/manifests/",
            "https://a/manifests/b",
            "https:///v2//manifests/",
            "reading manifest  in /",
            "source docker://",
        ] {
            assert_eq!(facts(text).get("image"), None, "{text}");
        }
    }
}
