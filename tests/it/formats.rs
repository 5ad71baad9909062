//! What 0.1.0 wrote or was given stays readable. The files in `formats/0.1.0` are never changed: what no longer fits them is a
//! break that `docs/support.md` promises not to make. Stories have theirs in `src/report/memory/tests/versions.rs`.

use std::path::PathBuf;

use kubewhy::model::diagnosis::announced;
use kubewhy::report::history;
use kubewhy::report::notice::RESOLVED;
use kubewhy::serve::metrics::METRICS;
use kubewhy::{causes, config};

fn kept(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/formats/0.1.0").join(name);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_event_reason_is_still_one() {
    for reason in kept("reasons.txt").lines() {
        assert!(
            causes::by_id(reason).is_some() || announced::ALL.contains(&reason) || reason == RESOLVED,
            "{reason} was an Event reason, and people alert on it"
        );
    }
}

#[test]
fn every_key_of_the_configuration_is_still_read() {
    let ids: Vec<_> = causes::ALL.iter().map(|cause| cause.id).collect();
    let accepted = config::parse(kept("config.yaml").as_bytes(), &ids).unwrap();
    assert!(accepted.notes.is_empty(), "{:?}", accepted.notes);
    assert_eq!(accepted.settings.prepull.sets.len(), 2);
}

#[test]
fn every_metric_has_its_name_its_kind_and_its_labels() {
    for line in kept("metrics.txt").lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [name, kind, labels @ ..] = words.as_slice() else { panic!("{line}") };
        let metric = METRICS.iter().find(|metric| metric.name == *name).unwrap_or_else(|| panic!("{name} is gone"));
        assert_eq!(format!("{:?}", metric.kind).to_lowercase(), *kind, "{line}");
        assert!(labels.iter().all(|label| metric.labels.contains(label)), "{line}: {:?}", metric.labels);
    }
}

#[test]
fn the_history_is_shown_with_fields_and_lines_of_a_newer_version_beside() {
    let dir = tempfile::tempdir().unwrap();
    let lines = kept("history.0");
    std::fs::write(dir.path().join("history.0"), &lines).unwrap();
    let as_it_was = history::read(dir.path()).unwrap();
    assert_eq!((as_it_was.told.len(), as_it_was.damaged), (7, 0));
    let newer = lines.replace(r#"{"at""#, r#"{"future":[1],"at""#).replace(r#""uid""#, r#""future":{},"uid""#);
    let strange = lines.lines().next().unwrap().replace(r#""kind":"first""#, r#""kind":"foretold""#);
    std::fs::write(dir.path().join("history.0"), format!("{newer}{strange}\n")).unwrap();
    let with_more = history::read(dir.path()).unwrap();
    assert_eq!((with_more.told, with_more.damaged), (as_it_was.told, 1));
}
