//! REQUEST READER: from the bytes of a connection to a request that a worker can run: whole, or an upload that streams.

use std::io;
use std::ops::ControlFlow::{self, Break, Continue};
use std::time::{Duration, Instant, SystemTime};

use super::admission;
use super::connection::Connection;
use super::dispatch::Kind;
use super::http1::{Body, Framing, Head, Reason, Refusal};
use super::partial::{Partial, Took};
use crate::http::route::{self, Route};
use crate::util::budget::Buffer;

/// A body of an inference request up to this many bytes is gathered.
const INFERENCE_MAX: usize = 64 * 1024 * 1024;

/// Any other body up to this many bytes.
const OTHER_MAX: usize = 64 * 1024;

/// How long a head may take.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// A body that is gathered must bring `BODY_PACE` bytes, or its rest, in every `BODY_TIME`.
const BODY_TIME: Duration = Duration::from_secs(10);
const BODY_PACE: usize = 1024;

/// The leave to send a body, for a client that asks for it.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A request, and the connection that it came on.
pub struct Request {
    pub conn: Connection,
    pub head: Head,
    pub route: Route,
    pub content: Content,
    pub arrival: Arrival,
}

/// The body of a request.
pub struct Content {
    /// All of it, or what of an upload was gathered in front.
    pub held: Buffer,
    /// The rest of an upload, which is still to come from the connection.
    pub rest: Option<Body>,
    /// The client was given leave to send it.
    pub is_allowed: bool,
}

impl Content {
    /// Whether all of the body came.
    pub fn is_read(&self) -> bool {
        self.rest.is_none()
    }
}

impl Request {
    pub fn kind(&self) -> Kind {
        if self.content.rest.is_some() {
            Kind::Upload
        } else {
            Kind::Whole
        }
    }
}

/// When a request came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The last byte of its head.
    pub head: Instant,
    pub at: SystemTime,
    /// The last byte of its body, or when an upload was allowed to stream.
    pub whole: Instant,
}

/// What is gathered of the next request of a connection.
#[derive(Default)]
pub struct RequestReader {
    /// Since when there is something of a head.
    began: Option<Instant>,
    body: Option<Box<Partial>>,
}

/// What a connection brought in the end. Until then it comes back, to wait for more.
pub enum Outcome {
    Request(Box<Request>),
    Refused(Box<Refused>),
    /// The connection was of no use any more.
    Lost,
}

/// A request that we do not take.
pub struct Refused {
    pub conn: Connection,
    pub refusal: Refusal,
    /// What was known of it: method and target, or the whole head.
    pub asked: Asked,
    pub arrived: Option<(Instant, SystemTime)>,
    /// Nothing more of it is to come.
    pub is_read: bool,
}

pub enum Asked {
    Nothing,
    Line { method: String, target: String },
    Head(Box<Head>),
}

impl Asked {
    pub fn method(&self) -> Option<&str> {
        match self {
            Asked::Nothing => None,
            Asked::Line { method, .. } => Some(method),
            Asked::Head(head) => Some(head.method()),
        }
    }
}

impl RequestReader {
    /// Whether anything of a request is there.
    pub fn has_begun(&self) -> bool {
        self.began.is_some() || self.body.is_some()
    }

    /// Since when a head has been coming.
    pub fn head_since(&self) -> Option<Instant> {
        self.began.filter(|_| self.body.is_none())
    }

    /// When somebody must look at it again, whatever comes.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.body {
            Some(body) => Some(body.mark.0),
            None => self.began.map(|began| began + HEAD_TIME),
        }
    }

    /// The head, where it is there and the body is still to come.
    pub fn into_head(self) -> Option<(Head, Route, Instant, SystemTime)> {
        self.body
            .map(|body| (body.head, body.route, body.arrived, body.at))
    }

    /// Looks at what is in the inbox.
    pub fn advance(&mut self, mut conn: Connection) -> ControlFlow<Outcome, Connection> {
        if self.body.is_none() {
            match self.take_head(&mut conn) {
                Ok(true) => {}
                Ok(false) => return Continue(conn),
                Err(refusal) => return Break(self.refuse(conn, refusal)),
            }
            if let Err(_gone) = self.accept(&mut conn) {
                return Break(Outcome::Lost);
            }
        }
        let Some(body) = &mut self.body else {
            return Continue(conn);
        };
        match body.take(&mut conn.inbox) {
            Ok(Took::More) => Continue(conn),
            Ok(took) => Break(self.finish(conn, took)),
            Err(refusal) => Break(self.refuse(conn, refusal)),
        }
    }

    /// The time is over, unless enough of a body came in it.
    pub fn expire(&mut self, conn: Connection, now: Instant) -> ControlFlow<Outcome, Connection> {
        let slow = |reason, what: &str| Refusal {
            reason,
            status: 408,
            message: what.to_owned(),
        };
        let Some(body) = &mut self.body else {
            return Break(self.refuse(
                conn,
                slow(Reason::SlowHead, "read request: its head took over 30 s"),
            ));
        };
        let here = body.held.bytes().len();
        if here < body.mark.1 + BODY_PACE {
            return Break(self.refuse(
                conn,
                slow(
                    Reason::SlowBody,
                    "read request body: less than 1 KiB came in 10 s",
                ),
            ));
        }
        body.mark = (now + BODY_TIME, here);
        Continue(conn)
    }

    /// Refuses what is there so far.
    pub fn refuse(&mut self, conn: Connection, refusal: Refusal) -> Outcome {
        let (asked, arrived) = match self.body.take() {
            Some(body) => (
                Asked::Head(Box::new(body.head)),
                Some((body.arrived, body.at)),
            ),
            None => (line(&conn), None),
        };
        Outcome::Refused(Box::new(Refused {
            conn,
            refusal,
            asked,
            arrived,
            is_read: false,
        }))
    }

    /// Takes the head out of the inbox once it is whole.
    fn take_head(&mut self, conn: &mut Connection) -> Result<bool, Refusal> {
        let Some(head) = conn.gatherer.take(&mut conn.inbox)? else {
            if !conn.inbox.is_empty() {
                self.began.get_or_insert_with(Instant::now);
            }
            let (length, context) = (conn.inbox.len(), conn.context.clone());
            if admission::reserve(&context, &mut conn.reservation, length) {
                return Ok(false);
            }
            let message =
                "read request: no memory is left for its head; try again in a moment".to_owned();
            return Err(Refusal {
                reason: Reason::Memory,
                status: 503,
                message,
            });
        };
        conn.reservation.cover(conn.inbox.len());
        let (now, at) = (Instant::now(), SystemTime::now());
        let route = route_of(&head, conn);
        let is_inference = matches!(route, Route::Forward(forward) if forward.inference.is_some());
        let framing = head.framing();
        let announced = if let Framing::Length(length) = framing {
            Some(length)
        } else {
            None
        };
        self.body = Some(Box::new(Partial {
            body: Body::new(framing),
            held: Buffer::new(&conn.context.budget),
            max: if is_inference {
                INFERENCE_MAX
            } else {
                OTHER_MAX
            },
            announced,
            is_allowed: false,
            mark: (now + BODY_TIME, 0),
            head,
            route,
            arrived: now,
            at,
        }));
        self.began = None;
        Ok(true)
    }

    /// Lets a client send the body that it asks leave for, where it is to be gathered.
    fn accept(&mut self, conn: &mut Connection) -> io::Result<()> {
        let Some(body) = self
            .body
            .as_mut()
            .filter(|body| body.head.expects_continue() && !body.is_too_long())
        else {
            return Ok(());
        };
        body.is_allowed = true;
        if conn.send_some(CONTINUE)? == CONTINUE.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    fn finish(&mut self, conn: Connection, took: Took) -> Outcome {
        let Some(body) = self.body.take() else {
            return Outcome::Lost;
        };
        let Partial {
            head,
            route,
            arrived,
            at,
            body,
            held,
            is_allowed,
            ..
        } = *body;
        let rest = (took == Took::TooMuch).then_some(body);
        let arrival = Arrival {
            head: arrived,
            at,
            whole: if rest.is_none() {
                Instant::now()
            } else {
                arrived
            },
        };
        Outcome::Request(Box::new(Request {
            conn,
            head,
            route,
            content: Content {
                held,
                rest,
                is_allowed,
            },
            arrival,
        }))
    }
}

fn route_of(head: &Head, conn: &Connection) -> Route {
    route::route(
        head.method(),
        &head.target_text(),
        conn.context.pages_of(conn.port),
    )
}

fn line(conn: &Connection) -> Asked {
    match conn.gatherer.line(&conn.inbox) {
        Some(line) => Asked::Line {
            method: line.method.to_owned(),
            target: String::from_utf8_lossy(line.target).into_owned(),
        },
        None => Asked::Nothing,
    }
}
