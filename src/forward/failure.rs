//! How an exchange between a client and Ollama can fail.

use ureq::Error;

use super::phase::CancelReason;
use crate::http::agent::{StepError, UpstreamErrorKind, error_chain};
use crate::server::Reason;
use crate::server::error_response::ErrorResponse;

/// The failure of an exchange.
#[derive(Debug)]
pub enum Failure {
    /// Refused by us before anything was sent; the reason is a label of `ollama_tap_refused_total`.
    Refused(ErrorResponse, Reason),
    /// Ollama failed: with nothing of a reply sent, or in the middle of one.
    Upstream(UpstreamErrorKind, String),
    ClientGone,
}

impl Failure {
    /// Ollama failed at `step`, because of `error` and all its causes.
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

    /// Returns the failure that a request was cancelled by, whatever it looks like from here.
    pub(super) fn attribute(self, cancelled: Option<CancelReason>) -> Failure {
        match cancelled {
            None => self,
            Some(CancelReason::ClientGone) => Failure::ClientGone,
            Some(CancelReason::Shutdown) => Failure::Upstream(
                UpstreamErrorKind::Body,
                "forward: the tap was stopped before the reply had ended".into(),
            ),
        }
    }
}
