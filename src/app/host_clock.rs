//! Whether the host's clock was set while the agent ran. The agent's own goes on as it began, so that no dwell is moved; but
//! then every Event is dated wrongly until it is started anew, which can be done at any time. Sets no clock.

use std::time::Duration;

use tokio::time::sleep;

use crate::clock::Clock;
use crate::model::{since, wording};

/// Between two looks at both clocks.
const PERIOD: Duration = Duration::from_secs(10);
/// A clock that is slewed comes nowhere near it, nor does one that drifts between two updates of the agent.
const SET: Duration = Duration::from_secs(60);

/// Runs until the host's clock was set by more than a minute, and that was seen twice; what to say of it.
pub(super) async fn until_set(clock: Clock) -> String {
    let mut seen = false;
    loop {
        let (ours, hosts) = (clock.now(), clock.hosts_time());
        let apart = since(ours, hosts).max(since(hosts, ours));
        if seen && apart > SET {
            let way = if hosts > ours { "forward" } else { "back" };
            return format!(
                "the host's clock was set {way} by {}; kubewhy ends, to be started anew with it",
                wording::span(apart)
            );
        }
        seen = apart > SET;
        sleep(clock.together(PERIOD)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Time, after};

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_set_is_told_and_one_that_runs_is_not() {
        let of_a_replay = Clock::starting_at(Time::UNIX_EPOCH);
        assert!(tokio::time::timeout(Duration::from_secs(86_400), until_set(of_a_replay)).await.is_err());
        let slow = Clock::anchored_at(after(Clock::start().now(), Duration::from_secs(3_600)));
        let said = until_set(slow).await;
        assert!(said.starts_with("the host's clock was set back by 1 h"), "{said}");
    }
}
