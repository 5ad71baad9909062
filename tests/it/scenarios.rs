//! What a node of the lab showed while it was broken, both sides of it, replayed in virtual time: what is told of whom, and
//! when. `tests/e2e/record.rs` makes the recordings.

use std::path::Path;
use std::time::Duration;

use kubewhy::causes;
use kubewhy::cli::replay::tellings;
use kubewhy::model::diagnosis::Subject;
use kubewhy::model::{Time, after, since};
use kubewhy::observe::recorded::Recording;
use kubewhy::report::notice::Notice;
use serde::Deserialize;

/// How far from its due moment a diagnosis may come.
const OFF_AT_MOST: Duration = Duration::from_secs(2);

/// The first line of a recording.
#[derive(Deserialize)]
struct Head {
    told: Vec<Expected>,
}

/// What is to be told: of that pod that cause, which began then.
#[derive(Deserialize)]
struct Expected {
    pod: String,
    cause: String,
    since: Time,
}

impl Expected {
    fn due(&self) -> Time {
        after(self.since, causes::by_id(&self.cause).unwrap().after)
    }

    fn is(&self, (notice, at): &(Notice, Time)) -> bool {
        let of = matches!(&notice.subject, Subject::Pod(pod) if *pod.name == *self.pod);
        let off = since(self.due(), *at).max(since(*at, self.due()));
        of && notice.reason == self.cause && off <= OFF_AT_MOST
    }
}

#[test]
fn each_scenario_is_told_rightly_and_in_time_and_nothing_else_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenarios");
    let mut judged = 0;
    for file in std::fs::read_dir(folder)
        .expect("the recordings, which `tests/e2e/record.rs` makes")
        .map(|entry| entry.unwrap().path())
    {
        let text = std::fs::read_to_string(&file).unwrap();
        let Head { told: expected } = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let recording = Recording::read(&text, scratch.path()).unwrap();
        let told = tellings(&recording, usize::MAX);
        let summary = || {
            let line = |(notice, at): &(Notice, Time)| format!("{at} {}: {}", notice.reason, notice.sentence);
            told.iter().map(line).collect::<Vec<_>>().join("\n")
        };
        for expected in &expected {
            let Expected { pod, cause, .. } = expected;
            let right = told.iter().any(|told| expected.is(told));
            assert!(right, "{}: {cause} of {pod}, due {}:\n{}", file.display(), expected.due(), summary());
        }
        assert_eq!(told.len(), expected.len(), "{}:\n{}", file.display(), summary());
        judged += 1;
    }
    assert!(judged >= 15, "only {judged} recordings");
}
