//! SERVER: the public port, and the port of our own pages if they have one: HTTP/1.1 read as Go reads it, or stricter.
//!
//! ```text
//!            ┌──────────── answered: idle, or closing ───────────┐
//!            ▼                                                   │
//! accept ─▶ reactor ─ event loop: read ─▶ request reader ─▶ worker pool ─▶ worker ─▶ forward
//!            ▲                               │       │
//!            └──────── more must come ───────┘       └─▶ one of our own pages
//! ```
//!
//! **A connection has one owner**: the holder of its `Connection`, which cannot be copied. It is in one of four places:
//!
//! - registered with the reactor, in the state that says what it waits for (`reactor::ConnectionState`): no thread works on it, and the
//!   event loop gets its events;
//! - with the event loop's thread, for a turn that never waits (`event_loop`, `driver`);
//! - in a `Request`: while it waits for a worker (`worker_pool`), with a worker, or with the thread of a page;
//! - in a `ResponseWriter` that a worker is sending.
//!
//! Dropping a `Connection` closes it and frees its place.

mod accept;
pub mod chunk_buffer;
mod connection;
mod context;
mod dispatch;
pub mod driver;
pub mod error_response;
mod event_loop;
mod eviction;
mod http1;
mod listen;
mod partial_request;
mod reactor;
mod refusals;
mod request;
mod request_reader;
pub mod response;
mod response_writer;
mod slow_reader;
mod worker_pool;

pub use connection::{
    Connection, DeliveryRate, HALF_CLOSE_TIMEOUT, READ_SIZE, ReadResult, is_gone,
};
pub use context::{Context, ListenerRole, ServerLimits};
pub use event_loop::EventLoop;
#[cfg(test)]
pub use http1::HeadReader;
pub use http1::{
    BodyDecoder, Decoded, Reason, Refusal, ReplyFraming, ReplyHead, RequestFraming, RequestHead,
    Version, end_of_reply_head,
};
pub use listen::{bind, is_bound_to, listen, on_this_machine};
pub use request::{CONTINUE, ReceivedBody, RefusedRequest, Request, RequestArrival, RequestInfo};
pub use request_reader::RequestReader;
pub use response_writer::ResponseWriter;

#[cfg(test)]
mod http1_tests;
