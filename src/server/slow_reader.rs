//! SLOW READERS: clients that hardly take an answer of ours make room where memory or places are needed.

use super::context::Context;
use super::http1::Reason;
use super::reactor::ConnectionState;
use crate::util::budget::Reservation;

/// Resizes the reservation to `bytes`, if need be at the cost of a client that hardly takes its answer.
pub fn reserve(context: &Context, reservation: &mut Reservation, bytes: usize) -> bool {
    reservation.cover(bytes) || drop_one(context) && reservation.cover(bytes)
}

/// Drops a client that takes one of our answers too slowly. Returns false where there is none.
pub fn drop_one(context: &Context) -> bool {
    let slow = context.reactor.take_lowest(|state| match state {
        ConnectionState::Sending(_, pending) if pending.rate.is_slow() => Some(pending.last_sent),
        _ => None,
    });
    let Some(ConnectionState::Sending(conn, _)) = slow else {
        return false;
    };
    let what = "the rest of an answer that is hardly taken, while others wait";
    context.refusals.note(Reason::SlowReader, conn.peer, what);
    conn.reset();
    true
}
