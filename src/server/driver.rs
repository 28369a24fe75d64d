//! DRIVER: moves a connection from one state to the next, for the event loop and for a worker that lingers on it.
//!
//! Every function here takes a connection and leaves it in one place: in the reactor, with a worker, with one of our own pages,
//! or closed.

use std::net::SocketAddr;
use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::{Connection, DeliveryRate, ReadResult};
use super::context::Context;
use super::dispatch::JobKind;
use super::http1::{Reason, Refusal, RequestHead};
use super::reactor::{ConnectionState, PendingResponse};
use super::request::{RefusedRequest, Request, RequestArrival, RequestInfo};
use super::request_reader::{ReaderOutcome, RequestReader};
use super::response::Persistence;
use super::{error_response, slow_reader};
use crate::http::route::Route;
use crate::platform;
use crate::util::budget::Reservation;

/// After an answer to a request that was not read to its end, the client gets this long to read it before the connection ends.
const LINGERING_CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Reads from a closing connection before others get their turn.
const DRAIN_READS_MAX: usize = 8;

/// The part of serving that is left to the application.
pub trait Service: Send + Sync {
    /// Counts and records a request that is refused, and makes its answer.
    fn refusal_response(&self, refused: &RefusedRequest) -> (Vec<u8>, Persistence);
    /// Counts and records a request whose client left before it was forwarded.
    fn client_left(
        &self,
        peer: SocketAddr,
        head: RequestHead,
        route: Route,
        arrived: RequestArrival,
    );
    /// Answers a page that needs no waiting, without a worker.
    fn immediate_response(&self, request: &Request) -> Option<(Vec<u8>, Persistence)>;
    /// Queues a request for one of our pages. Returns it if there is no room.
    fn queue_page(&self, request: Box<Request>) -> Option<Box<Request>>;
}

/// Reads once from a connection. Returns a request that a worker must forward.
pub fn read(
    context: &Arc<Context>,
    service: &dyn Service,
    mut conn: Connection,
    reader: RequestReader,
    scratch: &mut [u8],
) -> Option<Box<Request>> {
    match conn.fill(scratch) {
        Ok(ReadResult::Bytes(_)) => {
            if !reader.has_begun() {
                conn.asks_promptly =
                    conn.was_used && conn.idle_since.elapsed() < platform::sockets::LINGER;
            }
            advance(context, service, conn, reader)
        }
        Ok(ReadResult::WouldBlock) => {
            park(context, conn, reader);
            None
        }
        Ok(ReadResult::Eof) | Err(_) => {
            if let Some((head, route, arrived)) = reader.into_head() {
                service.client_left(conn.peer, head, route, arrived);
            }
            None
        }
    }
}

/// Handles the input in the read buffer. Returns a request that a worker must forward.
pub fn advance(
    context: &Arc<Context>,
    service: &dyn Service,
    conn: Connection,
    mut reader: RequestReader,
) -> Option<Box<Request>> {
    match reader.advance(conn) {
        Break(outcome) => handle_outcome(service, outcome),
        Continue(conn) => {
            park(context, conn, reader);
            None
        }
    }
}

/// Handles the outcome of reading a request. Returns a request that a worker must forward.
pub fn handle_outcome(service: &dyn Service, outcome: ReaderOutcome) -> Option<Box<Request>> {
    match outcome {
        ReaderOutcome::Request(request) => match request.route {
            Route::Forward(_) => return Some(request),
            Route::Own(_) => answer_page(service, request),
        },
        ReaderOutcome::Refused(refused) => refuse(service, *refused),
        ReaderOutcome::Lost => {}
    }
    None
}

/// Gives a request to a worker, or refuses it if too many wait.
pub fn dispatch(context: &Arc<Context>, service: &dyn Service, request: Box<Request>) {
    let kind = request.kind();
    let Some(request) = context.pool.offer(request, kind) else {
        return;
    };
    drop_disconnected(context, service);
    let Some(request) = context.pool.offer(request, kind) else {
        return;
    };
    let reason = match kind {
        JobKind::Upload => Reason::Uploads,
        JobKind::Buffered => Reason::Busy,
    };
    refuse_for_lack_of_room(service, *request, reason);
}

/// Drops the waiting requests whose clients have left, to make room. Returns whether any had.
pub fn drop_disconnected(context: &Context, service: &dyn Service) -> bool {
    if !context.pool.disconnect_check_is_due() {
        return false;
    }
    let abandoned = context.pool.remove_where(|waiting| has_left(waiting));
    let any = !abandoned.is_empty();
    for request in abandoned {
        let Request {
            conn,
            head,
            route,
            timing,
            ..
        } = *request;
        service.client_left(conn.peer, head, route, timing.arrival);
    }
    any
}

fn has_left(waiting: &Request) -> bool {
    waiting
        .conn
        .client_left(waiting.timing.complete_at.elapsed())
}

/// Sends a finished response without waiting: the reactor sends the rest that the client does not take at once.
pub fn send_response(conn: Connection, bytes: Vec<u8>, persistence: Persistence) {
    let reservation = Reservation::new(&conn.context.budget);
    continue_sending(
        conn,
        PendingResponse {
            bytes,
            sent: 0,
            persistence,
            last_sent: Instant::now(),
            rate: DeliveryRate::default(),
            reservation,
        },
    );
}

/// Sends more of a response.
pub fn continue_sending(mut conn: Connection, mut pending: PendingResponse) {
    while pending.sent < pending.bytes.len() {
        match conn.try_send(&pending.bytes[pending.sent..]) {
            Ok(0) => return wait_until_writable(conn, pending),
            Ok(amount) => {
                pending.sent += amount;
                pending.last_sent = Instant::now();
                pending.rate.add(amount);
            }
            Err(_) => return,
        }
    }
    finish_response(conn, pending.persistence);
}

fn wait_until_writable(conn: Connection, mut pending: PendingResponse) {
    let context = conn.context.clone();
    let rest = pending.bytes.len() - pending.sent;
    if !slow_reader::reserve(&context, &mut pending.reservation, rest) {
        let what = "the rest of an answer that is not taken, and no memory is left for it";
        return context.refusals.note(Reason::SlowReader, conn.peer, what);
    }
    let deadline = context.idle_timeout.map(|idle| pending.last_sent + idle);
    context
        .reactor
        .register(ConnectionState::Sending(conn, pending), deadline);
}

/// Keeps or closes a connection whose response was sent.
pub fn finish_response(mut conn: Connection, persistence: Persistence) {
    let context = conn.context.clone();
    match persistence {
        Persistence::KeepAlive => {
            conn.was_used = true;
            if conn.read_buffer.is_empty() {
                park(&context, conn, RequestReader::default());
            } else {
                // No event will follow for input that has already come.
                context.reactor.push_ready(conn);
            }
        }
        Persistence::Close if conn.is_read_closed => {}
        Persistence::Close => {
            conn.shutdown_write();
            let deadline = Instant::now() + LINGERING_CLOSE_TIMEOUT;
            context
                .reactor
                .register(ConnectionState::Closing(conn, deadline), Some(deadline));
        }
    }
}

/// Discards input of a client that may still be reading its last response.
pub fn drain_input(mut conn: Connection, deadline: Instant, scratch: &mut [u8]) {
    for _ in 0..DRAIN_READS_MAX {
        match conn.read(scratch) {
            Ok(ReadResult::Bytes(_)) => {}
            Ok(ReadResult::WouldBlock) => break,
            Ok(ReadResult::Eof) | Err(_) => return,
        }
    }
    let context = conn.context.clone();
    context
        .reactor
        .register(ConnectionState::Closing(conn, deadline), Some(deadline));
}

fn refuse(service: &dyn Service, refused: RefusedRequest) {
    let (bytes, persistence) = service.refusal_response(&refused);
    send_response(refused.conn, bytes, persistence);
}

/// Refuses at once, and closes the connection without waiting for its client to read that: its place is needed.
pub fn refuse_and_close(service: &dyn Service, outcome: ReaderOutcome) {
    if let ReaderOutcome::Refused(mut refused) = outcome {
        let (bytes, _) = service.refusal_response(&refused);
        let _ = refused.conn.try_send(&bytes);
    }
}

/// Refuses a valid request for lack of room.
fn refuse_for_lack_of_room(service: &dyn Service, request: Request, reason: Reason) {
    let Request {
        conn,
        head,
        body,
        timing,
        ..
    } = request;
    refuse(
        service,
        RefusedRequest {
            conn,
            refusal: Refusal {
                reason,
                status: 503,
                message: error_response::BUSY.to_owned(),
            },
            info: RequestInfo::Head(Box::new(head)),
            arrived: Some(timing.arrival),
            is_complete: body.is_complete(),
        },
    );
}

fn answer_page(service: &dyn Service, request: Box<Request>) {
    if let Some((bytes, persistence)) = service.immediate_response(&request) {
        return send_response(request.conn, bytes, persistence);
    }
    if let Some(request) = service.queue_page(request) {
        refuse_for_lack_of_room(service, *request, Reason::Busy);
    }
}

/// Registers a connection with the reactor until more comes.
fn park(context: &Arc<Context>, mut conn: Connection, reader: RequestReader) {
    if conn.read_buffer.is_empty() {
        conn.read_buffer = Vec::new();
        conn.reservation.cover(0);
    }
    let now = Instant::now();
    let idle_deadline = context.idle_timeout.map(|idle| now + idle);
    if reader.has_begun() {
        let deadline = [reader.deadline(), idle_deadline]
            .into_iter()
            .flatten()
            .min();
        context
            .reactor
            .register(ConnectionState::Reading(conn, reader), deadline);
    } else {
        conn.idle_since = now;
        context
            .reactor
            .register(ConnectionState::Idle(conn), idle_deadline);
    }
}

#[cfg(test)]
mod tests;
