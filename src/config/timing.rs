//! `timing:`, periods of looking and waiting, each within bounds: nobody makes the agent list a runtime every
//! millisecond by a slip, and nothing is put off for a day.

use std::time::Duration;

use crate::model::settings::Timing;

use super::reader::{Item, Section};

/// A key, its bounds in milliseconds and its place in the settings.
struct Knob {
    key: &'static str,
    from: u64,
    to: u64,
    place: fn(&mut Timing) -> &mut Duration,
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

const KNOBS: &[Knob] = &[
    Knob { key: "busy", from: 200, to: MINUTE, place: |t| &mut t.busy },
    Knob { key: "calm", from: SECOND, to: 5 * MINUTE, place: |t| &mut t.calm },
    Knob { key: "status", from: SECOND, to: 5 * MINUTE, place: |t| &mut t.status },
    Knob { key: "cni", from: SECOND, to: 5 * MINUTE, place: |t| &mut t.cni },
    Knob { key: "probe", from: SECOND, to: 5 * MINUTE, place: |t| &mut t.probe },
    Knob { key: "clear", from: SECOND, to: HOUR, place: |t| &mut t.clear },
    Knob { key: "reopen", from: SECOND, to: 24 * HOUR, place: |t| &mut t.reopen },
    Knob { key: "restartQuiet", from: 0, to: 10 * MINUTE, place: |t| &mut t.restart_quiet },
    Knob { key: "askEvents", from: SECOND, to: HOUR, place: |t| &mut t.ask_events },
    Knob { key: "askAgain", from: 10 * SECOND, to: 24 * HOUR, place: |t| &mut t.ask_again },
];

pub(super) fn read(section: &mut Section<'_>) -> Timing {
    let mut timing = Timing::default();
    let mut calm: Option<Item<'_>> = None;
    for knob in KNOBS {
        let Some(item) = section.take(knob.key) else { continue };
        if knob.key == "calm" {
            calm = Some(item);
        }
        if let Some(span) = item.span(Duration::from_millis(knob.from)..=Duration::from_millis(knob.to)) {
            *(knob.place)(&mut timing) = span;
        }
    }
    if let Some(calm) = calm.filter(|_| timing.calm < timing.busy) {
        calm.wrong::<()>("calm is shorter than busy", "a calm node is looked at less often, not more");
    }
    timing
}
