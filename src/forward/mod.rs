//! FORWARD: the life of one exchange, in order: request, reply; bytes first, observing later.
//!
//! A failure before the reply's head becomes an answer in the route's dialect; after it the client sees a reply that broke off.

mod attempt;
mod buffers;
mod client;
pub mod control;
mod copy;
pub mod failure;
mod head_transport;
pub mod headers;
mod outgoing;
mod phase;
pub mod readiness;
mod respond;
mod retry;
mod send;
mod tcp_transport;
mod upload;
pub mod upstream;

use std::sync::Arc;

use self::control::ConnectionControl;
use self::failure::Failure;
pub use self::phase::CancelReason;
use self::upstream::UpstreamConnection;
use crate::forward::readiness::Readiness;
use crate::http::agent::{Target, UpstreamErrorKind};
use crate::http::route::Forward;
use crate::observe::{ExchangeEnd, Observer};
use crate::server::chunk_buffer::ChunkBuffer;
use crate::server::response::{Persistence, ResponseMode};
use crate::server::{Connection, Reason, ReceivedBody, RequestHead};
use crate::util::budget::Budget;

/// Shared by all workers for forwarding.
pub struct Forwarder {
    pub target: Target,
    pub readiness: Arc<Readiness>,
    /// Listener and upstream are both loopback, so `Host` passes as the client sent it.
    pub passes_host: bool,
}

/// A request ready to be forwarded.
pub struct ForwardRequest {
    pub conn: Connection,
    pub head: RequestHead,
    pub body: ReceivedBody,
    pub route: Forward,
    /// In a box: it is handed on several times, and a copy of it on the stack of every stream would be a page.
    pub observer: Option<Box<Observer>>,
}

/// The state that one worker owns.
pub struct WorkerState {
    upstream: UpstreamConnection,
    buffer: ChunkBuffer,
    readiness: Arc<Readiness>,
}

impl WorkerState {
    /// Heads of replies are taken from `budget`.
    pub fn new(forwarder: &Forwarder, budget: &Arc<Budget>) -> WorkerState {
        WorkerState {
            upstream: UpstreamConnection::new(&forwarder.target, budget),
            buffer: ChunkBuffer::new(),
            readiness: forwarder.readiness.clone(),
        }
    }

    pub fn control(&self) -> &Arc<ConnectionControl> {
        &self.upstream.control
    }
}

/// The outcome of an exchange, for the metrics.
#[derive(Debug, Default)]
pub struct ForwardReport {
    /// The status that the client was sent.
    pub status: Option<u16>,
    pub upstream_error: Option<UpstreamErrorKind>,
    /// It was sent again, because the kept connection had died.
    pub was_retried: bool,
    pub refused: Option<Reason>,
}

impl Forwarder {
    /// Forwards a request and its reply. The connection comes back where it is still of use.
    pub fn forward(
        &self,
        request: ForwardRequest,
        worker: &mut WorkerState,
    ) -> (ForwardReport, Option<(Connection, Persistence)>) {
        let ForwardRequest {
            mut conn,
            head,
            mut body,
            route,
            mut observer,
        } = request;
        let mut mode = ResponseMode::of(&head);
        let control = worker.upstream.control.clone();
        let exchange = control.begin(conn.socket(), !mode.http10);
        let mut report = ForwardReport::default();
        let sent = self.send(
            &mut conn,
            &head,
            &mut body,
            &mut observer,
            &worker.upstream,
            &mut report,
        );
        if !body.is_complete() {
            // How much of it is still to come is unknown.
            mode = mode.closing();
        }
        let result = match sent {
            Ok(response) => copy::reply(
                response,
                conn,
                mode,
                worker,
                observer.as_deref_mut(),
                &mut report,
            ),
            Err(failure) => Err(Box::new((failure, Some(conn)))),
        };
        drop(exchange);
        let (end, returned) = match result {
            Ok(returned) => (ExchangeEnd::Complete, Some(returned)),
            Err(failed) => {
                let (failure, conn) = *failed;
                let failure = failure.attribute(control.cancelled());
                if let Failure::Upstream(..) | Failure::Refused(_, Reason::Starting) = failure {
                    self.readiness.request_check();
                }
                respond::to_failure(failure, conn, mode, route.dialect, &mut report)
            }
        };
        if let Some(observer) = observer {
            observer.finish(end);
        }
        (report, returned)
    }
}
