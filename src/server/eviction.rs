//! EVICTION: which connection goes for a new one where all places are taken.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::context::Context;
use super::driver::{self, Service};
use super::http1::{Reason, Refusal};
use super::reactor::ConnectionState;
use super::request_reader::RequestReader;
use super::slow_reader;

/// A head that has been coming for this long may go for another connection.
const SLOW_HEAD: Duration = Duration::from_secs(5);

/// The order in which connections go: the lowest first, and of one kind the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It was answered for the last time, and may still be reading; the one that is to end first.
    Closing(Instant),
    /// It never sent a byte.
    Silent(Instant),
    SlowHead(Instant),
    /// It was answered, and is idle.
    Idle(Instant),
}

/// Evicts the connection that can best be missed. Returns false where there is none; true also where one turned out to have sent
/// something, and got its turn instead.
pub fn evict(context: &Arc<Context>, service: &dyn Service, scratch: &mut [u8]) -> bool {
    let now = Instant::now();
    match context.reactor.take_lowest(|state| rank(state, now)) {
        None => {
            return slow_reader::drop_one(context) || driver::drop_disconnected(context, service);
        }
        Some(ConnectionState::Idle(conn)) if conn.has_input() => {
            let reader = RequestReader::default();
            if let Some(request) = driver::read(context, service, conn, reader, scratch) {
                driver::dispatch(context, service, request);
            }
        }
        Some(ConnectionState::Reading(conn, mut reader)) => {
            let message = "read request: its head comes slowly, and others wait for its place";
            let refusal = Refusal {
                reason: Reason::SlowHead,
                status: 408,
                message: message.to_owned(),
            };
            driver::refuse_and_close(service, reader.refuse(conn, refusal));
        }
        Some(
            ConnectionState::Idle(_) | ConnectionState::Closing(..) | ConnectionState::Sending(..),
        ) => {}
    }
    true
}

fn rank(state: &ConnectionState, now: Instant) -> Option<Rank> {
    match state {
        ConnectionState::Idle(conn) if conn.was_used => Some(Rank::Idle(conn.idle_since)),
        ConnectionState::Idle(conn) => Some(Rank::Silent(conn.idle_since)),
        ConnectionState::Reading(_, reader) => reader
            .head_since()
            .filter(|since| now.duration_since(*since) > SLOW_HEAD)
            .map(Rank::SlowHead),
        ConnectionState::Closing(_, deadline) => Some(Rank::Closing(*deadline)),
        ConnectionState::Sending(..) => None,
    }
}
