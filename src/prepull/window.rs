//! Whether a set's window is open, and until when. Reckons with the time it is given and reads no clock.

use crate::model::schedule::Schedule;
use crate::model::settings::Window;
use crate::model::{Time, after};

/// What a window is at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Open; by `until` it closes, unless it has opened again meanwhile.
    Open {
        /// The first moment that does not belong to what is open now.
        until: Time,
    },
    /// Closed.
    Closed {
        /// When it opens next; none: never.
        opens: Option<Time>,
    },
}

/// The state of a window at `now`.
///
/// Each opening lasts equally long, so the last one before `now` closes last, however many overlap.
#[must_use]
pub fn state(window: &Window, now: Time) -> State {
    let Ok(schedule) = Schedule::parse(&window.cron, window.zone.as_deref()) else {
        return State::Closed { opens: None };
    };
    match schedule.last(now).map(|opened| after(opened, window.lasts)) {
        Some(until) if now < until => State::Open { until },
        _ => State::Closed { opens: schedule.next(now) },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn window(cron: &str, lasts: Duration, zone: Option<&str>) -> Window {
        Window { cron: cron.into(), lasts, zone: zone.map(Into::into) }
    }

    fn at(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn open(until: &str) -> State {
        State::Open { until: at(until) }
    }

    fn closed(opens: &str) -> State {
        State::Closed { opens: Some(at(opens)) }
    }

    #[test]
    fn a_window_is_open_from_its_hour_until_its_time_is_over() {
        let night = window("0 1 * * *", 4 * HOUR, None);
        assert_eq!(state(&night, at("2026-05-02T00:59:59.9Z")), closed("2026-05-02T01:00:00Z"));
        assert_eq!(state(&night, at("2026-05-02T01:00:00Z")), open("2026-05-02T05:00:00Z"));
        assert_eq!(state(&night, at("2026-05-02T04:59:59.9Z")), open("2026-05-02T05:00:00Z"));
        assert_eq!(state(&night, at("2026-05-02T05:00:00Z")), closed("2026-05-03T01:00:00Z"));
    }

    #[test]
    fn a_window_may_last_over_midnight_and_over_the_weekend() {
        let weekend = window("0 22 * * fri", 56 * HOUR, Some("Europe/Berlin"));
        assert_eq!(state(&weekend, at("2026-05-03T12:00:00Z")), open("2026-05-04T04:00:00Z"));
        assert_eq!(state(&weekend, at("2026-05-04T04:00:00Z")), closed("2026-05-08T20:00:00Z"));
    }

    #[test]
    fn a_window_longer_than_its_period_is_always_open_and_ends_with_its_last_opening() {
        let always = window("* * * * *", 7 * 24 * HOUR, None);
        assert_eq!(state(&always, at("2026-05-02T12:34:56Z")), open("2026-05-09T12:34:00Z"));
        let often = window("0 */2 * * *", 3 * HOUR, None);
        for minute in 0..48 * 60 {
            let now = after(at("2026-05-02T00:00:00Z"), Duration::from_secs(60 * minute));
            assert!(matches!(state(&often, now), State::Open { until } if until > now), "{now}");
        }
        assert_eq!(state(&often, at("2026-05-02T02:30:00Z")), open("2026-05-02T05:00:00Z"));
    }

    #[test]
    fn a_window_lasts_as_long_as_ever_in_the_nights_when_clocks_change() {
        let night = window("0 1 * * *", 4 * HOUR, Some("Europe/Berlin"));
        // From one to six in spring, from one to four in autumn, as the clocks on the wall have it.
        assert_eq!(state(&night, at("2026-03-29T00:30:00Z")), open("2026-03-29T04:00:00Z"));
        assert_eq!(state(&night, at("2026-10-24T23:30:00Z")), open("2026-10-25T03:00:00Z"));
    }

    #[test]
    fn a_window_whose_hour_is_skipped_opens_when_the_clocks_have_been_put_on() {
        let short = window("30 2 * * *", HOUR / 2, Some("Europe/Berlin"));
        assert_eq!(state(&short, at("2026-03-29T00:59:59Z")), closed("2026-03-29T01:00:00Z"));
        assert_eq!(state(&short, at("2026-03-29T01:10:00Z")), open("2026-03-29T01:30:00Z"));
        assert_eq!(state(&short, at("2026-03-29T01:30:00Z")), closed("2026-03-30T00:30:00Z"));
    }

    #[test]
    fn a_window_whose_hour_comes_twice_opens_once() {
        let short = window("30 2 * * *", HOUR / 2, Some("Europe/Berlin"));
        assert_eq!(state(&short, at("2026-10-25T00:40:00Z")), open("2026-10-25T01:00:00Z"));
        assert_eq!(state(&short, at("2026-10-25T01:40:00Z")), closed("2026-10-26T01:30:00Z"));
    }

    #[test]
    fn at_any_time_of_a_year_a_closed_window_is_open_when_it_said_it_would_be() {
        let windows = [
            window("30 2 * * *", HOUR, Some("America/Sao_Paulo")),
            window("0 0 1 * *", 24 * HOUR, Some("Australia/Lord_Howe")),
            window("*/40 1-3 * * sun", HOUR / 4, Some("Europe/Berlin")),
        ];
        for window in &windows {
            for step in 0..366 * 24 / 7 {
                let now = after(at("2026-01-01T00:17:00Z"), step * 7 * HOUR);
                match state(window, now) {
                    State::Open { until } => assert!(now < until && until <= after(now, window.lasts), "{now}"),
                    State::Closed { opens: Some(opens) } => {
                        assert!(now < opens && matches!(state(window, opens), State::Open { .. }), "{now} {window:?}");
                    }
                    State::Closed { opens: None } => panic!("{now} {window:?}"),
                }
            }
        }
    }

    #[test]
    fn a_window_that_never_opens_is_closed_for_ever() {
        for never in [window("0 0 30 2 *", HOUR, None), window("0 1 * * *", HOUR, Some("Europe/Berln"))] {
            assert_eq!(state(&never, at("2026-05-02T00:00:00Z")), State::Closed { opens: None });
        }
    }
}
