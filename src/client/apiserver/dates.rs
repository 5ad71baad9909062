//! The clock of the API server, as every answer tells it (net/http of Go writes `Date` into each). Asks nothing by itself:
//! on a calm node the answers are those to watches that are opened anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::{HeaderMap, Response, header};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::model::observation::{Observation, Seen};
use crate::model::skew::Skew;
use crate::model::{Time, since};

/// Where answers are told of.
#[derive(Clone, Debug)]
pub struct Dates {
    seen: mpsc::Sender<Observation>,
    clock: Clock,
    last: Arc<AtomicI64>,
}

impl Dates {
    /// Tells [`Seen::Clocks`] of answers, no two of the same second.
    #[must_use]
    pub fn new(seen: mpsc::Sender<Observation>, clock: Clock) -> Self {
        Self { seen, clock, last: Arc::new(AtomicI64::new(i64::MIN)) }
    }

    /// The moment in which a request is sent.
    pub(super) fn sent(&self) -> Time {
        self.clock.now()
    }

    /// Takes note of the answer to a request. An answer of the same date as the last one is as old as that, and says no more.
    pub(super) fn note<B>(&self, answer: &Response<B>, sent: Time) {
        let Some(skew) = self.skew(answer, sent) else { return };
        let date = skew.theirs.as_second();
        if self.last.swap(date, Ordering::Relaxed) != date {
            let seen = Observation { at: self.clock.now(), seen: Seen::Clocks(skew) };
            drop(self.seen.try_send(seen)); // the next answer tells it again
        }
    }

    /// Not of an answer out of a cache (RFC 9111, 5.1), nor of one that may be a proxy's own.
    fn skew<B>(&self, answer: &Response<B>, sent: Time) -> Option<Skew> {
        let headers: &HeaderMap = answer.headers();
        if headers.contains_key(header::AGE) || answer.status().is_server_error() {
            return None;
        }
        let date = headers.get(header::DATE)?.to_str().ok()?;
        Skew::of(date, self.clock.hosts_time(), since(sent, self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn dates() -> (Dates, mpsc::Receiver<Observation>) {
        let (out, seen) = mpsc::channel(4);
        (Dates::new(out, Clock::starting_at("2026-11-21T03:00:00Z".parse().unwrap())), seen)
    }

    fn answer(status: u16, date: &str) -> Response<()> {
        Response::builder().status(status).header(header::DATE, date).body(()).unwrap()
    }

    const FIVE_TO: &str = "Sat, 21 Nov 2026 02:55:00 GMT";

    #[tokio::test(start_paused = true)]
    async fn every_answer_of_another_second_tells_the_clock_and_how_long_it_took() {
        let (dates, mut seen) = dates();
        let sent = dates.sent();
        tokio::time::advance(Duration::from_secs(7)).await;
        dates.note(&answer(403, FIVE_TO), sent);
        dates.note(&answer(200, FIVE_TO), dates.sent());
        let Observation { at, seen: Seen::Clocks(skew) } = seen.recv().await.unwrap() else { panic!() };
        assert_eq!((at, skew.ours, skew.took), (dates.clock.now(), dates.clock.now(), Duration::from_secs(7)));
        assert_eq!(skew.theirs.to_string(), "2026-11-21T02:55:00Z");
        assert!(seen.try_recv().is_err(), "of the same second: one is enough, and a cache gives no other");
        dates.note(&answer(200, "Sat, 21 Nov 2026 02:55:01 GMT"), dates.sent());
        assert!(seen.try_recv().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_may_have_written_tells_nothing_of_the_api_server() {
        let (dates, mut seen) = dates();
        let mut cached = answer(200, FIVE_TO);
        cached.headers_mut().insert(header::AGE, 0.into());
        for answer in [cached, answer(503, FIVE_TO), answer(200, "soon"), Response::new(())] {
            dates.note(&answer, dates.sent());
        }
        assert!(seen.try_recv().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn where_nobody_takes_it_nobody_waits() {
        let (dates, seen) = dates();
        drop(seen);
        dates.note(&answer(200, FIVE_TO), dates.sent());
    }
}
