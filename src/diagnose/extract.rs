//! What an error text says besides its cause: host, address, name server, command, ConfigMap and key. Each finder is a
//! small search that may come back empty; the sentence then does without.

mod way;

use crate::causes::CONFIG_REFERENCE_MISSING;
use crate::model::cause::Cause;
use crate::model::image::Reference;
use crate::model::pod::{ConfigRef, ContainerSlot, Pod};
use crate::model::stage::Stage;

use super::phrase::Facts;
use super::text;

/// Facts about a pull that failed. The pod's credentials are spoken of only where the registry they are for was asked.
pub(super) fn image(facts: Facts, pod: &Pod, image: &str, text: &str) -> Facts {
    let facts = pull(facts, image, text);
    if facts.get("asked").is_none() {
        return facts;
    }
    let (secrets, login) = match &pod.pull_secrets[..] {
        [] if text.contains("no basic auth credentials") => {
            ("The pull was anonymous: the pod names no pull secret".to_owned(), "add an imagePullSecret".to_owned())
        }
        // The node may have credentials of its own: the kubelet's credential provider, the runtime's configuration.
        [] => (
            "The pod names no pull secret".to_owned(),
            "add an imagePullSecret, or mend the node's own login".to_owned(),
        ),
        [one] => (format!("The pod uses pull secret {one}"), format!("renew pull secret {one} (expired token?)")),
        [first, ..] => (
            format!("The pod uses {} pull secrets", pod.pull_secrets.len()),
            format!("renew pull secret {first} and the others"),
        ),
    };
    facts.with("secrets", secrets).with("login", login)
}

/// Facts that a peeled text tells by itself, with nobody to ask; `cause` is what it was named.
#[must_use]
pub fn told(cause: &Cause, text: &str) -> Facts {
    let facts = text::facts(text);
    if cause.id == CONFIG_REFERENCE_MISSING.id {
        return reference(facts, text);
    }
    if cause.stage != Stage::ImagePull {
        return facts;
    }
    match facts.get("image").map(str::to_owned) {
        Some(image) => pull(facts, &image, text),
        None => registry(facts, &text::normalise(text)),
    }
}

/// Facts about a pull of an image that nobody names: those about its registry, where the text shows whom it asked, or
/// about the proxy that was asked instead.
fn registry(facts: Facts, text: &str) -> Facts {
    let Some(host) = way::registry(text).or(text.contains("proxyconnect tcp").then_some("")) else { return facts };
    let nameless = Reference { host, path: String::new(), tag: None, digest: None };
    way::facts(facts.with("host", nameless.registry()), &nameless, text)
}

/// Facts about a pull that failed, whoever asked for it.
pub(super) fn pull(facts: Facts, image: &str, text: &str) -> Facts {
    let reference = Reference::parse(text::bare(image));
    let facts = facts
        .with("image", image)
        .with("host", reference.registry())
        .with("path", &reference.path)
        .with("version", reference.version());
    way::facts(facts, &reference, &text::normalise(text))
}

/// Facts about a container whose configuration could not be made.
pub(super) fn config(facts: Facts, pod: &Pod, slot: &ContainerSlot, text: &str) -> Facts {
    let Some(missing) = missing_reference(text) else { return facts };
    let namespace = &pod.id.namespace;
    let sentence = match missing.key {
        Some(key) => format!("{} {} in namespace {namespace} has no key {key}", missing.kind, missing.name),
        None => format!("{} {} does not exist in namespace {namespace}", missing.kind, missing.name),
    };
    facts.with("missing", sentence).with("variables", variables(slot, &missing))
}

/// The object that is missing, as a text tells it that names no pod.
fn reference(facts: Facts, text: &str) -> Facts {
    let Some(MissingReference { kind, name, key }) = missing_reference(text) else { return facts };
    let sentence = match key {
        Some(key) => format!("{kind} {name} has no key {key}"),
        None => format!("{kind} {name} does not exist"),
    };
    let fact = if kind == "Secret" { "secret" } else { "configmap" };
    facts.with("missing", sentence).with(fact, name).with("key", key.unwrap_or_default())
}

/// Facts about a container that could not be started.
pub(super) fn command(facts: Facts, slot: &ContainerSlot, text: &str) -> Facts {
    let command = quoted_after(text, "exec: ").filter(|command| !command.is_empty());
    let command = command.map_or_else(|| "such program".to_owned(), |command| format!("program {command}"));
    facts.with("command", command).with("image", &slot.image)
}

/// A short word for a failure on the way to a registry; for causes in which the registry is only the inner reason.
pub(super) fn network_failure(text: &str) -> Option<&'static str> {
    let text = text::normalise(text);
    if text.contains("proxyconnect tcp") {
        Some("the runtime's proxy fails")
    } else if text.contains("dial tcp: lookup ") {
        Some("its registry's name does not resolve")
    } else {
        way::answer(&text)
    }
}

/// The text between the first quotes after `mark`, escaped or not.
pub(super) fn quoted_after<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(mark)?;
    let rest = rest.strip_prefix('\\').unwrap_or(rest).strip_prefix('"')?;
    let end = rest.find('"')?;
    rest.get(..end).map(|inside| inside.trim_end_matches('\\'))
}

/// The text between two marks.
pub(super) fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inside, _)| inside)
}

/// A ConfigMap or Secret that is not there, or a key in it.
struct MissingReference<'t> {
    kind: &'static str,
    name: &'t str,
    key: Option<&'t str>,
}

fn missing_reference(text: &str) -> Option<MissingReference<'_>> {
    const OBJECTS: &[(&str, &str)] =
        &[("configmap ", "ConfigMap"), ("configmaps ", "ConfigMap"), ("secret ", "Secret"), ("secrets ", "Secret")];
    if let Some((key, place)) = text.split_once("couldn't find key ").and_then(|(_, rest)| rest.split_once(" in ")) {
        let (kind, rest) = place.split_once(' ')?;
        let name = rest.split_whitespace().next()?.rsplit('/').next()?;
        let kind = if kind == "Secret" { "Secret" } else { "ConfigMap" };
        return Some(MissingReference { kind, name, key: Some(key) });
    }
    OBJECTS.iter().find_map(|(mark, kind)| Some(MissingReference { kind, name: quoted_after(text, mark)?, key: None }))
}

/// Which variables of the container come from there, as far as its spec tells.
fn variables(slot: &ContainerSlot, missing: &MissingReference<'_>) -> String {
    let concerned = |r: &&ConfigRef| {
        r.kind == missing.kind && &*r.name == missing.name && (missing.key.is_none() || r.key.as_deref() == missing.key)
    };
    let named: Vec<_> = slot.refs.iter().filter(concerned).filter_map(|r| r.variable.as_deref()).collect();
    match named[..] {
        [] => "its environment".to_owned(),
        [one] => one.to_owned(),
        [one, two] => format!("{one} and {two}"),
        [first, ..] => format!("{first} and {} more variables", named.len() - 1),
    }
}
