//! The errors of requests to Ollama and Loki, and their texts.

use std::error::Error as _;
use std::fmt;
use std::io;

use ureq::Error;

/// The kind of an error: label `kind` of `ollama_tap_upstream_errors_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamErrorKind {
    /// The name of the upstream has no address.
    Resolve,
    /// No server accepts connections there.
    Connect,
    /// The server did not even refuse a connection in time.
    Timeout,
    Tls,
    /// The server closed the connection before it answered.
    Closed,
    /// The answer is not HTTP.
    Invalid,
    /// The reply broke off.
    Body,
    /// A pooled connection was stale; the request was sent again.
    Stale,
}

impl UpstreamErrorKind {
    pub const ALL: [UpstreamErrorKind; 8] = [
        UpstreamErrorKind::Resolve,
        UpstreamErrorKind::Connect,
        UpstreamErrorKind::Timeout,
        UpstreamErrorKind::Tls,
        UpstreamErrorKind::Closed,
        UpstreamErrorKind::Invalid,
        UpstreamErrorKind::Body,
        UpstreamErrorKind::Stale,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            UpstreamErrorKind::Resolve => "resolve",
            UpstreamErrorKind::Connect => "connect",
            UpstreamErrorKind::Timeout => "timeout",
            UpstreamErrorKind::Tls => "tls",
            UpstreamErrorKind::Closed => "closed",
            UpstreamErrorKind::Invalid => "invalid",
            UpstreamErrorKind::Body => "body",
            UpstreamErrorKind::Stale => "stale",
        }
    }
}

/// An I/O error that remembers which step it came from.
#[derive(Debug)]
pub struct StepError {
    pub kind: UpstreamErrorKind,
    pub step: String,
    pub cause: io::Error,
}

impl StepError {
    pub fn wrap(kind: UpstreamErrorKind, step: String, cause: io::Error) -> Error {
        Error::Io(io::Error::new(
            cause.kind(),
            StepError { kind, step, cause },
        ))
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, lower_first(&self.cause.to_string()))
    }
}

impl std::error::Error for StepError {}

/// Formats an error with all its causes, each once.
pub fn error_chain(error: &Error) -> String {
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

/// Lowers the first letter alone: names and addresses stay as they are.
pub fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(letters)
        .collect()
}
