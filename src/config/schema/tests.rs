//! The schema says what the readers do: the same keys at the same places, the same defaults, and it takes and refuses the
//! same files, as far as a schema can tell.

use std::collections::BTreeSet;

use jsonschema::Validator;

use super::*;
use crate::config::{parse, tests::FULL};
use crate::model::settings::{PrepullSet, Settings};

const CATALOGUE: &[&str] = &["ImagePullSlow", "RuntimeDown"];

fn validator() -> Validator {
    jsonschema::draft7::new(&schema(CATALOGUE)).unwrap()
}

/// As YAML 1.2 has it, and editors: `off` and `yes` are texts.
fn as_json(yaml: &str) -> Value {
    serde_saphyr::from_str_with_options(yaml, serde_saphyr::options! { strict_booleans: true }).unwrap()
}

/// Whether the value may be of this type.
fn may_be(schema: &Value, kind: &str) -> bool {
    schema["type"] == kind || schema["type"].as_array().is_some_and(|types| types.contains(&json!(kind)))
}

/// Every section of the schema with its path, and every path that has a value. Alternatives have no sections.
fn walk<'a>(schema: &'a Value, path: &str, sections: &mut Vec<(String, &'a Value)>, paths: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        sections.push((path.to_owned(), schema));
        for (key, value) in properties {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            paths.insert(path.clone());
            walk(value, &path, sections, paths);
        }
    }
    for (key, step) in [("items", "[]"), ("additionalProperties", ".*")] {
        if schema[key].is_object() {
            walk(&schema[key], &format!("{path}{step}"), sections, paths);
        }
    }
}

/// A file that says nothing but `says` at a path.
fn file(path: &str, says: Value) -> Value {
    let Some((before, step)) = path.rsplit_once('.') else {
        return match path.strip_suffix("[]") {
            Some(list) => file(list, json!([says])),
            None if path.is_empty() => says,
            None => json!({path: says}),
        };
    };
    match (step.strip_suffix("[]"), step) {
        (Some(list), _) => file(before, json!({list: [says]})),
        (None, "*") => file(before, json!({"RuntimeDown": says})),
        (None, key) => file(before, json!({key: says})),
    }
}

/// The faults of a file. JSON is YAML.
fn faults(file: &Value) -> Vec<String> {
    let read = parse(file.to_string().as_bytes(), CATALOGUE);
    read.err().unwrap_or_default().into_iter().map(|fault| fault.says).collect()
}

#[test]
fn each_section_of_the_schema_has_the_keys_that_the_reader_asks_for_there() {
    let schema = schema(CATALOGUE);
    let mut sections = Vec::new();
    walk(&schema, "", &mut sections, &mut BTreeSet::new());
    assert!(sections.len() >= 12, "{sections:?}");
    for (path, section) in sections {
        let found = faults(&file(&path, json!({"zzzzzzzzzzzz": 1})));
        let asked = found.iter().find_map(|fault| fault.split_once("zzzzzzzzzzzz is no setting; here stand "));
        let asked: BTreeSet<&str> = asked.unwrap_or_else(|| panic!("{path}: {found:?}")).1.split(", ").collect();
        let there: BTreeSet<&str> = section["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(asked, there, "{path}");
        let missing = found.iter().filter_map(|fault| fault.strip_suffix(" is missing; it has no default"));
        let of_the_set_around_it = |key: &&str| !path.ends_with("[]") && ["name", "images"].contains(key);
        let missing = missing.filter(|key| !of_the_set_around_it(key));
        let required = section["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        assert_eq!(missing.collect::<BTreeSet<_>>(), required.collect(), "{path}");
    }
}

#[test]
fn every_key_has_its_words_and_no_words_are_without_a_key() {
    let schema = schema(CATALOGUE);
    let mut paths = BTreeSet::new();
    walk(&schema, "", &mut Vec::new(), &mut paths);
    let said: BTreeSet<String> = words::WORDS.iter().map(|(path, ..)| (*path).to_owned()).collect();
    assert_eq!(paths, said);
}

#[test]
fn the_defaults_in_the_schema_are_the_defaults() {
    let mut set = json!({"name": "base", "images": ["a"]});
    for (path, default, _) in words::WORDS.iter().filter(|(_, default, _)| !default.is_empty()) {
        let default: Value = serde_json::from_str(default).unwrap_or_else(|error| panic!("{path}: {error}"));
        match path.strip_prefix("prepull.sets[].") {
            Some(key) if !key.contains('.') => set[key] = default,
            Some("nodes.matchLabels") => assert_eq!(default, json!({})),
            Some("credentials.anyPodMayUse") => assert_eq!(default, json!(false)),
            Some(_) => panic!("{path}: nothing is known of a default"),
            None => {
                let accepted = parse(file(path, default).to_string().as_bytes(), CATALOGUE).unwrap();
                assert_eq!(accepted.settings, Settings::default(), "{path}");
            }
        }
    }
    let accepted = parse(file("prepull.sets[]", set).to_string().as_bytes(), CATALOGUE).unwrap();
    assert_eq!(accepted.settings.prepull.sets, [PrepullSet::new("base", vec!["a".into()])]);
}

#[test]
fn what_a_platform_team_writes_fits_the_schema() {
    let validator = validator();
    let small = "report: {slowStart: off, spread: 0}\nlog:\ncauses: {RuntimeDown: , Newer: {after: 0s}}\n";
    let labels = "prepull: {sets: [{name: a, images: [b], nodes: {matchLabels: {pool: ''}}, window: }]}";
    for text in [FULL, "report:\nprepull:\n  sets:\n", "{}", "~", small, labels] {
        assert!(parse(text.as_bytes(), CATALOGUE).is_ok(), "{text}");
        let errors: Vec<_> = validator.iter_errors(&as_json(text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{text}: {errors:?}");
    }
}

#[test]
fn faults_that_a_schema_can_tell_do_not_fit_it() {
    let validator = validator();
    for text in [
        "reports: {}",
        "[]",
        "report: {events: some}",
        "report: {crossNamespaceNames: yes}",
        "report: {spread: 10}",
        "report: {spread: soon}",
        "report: {slowStart: never}",
        "report: {namespaces: [ci]}",
        "report: {namespaces: {include: ci}}",
        "causes: {not-a-cause: {}}",
        "causes: {RuntimeDown: {type: warning}}",
        "causes: {RuntimeDown: {until: 5m}}",
        "timing: {busy: 30m1h}",
        "timing: {busy: ''}",
        "log: debug",
        "prepull: {keepAtMost: 0%}",
        "prepull: {keepAtMost: 100%}",
        "prepull: {keepAtMost: 25}",
        "prepull: {startupTaint: [a]}",
        "prepull: {sets: {}}",
        "prepull: {sets: [{name: a}]}",
        "prepull: {sets: [{name: a, images: []}]}",
        "prepull: {sets: [{name: a, images: [b], parallel: 17}]}",
        "prepull: {sets: [{name: a, images: [b], parallel: two}]}",
        "prepull: {sets: [{name: a, images: [b], nodes: {matchLabels: {pool: }}}]}",
        "prepull: {sets: [{name: a, images: [b], first: {share: 5%}}]}",
        "prepull: {sets: [{name: a, images: [b], first: {lead: 5m}}]}",
        "prepull: {sets: [{name: a, images: [b], window: {cron: 0 1 * * *}}]}",
        "prepull: {sets: [{name: a, images: [b], essential: 1}]}",
    ] {
        assert!(parse(text.as_bytes(), CATALOGUE).is_err(), "the reader takes {text}");
        assert!(!validator.is_valid(&as_json(text)), "the schema takes {text}");
    }
}

#[test]
fn durations_that_the_reader_takes_fit_the_schema_and_others_do_not() {
    let validator = validator();
    for text in ["10s", "5m", "1h30m", "1m30s", "1s500ms", "0", "0s", "1m1h", "1s1s", "s", "5 m", "1.5h", "-1s", "10x"]
    {
        let file = json!({"prepull": {"spread": text}});
        assert_eq!(validator.is_valid(&file), faults(&file).is_empty(), "{text}");
    }
}

#[test]
fn what_may_be_left_empty_may_be_so_in_the_schema() {
    let schema = schema(CATALOGUE);
    let (mut sections, mut paths) = (Vec::new(), BTreeSet::new());
    walk(&schema, "", &mut sections, &mut paths);
    for (path, section) in sections {
        let has_required_keys = section["required"].is_array();
        let is_optional = path.rsplit_once('.').is_some_and(|(_, key)| !key.ends_with("[]"));
        assert_eq!(may_be(section, "null"), is_optional || !has_required_keys, "{path}");
    }
}
