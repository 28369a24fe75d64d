//! REQUEST READER: reads the bytes of a connection up to a request for a worker: complete, or an upload that streams.

use std::io;
use std::ops::ControlFlow::{self, Break, Continue};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::http1::{BodyDecoder, Reason, Refusal, RequestFraming, RequestHead};
use super::partial_request::{BodyProgress, PartialRequest, ProgressCheck};
use super::request::{
    CONTINUE, ReceivedBody, RefusedRequest, Request, RequestArrival, RequestInfo, RequestTiming,
};
use super::slow_reader;
use crate::http::route::{self, Route};
use crate::util::budget::Buffer;

/// A body of an inference request is buffered up to this many bytes.
const INFERENCE_BODY_MAX: usize = 64 * 1024 * 1024;

/// Any other body is buffered up to this many bytes.
const OTHER_BODY_MAX: usize = 64 * 1024;

/// A head may take this long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads the next request of a connection.
#[derive(Default)]
pub struct RequestReader {
    /// The time of the first byte of a head.
    head_began: Option<Instant>,
    partial: Option<Box<PartialRequest>>,
}

/// The outcome of reading a request. Before it, the connection is given back to wait for more.
pub enum ReaderOutcome {
    Request(Box<Request>),
    Refused(Box<RefusedRequest>),
    /// The connection failed.
    Lost,
}

impl RequestReader {
    /// Returns whether a part of a request has come.
    pub fn has_begun(&self) -> bool {
        self.head_began.is_some() || self.partial.is_some()
    }

    /// The time of the first byte of a head that is not complete yet.
    pub fn head_since(&self) -> Option<Instant> {
        self.head_began.filter(|_| self.partial.is_none())
    }

    /// The time at which the progress of the request is checked.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.partial {
            Some(partial) => Some(partial.progress_check.deadline),
            None => self.head_began.map(|began| began + HEAD_TIMEOUT),
        }
    }

    /// Returns the head and its arrival, if only the body is incomplete.
    pub fn into_head(self) -> Option<(RequestHead, Route, RequestArrival)> {
        let PartialRequest {
            head,
            route,
            arrival,
            ..
        } = *self.partial?;
        Some((head, route, arrival))
    }

    /// Reads from the read buffer.
    pub fn advance(&mut self, mut conn: Connection) -> ControlFlow<ReaderOutcome, Connection> {
        if self.partial.is_none() {
            match self.take_head(&mut conn) {
                Ok(true) => {}
                Ok(false) => return Continue(conn),
                Err(refusal) => return Break(self.refuse(conn, refusal)),
            }
            if let Err(_gone) = self.send_continue(&mut conn) {
                return Break(ReaderOutcome::Lost);
            }
        }
        let Some(partial) = &mut self.partial else {
            return Continue(conn);
        };
        match partial.take(&mut conn.read_buffer) {
            Ok(BodyProgress::Incomplete) => Continue(conn),
            Ok(BodyProgress::Complete) => Break(self.finish(conn, BodyProgress::Complete)),
            Ok(BodyProgress::TooLarge) => Break(self.finish(conn, BodyProgress::TooLarge)),
            Err(refusal) => Break(self.refuse(conn, refusal)),
        }
    }

    /// Refuses the request at its deadline, unless enough of a body came in time.
    pub fn expire(
        &mut self,
        conn: Connection,
        now: Instant,
    ) -> ControlFlow<ReaderOutcome, Connection> {
        let Some(partial) = &mut self.partial else {
            let refusal = too_slow(Reason::SlowHead, "read request: its head took over 30 s");
            return Break(self.refuse(conn, refusal));
        };
        let bytes = partial.buffered.bytes().len();
        if !partial.progress_check.is_met(bytes) {
            let message = "read request body: less than 1 KiB came in 10 s";
            return Break(self.refuse(conn, too_slow(Reason::SlowBody, message)));
        }
        partial.progress_check = ProgressCheck::at(now, bytes);
        Continue(conn)
    }

    /// Refuses the incomplete request.
    pub fn refuse(&mut self, conn: Connection, refusal: Refusal) -> ReaderOutcome {
        let (info, arrived) = match self.partial.take() {
            Some(partial) => (
                RequestInfo::Head(Box::new(partial.head)),
                Some(partial.arrival),
            ),
            None => (line(&conn), None),
        };
        ReaderOutcome::Refused(Box::new(RefusedRequest {
            conn,
            refusal,
            info,
            arrived,
            is_complete: false,
        }))
    }

    /// Takes the head out of the read buffer once it is complete.
    fn take_head(&mut self, conn: &mut Connection) -> Result<bool, Refusal> {
        let Some(head) = conn.head_reader.take(&mut conn.read_buffer)? else {
            self.wait_for_head(conn)?;
            return Ok(false);
        };
        conn.reservation.cover(conn.read_buffer.len());
        let arrival = RequestArrival::now();
        let route = route_of(&head, conn);
        let framing = head.framing();
        self.partial = Some(Box::new(PartialRequest {
            decoder: BodyDecoder::new(framing),
            buffered: Buffer::new(&conn.context.budget),
            buffered_max: buffered_max(&route),
            content_length: match framing {
                RequestFraming::Length(length) => Some(length),
                RequestFraming::Chunked | RequestFraming::Empty => None,
            },
            continue_sent: false,
            progress_check: ProgressCheck::at(arrival.at, 0),
            head,
            route,
            arrival,
        }));
        self.head_began = None;
        Ok(true)
    }

    /// Notes an incomplete head. Refuses it if no memory is left for it.
    fn wait_for_head(&mut self, conn: &mut Connection) -> Result<(), Refusal> {
        let length = conn.read_buffer.len();
        if length > 0 {
            self.head_began.get_or_insert_with(Instant::now);
        }
        let context = conn.context.clone();
        if slow_reader::reserve(&context, &mut conn.reservation, length) {
            return Ok(());
        }
        let message = "read request: no memory is left for its head; try again in a moment";
        Err(Refusal {
            reason: Reason::Memory,
            status: 503,
            message: message.to_owned(),
        })
    }

    /// Sends `100 Continue` to a client that expects it, if the body will be buffered.
    fn send_continue(&mut self, conn: &mut Connection) -> io::Result<()> {
        let Some(partial) = &mut self.partial else {
            return Ok(());
        };
        if !partial.head.expects_continue() || partial.is_too_large() {
            return Ok(());
        }
        partial.continue_sent = true;
        if conn.try_send(CONTINUE)? == CONTINUE.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    fn finish(&mut self, conn: Connection, progress: BodyProgress) -> ReaderOutcome {
        let Some(partial) = self.partial.take() else {
            return ReaderOutcome::Lost;
        };
        let PartialRequest {
            head,
            route,
            arrival,
            decoder,
            buffered,
            continue_sent,
            ..
        } = *partial;
        let (remaining, complete_at) = match progress {
            BodyProgress::TooLarge => (Some(decoder), arrival.at),
            BodyProgress::Complete | BodyProgress::Incomplete => (None, Instant::now()),
        };
        ReaderOutcome::Request(Box::new(Request {
            conn,
            head,
            route,
            body: ReceivedBody {
                buffered,
                remaining,
                continue_sent,
            },
            timing: RequestTiming {
                arrival,
                complete_at,
            },
        }))
    }
}

fn buffered_max(route: &Route) -> usize {
    match route {
        Route::Forward(forward) if forward.inference.is_some() => INFERENCE_BODY_MAX,
        Route::Forward(_) | Route::Own(_) => OTHER_BODY_MAX,
    }
}

fn too_slow(reason: Reason, message: &str) -> Refusal {
    Refusal {
        reason,
        status: 408,
        message: message.to_owned(),
    }
}

fn route_of(head: &RequestHead, conn: &Connection) -> Route {
    let served = conn.context.served_routes(conn.role);
    route::route(head.method(), &head.target_text(), served)
}

fn line(conn: &Connection) -> RequestInfo {
    match conn.head_reader.line(&conn.read_buffer) {
        Some(line) => RequestInfo::Line {
            method: line.method.to_owned(),
            target: String::from_utf8_lossy(line.target).into_owned(),
        },
        None => RequestInfo::Unknown,
    }
}
