//! DRIVER: from one state of a connection to the next, for the event loop and for a worker that lingers on one.
//!
//! Every function here takes a connection and leaves it in one place: in the reactor, with a worker, with one of our own pages,
//! or closed.

use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::admission;
use super::connection::{Came, Connection, ReaderPace};
use super::context::Context;
use super::dispatch::Kind;
use super::http1::{Head, Reason, Refusal};
use super::reactor::{Outgoing, Registered, Then};
use super::request_reader::{Asked, Outcome, Refused, Request, RequestReader};
use crate::http::route::Route;
use crate::platform;
use crate::server::fault;
use crate::util::budget::Reservation;

/// After an answer to a request that was not read to its end, the client gets this long to read it before the connection ends.
const LINGERING_CLOSE: Duration = Duration::from_millis(500);

/// What the server leaves to others.
pub trait Service: Send + Sync {
    /// The answer to a request that we refuse, which is counted and recorded.
    fn refuse(&self, refused: &Refused) -> (Vec<u8>, Then);
    /// Counts and records a request whose client left before it was whole.
    fn left(
        &self,
        peer: std::net::SocketAddr,
        head: Head,
        route: Route,
        arrived: (Instant, SystemTime),
    );
    /// The answer to a page that needs nobody's time.
    fn answer_at_once(&self, request: &Request) -> Option<(Vec<u8>, Then)>;
    /// Gives a request for one of our pages to who answers it. It comes back where there is no room.
    fn give_page(&self, request: Box<Request>) -> Option<Box<Request>>;
}

/// Reads what is there, once, and sees what comes of it.
pub fn read(
    context: &Arc<Context>,
    service: &dyn Service,
    mut conn: Connection,
    reader: RequestReader,
    scratch: &mut [u8],
) -> Option<Box<Request>> {
    match conn.fill(scratch) {
        Ok(Came::Bytes(_)) => {
            if !reader.has_begun() {
                conn.is_brisk =
                    conn.has_asked && conn.idle_since.elapsed() < platform::sockets::LINGER;
            }
            take_up(context, service, conn, reader)
        }
        Ok(Came::Nothing) => {
            wait_for_more(context, conn, reader);
            None
        }
        Ok(Came::End) | Err(_) => {
            if let Some((head, route, arrived, at)) = reader.into_head() {
                service.left(conn.peer, head, route, (arrived, at));
            }
            None
        }
    }
}

/// Sees what comes of what is in the inbox: a request for a worker, or something that is settled here.
pub fn take_up(
    context: &Arc<Context>,
    service: &dyn Service,
    conn: Connection,
    mut reader: RequestReader,
) -> Option<Box<Request>> {
    match reader.advance(conn) {
        Break(outcome) => settle(service, outcome),
        Continue(conn) => {
            wait_for_more(context, conn, reader);
            None
        }
    }
}

/// Settles what was gathered, but for a request that a worker must forward.
pub fn settle(service: &dyn Service, gathered: Outcome) -> Option<Box<Request>> {
    match gathered {
        Outcome::Request(request) => match request.route {
            Route::Forward(_) => return Some(request),
            Route::Own(_) => give_page(service, request),
        },
        Outcome::Refused(refused) => refuse(service, *refused),
        Outcome::Lost => {}
    }
    None
}

/// Gives a request to a worker, or refuses it where too many wait.
pub fn offer(context: &Arc<Context>, service: &dyn Service, request: Box<Request>) {
    let kind = request.kind();
    let Some(request) = context.pool.offer(request, kind) else {
        return;
    };
    drop_gone(context, service);
    let Some(request) = context.pool.offer(request, kind) else {
        return;
    };
    let reason = if kind == Kind::Upload {
        Reason::Uploads
    } else {
        Reason::Busy
    };
    refuse_whole(service, *request, reason);
}

/// Whoever left while its request waits for a worker makes room. False where nobody is known to have left.
pub fn drop_gone(context: &Context, service: &dyn Service) -> bool {
    if !context.pool.look_is_due() {
        return false;
    }
    let gone = context
        .pool
        .remove(|waiting| waiting.conn.is_gone(waiting.arrival.whole.elapsed()));
    let was_some = !gone.is_empty();
    for request in gone {
        let Request {
            conn,
            head,
            route,
            arrival,
            ..
        } = *request;
        service.left(conn.peer, head, route, (arrival.head, arrival.at));
    }
    was_some
}

/// Sends a finished answer, without waiting: what does not go at once goes from the reactor.
pub fn answer(conn: Connection, bytes: Vec<u8>, then: Then) {
    let reservation = Reservation::new(&conn.context.budget);
    go_on_sending(
        conn,
        Outgoing {
            bytes,
            sent: 0,
            then,
            moved: Instant::now(),
            pace: ReaderPace::default(),
            reservation,
        },
    );
}

/// Sends more of an answer.
pub fn go_on_sending(mut conn: Connection, mut outgoing: Outgoing) {
    while outgoing.sent < outgoing.bytes.len() {
        match conn.send_some(&outgoing.bytes[outgoing.sent..]) {
            Ok(0) => {
                let rest = outgoing.bytes.len() - outgoing.sent;
                if !admission::reserve(&conn.context, &mut outgoing.reservation, rest) {
                    let what =
                        "the rest of an answer that is not taken, and no memory is left for it";
                    return conn
                        .context
                        .refusals
                        .note(Reason::SlowReader, conn.peer, what);
                }
                let deadline = conn.context.idle.map(|idle| outgoing.moved + idle);
                let context = conn.context.clone();
                return context
                    .reactor
                    .register(Registered::Sending(conn, outgoing), deadline);
            }
            Ok(amount) => {
                outgoing.sent += amount;
                outgoing.moved = Instant::now();
                outgoing.pace.took(amount);
            }
            Err(_) => return,
        }
    }
    finish(conn, outgoing.then);
}

/// Ends the turn of a connection whose answer was sent.
pub fn finish(mut conn: Connection, then: Then) {
    let context = conn.context.clone();
    match then {
        Then::Keep => {
            conn.has_asked = true;
            if conn.inbox.is_empty() {
                wait_for_more(&context, conn, RequestReader::default());
            } else {
                // What is here already no event will tell of.
                context.reactor.hand_over(conn);
            }
        }
        Then::Close if conn.has_ended => {}
        Then::Close => {
            conn.finish_sending();
            let deadline = Instant::now() + LINGERING_CLOSE;
            context
                .reactor
                .register(Registered::Closing(conn, deadline), Some(deadline));
        }
    }
}

/// Reads on what a client sends whose answer it may still be reading.
pub fn discard(mut conn: Connection, deadline: Instant, scratch: &mut [u8]) {
    for _ in 0..8 {
        match conn.read(scratch) {
            Ok(Came::Bytes(_)) => {}
            Ok(Came::Nothing) => break,
            Ok(Came::End) | Err(_) => return,
        }
    }
    let context = conn.context.clone();
    context
        .reactor
        .register(Registered::Closing(conn, deadline), Some(deadline));
}

/// Refuses what cannot be taken.
fn refuse(service: &dyn Service, refused: Refused) {
    let (bytes, then) = service.refuse(&refused);
    answer(refused.conn, bytes, then);
}

/// Refuses at once, and ends the connection whether its client has read that or not: its place is needed.
pub fn dismiss(service: &dyn Service, outcome: Outcome) {
    if let Outcome::Refused(mut refused) = outcome {
        let (bytes, _) = service.refuse(&refused);
        let _ = refused.conn.send_some(&bytes);
    }
}

/// Refuses a request that nothing is wrong with, for want of room.
fn refuse_whole(service: &dyn Service, request: Request, reason: Reason) {
    let refusal = Refusal {
        reason,
        status: 503,
        message: fault::BUSY.to_owned(),
    };
    let arrived = Some((request.arrival.head, request.arrival.at));
    let Request {
        conn,
        head,
        content,
        ..
    } = request;
    refuse(
        service,
        Refused {
            conn,
            refusal,
            asked: Asked::Head(Box::new(head)),
            arrived,
            is_read: content.is_read(),
        },
    );
}

fn give_page(service: &dyn Service, request: Box<Request>) {
    if let Some((bytes, then)) = service.answer_at_once(&request) {
        return answer(request.conn, bytes, then);
    }
    if let Some(request) = service.give_page(request) {
        refuse_whole(service, *request, Reason::Busy);
    }
}

fn wait_for_more(context: &Arc<Context>, mut conn: Connection, reader: RequestReader) {
    if conn.inbox.is_empty() {
        conn.inbox = Vec::new();
        conn.reservation.cover(0);
    }
    let now = Instant::now();
    let idle = context.idle.map(|idle| now + idle);
    if reader.has_begun() {
        let deadline = [reader.deadline(), idle].into_iter().flatten().min();
        return context
            .reactor
            .register(Registered::Reading(conn, reader), deadline);
    }
    conn.idle_since = now;
    context.reactor.register(Registered::Idle(conn), idle);
}
