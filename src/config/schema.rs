//! The JSON schema of the configuration file, for editors: what the readers ask for, with words on each key. It takes no
//! file that is refused for its keys, words, types or shares; whether an image, a path or a duration is right is left to
//! the readers, which say it better.

mod words;

use serde_json::{Map, Value, json};

use super::fault::Remarks;
use super::reader::Item;
use super::sketch::{At, Kind, Setting, Sketch};
use super::span;

/// Units as [`span::parse`] has them. Its order forbids `30m1h`; that at least one is there, the length says.
const SPAN: &str = "^(0|([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$";
const SHARE: &str = "^[1-9][0-9]?%$";
/// A cause that another version may know.
const CAUSE: &str = "^[A-Z][A-Za-z0-9]{0,63}$";

/// The schema. `catalogue` has the ids of all causes.
#[must_use]
pub fn schema(catalogue: &[&str]) -> Value {
    let sketch = Sketch::new();
    let remarks = Remarks::default();
    let whole = Item::blank(sketch.blank(Sketch::WHOLE), &remarks);
    _ = whole.section(|section| super::whole(section, catalogue));
    let mut schema = Painter { sketch: &sketch }.value(Sketch::WHOLE, "", true);
    if let Some(causes) = schema.pointer_mut("/properties/causes").and_then(Value::as_object_mut) {
        causes.insert("propertyNames".to_owned(), json!({"anyOf": [{"enum": catalogue}, {"pattern": CAUSE}]}));
    }
    let head = json!({"$schema": "http://json-schema.org/draft-07/schema#", "title": "Configuration of kubewhy"});
    let parts = [head, schema].into_iter().filter_map(|part| match part {
        Value::Object(part) => Some(part),
        _ => None,
    });
    Value::Object(parts.flatten().collect())
}

struct Painter<'a> {
    sketch: &'a Sketch,
}

impl Painter<'_> {
    /// The schema of the value at one place, whose path the words know.
    fn value(&self, at: At, path: &str, may_be_empty: bool) -> Value {
        let kinds = self.sketch.kinds(at);
        let words: Vec<Value> = kinds.iter().filter_map(word).collect();
        let mut all: Vec<Value> = kinds.iter().flat_map(|kind| self.kind(kind, path, &kinds)).collect();
        match words.as_slice() {
            [] => {}
            [Value::Bool(_), Value::Bool(_)] => all.push(json!({"type": "boolean"})),
            words => all.push(json!({"enum": words})),
        }
        if may_be_empty || kinds.iter().any(all_have_defaults) {
            all.push(json!({"type": "null"}));
        }
        let mut painted = any_of(all);
        painted.extend(said(path, &kinds));
        Value::Object(painted)
    }

    fn kind(&self, kind: &Kind, path: &str, others: &[Kind]) -> Vec<Value> {
        match kind {
            Kind::Text if others.contains(&Kind::Empty) => vec![json!({"type": "string"})],
            Kind::Text => vec![json!({"type": "string", "minLength": 1})],
            Kind::Span(bounds) => {
                let zero = bounds.start().is_zero().then(|| json!({"const": 0}));
                [json!({"type": "string", "minLength": 1, "pattern": SPAN})].into_iter().chain(zero).collect()
            }
            Kind::Count(bounds) => {
                vec![json!({"type": "integer", "minimum": bounds.start(), "maximum": bounds.end()})]
            }
            Kind::Share => vec![json!({"type": "string", "pattern": SHARE})],
            Kind::List(item) => {
                let mut list = json!({"type": "array", "items": self.value(*item, &format!("{path}[]"), false)});
                if others.contains(&Kind::NotEmpty) {
                    list["minItems"] = json!(1);
                }
                vec![list]
            }
            Kind::Pairs(value) => {
                let value = self.value(*value, &format!("{path}.*"), false);
                vec![json!({"type": "object", "additionalProperties": value})]
            }
            Kind::Section(settings) => vec![self.section(settings, path)],
            Kind::Word(_) | Kind::Empty | Kind::NotEmpty => Vec::new(),
        }
    }

    fn section(&self, settings: &[Setting], path: &str) -> Value {
        let property = |setting: &Setting| {
            let path = if path.is_empty() { setting.key.to_owned() } else { format!("{path}.{}", setting.key) };
            (setting.key.to_owned(), self.value(setting.value, &path, !setting.required))
        };
        let properties: Map<String, Value> = settings.iter().map(property).collect();
        let required: Vec<&str> = settings.iter().filter(|one| one.required).map(|one| one.key).collect();
        let mut section = json!({"type": "object", "properties": properties, "additionalProperties": false});
        if !required.is_empty() {
            section["required"] = json!(required);
        }
        section
    }
}

/// YAML has the words `true` and `false` for itself.
fn word(kind: &Kind) -> Option<Value> {
    match kind {
        Kind::Word(word) => Some(word.parse().map_or_else(|_| json!(word), Value::Bool)),
        _ => None,
    }
}

fn all_have_defaults(kind: &Kind) -> bool {
    matches!(kind, Kind::Section(settings) if settings.iter().all(|setting| !setting.required))
}

/// One schema for any of these. Types stand beside each other where nothing else differs, for editors tell that best.
fn any_of(all: Vec<Value>) -> Map<String, Value> {
    let null = json!({"type": "null"});
    let (mut values, nulls): (Vec<Value>, Vec<Value>) = all.into_iter().partition(|value| *value != null);
    match values.as_mut_slice() {
        [Value::Object(one)] if one.contains_key("type") || nulls.is_empty() => {
            let mut one = std::mem::take(one);
            if let (Some(kind), false) = (one.get_mut("type"), nulls.is_empty()) {
                *kind = json!([kind.take(), "null"]);
            }
            one
        }
        _ => Map::from_iter([("anyOf".to_owned(), values.into_iter().chain(nulls).collect())]),
    }
}

/// What an editor shows: the words on the key, the bounds, the default.
fn said(path: &str, kinds: &[Kind]) -> Map<String, Value> {
    let Some((says, default)) = words::of(path) else { return Map::new() };
    let bounds = kinds.iter().find_map(|kind| match kind {
        Kind::Span(bounds) => Some((span::show(*bounds.start()), span::show(*bounds.end()))),
        Kind::Share => Some(("1%".to_owned(), "99%".to_owned())),
        _ => None,
    });
    let bounds = bounds.map(|(from, to)| format!(" From {from} to {to}.")).unwrap_or_default();
    let description = ("description".to_owned(), json!(format!("{says}{bounds}")));
    let default = default.map(|default| ("default".to_owned(), default));
    [description].into_iter().chain(default).collect()
}

#[cfg(test)]
mod tests;
