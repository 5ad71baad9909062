//! Create, update, patch and delete, with the order of checks and the errors of the real API server.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::call::Call;
use super::clock::rfc3339;
use super::merge::Style;
use super::refusal::{Invalid, Refusal};
use super::resources::{NAMESPACES, PODS, Resource};
use super::steps;
use super::store::{Key, Store};
use super::validate;

const MODIFIED: &str = "the object has been modified; please apply your changes to the latest version and try again";

fn key(call: &Call) -> Key {
    Key::new(call.resource, call.namespace(), call.name())
}

/// Creates an object.
pub(super) fn create(store: &Store, call: &Call, mut object: Value) -> Result<Arc<Value>, Refusal> {
    address(call, &mut object)?;
    if !object["metadata"]["resourceVersion"].as_str().unwrap_or_default().is_empty() {
        return Err(Refusal::new(500, "", "resourceVersion should not be set on objects to be created"));
    }
    let name = take_name(call.resource, &mut object)?;
    namespace_takes(store, call, &name)?;
    validate::check(call.resource, &object)?;
    prepare(call.resource, &mut object);
    for given in ["uid", "creationTimestamp"] {
        object["metadata"][given] = Value::Null;
    }
    store.stamp(&mut object);
    let key = Key::new(call.resource, call.namespace(), &name);
    let created = store.write(&key, |before| match before {
        Some(_) => Err(Refusal::already_exists(call.resource, &name)),
        None => Ok(Some(object)),
    })?;
    created.ok_or_else(|| Refusal::not_found(call.resource, &name))
}

/// Kind, version and namespace of a body must be those of the path; absent ones are filled in.
fn address(call: &Call, object: &mut Value) -> Result<(), Refusal> {
    if !object.is_object() {
        return Err(Refusal::bad_request("the object provided is unrecognized (must be of type object)"));
    }
    let wanted = [("kind", call.resource.kind.to_owned()), ("apiVersion", call.resource.api_version())];
    for (field, wanted) in wanted {
        match object[field].as_str().unwrap_or_default() {
            "" => object[field] = json!(wanted),
            found if found == wanted => {}
            found => {
                return Err(Refusal::bad_request(format!(
                    "the {field} in the data ({found}) does not match the expected {field} ({wanted})"
                )));
            }
        }
    }
    let found = object["metadata"]["namespace"].as_str().unwrap_or_default();
    if !found.is_empty() && found != call.namespace() {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Refusal::bad_request(message));
    }
    if call.resource.namespaced {
        object["metadata"]["namespace"] = json!(call.namespace());
    }
    Ok(())
}

fn take_name(resource: &Resource, object: &mut Value) -> Result<String, Refusal> {
    let metadata = &mut object["metadata"];
    let prefix = metadata["generateName"].as_str().unwrap_or_default();
    if metadata["name"].as_str().unwrap_or_default().is_empty() && !prefix.is_empty() {
        let tail: String = std::iter::repeat_with(fastrand::lowercase).take(5).collect();
        metadata["name"] = json!(format!("{prefix}{tail}"));
    }
    let name = metadata["name"].as_str().unwrap_or_default().to_owned();
    if name.is_empty() {
        let message = "Required value: name or generateName is required".to_owned();
        let fault = Invalid { reason: "FieldValueRequired", field: "metadata.name", message };
        return Err(Refusal::invalid(resource, "", &[fault]));
    }
    Ok(name)
}

/// A namespace must be there, and takes nothing new while it is being deleted.
fn namespace_takes(store: &Store, call: &Call, name: &str) -> Result<(), Refusal> {
    if !call.resource.namespaced {
        return Ok(());
    }
    let Some(namespace) = store.get(&NAMESPACES, "", call.namespace()) else {
        return Err(Refusal::not_found(&NAMESPACES, call.namespace()));
    };
    if namespace["status"]["phase"] != "Terminating" {
        return Ok(());
    }
    let told = format!("namespace {} is being terminated", call.namespace());
    let why = format!("unable to create new content in namespace {} because it is being terminated", call.namespace());
    Err(Refusal::forbidden(call.resource, name, &why).with_cause("NamespaceTerminating", &told))
}

/// What the real one sets in a new object, as far as clients look at it.
fn prepare(resource: &Resource, object: &mut Value) {
    if resource.plural == PODS.plural {
        object["status"] = json!({"phase": "Pending"});
    } else if resource.plural == NAMESPACES.plural {
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = object["metadata"]["name"].clone();
        object["spec"]["finalizers"] = json!(["kubernetes"]);
        object["status"] = json!({"phase": "Active"});
    }
}

/// Replaces an object, or its status. Says whether it was created.
pub(super) fn update(store: &Store, call: &Call, mut object: Value) -> Result<(Arc<Value>, bool), Refusal> {
    address(call, &mut object)?;
    let named = object["metadata"]["name"].as_str().unwrap_or(call.name());
    if named != call.name() {
        let message = format!("the name of the object ({named}) does not match the name on the URL ({})", call.name());
        return Err(Refusal::bad_request(message));
    }
    object["metadata"]["name"] = json!(call.name());
    if call.resource.create_on_update && store.read(&key(call)).is_none() {
        return create(store, call, object).map(|created| (created, true));
    }
    let has_version = !object["metadata"]["resourceVersion"].as_str().unwrap_or_default().is_empty();
    if !has_version && !call.resource.unconditional_update {
        let message = "Invalid value: 0: must be specified for an update".to_owned();
        let fault = Invalid { reason: "FieldValueInvalid", field: "metadata.resourceVersion", message };
        return Err(Refusal::invalid(call.resource, call.name(), &[fault]));
    }
    change(store, call, |_| Ok(object)).map(|updated| (updated, false))
}

/// Patches an object, or its status.
pub(super) fn patch(store: &Store, call: &Call, style: Style, patch: Value) -> Result<Arc<Value>, Refusal> {
    if style == Style::Steps {
        let untaken = |why: String| Refusal::new(422, "Invalid", why);
        return change(store, call, |before| steps::after(before, &patch).map_err(untaken));
    }
    if !patch.is_object() {
        return Err(Refusal::bad_request("the patch is not a JSON object"));
    }
    change(store, call, |before| {
        let mut after = before.clone();
        style.apply(&mut after, patch);
        Ok(after)
    })
}

fn change(
    store: &Store,
    call: &Call,
    make: impl FnOnce(&Value) -> Result<Value, Refusal>,
) -> Result<Arc<Value>, Refusal> {
    let not_found = || Refusal::not_found(call.resource, call.name());
    let changed = store.write(&key(call), |before| {
        let before = before.ok_or_else(not_found)?;
        let after = settled(call, before, make(before)?)?;
        validate::check(call.resource, &after)?;
        Ok(Some(after))
    })?;
    changed.ok_or_else(not_found)
}

/// What stands after a write: identity and version are the server's, and main and status writes leave each other's part
/// alone.
fn settled(call: &Call, before: &Value, wanted: Value) -> Result<Value, Refusal> {
    let asked = wanted["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    if !asked.is_empty() && wanted["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"] {
        return Err(Refusal::conflict(call.resource, call.name(), MODIFIED));
    }
    if wanted["metadata"]["uid"].as_str().is_some_and(|uid| before["metadata"]["uid"] != uid) {
        let why = "Precondition failed: UID in precondition does not match UID in object meta";
        return Err(Refusal::conflict(call.resource, call.name(), why));
    }
    let mut after = wanted;
    if call.subresource.is_some() {
        let status = after["status"].take();
        after = before.clone();
        after["status"] = status;
    } else if call.resource.status {
        after["status"] = before["status"].clone();
    }
    for fixed in ["name", "namespace", "uid", "creationTimestamp", "resourceVersion"] {
        after["metadata"][fixed] = before["metadata"][fixed].clone();
    }
    if let Some(metadata) = after["metadata"].as_object_mut() {
        metadata.retain(|_, value| !value.is_null());
    }
    Ok(after)
}

/// Deletes an object. A pod on a node is only marked, and goes when it is deleted again with a grace of 0, as the
/// kubelet does.
pub(super) fn delete(store: &Store, call: &Call, options: &Value) -> Result<Value, Refusal> {
    let asked = call.number("gracePeriodSeconds")?.or(options["gracePeriodSeconds"].as_u64());
    let mut last = None;
    let left = store.write(&key(call), |before| {
        let before = before.ok_or_else(|| Refusal::not_found(call.resource, call.name()))?;
        let expected = &options["preconditions"]["uid"];
        if !expected.is_null() && *expected != before["metadata"]["uid"] {
            let why = format!(
                "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                expected.as_str().unwrap_or_default(),
                before["metadata"]["uid"].as_str().unwrap_or_default()
            );
            return Err(Refusal::conflict(call.resource, call.name(), &why));
        }
        last = Some(Arc::clone(before));
        Ok::<_, Refusal>(marked(store, call.resource, before, asked))
    })?;
    if call.resource.plural == NAMESPACES.plural {
        empty(store, call.name());
    }
    match (left.or(last), call.resource.plural == PODS.plural) {
        (Some(pod), true) => Ok(Value::clone(&pod)),
        (last, _) => Ok(deleted(call, last.as_deref())),
    }
}

/// The pod with its time of deletion, if it is to be ended by its kubelet first.
fn marked(store: &Store, resource: &Resource, before: &Value, asked: Option<u64>) -> Option<Value> {
    let bound = before["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    let finished = matches!(before["status"]["phase"].as_str(), Some("Failed" | "Succeeded"));
    let grace = asked.or(before["spec"]["terminationGracePeriodSeconds"].as_u64()).unwrap_or(30);
    if resource.plural != PODS.plural || !bound || finished || grace == 0 {
        return None;
    }
    let mut pod = before.clone();
    if pod["metadata"]["deletionTimestamp"].is_null() {
        let until = store.now() + SignedDuration::from_secs(i64::try_from(grace).unwrap_or(i64::MAX / 2).min(86_400));
        pod["metadata"]["deletionTimestamp"] = json!(rfc3339(until));
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
    }
    Some(pod)
}

fn deleted(call: &Call, last: Option<&Value>) -> Value {
    let uid = last.map_or(Value::Null, |object| object["metadata"]["uid"].clone());
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": call.name(), "group": call.resource.group, "kind": call.resource.plural, "uid": uid},
    })
}

fn empty(store: &Store, namespace: &str) {
    for resource in super::resources::RESOURCES.into_iter().filter(|resource| resource.namespaced) {
        for object in store.list(resource, Some(namespace)) {
            store.delete(resource, namespace, object["metadata"]["name"].as_str().unwrap_or_default());
        }
    }
}

/// Deletes what the selectors select, at once.
pub(super) fn delete_collection(store: &Store, call: &Call) -> Value {
    for object in store.list(call.resource, call.namespace.as_deref()) {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        if call.selector.matches(call.resource, &object) {
            store.delete(call.resource, text("namespace"), text("name"));
        }
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
}
