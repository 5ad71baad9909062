//! Every cause of the catalogue can come about: its wordings name it, or a kubelet's last words do, or a part of the program
//! that looks or judges names it. It reads the sources as text: that the name stands there proves little, that it does not
//! proves much.

use std::fs;
use std::path::{Path, PathBuf};

use kubewhy::causes::{self, endings};
use kubewhy::model::cause::Cause;

/// Causes that nothing yields yet, with the reason.
const NOT_YET: &[(&str, &str)] = &[];

/// Those who look and those who judge.
const PRODUCERS: &[&str] = &["src/probe", "src/diagnose"];
/// Among them, those that speak of causes which others found.
const SPEAKERS: &[&str] = &["src/diagnose/example.rs", "src/diagnose/cleared", "src/diagnose/tests", "tests.rs"];

fn files(under: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(under).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// The sources of all producers, without the tests in them.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    PRODUCERS.iter().for_each(|folder| files(&root.join(folder), &mut found));
    let speaks = |path: &PathBuf| SPEAKERS.iter().any(|part| path.to_string_lossy().contains(part));
    let texts = found.iter().filter(|path| !speaks(path)).map(|path| fs::read_to_string(path).unwrap());
    texts.map(|text| text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned()).collect()
}

/// `DiskFull` as the sources name its entry: `DISK_FULL`.
fn constant(id: &str) -> String {
    let capital = |(n, c): (usize, char)| if c.is_uppercase() && n > 0 { format!("_{c}") } else { c.to_string() };
    id.char_indices().map(capital).collect::<String>().to_uppercase()
}

fn is_named(cause: &Cause, sources: &str) -> bool {
    let entry = constant(cause.id);
    let words = |c: char| !c.is_alphanumeric() && c != '_';
    sources.contains(&format!("\"{}\"", cause.id)) || sources.split(words).any(|word| word == entry)
}

#[test]
fn every_cause_of_the_catalogue_has_something_that_yields_it() {
    let sources = sources();
    let ends = |cause: &Cause| endings::NAMED.iter().any(|(_, named)| named.id == cause.id);
    let yields = |cause: &Cause| !cause.signs.is_empty() || ends(cause) || is_named(cause, &sources);
    let idle: Vec<_> = causes::ALL.iter().filter(|cause| !yields(cause)).map(|cause| cause.id).collect();
    let expected: Vec<_> = NOT_YET.iter().map(|(id, _)| *id).collect();
    assert_eq!(idle, expected);
}

#[test]
fn the_name_of_an_entry_is_made_from_its_id() {
    assert_eq!(["DiskFull", "CgroupV1Refused"].map(constant), ["DISK_FULL", "CGROUP_V1_REFUSED"]);
}

/// Who takes up another agent's story asks these probes whether it is over: they must exist.
#[test]
fn what_finds_a_cause_again_is_a_probe() {
    let text = fs::read_to_string("src/diagnose/cleared/node.rs").unwrap();
    let table = text.split("const FOUND_BY").nth(1).and_then(|rest| rest.split("];").next()).unwrap();
    let rows: Vec<_> = table.lines().filter_map(|line| line.trim().strip_prefix("(\"")?.split_once("\", &[")).collect();
    assert!(rows.len() > 10);
    for (cause, probes) in rows {
        assert!(causes::by_id(cause).is_some(), "{cause}");
        for probe in probes.split('"').skip(1).step_by(2) {
            assert!(kubewhy::probe::ALL.iter().any(|known| known.id == probe), "{probe}");
        }
    }
}
