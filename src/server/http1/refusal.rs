//! Refusals: the reason for the metrics, and the status and message for the client.

use std::fmt;

/// Label `reason` of `ollama_tap_refused_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    Busy,
    Starting,
    /// Not a request, or one whose end two readers could see in different places.
    Framing,
    Version,
    /// The head is too long.
    Head,
    SlowHead,
    SlowBody,
    SlowReader,
    Uploads,
    Connections,
    Descriptors,
    Threads,
    Memory,
}

impl Reason {
    pub const ALL: [Reason; 13] = [
        Reason::Busy,
        Reason::Starting,
        Reason::Framing,
        Reason::Version,
        Reason::Head,
        Reason::SlowHead,
        Reason::SlowBody,
        Reason::SlowReader,
        Reason::Uploads,
        Reason::Connections,
        Reason::Descriptors,
        Reason::Threads,
        Reason::Memory,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Busy => "busy",
            Reason::Starting => "starting",
            Reason::Framing => "framing",
            Reason::Version => "version",
            Reason::Head => "head",
            Reason::SlowHead => "slow_head",
            Reason::SlowBody => "slow_body",
            Reason::SlowReader => "slow_reader",
            Reason::Uploads => "uploads",
            Reason::Connections => "connections",
            Reason::Descriptors => "descriptors",
            Reason::Threads => "threads",
            Reason::Memory => "memory",
        }
    }
}

/// An answer that ends the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reason: Reason,
    pub status: u16,
    /// The fault, with the value that was sent (escaped and cut, so that it is safe in a log), and the way out.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// 400: not a request, or one that has two meanings.
    pub fn framing(message: impl Into<String>) -> Refusal {
        Refusal {
            reason: Reason::Framing,
            status: 400,
            message: message.into(),
        }
    }

    pub(super) fn version(version: &[u8]) -> Refusal {
        let way_out = "speak HTTP/1.1 (with curl: without --http2-prior-knowledge)";
        Refusal {
            reason: Reason::Version,
            status: 505,
            message: format!(
                "read request: version {} is not supported; {way_out}",
                shown(version)
            ),
        }
    }

    /// 431: the head is longer than `max` bytes.
    pub(super) fn long_head(max: usize) -> Refusal {
        let message =
            format!("read request: the head has over {max} bytes; send long values in the body");
        Refusal {
            reason: Reason::Head,
            status: 431,
            message,
        }
    }

    pub(super) fn expectation(value: &[u8]) -> Refusal {
        let message = format!(
            "read request: expect {} cannot be met; only \"100-continue\" is supported",
            shown(value)
        );
        Refusal {
            reason: Reason::Framing,
            status: 417,
            message,
        }
    }
}

/// Quotes bytes that a client sent for a message: escaped, so that they are safe in a terminal and a log, and cut.
pub(super) fn shown(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 80;
    let cut = &bytes[..bytes.len().min(SHOWN_MAX)];
    let dots = if cut.len() < bytes.len() { "…" } else { "" };
    format!("\"{}{dots}\"", String::from_utf8_lossy(cut).escape_debug())
}
