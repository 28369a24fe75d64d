//! SERVER: the public port, and that of our own pages where they have one: HTTP/1.1 read as Go reads it, or stricter.
//!
//! ```text
//!            ┌──────────── answered: idle, or closing ───────────┐
//!            ▼                                                   │
//! accept ─▶ reactor ─ event loop: read ─▶ request reader ─▶ worker pool ─▶ worker ─▶ forward
//!            ▲                               │       │
//!            └──────── more must come ───────┘       └─▶ one of our own pages
//! ```
//!
//! **Who owns a connection** is who has its `Connection`, which cannot be copied. It is in one of four places:
//!
//! - registered with the reactor (`reactor::Registered` says for what): nobody works on it, and the event loop hears when something
//!   happens to it;
//! - with the event loop's thread, for a turn that waits for nobody (`event_loop`, `driver`);
//! - in a `Request`: where it waits for a worker (`worker_pool`), with a worker, or with who answers our own pages;
//! - in a `Reply` that a worker is sending.
//!
//! Where a `Connection` is dropped, it is closed and its place is free.

mod admission;
mod connection;
mod context;
mod dispatch;
pub mod driver;
mod event_loop;
pub mod fault;
mod http1;
mod listen;
mod partial;
mod reactor;
mod refusals;
pub mod reply;
mod request_reader;
mod worker_pool;

pub use connection::{Came, Connection, HALF_CLOSED, READ, ReaderPace};
pub use context::{Bounds, Context, Port};
pub use event_loop::EventLoop;
#[cfg(test)]
pub use http1::Gatherer;
pub use http1::{
    Body, Framing, Head, Piece, Reason, Refusal, ReplyFraming, ReplyHead, Version,
    end_of_reply_head,
};
pub use listen::{bind, is_bound_to, listen, on_this_machine};
pub use reactor::Then;
pub use request_reader::{Asked, CONTINUE, Content, Refused, Request, RequestReader};

#[cfg(test)]
mod http1_tests;
