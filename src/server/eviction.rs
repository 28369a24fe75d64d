//! EVICTION: chooses the connection that makes room for a new one when all places are taken.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::context::Context;
use super::driver::{self, Service};
use super::http1::{Reason, Refusal};
use super::reactor::ConnectionState;
use super::request_reader::RequestReader;
use super::slow_reader;

/// A connection whose head has been coming for this long may be evicted.
const SLOW_HEAD: Duration = Duration::from_secs(5);

/// The order in which connections are evicted: the lowest first, and of one kind the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It was sent its last response, and may still be reading it; the earliest deadline first.
    Closing(Instant),
    /// It never sent a byte.
    Silent(Instant),
    SlowHead(Instant),
    /// It was answered before, and is idle.
    Idle(Instant),
}

/// Evicts the least valuable connection. Returns false if none may be evicted; true also if the candidate turned out to have sent
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
