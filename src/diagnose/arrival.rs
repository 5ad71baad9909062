//! A start that is over: if it was slow and nothing was told on its way, it is told once, with where the time went.

use std::time::Duration;

use crate::model::cause::EventType;
use crate::model::diagnosis::{Ahead, Announcement, Arrival, Findings, Subject, announced};
use crate::model::settings::Settings;
use crate::model::since;
use crate::model::wording::span;

/// At most so many stages are named.
const STAGES_NAMED: usize = 5;

/// Adds the arrival to what was found, and what is to be said of it. A story that was told ends with its own account.
pub fn arrived(arrival: Arrival, settings: &Settings, findings: &mut Findings) {
    let took = since(arrival.began, arrival.at);
    let slow = settings.report.slow_start.is_some_and(|limit| took >= limit);
    if slow && !arrival.told {
        findings.announcements.push(Announcement {
            subject: Subject::Pod(arrival.pod.clone()),
            reason: announced::SLOW_START,
            kind: EventType::Normal,
            sentence: account(took, &arrival) + &arrival.ahead.as_ref().map(ahead).unwrap_or_default(),
        });
    }
    findings.arrivals.push(arrival);
}

/// `Started after 9 min 40 s: ImageQueue 8 min 12 s, ImagePull 1 min 20 s.`
fn account(took: Duration, arrival: &Arrival) -> String {
    let mut stages: Vec<_> = arrival.stages.iter().filter(|(_, length)| length.as_secs() > 0).collect();
    stages.sort_by_key(|(_, length)| std::cmp::Reverse(**length));
    let named = stages.iter().take(STAGES_NAMED).map(|(stage, length)| format!("{stage} {}", span(**length)));
    format!("Started after {}: {}.", span(took), named.collect::<Vec<_>>().join(", "))
}

/// What pre-pulling did for it. The sets are the platform's, so every tenant may hear of them.
fn ahead(of: &Ahead) -> String {
    let sets = if of.sets.len() == 1 { "set" } else { "sets" };
    let names = of.sets.join(", ");
    match (of.here, of.images) {
        (true, 1) => format!(" Its image was here beforehand (pre-pull {sets} {names})."),
        (true, n) => format!(" Its {n} images were here beforehand (pre-pull {sets} {names})."),
        (false, 1) => format!(" Its image is in pre-pull {sets} {names}, which was not done with it by then."),
        (false, n) => format!(" {n} of its images are in pre-pull {sets} {names}, not done with them by then."),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Time;
    use crate::model::ids::{PodId, PodUid};
    use crate::model::stage::Stage;

    fn arrival(seconds: i64) -> Arrival {
        let queue = u64::try_from(seconds).unwrap() - 88;
        Arrival {
            pod: PodId { uid: PodUid::new("uid-cart"), namespace: "shop".into(), name: "cart".into() },
            began: Time::UNIX_EPOCH,
            at: Time::from_second(seconds).unwrap(),
            stages: [(Stage::Admission, 0), (Stage::Sandbox, 8), (Stage::ImageQueue, queue), (Stage::ImagePull, 80)]
                .map(|(stage, length)| (stage, Duration::from_secs(length)))
                .into(),
            told: false,
            ahead: None,
        }
    }

    fn said(arrival: Arrival, limit: Option<u64>) -> Vec<String> {
        let mut settings = Settings::default();
        settings.report.slow_start = limit.map(Duration::from_secs);
        let mut findings = Findings::default();
        arrived(arrival, &settings, &mut findings);
        assert_eq!(findings.arrivals.len(), 1, "it is counted in any case");
        findings.announcements.into_iter().map(|said| said.sentence).collect()
    }

    #[test]
    fn a_slow_start_is_told_with_where_its_time_went() {
        let sentence = "Started after 9 min 40 s: ImageQueue 8 min 12 s, ImagePull 1 min 20 s, Sandbox 8 s.";
        assert_eq!(said(arrival(580), Some(300)), [sentence]);
    }

    #[test]
    fn whether_its_image_had_been_pulled_ahead_is_told_too() {
        let with = |sets: &[&str], images, here| {
            let sets = sets.iter().map(|set| Arc::from(*set)).collect();
            said(Arrival { ahead: Some(Ahead { sets, images, here }), ..arrival(580) }, Some(300)).remove(0)
        };
        for (sentence, words) in [
            (with(&["base"], 1, true), "Sandbox 8 s. Its image was here beforehand (pre-pull set base)."),
            (with(&["base"], 1, false), " Its image is in pre-pull set base, which was not done with it by then."),
            (
                with(&["base", "pool"], 2, false),
                " 2 of its images are in pre-pull sets base, pool, not done with them by then.",
            ),
        ] {
            assert!(sentence.ends_with(words), "{sentence}");
        }
    }

    #[test]
    fn nothing_is_told_of_a_quick_start_nor_where_it_is_off_nor_of_what_was_told_before() {
        assert!(said(arrival(299), Some(300)).is_empty());
        assert!(said(arrival(580), None).is_empty());
        assert!(said(Arrival { told: true, ..arrival(580) }, Some(300)).is_empty());
    }
}
