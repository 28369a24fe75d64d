//! FORWARD: forwards a request to Ollama and its reply back; bytes first, observing later.
//!
//! A failure before the head of the reply becomes an error response in the dialect of the route; after it the client sees a response
//! that broke off.

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
    /// `RequestArrival::number`.
    pub number: u64,
    pub conn: Connection,
    pub head: RequestHead,
    pub body: ReceivedBody,
    pub route: Forward,
    /// Boxed: it is moved several times, and a copy of it would take a page of the stack of every stream.
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
    /// The request was sent again, because the pooled connection was stale.
    pub was_retried: bool,
    pub refused: Option<Reason>,
}

impl Forwarder {
    /// Forwards a request and its reply. Returns the connection if it is still usable.
    pub fn forward(
        &self,
        request: ForwardRequest,
        worker: &mut WorkerState,
    ) -> (ForwardReport, Option<(Connection, Persistence)>) {
        let ForwardRequest {
            number,
            mut conn,
            head,
            mut body,
            route,
            mut observer,
        } = request;
        let mut mode = ResponseMode::of(&head);
        let control = worker.upstream.control.clone();
        let exchange = control.begin(number, conn.socket(), !mode.http10);
        let mut report = ForwardReport::default();
        let response = self.send(
            &mut conn,
            &head,
            &mut body,
            &mut observer,
            &worker.upstream,
            &mut report,
        );
        if !body.is_complete() {
            // The end of the body in the input is not known.
            mode = mode.closing();
        }
        let result = match response {
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
        let (end, delivered) = match result {
            Ok(delivered) => (ExchangeEnd::Complete, Some(delivered)),
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
        (report, delivered)
    }
}
