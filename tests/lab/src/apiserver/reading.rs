//! Get and list: the state now, or page by page the state as it stood when the first page was read.

use std::sync::Arc;

use serde_json::{Value, json};

use super::call::Call;
use super::journal::Read;
use super::refusal::Refusal;
use super::store::{Key, Store};

const EXPIRED: &str = "The provided continue parameter is too old to display a consistent list result. \
                       You can start a new list without the continue parameter.";

/// One object. Without a version it is read from etcd.
pub(super) fn get(store: &Store, call: &Call) -> Result<(Value, Read), Refusal> {
    let key = Key::new(call.resource, call.namespace(), call.name());
    let object = store.read(&key).ok_or_else(|| Refusal::not_found(call.resource, call.name()))?;
    let bytes = store.weight(&key).unwrap_or_default();
    Ok((Value::clone(&object), Read { objects: 1, bytes, stored: !from_cache(call) }))
}

/// A list, or the page of it that `limit` and `continue` ask for.
pub(super) fn list(store: &Store, call: &Call) -> Result<(Value, Read), Refusal> {
    not_from_the_future(store, call)?;
    let mark = call.query.get("continue").filter(|text| !text.is_empty()).map(|text| Mark::read(text)).transpose()?;
    let version = mark.as_ref().map(|mark| mark.version);
    let found = match call.shelf().filter(|_| version.is_none() && has_index(call)) {
        Some(shelf) => store.on_shelf(&shelf),
        None => {
            store.snapshot(call.resource, call.namespace.as_deref(), version).map_err(|_| Refusal::expired(EXPIRED))?
        }
    };
    let read = Read { objects: found.objects.len() as u64, bytes: found.bytes, stored: !from_cache(call) };
    let wanted = |object: &Arc<Value>| {
        mark.as_ref().is_none_or(|mark| place(object) > mark.after) && call.selector.matches(call.resource, object)
    };
    let rest: Vec<Arc<Value>> = found.objects.into_iter().filter(wanted).collect();
    Ok((page(call, &rest, found.version, limit(call)?), read))
}

/// Any version is as good as the other: the watch cache answers.
fn from_cache(call: &Call) -> bool {
    call.resource.cached && call.query.get("resourceVersion").is_some_and(|version| version == "0")
}

/// The watch cache has one, etcd has its keys, which begin with the namespace.
fn has_index(call: &Call) -> bool {
    from_cache(call) || (call.selector.name().is_some() && !call.resource.namespaced)
}

/// The API server ignores the limit of a list from its cache at any version.
fn limit(call: &Call) -> Result<Option<usize>, Refusal> {
    let limit = call.number("limit")?.filter(|limit| *limit > 0 && !from_cache(call));
    Ok(limit.and_then(|limit| usize::try_from(limit).ok()))
}

fn page(call: &Call, rest: &[Arc<Value>], version: u64, limit: Option<usize>) -> Value {
    let shown = rest.len().min(limit.unwrap_or(rest.len()));
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if let Some(last) = rest.get(shown.wrapping_sub(1)).filter(|_| shown < rest.len()) {
        metadata["continue"] = json!(Mark { version, after: place(last) }.to_text());
        if call.selector.is_empty() {
            metadata["remainingItemCount"] = json!(rest.len() - shown);
        }
    }
    let items: Vec<&Value> = rest.iter().take(shown).map(Arc::as_ref).collect();
    json!({
        "kind": format!("{}List", call.resource.kind), "apiVersion": call.resource.api_version(),
        "metadata": metadata, "items": items,
    })
}

fn not_from_the_future(store: &Store, call: &Call) -> Result<(), Refusal> {
    let (asked, now) = (call.number("resourceVersion")?.unwrap_or(0), store.version());
    if asked <= now {
        return Ok(());
    }
    let message = format!("Timeout: Too large resource version: {asked}, current: {now}");
    let refusal =
        Refusal::new(504, "Timeout", message).with_cause("ResourceVersionTooLarge", "Too large resource version");
    Err(Refusal { retry_after: Some(1), ..refusal })
}

fn place(object: &Value) -> (String, String) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

/// Where the next page goes on, and of which state.
struct Mark {
    version: u64,
    after: (String, String),
}

impl Mark {
    fn to_text(&self) -> String {
        format!("{}/{}/{}", self.version, self.after.0, self.after.1)
    }

    fn read(text: &str) -> Result<Self, Refusal> {
        let mut parts = text.splitn(3, '/');
        let version = parts.next().and_then(|version| version.parse().ok());
        match (version, parts.next(), parts.next()) {
            (Some(version), Some(namespace), Some(name)) => {
                Ok(Self { version, after: (namespace.to_owned(), name.to_owned()) })
            }
            _ => Err(Refusal::bad_request("continue key is not valid")),
        }
    }
}
