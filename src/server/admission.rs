//! ADMISSION: who is evicted where all places for connections are taken.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::context::Context;
use super::driver::{self, Service};
use super::http1::{Reason, Refusal};
use super::reactor::Registered;
use super::request_reader::RequestReader;
use crate::util::budget::Reservation;

/// A head that has been coming for this long may go for somebody else.
const SLOW_HEAD: Duration = Duration::from_secs(5);

/// In whose place another connection may come: the least goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It was answered for the last time, and may still be reading; the one that is to end first.
    Ending(Instant),
    /// It never sent a byte; the oldest first.
    Silent(Instant),
    SlowHead(Instant),
    /// It was answered; the one idle for longest first.
    Idle(Instant),
}

/// Has the connection go that can best be missed. False where there is none; true also where one turned out to have sent something,
/// and got its turn instead.
pub fn evict(context: &Arc<Context>, service: &dyn Service, scratch: &mut [u8]) -> bool {
    let now = Instant::now();
    match context
        .reactor
        .take_least(|registered| rank(registered, now))
    {
        None => return drop_slow_reader(context) || driver::drop_gone(context, service),
        Some(Registered::Idle(conn)) if conn.has_input() => {
            if let Some(request) =
                driver::read(context, service, conn, RequestReader::default(), scratch)
            {
                driver::offer(context, service, request);
            }
        }
        Some(Registered::Reading(conn, mut reader)) => {
            let message =
                "read request: its head comes slowly, and others wait for its place".to_owned();
            let refusal = Refusal {
                reason: Reason::SlowHead,
                status: 408,
                message,
            };
            driver::dismiss(service, reader.refuse(conn, refusal));
        }
        Some(_) => {}
    }
    true
}

/// Makes this the reservation for `bytes`, if need be at the cost of a client that hardly takes its answer.
pub fn reserve(context: &Context, reservation: &mut Reservation, bytes: usize) -> bool {
    reservation.cover(bytes) || drop_slow_reader(context) && reservation.cover(bytes)
}

/// Drops a client that takes one of our answers too slowly. False where there is none.
fn drop_slow_reader(context: &Context) -> bool {
    let slow = context.reactor.take_least(|registered| match registered {
        Registered::Sending(_, outgoing) if outgoing.pace.is_slow() => Some(outgoing.moved),
        _ => None,
    });
    let Some(Registered::Sending(conn, _)) = slow else {
        return false;
    };
    context.refusals.note(
        Reason::SlowReader,
        conn.peer,
        "the rest of an answer that is hardly taken, while others wait",
    );
    conn.reset();
    true
}

fn rank(registered: &Registered, now: Instant) -> Option<Rank> {
    match registered {
        Registered::Idle(conn) if conn.has_asked => Some(Rank::Idle(conn.idle_since)),
        Registered::Idle(conn) => Some(Rank::Silent(conn.idle_since)),
        Registered::Reading(_, reader) => reader
            .head_since()
            .filter(|since| now.duration_since(*since) > SLOW_HEAD)
            .map(Rank::SlowHead),
        Registered::Closing(_, deadline) => Some(Rank::Ending(*deadline)),
        Registered::Sending(..) => None,
    }
}
