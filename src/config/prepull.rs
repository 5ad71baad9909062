//! `prepull:`, the sets of images to have before pods ask for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::schedule;
use crate::model::settings::{CredentialSettings, CredentialSource, First, PrepullSet, PrepullSettings, Window};

use super::reader::{Item, Section};
use super::{image, spelling};

const PARALLEL_AT_MOST: usize = 16;
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn read(section: &mut Section<'_>) -> PrepullSettings {
    let default = PrepullSettings::default();
    let spread = section.take("spread").and_then(|item| item.span(Duration::ZERO..=DAY)).unwrap_or(default.spread);
    let keep_at_most = section.take("keepAtMost").and_then(Item::share).unwrap_or(default.keep_at_most);
    let node_labels = section.take("nodeLabels").and_then(Item::flag).unwrap_or(default.node_labels);
    let taint = "write the key of a taint, as in example.com/images";
    let startup_taint = section.take("startupTaint").and_then(|item| item.checked(label_key, taint)).map(Arc::from);
    let mut names = BTreeSet::new();
    let sets = section.take("sets").and_then(|item| item.list(|item| one(item, &mut names))).unwrap_or_default();
    PrepullSettings { spread, keep_at_most, node_labels, startup_taint, sets }
}

fn one<'a>(item: Item<'a>, names: &mut BTreeSet<&'a str>) -> Option<PrepullSet> {
    item.section(|section| {
        let name = section.require("name").and_then(|item| name(item, names));
        let images = section.require("images").and_then(images);
        let default = PrepullSet::new(name.unwrap_or_default(), images.clone().unwrap_or_default());
        let set = PrepullSet {
            match_labels: section.part("nodes", nodes),
            parallel: section
                .take("parallel")
                .and_then(|item| item.count(1..=PARALLEL_AT_MOST))
                .unwrap_or(default.parallel),
            credentials: section.take("credentials").and_then(credentials),
            first: section.take("first").and_then(|item| item.section(first)).flatten(),
            window: section.take("window").and_then(|item| item.section(window)).flatten(),
            min_free: section.take("minFree").and_then(Item::share).unwrap_or(default.min_free),
            keep: section.take("keep").and_then(Item::flag).unwrap_or(default.keep),
            refresh: section.take("refresh").and_then(|item| item.span(MINUTE..=30 * DAY)),
            essential: section.take("essential").and_then(Item::flag).unwrap_or(default.essential),
            ..default
        };
        name.and(images).map(|_| set)
    })?
}

fn name<'a>(item: Item<'a>, names: &mut BTreeSet<&'a str>) -> Option<&'a str> {
    let name = item.checked(set_name, "write up to 63 of a-z, 0-9 and -, as in base")?;
    if names.insert(name) {
        Some(name)
    } else {
        item.wrong(format!("a set before it is called {name} too"), "name each once")
    }
}

fn set_name(text: &str) -> Result<(), &'static str> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = text.starts_with(inner) && text.ends_with(inner) && text.chars().all(|c| inner(c) || c == '-');
    if fits && text.len() <= 63 { Ok(()) } else { Err("a set can't be called so") }
}

fn images(item: Item<'_>) -> Option<Vec<Arc<str>>> {
    let mut seen = BTreeSet::new();
    let images = item.list(|item| {
        let image = item.checked(image::check, "write it as in registry.example.com/base/jre:21")?;
        if seen.insert(image) {
            Some(Arc::from(image))
        } else {
            item.wrong(format!("{image} stands here twice"), "list it once")
        }
    })?;
    if item.is_empty_list() { item.wrong("the set has no images", "list at least one") } else { Some(images) }
}

fn nodes(section: &mut Section<'_>) -> BTreeMap<Arc<str>, Arc<str>> {
    let right = "write a label such as pool: general";
    let label = |item: Item<'_>| {
        item.pairs(|key, item| {
            let value = item.checked_or_empty(label_value, right)?;
            match label_key(key.text) {
                Ok(()) => Some((key.text.into(), value.into())),
                Err(what) => key.wrong(what, right),
            }
        })
    };
    section.take("matchLabels").and_then(label).unwrap_or_default().into_iter().collect()
}

/// (Kubernetes: staging/src/k8s.io/apimachinery/pkg/api/validate/content)
fn label_key(text: &str) -> Result<(), &'static str> {
    let (prefix, name) = text.rsplit_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let prefix_fits =
        prefix.is_none_or(|p| !p.is_empty() && p.len() <= 253 && p.chars().all(|c| is_label_char(c) && c != '_'));
    if prefix_fits && !name.is_empty() { label_value(name) } else { Err("this is no key of a label") }
}

fn label_value(text: &str) -> Result<(), &'static str> {
    let edge = |c: char| c.is_ascii_alphanumeric();
    let fits = text.starts_with(edge) && text.ends_with(edge) && text.chars().all(is_label_char);
    if fits && text.len() <= 63 { Ok(()) } else { Err("no label can be so") }
}

fn is_label_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn credentials(item: Item<'_>) -> Option<CredentialSettings> {
    item.section(|section| {
        let file = section.take("file").map(path);
        let providers = section.take("providers").map(|item| item.section(providers).flatten());
        let any_pod_may_use = section.take("anyPodMayUse").and_then(Item::flag).unwrap_or_default();
        let source = match (file, providers) {
            (Some(file), None) => file.map(CredentialSource::File),
            (None, Some(providers)) => providers,
            (Some(_), Some(_)) => item.wrong("file and providers both stand here", "keep one of them"),
            (None, None) => item.wrong(
                "it is not said where credentials come from",
                "write file: /etc/kubewhy/registry.json, or providers: {config: /etc/kubernetes/credential-provider.yaml, \
                 binDir: /usr/local/bin}",
            ),
        };
        source.map(|source| CredentialSettings { source, any_pod_may_use })
    })?
}

fn providers(section: &mut Section<'_>) -> Option<CredentialSource> {
    let config = section.require("config").and_then(path);
    let bin_dir = section.require("binDir").and_then(path);
    Some(CredentialSource::Providers { config: config?, bin_dir: bin_dir? })
}

fn path(item: Item<'_>) -> Option<PathBuf> {
    item.checked(absolute, "write the whole path, from /").map(PathBuf::from)
}

fn absolute(text: &str) -> Result<(), &'static str> {
    if text.starts_with('/') { Ok(()) } else { Err("this path does not say where it begins") }
}

fn window(section: &mut Section<'_>) -> Option<Window> {
    let right = "write minute, hour, day, month and weekday, as in 0 1 * * *";
    let cron = section.require("cron").and_then(|item| item.checked(schedule::check, right));
    let lasts = section.require("for").and_then(|item| item.span(MINUTE..=7 * DAY));
    let zone = section.take("timeZone").and_then(time_zone);
    Some(Window { cron: cron?.into(), lasts: lasts?, zone: zone.map(Arc::from) })
}

fn time_zone(item: Item<'_>) -> Option<&str> {
    let name = item.text()?;
    let Err(fault) = schedule::check_zone(name) else { return Some(name) };
    let zones = schedule::zones();
    let right = match spelling::nearest(name, zones.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "write one such as Europe/Berlin".to_owned(),
    };
    item.checked(|_| Err(fault), &right)
}

fn first(section: &mut Section<'_>) -> Option<First> {
    let share = section.require("share").and_then(Item::share);
    let lead = section.require("lead").and_then(|item| item.span(MINUTE..=30 * DAY));
    Some(First { share: share?, lead: lead? })
}
