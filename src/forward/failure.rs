//! The failures of an exchange between a client and Ollama.

use std::fmt;

use ureq::Error;

use super::phase::CancelReason;
use crate::http::agent::{StepError, UpstreamErrorKind, error_chain};
use crate::observe::CANCELLED_THROUGH_TAP;
use crate::server::Reason;
use crate::server::error_response::ErrorResponse;

/// The failure of an exchange.
#[derive(Debug)]
pub enum Failure {
    /// Refused by us before anything was sent; the reason is a label of `ollama_tap_refused_total`.
    Refused(ErrorResponse, Reason),
    /// Ollama failed, before or in the middle of its reply.
    Upstream(UpstreamErrorKind, String),
    ClientGone,
    /// Somebody cancelled it through the tap.
    Cancelled,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(error, _) => f.write_str(&error.message),
            Failure::Upstream(_, text) => f.write_str(text),
            Failure::ClientGone => f.write_str("the client has left"),
            Failure::Cancelled => f.write_str(CANCELLED_THROUGH_TAP),
        }
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// The failure of Ollama at `step`, with `error` and all its causes.
    pub fn upstream(step: &str, error: &Error) -> Failure {
        let kind = match error {
            Error::Io(e) => e
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<StepError>())
                .map_or(UpstreamErrorKind::Closed, |error| error.kind),
            Error::HostNotFound => UpstreamErrorKind::Resolve,
            Error::Tls(_) | Error::TlsRequired | Error::Rustls(_) | Error::Pem(_) => {
                UpstreamErrorKind::Tls
            }
            _ => UpstreamErrorKind::Invalid,
        };
        Failure::Upstream(kind, format!("{step}: {}", error_chain(error)))
    }

    /// Attributes the failure of a cancelled request to the reason of the cancellation.
    pub(super) fn attribute(self, cancelled: Option<CancelReason>) -> Failure {
        match cancelled {
            None => self,
            Some(CancelReason::ClientGone) => Failure::ClientGone,
            Some(CancelReason::Requested) => Failure::Cancelled,
            Some(CancelReason::Shutdown) => Failure::Upstream(
                UpstreamErrorKind::Body,
                "forward: the tap was stopped before the reply had ended".into(),
            ),
        }
    }
}
