//! ATTEMPT: decides whether a failed request may be sent again, because its pooled connection was stale. Pure.
//!
//! A restarted machine answers the first packet on an old connection with a reset, and a server may close an idle connection at the
//! moment a request goes out (RFC 9112 section 9.3.1). Neither has seen the request. A server that closes in an orderly way, or later,
//! may have seen it, and the request is not sent again.

use std::time::{Duration, Instant};

/// A connection that is lost this soon after the start of sending was stale.
const STALE_WINDOW: Duration = Duration::from_secs(1);

/// An attempt to send a request, until a byte of the reply comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempt {
    /// The start of sending.
    began: Option<Instant>,
    /// Its connection was made for it.
    is_fresh: bool,
    /// A write failed or the connection was reset, in time.
    was_lost: bool,
    has_answer: bool,
}

impl Attempt {
    pub fn connected(&mut self) {
        self.is_fresh = true;
    }

    pub fn begin(&mut self, now: Instant) {
        self.began = Some(now);
    }

    /// A write failed, or the connection was reset.
    pub fn lost(&mut self, now: Instant) {
        self.was_lost |= self.retry_time_left(now).is_some();
    }

    /// A byte of the reply came.
    pub fn answered(&mut self) {
        self.has_answer = true;
    }

    /// Returns the time for which the request may still have to be sent again, if it may.
    pub fn retry_time_left(&self, now: Instant) -> Option<Duration> {
        let began = self.began.filter(|_| !self.is_fresh && !self.has_answer)?;
        STALE_WINDOW
            .checked_sub(now.saturating_duration_since(began))
            .filter(|remaining| !remaining.is_zero())
    }

    /// Returns whether the connection had died before the request came to it.
    pub fn was_stale(&self) -> bool {
        self.was_lost && !self.has_answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attempt that began at `start`, on a pooled connection.
    fn pooled(start: Instant) -> Attempt {
        let mut attempt = Attempt::default();
        attempt.begin(start);
        attempt
    }

    #[test]
    fn a_pooled_connection_that_is_lost_within_a_second_was_stale() {
        let start = Instant::now();
        for (after, is_stale) in [(0, true), (999, true), (1000, false), (60_000, false)] {
            let mut attempt = pooled(start);
            attempt.lost(start + Duration::from_millis(after));
            assert_eq!(attempt.was_stale(), is_stale, "after {after} ms");
        }
    }

    #[test]
    fn a_fresh_connection_is_never_stale_nor_one_that_answered() {
        let start = Instant::now();
        let mut fresh = pooled(start);
        fresh.connected();
        fresh.lost(start);
        assert!(!fresh.was_stale() && fresh.retry_time_left(start).is_none());
        // A server that answers and closes makes the next write fail.
        let mut early = pooled(start);
        early.lost(start);
        early.answered();
        assert!(!early.was_stale() && early.retry_time_left(start).is_none());
        let mut idle = Attempt::default();
        idle.lost(start);
        assert!(!idle.was_stale(), "nothing was sent");
    }

    #[test]
    fn a_request_may_be_sent_again_for_a_second() {
        let start = Instant::now();
        let attempt = pooled(start);
        assert_eq!(
            attempt.retry_time_left(start + Duration::from_millis(400)),
            Some(Duration::from_millis(600))
        );
        assert_eq!(attempt.retry_time_left(start + STALE_WINDOW), None);
    }
}
