//! Holds objects to the OpenAPI v3 documents of a real API server, unknown fields refused. Reads the documents from a
//! folder; fetches nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// The environment variable that names the folder of documents (`core-v1.json`, `apps-v1.json`, …).
pub const FOLDER: &str = "KUBEWHY_OPENAPI";

const SCHEMAS: &str = "/components/schemas";

/// Why the documents cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A document cannot be read.
    #[error("cannot read the OpenAPI document {path}: check {FOLDER}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A document is not JSON.
    #[error("the OpenAPI document {path} is not JSON: fetch it again")]
    Parse {
        /// Which.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A schema cannot be compiled.
    #[error("the schema of {kind} cannot be compiled: {why}")]
    Compile {
        /// `apiVersion/kind`.
        kind: String,
        /// What the compiler says.
        why: String,
    },
}

/// Validators by `apiVersion` and `kind`.
pub struct Schemas {
    validators: BTreeMap<(String, String), Validator>,
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schemas").field("kinds", &self.validators.len()).finish()
    }
}

impl Schemas {
    /// The schemas of the folder that `KUBEWHY_OPENAPI` names; `None` if it names none or one that cannot be used,
    /// which is said in the log.
    #[must_use]
    pub fn from_env() -> Option<Self> {
        let folder = std::env::var_os(FOLDER)?;
        Self::from_folder(Path::new(&folder))
            .inspect_err(|error| tracing::warn!(%error, "objects are not held to their schemas"))
            .ok()
    }

    /// The schemas of every `*.json` document in a folder.
    ///
    /// # Errors
    /// When a document cannot be read or compiled.
    pub fn from_folder(folder: &Path) -> Result<Self, SchemaError> {
        let path = folder.display().to_string();
        let read = |source| SchemaError::Read { path: path.clone(), source };
        let mut validators = BTreeMap::new();
        for entry in std::fs::read_dir(folder).map_err(read)? {
            let file = entry.map_err(read)?.path();
            if file.extension().is_some_and(|extension| extension == "json") {
                add_document(&mut validators, &file)?;
            }
        }
        Ok(Self { validators })
    }

    /// Whether there is a schema for this kind.
    #[must_use]
    pub fn knows(&self, api_version: &str, kind: &str) -> bool {
        self.validators.contains_key(&(api_version.to_owned(), kind.to_owned()))
    }

    /// Holds an object to the schema of its `apiVersion` and `kind`. A null counts as absent, as it does in the real
    /// decoder.
    ///
    /// # Errors
    /// Every fault with its place, or that the kind is not known.
    pub fn validate(&self, object: &Value) -> Result<(), Vec<String>> {
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let Some(validator) = self.validators.get(&(api_version.clone(), kind.clone())) else {
            return Err(vec![format!("no schema for apiVersion \"{api_version}\", kind \"{kind}\"")]);
        };
        let object = without_nulls(object.clone());
        let faults: Vec<String> =
            validator.iter_errors(&object).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

fn add_document(validators: &mut BTreeMap<(String, String), Validator>, file: &Path) -> Result<(), SchemaError> {
    let path = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|source| SchemaError::Read { path: path.clone(), source })?;
    let mut document: Value = serde_json::from_str(&text).map_err(|source| SchemaError::Parse { path, source })?;
    let mut schemas = document.pointer_mut(SCHEMAS).map(Value::take).unwrap_or_default();
    tighten(&mut schemas);
    let kinds: Vec<(String, String, String)> =
        schemas.as_object().into_iter().flatten().flat_map(|(name, schema)| kinds_of(name, schema)).collect();
    for (name, api_version, kind) in kinds {
        if kind.ends_with("List") || kind.ends_with("Options") || kind == "Status" || kind == "WatchEvent" {
            continue;
        }
        let root = json!({"$ref": format!("#{SCHEMAS}/{name}"), "components": {"schemas": reachable(&schemas, &name)}});
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .build(&root)
            .map_err(|fault| SchemaError::Compile { kind: format!("{api_version}/{kind}"), why: fault.to_string() })?;
        validators.insert((api_version, kind), validator);
    }
    Ok(())
}

fn kinds_of(name: &str, schema: &Value) -> Vec<(String, String, String)> {
    let kinds = schema["x-kubernetes-group-version-kind"].as_array().into_iter().flatten();
    kinds
        .map(|kind| {
            let text = |field: &str| kind[field].as_str().unwrap_or_default();
            let group = text("group");
            let slash = if group.is_empty() { "" } else { "/" };
            (name.to_owned(), format!("{group}{slash}{}", text("version")), text("kind").to_owned())
        })
        .collect()
}

/// The schemas that one schema leads to, itself included.
fn reachable(schemas: &Value, name: &str) -> Map<String, Value> {
    let mut found = Map::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        if !found.contains_key(&name) {
            references(&schemas[&name], &mut open);
            found.insert(name.clone(), schemas[&name].clone());
        }
    }
    found
}

fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
                found.push(name.to_owned());
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// JSON Schema lets unknown fields pass; the API server's strict decoding does not.
fn tighten(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let closed = members.get("properties").is_some_and(Value::is_object)
                && !members.contains_key("additionalProperties")
                && !members.contains_key("x-kubernetes-preserve-unknown-fields");
            members.values_mut().for_each(tighten);
            if closed {
                members.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tighten),
        _ => {}
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, member)| !member.is_null());
            Value::Object(kept.map(|(key, member)| (key, without_nulls(member))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
