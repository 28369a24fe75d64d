//! RESPOND: the response to a client whose exchange failed.

use super::ForwardReport;
use super::failure::Failure;
use crate::http::route::Dialect;
use crate::observe::ExchangeEnd;
use crate::server::error_response::ErrorResponse;
use crate::server::response::{Persistence, ResponseMode};
use crate::server::{Connection, ResponseWriter};

/// Sends `failure` to the client if it was sent nothing yet. Returns the end of the exchange, and the connection if it is still usable.
pub(super) fn to_failure(
    failure: Failure,
    conn: Option<Connection>,
    mode: ResponseMode,
    dialect: Dialect,
    report: &mut ForwardReport,
) -> (ExchangeEnd, Option<(Connection, Persistence)>) {
    let error = match failure {
        Failure::ClientGone => return (ExchangeEnd::ClientGone, None),
        Failure::Cancelled if report.status.is_some() => {
            return (ExchangeEnd::Cancelled(None), None);
        }
        Failure::Cancelled => {
            let error = ErrorResponse::cancelled();
            let delivered = deliver(conn, mode, &error, dialect, report);
            return (ExchangeEnd::Cancelled(Some(error.status)), delivered);
        }
        Failure::Upstream(kind, text) => {
            report.upstream_error = Some(kind);
            if report.status.is_some() {
                return (ExchangeEnd::UpstreamFailed(text), None);
            }
            ErrorResponse::new(502, text)
        }
        Failure::Refused(error, reason) => {
            report.refused = Some(reason);
            error
        }
    };
    let delivered = deliver(conn, mode, &error, dialect, report);
    (ExchangeEnd::Refused(error.status, error.message), delivered)
}

/// Sends an error to the client, if it is still there. Gives its connection back.
fn deliver(
    conn: Option<Connection>,
    mode: ResponseMode,
    error: &ErrorResponse,
    dialect: Dialect,
    report: &mut ForwardReport,
) -> Option<(Connection, Persistence)> {
    let (head, body) = error.render(mode.version(), dialect);
    let framing = mode.framing(error.status, true);
    let response = ResponseWriter::new(conn?, mode, head, framing);
    let body: &[u8] = if mode.head_only { &[] } else { &body };
    let delivered = response.send_whole(body).ok()?;
    report.status = Some(error.status);
    Some(delivered)
}
