//! `/version`, `/api`, `/apis` and the resource lists: enough for kubectl and kube to find their way. No OpenAPI
//! document is served.

use http::Uri;
use serde_json::{Value, json};

use super::resources::{GROUPS, RESOURCES, Resource};

/// The answer to a path that names no resource, if there is one.
pub(super) fn answer(uri: &Uri) -> Option<Value> {
    match uri.path().trim_end_matches('/') {
        "/version" => Some(json!({
            "major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "clean",
            "buildDate": "2026-04-22T00:00:00Z", "goVersion": "go1.26", "compiler": "gc", "platform": "linux/amd64",
        })),
        "/healthz" | "/livez" | "/readyz" => Some(json!("ok")),
        "/api" => Some(json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})),
        "/apis" => Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": GROUPS.map(group)})),
        "/api/v1" => Some(resources("", "v1")),
        path => of_group(path.strip_prefix("/apis/")?),
    }
}

fn of_group(path: &str) -> Option<Value> {
    let (name, version) = path.split_once('/').unwrap_or((path, ""));
    let name = GROUPS.into_iter().find(|known| *known == name)?;
    match version {
        "" => Some(group(name)),
        "v1" => Some(resources(name, path)),
        _ => None,
    }
}

fn group(name: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
    json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": [version], "preferredVersion": version,
    })
}

fn resources(group: &str, group_version: &str) -> Value {
    let of_group = RESOURCES.into_iter().filter(|resource| resource.group == group);
    let entries: Vec<Value> = of_group.flat_map(Resource::discovery).collect();
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries})
}
