//! What agents of other versions have kept: the files as 0.1.0 wrote them, and with what a newer one may add. What can be read
//! is not lost, and nothing is told twice.

use serde_json::Value;

use super::*;
use crate::model::ids::{PodId, PodUid};

/// Written by 0.1.0 on CRI-O, while two pods could not be pulled and the runtime went down behind an API server that did not
/// answer. They are never written anew: what was kept stays as it was.
const KEPT: [(&str, &str); 2] = [
    ("stories.0", include_str!("../../../../tests/it/formats/0.1.0/stories.0")),
    ("stories.1", include_str!("../../../../tests/it/formats/0.1.0/stories.1")),
];
/// The kinds of lines that are not among them.
const ALSO: [&str; 4] = [
    r#"{"Announced":{"of":{"subject":{"Node":{"name":"node-7","uid":""}},"reason":"ConfigRefused","kind":"Warning","sentence":"It has faults."},"is":{"first":"2026-11-22T16:11:09Z","told":1}}}"#,
    r#"{"Held":{"of":["97687c70-aa36-45b4-b73e-28604a6e3f8f","pod/Create/@1795363867"],"is":true}}"#,
    r#"{"Event":{"of":9,"is":null}}"#,
    r#"{"Story":{"of":["9ec858f7",{"stage":"Prepull","of":"base"}],"is":null}}"#,
];
/// Lines of a version that has more kinds of them, more stages and more causes.
const STRANGE: [&str; 4] = [
    r#"{"Moon":{"phase":"full"}}"#,
    r#"{"Event":{"of":12,"is":{"reason":"CauseOfTheFuture"}}}"#,
    r#"{"Story":{"of":["u",{"stage":"Sleep","of":null}],"is":null}}"#,
    r#"{"Story":{"of":["u",{"stage":"ImagePull","of":null}],"is":{"id":"s","events":[{"cause":"CauseOfTheFuture","kind":"Warning","brief":false,"first":1795363869593,"count":1,"due":1795363929593}],"current":0,"spans":[],"span_from":1795363867212,"spells":1,"ended":null,"endings":[]}}}"#,
];

/// Where that was kept, half a minute later.
fn before() -> Node {
    let clock = Clock::starting_at(at(133_950));
    let node = Node { dir: tempfile::tempdir().unwrap(), api: FakeApi::start(clock), clock };
    for (name, text) in KEPT {
        std::fs::write(node.dir.path().join(name), text).unwrap();
    }
    node
}

fn lines_of(node: &Node) -> Vec<String> {
    let (_, found) = Journal::open(node.dir.path()).unwrap();
    assert_eq!(found.damaged, 0);
    found.lines
}

fn read(lines: Vec<String>) -> (Vec<Value>, usize) {
    let (records, strange) = understood(&Found { lines, damaged: 0 });
    (records.iter().map(|record| serde_json::to_value(record).unwrap()).collect(), strange)
}

/// Whether all that the old one says is said by the new one too.
fn says_all_of(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            old.iter().all(|(key, old)| new.get(key).is_some_and(|new| says_all_of(new, old)))
        }
        (Value::Array(new), Value::Array(old)) => {
            new.len() == old.len() && new.iter().zip(old).all(|(new, old)| says_all_of(new, old))
        }
        (new, old) => new == old,
    }
}

/// The same with a field more wherever a newer version may add one: in structs, that is, but not in maps, in what names a
/// variant, or in a length of time.
fn with_more(value: Value, in_map: bool) -> Value {
    match value {
        Value::Object(fields) => {
            let variant = fields.len() == 1 && fields.keys().all(|key| key.starts_with(char::is_uppercase));
            let closed = in_map || variant || fields.contains_key("secs");
            let is_map = |key: &str| !in_map && matches!(key, "causes" | "counts");
            let more = (!closed).then(|| ("future".to_owned(), Value::from(vec![1])));
            let fields = fields.into_iter().map(|(key, value)| (key.clone(), with_more(value, is_map(&key))));
            Value::Object(fields.chain(more).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| with_more(item, false)).collect()),
        other => other,
    }
}

#[test]
fn every_line_that_0_1_0_kept_is_read_and_nothing_of_it_is_lost() {
    let lines: Vec<String> = lines_of(&before()).into_iter().chain(ALSO.map(str::to_owned)).collect();
    let (records, strange) = read(lines.clone());
    assert_eq!((records.len(), strange), (18, 0));
    for (record, line) in records.iter().zip(&lines) {
        assert!(says_all_of(record, &serde_json::from_str(line).unwrap()), "{line}\nis now\n{record}");
    }
}

#[test]
fn fields_and_lines_of_a_newer_version_cost_nothing_of_what_is_known() {
    let lines: Vec<String> = lines_of(&before()).into_iter().chain(ALSO.map(str::to_owned)).collect();
    let newer = lines.iter().map(|line| with_more(serde_json::from_str(line).unwrap(), false).to_string());
    let newer: Vec<String> = newer.chain(STRANGE.map(str::to_owned)).collect();
    assert!(newer.iter().filter(|line| line.contains("future")).count() > 15, "{newer:?}");
    assert_eq!(read(newer), (read(lines).0, STRANGE.len()));
}

#[tokio::test(start_paused = true)]
async fn after_an_upgrade_a_rollback_and_an_upgrade_what_waited_is_told_once_and_stories_go_on() {
    let node = before();
    let cart = PodUid::new("97687c70-aa36-45b4-b73e-28604a6e3f8f");
    let subject = Subject::Pod(PodId { uid: cart, namespace: "shop".into(), name: "gone".into() });
    let ill = ill(diagnosis(subject, &NOT_FOUND, at(133_867)));
    let waited = [row("Resolved", 1, 133_912, 133_912), row("RuntimeDown", 1, 133_918, 133_918)];
    let mut expected = vec![row("ImageNotFound", 2, 133_869, 133_950)];
    expected.extend(waited.iter().cloned().chain(std::iter::repeat_n(waited[1].clone(), 2)));
    for _ in 0..3 {
        let agent = node.agent();
        agent.say(5, &ill).await;
        agent.dies().await;
        assert_eq!(node.told(), expected);
        // The next one is of another version.
        let lines: Vec<String> = lines_of(&node).into_iter().chain(STRANGE.map(str::to_owned)).collect();
        Journal::open(node.dir.path()).unwrap().0.rewrite(&lines).unwrap();
    }
}
