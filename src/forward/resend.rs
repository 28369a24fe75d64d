//! RESEND: a request whose kept connection had died is sent once more, on a fresh one.
//!
//! A machine that was started anew answers the first packet on a connection of before with a reset, and a server may end one that
//! rests at the moment a request goes out (RFC 9112 section 9.3.1). Neither has seen the request. Who ends a connection in order,
//! or later, may have: that is no reason.

use std::time::{Duration, Instant};

use ureq::http::Response;
use ureq::{Body, Error};

use super::upstream::{Courier, Sending};
use crate::forward::readiness::Readiness;

/// A connection that is lost so soon after a request began to be sent had died before.
const WINDOW: Duration = Duration::from_secs(1);

/// A request on its way, until a byte of the reply comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempt {
    /// When it began to be sent.
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
        self.was_lost |= self.left(now).is_some();
    }

    /// A byte of the reply came.
    pub fn answered(&mut self) {
        self.has_answer = true;
    }

    /// How much longer what was sent may have to be sent anew.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let began = self.began.filter(|_| !self.is_fresh && !self.has_answer)?;
        WINDOW
            .checked_sub(now.saturating_duration_since(began))
            .filter(|left| !left.is_zero())
    }

    /// The connection had died before the request came to it.
    pub fn was_stale(&self) -> bool {
        self.was_lost && !self.has_answer
    }
}

/// Sends what the line was loaded with, and waits for the head of the reply. Returns also whether it was sent anew: never to
/// another Ollama than the first time, which is one that the first may have ended.
pub fn send(
    courier: &Courier,
    readiness: &Readiness,
    head_only_reply: bool,
) -> (Result<Response<Body>, Error>, bool) {
    let (line, run) = (&courier.line, readiness.generation());
    let mut sent = courier.send(Sending::Loaded { head_only_reply });
    let is_anew =
        sent.is_err() && line.is_cut().is_none() && line.was_stale() && readiness.is_current(run);
    if is_anew {
        log::debug!("send anew: the kept connection to ollama had died");
        line.reload();
        sent = courier.send(Sending::Loaded { head_only_reply });
    }
    (sent, is_anew)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attempt that began at `start`, on a kept connection.
    fn kept(start: Instant) -> Attempt {
        let mut attempt = Attempt::default();
        attempt.begin(start);
        attempt
    }

    #[test]
    fn a_kept_connection_that_is_lost_within_a_second_was_stale() {
        let start = Instant::now();
        for (after, is_stale) in [(0, true), (999, true), (1000, false), (60_000, false)] {
            let mut attempt = kept(start);
            attempt.lost(start + Duration::from_millis(after));
            assert_eq!(attempt.was_stale(), is_stale, "after {after} ms");
        }
    }

    #[test]
    fn a_fresh_connection_is_never_stale_nor_one_that_answered() {
        let start = Instant::now();
        let mut fresh = kept(start);
        fresh.connected();
        fresh.lost(start);
        assert!(!fresh.was_stale() && fresh.left(start).is_none());
        // Who answers and hangs up makes the next write fail.
        let mut early = kept(start);
        early.lost(start);
        early.answered();
        assert!(!early.was_stale() && early.left(start).is_none());
        let mut idle = Attempt::default();
        idle.lost(start);
        assert!(!idle.was_stale(), "nothing was sent");
    }

    #[test]
    fn what_was_sent_is_kept_for_a_second() {
        let start = Instant::now();
        let attempt = kept(start);
        assert_eq!(
            attempt.left(start + Duration::from_millis(400)),
            Some(Duration::from_millis(600))
        );
        assert_eq!(attempt.left(start + WINDOW), None);
    }
}
