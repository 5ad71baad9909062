//! An object against the API's OpenAPI documents. Unknown fields are refused, which the documents themselves do not do.

use std::path::Path;

use serde_json::{Value, json};

/// What the schema of its group, version and kind says against the object. `folder` holds `apps-v1.json` and so on.
pub(super) fn faults(folder: &Path, object: &Value) -> Vec<String> {
    let (group, version) = match object["apiVersion"].as_str().unwrap().split_once('/') {
        Some((group, version)) => (group, version),
        None => ("", object["apiVersion"].as_str().unwrap()),
    };
    let file = match group.split('.').next().unwrap() {
        "" => format!("core-{version}.json"),
        "rbac" => format!("rbac-{version}.json"),
        short => format!("{short}-{version}.json"),
    };
    let mut document: Value = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
    let name = schema_of(&document, group, version, object["kind"].as_str().unwrap());
    close(&mut document["components"]["schemas"]);
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": format!("#/components/schemas/{name}"),
        "components": document["components"],
    });
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(object).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn schema_of(document: &Value, group: &str, version: &str, kind: &str) -> String {
    let wanted = json!({"group": group, "version": version, "kind": kind});
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let fits =
        |schema: &Value| schema["x-kubernetes-group-version-kind"].as_array().is_some_and(|all| all.contains(&wanted));
    let found = schemas.iter().find(|(_, schema)| fits(schema));
    found.unwrap_or_else(|| panic!("no schema for {wanted}")).0.clone()
}

/// Refuses unknown fields wherever fields are listed.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("properties").is_some_and(Value::is_object) && !map.contains_key("additionalProperties") {
                map.insert("additionalProperties".to_owned(), false.into());
            }
            map.values_mut().for_each(close);
        }
        Value::Array(all) => all.iter_mut().for_each(close),
        _ => {}
    }
}
