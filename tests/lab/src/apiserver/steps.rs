//! JSON patch (RFC 6902): as many of its operations as the agent uses, `test`, `add`, `replace` and `remove`. All of them hold, or none.

use serde_json::Value;

/// The object after all steps.
///
/// # Errors
/// The step that can't be taken, in words.
pub(super) fn after(before: &Value, steps: &Value) -> Result<Value, String> {
    let mut object = before.clone();
    for step in steps.as_array().ok_or("a JSON patch is a list")? {
        take(&mut object, step).map_err(|why| format!("error in {step}: {why}"))?;
    }
    Ok(object)
}

fn take(object: &mut Value, step: &Value) -> Result<(), &'static str> {
    let path = step["path"].as_str().ok_or("no path")?;
    let value = &step["value"];
    match step["op"].as_str().unwrap_or_default() {
        "test" if object.pointer(path) == Some(value) => Ok(()),
        "test" => Err("testing value failed"),
        "replace" => {
            *object.pointer_mut(path).ok_or("missing path")? = value.clone();
            Ok(())
        }
        "add" => put(object, path, value),
        "remove" => remove(object, path),
        _ => Err("an operation that is not known here"),
    }
}

fn put(object: &mut Value, path: &str, value: &Value) -> Result<(), &'static str> {
    let (parent, key) = split(object, path)?;
    match parent {
        Value::Object(fields) => _ = fields.insert(key, value.clone()),
        Value::Array(items) if key == "-" => items.push(value.clone()),
        Value::Array(items) => {
            let at = key.parse().ok().filter(|at| *at <= items.len()).ok_or("no such place")?;
            items.insert(at, value.clone());
        }
        _ => return Err("missing path"),
    }
    Ok(())
}

fn remove(object: &mut Value, path: &str) -> Result<(), &'static str> {
    let (parent, key) = split(object, path)?;
    let gone = match parent {
        Value::Object(fields) => fields.remove(&key),
        Value::Array(items) => key.parse().ok().filter(|at| *at < items.len()).map(|at| items.remove(at)),
        _ => None,
    };
    gone.map(drop).ok_or("missing path")
}

fn split<'a>(object: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), &'static str> {
    let (parent, key) = path.rsplit_once('/').ok_or("the whole is not replaced here")?;
    Ok((object.pointer_mut(parent).ok_or("missing path")?, key.replace("~1", "/").replace("~0", "~")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_are_taken_in_their_order_and_none_where_one_fails() {
        let node = json!({"taints": [{"key": "a"}, {"key": "b"}], "labels": {"x/y": "1"}});
        let step = |op: &str, path: &str, value: Value| json!({"op": op, "path": path, "value": value});
        let steps = json!([
            step("test", "/taints/1/key", json!("b")),
            {"op": "remove", "path": "/taints/1"},
            step("add", "/taints/-", json!({"key": "c"})),
            step("replace", "/labels/x~1y", json!("2")),
        ]);
        let expected = json!({"taints": [{"key": "a"}, {"key": "c"}], "labels": {"x/y": "2"}});
        assert_eq!(after(&node, &steps), Ok(expected));
        let stale = json!([{"op": "remove", "path": "/taints/0"}, step("test", "/taints/0/key", json!("a"))]);
        assert!(after(&node, &stale).unwrap_err().contains("testing value failed"));
        assert!(after(&node, &json!([{"op": "remove", "path": "/taints/2"}])).is_err());
    }
}
