//! REQUEST: the outcome of the request reader: a request for a worker, or one that is refused.

use std::time::{Instant, SystemTime};

use super::connection::Connection;
use super::dispatch::JobKind;
use super::http1::{BodyDecoder, Refusal, RequestHead};
use crate::http::route::Route;
use crate::util::budget::Buffer;

/// Tells a client that expects it to send its body.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A request, and the connection that it came on.
pub struct Request {
    pub conn: Connection,
    pub head: RequestHead,
    pub route: Route,
    pub body: ReceivedBody,
    pub timing: RequestTiming,
}

impl Request {
    pub fn kind(&self) -> JobKind {
        if self.body.is_complete() {
            JobKind::Buffered
        } else {
            JobKind::Upload
        }
    }
}

/// The body of a request.
pub struct ReceivedBody {
    /// All of it, or the part of an upload that was buffered before it began to stream.
    pub buffered: Buffer,
    /// Decodes the rest of an upload, which is still to come from the connection.
    pub remaining: Option<BodyDecoder>,
    /// The client was sent `100 Continue`.
    pub continue_sent: bool,
}

impl ReceivedBody {
    /// Returns whether all of the body came.
    pub fn is_complete(&self) -> bool {
        self.remaining.is_none()
    }
}

/// The arrival of a request: that of the last byte of its head.
#[derive(Clone, Copy, Debug)]
pub struct RequestArrival {
    /// Tells the request from all others, as `interaction_id` too.
    pub number: u64,
    pub at: Instant,
    /// The same by the wall clock.
    pub time: SystemTime,
}

impl RequestArrival {
    pub fn now() -> RequestArrival {
        RequestArrival {
            number: fastrand::u64(..),
            at: Instant::now(),
            time: SystemTime::now(),
        }
    }
}

/// The times at which the parts of a request came.
#[derive(Clone, Copy, Debug)]
pub struct RequestTiming {
    pub arrival: RequestArrival,
    /// The last byte of its body, or the start of streaming for an upload.
    pub complete_at: Instant,
}

/// A request that is refused.
pub struct RefusedRequest {
    pub conn: Connection,
    pub refusal: Refusal,
    pub info: RequestInfo,
    pub arrived: Option<RequestArrival>,
    /// All of the request came.
    pub is_complete: bool,
}

/// The part of a refused request that was parsed.
pub enum RequestInfo {
    Unknown,
    Line { method: String, target: String },
    Head(Box<RequestHead>),
}

impl RequestInfo {
    pub fn method(&self) -> Option<&str> {
        match self {
            RequestInfo::Unknown => None,
            RequestInfo::Line { method, .. } => Some(method),
            RequestInfo::Head(head) => Some(head.method()),
        }
    }
}
