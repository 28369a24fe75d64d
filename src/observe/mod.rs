//! OBSERVE: an `Observer` gets the bytes and times of one exchange, ends exactly once, and hands on an `Exchange`.
//!
//! It knows neither metrics nor store, never fails, and never delays a reply: the caller forwards first and shows the
//! bytes afterwards.

// Its macro is for those that follow.
#[macro_use]
mod lenient;
pub mod model_name;

pub mod category;
pub mod decode;
mod dialect;
mod events;
pub mod exchange;
mod facts;
mod json;
mod kept;
mod lines;
mod multipart;
mod objects;
mod observer;
mod outcome;
mod prompt;
mod reply;
pub mod request;
mod scraps;
mod shape;
#[cfg(test)]
pub mod tests;
pub mod text;
mod tools;

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use crate::http::route::Inference;
pub use exchange::{Exchange, Outcome};
pub use observer::Observer;

/// Where observations go.
pub type Sink = dyn Fn(Event) + Send + Sync;

/// What a sink hears of one exchange: `Began` once its request was read, `Ended` once, always last.
pub enum Event {
    Began {
        interaction_id: String,
        model: Option<String>,
    }, // folded, as in an `Exchange`
    Ended(Box<Exchange>),
}

/// What is known when a request arrives, before its body was read.
pub struct Arrival {
    pub endpoint: Inference,
    pub at: SystemTime,
    pub started: Instant,
    pub queue_wait: Duration,
    pub client_ip: Option<IpAddr>,
    pub user_agent: Option<String>,
}

/// The request's body as far as it was kept: whole, or the head of one that was too large to keep.
pub struct RequestBody<'a> {
    pub bytes: &'a [u8],
    /// The body goes on after `bytes`.
    pub cut: bool,
    /// The value of Content-Encoding, where there is one.
    pub encoding: Option<&'a str>,
    pub content_type: Option<&'a str>,
}

/// How the forwarding of an exchange ended.
pub enum End {
    /// The body ended cleanly (which by itself says nothing: only an end marker does).
    Complete,
    /// The client left.
    ClientGone,
    /// Ollama could not be reached, died, or talked nonsense: the whole chain of causes.
    UpstreamFailed(String),
    /// We refused the request ourselves: the status we answered and why.
    Refused(u16, String),
}
