//! Merge patch (RFC 7386), JSON patch (RFC 6902, in `steps`), and as much of the strategic merge as the kubelet's status patches need: lists named in
//! `KEYS` are merged by key, `$patch: delete` takes an item out, `$retainKeys` and `$setElementOrder` are ignored,
//! every other list is replaced.

use serde_json::{Map, Value};

/// Lists that a strategic merge joins by key (Kubernetes: `patchMergeKey` tags in k8s.io/api/core/v1/types.go).
const KEYS: &[(&str, &str)] = &[
    ("conditions", "type"),
    ("addresses", "type"),
    ("containers", "name"),
    ("initContainers", "name"),
    ("volumes", "name"),
    ("env", "name"),
    ("podIPs", "ip"),
    ("ownerReferences", "uid"),
];

/// How a patch is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `application/merge-patch+json`
    Merge,
    /// `application/strategic-merge-patch+json`
    Strategic,
    /// `application/json-patch+json`
    Steps,
}

impl Style {
    /// The style a content type names.
    #[must_use]
    pub(super) fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next()?.trim() {
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            "application/json-patch+json" => Some(Self::Steps),
            _ => None,
        }
    }

    /// Applies a patch: null deletes, objects merge, everything else replaces.
    pub(super) fn apply(self, target: &mut Value, patch: Value) {
        let Value::Object(patch) = patch else {
            *target = patch;
            return;
        };
        if !target.is_object() {
            *target = Value::Object(Map::new());
        }
        if let Value::Object(target) = target {
            for (key, value) in patch {
                self.apply_member(target, key, value);
            }
        }
    }

    fn apply_member(self, target: &mut Map<String, Value>, key: String, value: Value) {
        let merge_key = KEYS.iter().find(|(list, _)| self == Self::Strategic && *list == key).map(|(_, by)| *by);
        match (value, merge_key) {
            (_, _) if self == Self::Strategic && key.starts_with('$') => {}
            (Value::Null, _) => {
                target.remove(&key);
            }
            (Value::Array(items), Some(by)) => self.join(target.entry(key).or_insert(Value::Null), items, by),
            (value, _) => self.apply(target.entry(key).or_insert(Value::Null), value),
        }
    }

    fn join(self, target: &mut Value, items: Vec<Value>, by: &str) {
        let mut joined = std::mem::take(target).as_array().cloned().unwrap_or_default();
        for item in items {
            let at = joined.iter().position(|known| known[by] == item[by]);
            match (at, item["$patch"] == "delete") {
                (Some(at), true) => drop(joined.remove(at)),
                (None, true) => {}
                (Some(at), false) => self.apply(&mut joined[at], item),
                (None, false) => joined.push(item),
            }
        }
        *target = Value::Array(joined);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(style: Style, mut target: Value, patch: Value) -> Value {
        style.apply(&mut target, patch);
        target
    }

    #[test]
    fn null_deletes_and_lists_are_replaced_by_a_merge_patch() {
        let target = json!({"a": 1, "b": {"c": 1, "d": 2}, "conditions": [{"type": "X"}]});
        let patch = json!({"a": null, "b": {"c": null}, "conditions": [{"type": "Y"}]});
        assert_eq!(patched(Style::Merge, target, patch), json!({"b": {"d": 2}, "conditions": [{"type": "Y"}]}));
    }

    #[test]
    fn conditions_are_joined_by_type_in_a_strategic_merge() {
        let target = json!({"conditions": [{"type": "Ready", "status": "True", "reason": "R"}, {"type": "Old"}]});
        let patch = json!({
            "$setElementOrder/conditions": [{"type": "Ready"}],
            "conditions": [{"type": "Ready", "status": "False"}, {"type": "Old", "$patch": "delete"}, {"type": "New"}],
        });
        let expected = json!({"conditions": [{"type": "Ready", "status": "False", "reason": "R"}, {"type": "New"}]});
        assert_eq!(patched(Style::Strategic, target, patch), expected);
    }
}
