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
    let delivered = conn.and_then(|conn| send(conn, mode, &error, dialect));
    report.status = delivered.as_ref().map(|_| error.status);
    (ExchangeEnd::Refused(error.status, error.message), delivered)
}

/// Sends an error to the client, if it is still there. Gives its connection back.
fn send(
    conn: Connection,
    mode: ResponseMode,
    error: &ErrorResponse,
    dialect: Dialect,
) -> Option<(Connection, Persistence)> {
    let (head, body) = error.render(mode.version(), dialect);
    let response = ResponseWriter::new(conn, mode, head, mode.framing(error.status, true));
    response
        .send_whole(if mode.head_only { &[] } else { &body })
        .ok()
}
