//! SLOW READERS: clients that hardly read a response of ours are dropped when memory or places are needed.

use super::context::Context;
use super::http1::Reason;
use super::reactor::ConnectionState;
use crate::util::budget::Reservation;

/// Resizes the reservation to `bytes`, if need be at the cost of a slow reader. Returns false if there is no room.
pub fn reserve(context: &Context, reservation: &mut Reservation, bytes: usize) -> bool {
    reservation.cover(bytes) || drop_one(context) && reservation.cover(bytes)
}

/// Drops the slowest reader. Returns false if no client is slow.
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
