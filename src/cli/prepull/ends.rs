//! How pulls by hand ended: the summary, the JSON document and the exit code.

use std::io::{self, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::cause;
use crate::cli::exit;
use crate::diagnose::explain::explain;
use crate::model::prepull::PullFailure;
use crate::model::wording::{one_line, size};
use crate::prepull::by_hand::{Phase, View};

/// An image can't be pulled.
const FAILED: u8 = 1;
/// The disk has no room for one.
const SHORT: u8 = 2;
/// The cause of a pull without the credentials that it takes.
const DENIED: &str = "ImageAccessDenied";
/// After Ctrl-C, as a shell tells it of a program that a SIGINT ended.
pub(super) const INTERRUPTED: u8 = 130;

/// The last view of every image, and whether somebody ended it before.
pub(super) struct Ends {
    views: Vec<View>,
    cut_off: bool,
}

impl Ends {
    pub(super) fn of(views: Vec<View>, stopped: bool) -> Self {
        let cut_off = stopped && !views.iter().all(|view| view.phase.is_end());
        Self { views, cut_off }
    }

    /// What failed, and what to do.
    pub(super) fn say(&self) -> io::Result<()> {
        let mut out = io::stderr().lock();
        for View { image, phase, .. } in &self.views {
            match phase {
                Phase::Failed(failure) | Phase::Again(failure) => out.write_all(told(image, failure).as_bytes())?,
                Phase::Short(short) => {
                    let needs = if short.needs == 0 { "more than that".to_owned() } else { size(short.needs) };
                    let room = size(short.room);
                    writeln!(out, "{image}: no room: it takes {needs}, and {room} are free above --min-free.")?;
                }
                Phase::Unanswered => {
                    writeln!(out, "{image}: the container runtime does not answer; try kubewhy check.")?
                }
                _ => {}
            }
        }
        if self.cut_off && self.views.iter().any(|view| view.done > 0) {
            writeln!(
                out,
                "Cut off. What is here stays for a day, on containerd: the same command goes on from there."
            )?;
        }
        Ok(())
    }

    pub(super) fn say_as_json(&self) -> io::Result<()> {
        let images: Vec<Value> = self.views.iter().map(document).collect();
        writeln!(io::stdout(), "{:#}", json!({"images": images, "cutOff": self.cut_off}))
    }

    /// The gravest counts.
    pub(super) fn code(&self) -> ExitCode {
        let any = |is: fn(&Phase) -> bool| self.views.iter().any(|view| is(&view.phase));
        ExitCode::from(match () {
            () if self.cut_off => INTERRUPTED,
            () if any(|phase| *phase == Phase::Unanswered) => exit::UNAVAILABLE,
            () if any(|phase| matches!(phase, Phase::Short(_))) => SHORT,
            () if any(|phase| matches!(phase, Phase::Failed(_))) => FAILED,
            () => 0,
        })
    }
}

/// Why it can't be pulled, and what to do about that. The catalogue speaks of pods; who pulls by hand has no pull secret.
fn told(image: &str, failure: &PullFailure) -> String {
    if failure.cause.is_some() {
        return format!("{image}: {}.\n", one_line(&failure.text)); // in our own words
    }
    let why = explain(&failure.text, None);
    let (sentence, whose, advice) = match why.cause {
        DENIED => (
            "The registry wants credentials, or other ones.",
            "You",
            "give --credentials a file with those of a reader.",
        ),
        _ => (&*why.sentence, why.owner, &*why.advice),
    };
    format!("{image}: {}: {sentence}\n  {whose}: {advice}\n  In full: {}\n", why.cause, why.message)
}

fn document(view: &View) -> Value {
    let mut document = json!({"image": view.image, "result": result(&view.phase)});
    let more = match &view.phase {
        Phase::Pulled(bytes) => json!({"bytes": bytes}),
        Phase::Short(short) => json!({"needs": short.needs, "room": short.room}),
        Phase::Failed(failure) | Phase::Again(failure) => {
            json!({"cause": cause(failure), "error": one_line(&failure.text), "tries": failure.tries})
        }
        Phase::Downloads | Phase::Unpacks => json!({"here": view.done, "of": view.total}),
        _ => json!({}),
    };
    if let (Value::Object(document), Value::Object(more)) = (&mut document, more) {
        document.extend(more);
    }
    document
}

/// One word for each end; what was cut off has none of these.
fn result(phase: &Phase) -> &'static str {
    match phase {
        Phase::Present => "present",
        Phase::Pulled(_) => "pulled",
        Phase::Short(_) => "noRoom",
        Phase::Failed(_) => "failed",
        Phase::Unanswered => "unanswered",
        Phase::Waits | Phase::Again(_) | Phase::MakesWay | Phase::Resolves | Phase::Downloads | Phase::Unpacks => {
            "cutOff"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::prepull::Short;

    fn ends(phases: Vec<Phase>, stopped: bool) -> Ends {
        let view = |phase| View { image: "a:1".into(), phase, done: 3, total: None };
        Ends::of(phases.into_iter().map(view).collect(), stopped)
    }

    #[test]
    fn the_exit_code_says_what_failed_the_gravest_first() {
        let failed = || Phase::Failed(PullFailure { image: "a:1".into(), text: "x".into(), cause: None, tries: 3 });
        let short = || Phase::Short(Short { image: "a:1".into(), needs: 9, room: 1 });
        for (phases, stopped, code) in [
            (vec![Phase::Present, Phase::Pulled(7)], false, 0),
            (vec![Phase::Present], true, 0),
            (vec![Phase::Present, failed()], false, 1),
            (vec![failed(), short()], false, 2),
            (vec![short(), Phase::Unanswered], false, 69),
            (vec![Phase::Downloads, Phase::Unanswered], true, 130),
        ] {
            assert_eq!(ends(phases.clone(), stopped).code(), ExitCode::from(code), "{phases:?}");
        }
    }

    #[test]
    fn the_document_tells_each_image_s_end() {
        let failed = PullFailure {
            image: "a:1".into(),
            text: "failed to pull and unpack image: unexpected status: 429 Too Many Requests".into(),
            cause: None,
            tries: 3,
        };
        let ends = ends(vec![Phase::Pulled(7), Phase::Failed(failed)], false);
        let told: Vec<Value> = ends.views.iter().map(document).collect();
        assert_eq!(told[0], json!({"image": "a:1", "result": "pulled", "bytes": 7}));
        assert_eq!((&told[1]["result"], &told[1]["cause"]), (&json!("failed"), &json!("ImageRateLimited")));
    }
}
