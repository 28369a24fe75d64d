//! The input of an observer, and the events for its sink.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::client_product::name_and_version;
use super::exchange::Exchange;
use super::progress::ReplyProgress;
use crate::diagnose::seen::Options;
use crate::http::route::Inference;

/// Receives the events of every exchange.
pub type Sink = dyn Fn(ExchangeEvent) + Send + Sync;

/// An event of one exchange: `Started` once its request was read, `FirstByte` once if its reply has
/// a body, `Finished` once and always last.
pub enum ExchangeEvent {
    Started(Box<RequestStarted>),
    FirstByte {
        interaction_id: String,
        at: SystemTime,
    },
    Finished(Box<Exchange>),
}

/// A request that was sent to Ollama.
pub struct RequestStarted {
    pub interaction_id: String,
    pub endpoint: Inference,
    /// Normalized, as in an `Exchange`.
    pub model: Option<String>,
    /// The name of the client's product.
    pub client: Option<String>,
    /// The conversation that the client names.
    pub session: Option<String>,
    /// The first `PROMPT_START_CHARS` of the prompt.
    pub prompt_start: Option<String>,
    pub options: Options,
    /// When a worker took it: it cannot have been sent before.
    pub taken: SystemTime,
    pub sent: SystemTime,
}

/// The properties of a request that are known on arrival, before its body is read.
pub struct ExchangeStart {
    /// 16 hex digits.
    pub interaction_id: String,
    pub endpoint: Inference,
    pub at: SystemTime,
    pub started: Instant,
    pub queue_wait: Duration,
    pub client_ip: Option<IpAddr>,
    pub user_agent: Option<String>,
    /// The name of the client that a header gives, instead of that of its User-Agent.
    pub client: Option<String>,
    /// The conversation that a header names.
    pub session: Option<String>,
    /// Where the observer tells how far the reply is.
    pub progress: Arc<ReplyProgress>,
}

impl ExchangeStart {
    /// Returns the name of the client, and the version of its product.
    pub fn client_and_version(&self) -> (Option<String>, Option<String>) {
        name_and_version(self.client.as_deref(), self.user_agent.as_deref())
    }
}

/// The body of a request: whole, or the first part of one that was too large to keep.
pub struct RequestBody<'a> {
    pub bytes: &'a [u8],
    /// The body goes on after `bytes`.
    pub is_partial: bool,
    /// The value of Content-Encoding, if there is one.
    pub encoding: Option<&'a str>,
    pub content_type: Option<&'a str>,
}

/// The end of the forwarding of an exchange.
pub enum ExchangeEnd {
    /// The body ended cleanly. That alone does not mean success: only an end marker does.
    Complete,
    ClientGone,
    /// Ollama could not be reached, died, or broke the protocol: the whole chain of causes.
    UpstreamFailed(String),
    /// The tap refused the request itself: the status of its answer, and why.
    Refused(u16, String),
    /// Somebody cancelled it through the tap: the status of the tap's answer, if nothing was sent
    /// before.
    Cancelled(Option<u16>),
}

impl ExchangeEnd {
    pub fn body_end(&self) -> BodyEnd {
        match self {
            ExchangeEnd::Complete => BodyEnd::Complete,
            ExchangeEnd::ClientGone
            | ExchangeEnd::UpstreamFailed(_)
            | ExchangeEnd::Refused(..)
            | ExchangeEnd::Cancelled(_) => BodyEnd::Cut,
        }
    }
}

/// The end of the body of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// By itself, so what is incomplete in it is Ollama's failure.
    Complete,
    /// Before its end.
    Cut,
}
