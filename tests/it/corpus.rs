//! How well text is classified, on real messages that stand outside the repository. Runs where `KUBEWHY_CORPUS` names the
//! folder with `messages.jsonl`, and prints what is confused with what.
//!
//! The messages fall into two halves by a hash of their text: the wordings of the catalogue were written with the even half
//! at hand and without the odd one.

use std::collections::BTreeMap;
use std::path::Path;

use kubewhy::causes;
use kubewhy::diagnose::text;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// What is right at least.
const SHARE: f64 = 0.97;

/// Labels that this project takes for wrong, by the beginning of the message's SHA-256, with the reason.
const DISPUTED: &[(&str, &str)] = &[];

#[derive(Deserialize)]
struct Line {
    message: String,
    #[serde(default)]
    reason: Option<String>,
    cause: String,
}

impl Line {
    fn hash(&self) -> String {
        Sha256::digest(self.message.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }

    fn said(&self) -> &'static str {
        let reading = text::read(&text::peel(&self.message), self.reason.as_deref());
        reading.cause.unwrap_or(&causes::UNCLASSIFIED).id
    }

    fn even(&self) -> bool {
        Sha256::digest(self.message.as_bytes())[0] % 2 == 0
    }

    /// The cause, where one was claimed for a message that has none.
    fn is_false_alarm(&self, said: &str) -> bool {
        matches!(&*self.cause, "Unclassified" | "ApplicationExited") && said != "Unclassified" && said != self.cause
    }
}

#[derive(Default)]
struct Score {
    right: usize,
    all: usize,
}

impl Score {
    fn share(&self) -> f64 {
        self.right as f64 / self.all.max(1) as f64
    }
}

#[test]
fn real_messages_are_named_rightly() {
    let Some(folder) = std::env::var_os("KUBEWHY_CORPUS") else {
        crate::skipped("real_messages_are_named_rightly", "KUBEWHY_CORPUS does not name a folder with messages.jsonl");
        return;
    };
    let text = std::fs::read_to_string(Path::new(&folder).join("messages.jsonl")).unwrap();
    let lines: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (mut halves, mut confused, mut alarms) = ([Score::default(), Score::default()], BTreeMap::new(), Vec::new());
    let disputed = |line: &Line| DISPUTED.iter().any(|(hash, _)| line.hash().starts_with(hash));
    for line in lines.iter().filter(|line| !disputed(line)) {
        let said = line.said();
        let half = &mut halves[usize::from(!line.even())];
        half.all += 1;
        half.right += usize::from(said == line.cause);
        if said != line.cause {
            confused.entry((line.cause.clone(), said)).or_insert_with(Vec::new).push(line);
        }
        if line.is_false_alarm(said) {
            alarms.push(line.hash());
        }
    }
    for ((label, said), lines) in &confused {
        eprintln!("{label} -> {said}: {}", lines.len());
        lines.iter().for_each(|line| eprintln!("    {} {:.300}", line.hash(), line.message.replace('\n', " ")));
    }
    for (name, half) in ["even", "odd"].iter().zip(&halves) {
        eprintln!("{name} half: {} of {}, {:.1} %", half.right, half.all, 100.0 * half.share());
    }
    let whole = Score { right: halves.iter().map(|h| h.right).sum(), all: halves.iter().map(|h| h.all).sum() };
    eprintln!("whole: {} of {}, {:.1} %; disputed: {}", whole.right, whole.all, 100.0 * whole.share(), DISPUTED.len());
    assert_eq!(alarms, Vec::<String>::new(), "false alarms");
    assert!(DISPUTED.len() as f64 <= 0.03 * lines.len() as f64, "more disputes than are believable");
    assert!(whole.share() >= SHARE, "{:.3}", whole.share());
}
