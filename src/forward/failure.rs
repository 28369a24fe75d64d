//! What can go wrong between a client and Ollama, and what each side is told of it.

use std::error::Error as _;
use std::fmt;
use std::io;

use ureq::Error;

use crate::server::Reason;
use crate::server::fault::Fault;

/// Label `kind` of `ollama_tap_upstream_errors_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The name of the upstream has no address.
    Resolve,
    /// Nobody accepts connections there.
    Connect,
    /// It did not even refuse one in time.
    Timeout,
    Tls,
    /// It hung up before it answered.
    Closed,
    /// What it answered is no HTTP.
    Invalid,
    /// It died in the middle of a reply.
    Body,
    /// A kept connection had died; the request was sent anew.
    Stale,
}

impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Resolve,
        Kind::Connect,
        Kind::Timeout,
        Kind::Tls,
        Kind::Closed,
        Kind::Invalid,
        Kind::Body,
        Kind::Stale,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Resolve => "resolve",
            Kind::Connect => "connect",
            Kind::Timeout => "timeout",
            Kind::Tls => "tls",
            Kind::Closed => "closed",
            Kind::Invalid => "invalid",
            Kind::Body => "body",
            Kind::Stale => "stale",
        }
    }
}

/// How an exchange failed.
#[derive(Debug)]
pub enum Failure {
    /// Refused by us before anything was sent; the reason is a label of `ollama_tap_refused_total`.
    Refused(Fault, Reason),
    /// Ollama failed: with nothing of a reply sent, or in the middle of one.
    Upstream(Kind, String),
    ClientGone,
}

impl Failure {
    /// Ollama failed at `doing`, because of `error` and all its causes.
    pub fn upstream(doing: &str, error: &Error) -> Failure {
        let kind = match error {
            Error::Io(e) => e
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<Trouble>())
                .map_or(Kind::Closed, |trouble| trouble.kind),
            Error::HostNotFound => Kind::Resolve,
            Error::Tls(_) | Error::TlsRequired | Error::Rustls(_) | Error::Pem(_) => Kind::Tls,
            _ => Kind::Invalid,
        };
        Failure::Upstream(kind, format!("{doing}: {}", chain(error)))
    }
}

/// An I/O error that remembers which step it came from.
#[derive(Debug)]
pub struct Trouble {
    pub kind: Kind,
    pub doing: String,
    pub cause: io::Error,
}

impl Trouble {
    pub fn wrap(kind: Kind, doing: String, cause: io::Error) -> Error {
        Error::Io(io::Error::new(cause.kind(), Trouble { kind, doing, cause }))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}",
            self.doing,
            lower_first(&self.cause.to_string())
        )
    }
}

impl std::error::Error for Trouble {}

/// An error with all its causes, each said once, in our own tone.
pub fn chain(error: &Error) -> String {
    let mut text = match error {
        Error::Io(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
            "the connection was closed".to_owned()
        }
        Error::Io(cause) => cause.to_string(),
        other => other.to_string(),
    };
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) && !matches!(error, Error::Io(_)) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    lower_first(&text)
}

pub fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(letters)
        .collect()
}
