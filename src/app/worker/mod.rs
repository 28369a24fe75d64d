//! WORKER: the threads that forward requests or answer our own pages, and count and record them.

mod cancel;
mod service;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use crate::active::ActiveRequests;
use crate::app::diagnostics::Diagnostics;
use crate::app::page_queues::{PageQueue, PageQueues};
use crate::app::responder::Responder;
use crate::forward::control::ConnectionControl;
use crate::forward::{CancelReason, ForwardReport, ForwardRequest, Forwarder, WorkerState};
use crate::http::agent::UpstreamErrorKind;
use crate::http::route::{Forward, Route};
use crate::metrics::Metrics;
use crate::observe::{Observer, Sink};
use crate::pages::{self, PageOutcome, PageRequest, Pages};
use crate::platform;
use crate::server::driver;
use crate::server::response::{Persistence, ResponseMode, render};
use crate::server::{
    Connection, Context, Reason, Request, RequestArrival, RequestHead, RequestReader, is_gone,
};
use crate::util::budget::Reservation;
use crate::util::interrupt;
use crate::util::threads::lock;

/// After a job of this length a worker releases its unused stack before it waits for the next.
const LONG_JOB: Duration = Duration::from_secs(1);

/// A worker reads this many bytes at once of the next request: few are longer, and the buffer is cleared each time.
const READ_AHEAD_SIZE: usize = 4 * 1024;

/// The client of a request that waited this long is checked before it is sent: it may have left.
const CLIENT_CHECK_AFTER: Duration = Duration::from_millis(5);

/// The client of a page that waited this long for a worker is checked before it is answered.
const PAGE_CHECK_AFTER: Duration = Duration::from_millis(50);

/// nginx's status for a client that left before any answer.
const STATUS_CLIENT_LEFT: u16 = 499;

/// Shared by all workers.
pub struct WorkerContext {
    pub context: Arc<Context>,
    pub forwarder: Forwarder,
    pub pages: Pages,
    pub page_queues: PageQueues,
    pub metrics: Arc<Metrics>,
    pub sink: Arc<Sink>,
    pub diagnostics: Arc<Diagnostics>,
    pub active: Arc<ActiveRequests>,
    /// The control of every worker's connection to Ollama, to cancel requests in flight.
    pub controls: Mutex<Vec<Weak<ConnectionControl>>>,
}

impl WorkerContext {
    /// Runs a forwarding worker. Its state for forwarding is made with its first request.
    pub fn run_forwarder(&self, worker: usize) {
        let mut state: Option<WorkerState> = None;
        while let Some(request) = self.context.pool.next(worker) {
            let start = Instant::now();
            let mut next = Some(request);
            while let Some(request) = next.take() {
                let is_upload = !request.body.is_complete();
                let worker_state = state.get_or_insert_with(|| self.new_worker_state());
                self.metrics.add_busy_workers(1);
                let served = self.catch_panic(|| self.forward(*request, worker_state));
                self.metrics.add_busy_workers(-1);
                if is_upload {
                    self.context.pool.upload_ended();
                }
                match served {
                    Some(Some((conn, persistence))) => {
                        next = self
                            .catch_panic(|| self.next_request(conn, persistence))
                            .flatten();
                    }
                    Some(None) => {}
                    // After a panic its state cannot be trusted.
                    None => state = None,
                }
            }
            self.context.pool.done();
            if start.elapsed() > LONG_JOB {
                platform::resources::release_stack();
            }
        }
    }

    /// Runs a worker for our own pages.
    pub fn run_pages(&self, requests: &PageQueue<Box<Request>>) {
        loop {
            requests.serve(|request| {
                self.catch_panic(|| self.answer_page(*request));
                self.context.pool.done();
            });
        }
    }

    /// Serves a connection. A panic ends that connection alone.
    fn catch_panic<T>(&self, serve: impl FnOnce() -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(serve))
            .inspect_err(|_| self.metrics.count_listener_restart())
            .ok()
    }

    /// Cancels every request in flight. Returns their number.
    pub fn cancel_all(&self) -> usize {
        let controls: Vec<Arc<ConnectionControl>> =
            self.controls().iter().filter_map(Weak::upgrade).collect();
        let busy = controls.iter().filter(|control| control.is_busy()).count();
        for control in controls {
            control.cancel(CancelReason::Shutdown);
        }
        busy
    }

    fn new_worker_state(&self) -> WorkerState {
        let state = WorkerState::new(&self.forwarder, &self.context.budget);
        let mut controls = self.controls();
        controls.retain(|control| control.strong_count() > 0);
        controls.push(Arc::downgrade(state.control()));
        state
    }

    fn controls(&self) -> MutexGuard<'_, Vec<Weak<ConnectionControl>>> {
        lock(&self.controls)
    }

    /// Not inlined: its stack frame would be taken from idle workers too.
    #[inline(never)]
    fn forward(
        &self,
        request: Request,
        state: &mut WorkerState,
    ) -> Option<(Connection, Persistence)> {
        use driver::Service;
        let Request {
            conn,
            head,
            route,
            body,
            timing,
        } = request;
        let Route::Forward(forward) = route else {
            return None;
        };
        let queue_wait = timing.complete_at.elapsed();
        if queue_wait > CLIENT_CHECK_AFTER && conn.client_left(queue_wait) {
            self.client_left(conn.peer, head, route, timing.arrival);
            return None;
        }
        let waiting = self.context.pool.waiting();
        log::debug!(
            "route {} of {} to {}; {waiting} requests wait",
            head.method(),
            conn.peer,
            forward.endpoint
        );
        self.metrics.observe_queue_wait(queue_wait);
        let (method, peer) = (head.method().to_owned(), conn.peer);
        let mut observer =
            self.observer(conn.peer, Some(&head), &forward, timing.arrival, queue_wait);
        let number = timing.arrival.number;
        if let Some(observer) = &mut observer {
            if body.is_complete() {
                observer.uploaded(timing.complete_at);
            }
            self.active.begin(number, observer.start(), state.control());
        }
        let request = ForwardRequest {
            number,
            conn,
            head,
            body,
            route: forward,
            observer,
        };
        let (report, returned) = self.forwarder.forward(request, state);
        self.count(&report, forward.endpoint, &method, peer);
        returned
    }

    /// Returns the next request of an answered connection, if its worker can take it; else passes the connection on.
    fn next_request(&self, mut conn: Connection, persistence: Persistence) -> Option<Box<Request>> {
        let pool = &self.context.pool;
        if persistence == Persistence::Close || pool.waiting() > 0 {
            driver::finish_response(conn, persistence);
            return None;
        }
        conn.was_used = true;
        conn.idle_since = Instant::now();
        let request = if !conn.read_buffer.is_empty() {
            driver::advance(&self.context, self, conn, RequestReader::default())
        } else if conn.asks_promptly
            && pool.may_linger()
            && conn.wait_for_input(platform::sockets::LINGER)
        {
            self.read_ahead(conn)
        } else {
            driver::finish_response(conn, persistence);
            None
        }?;
        if request.body.is_complete() {
            return Some(request);
        }
        // An upload needs one of the places for uploads.
        driver::dispatch(&self.context, self, request);
        None
    }

    /// Not inlined for the same reason as `forward`.
    #[inline(never)]
    fn read_ahead(&self, conn: Connection) -> Option<Box<Request>> {
        driver::read(
            &self.context,
            self,
            conn,
            RequestReader::default(),
            &mut [0; READ_AHEAD_SIZE],
        )
    }

    fn answer_page(&self, request: Request) {
        let Request {
            conn,
            head,
            route,
            body,
            timing,
        } = request;
        let Route::Own(page) = route else { return };
        log::debug!(
            "route {} of {} to {}",
            head.method(),
            conn.peer,
            page.as_str()
        );
        let mode = page_mode(&conn, &head, body.is_complete());
        let peer = conn.peer;
        // What deletes is done, whoever waits for it.
        let is_question = head.is_head() || head.method() == "GET";
        let socket = conn.socket().clone();
        if is_question && timing.complete_at.elapsed() > PAGE_CHECK_AFTER && is_gone(&socket) {
            self.metrics
                .count_http_request(page.as_str(), head.method(), STATUS_CLIENT_LEFT);
            return;
        }
        let mut responder = Responder::new(conn, mode);
        let page_request = PageRequest {
            head: &head,
            peer: peer.ip(),
        };
        let outcome = interrupt::unless(
            move || is_question && is_gone(&socket),
            || self.pages.answer(page, &page_request, &mut responder),
        );
        if let PageOutcome::Busy(_) = outcome {
            self.context.note_long_response_refused();
            self.context
                .refusals
                .note(Reason::Busy, peer, "a long response beside another");
        }
        let status = match outcome {
            PageOutcome::Complete(answer) | PageOutcome::Busy(answer) => {
                let head = answer.head(mode.version());
                let (bytes, persistence) = render(mode, answer.status, head, answer.body());
                responder.answer(bytes, persistence);
                answer.status
            }
            PageOutcome::Cancel(id) => {
                let answer = pages::cancelled(&id, self.cancel_request(&id, peer));
                let head = answer.head(mode.version());
                let (bytes, persistence) = render(mode, answer.status, head, answer.body());
                responder.answer(bytes, persistence);
                answer.status
            }
            PageOutcome::Streamed => responder.finish(200),
            PageOutcome::ClientGone => STATUS_CLIENT_LEFT,
        };
        self.metrics
            .count_http_request(page.as_str(), head.method(), status);
    }

    /// Makes the observer of an inference request, if it is tracked.
    fn observer(
        &self,
        peer: SocketAddr,
        head: Option<&RequestHead>,
        route: &Forward,
        arrival: RequestArrival,
        queue_wait: Duration,
    ) -> Option<Box<Observer>> {
        let tracking = &self.active.tracking;
        let start = tracking.start(peer, head, route, arrival, queue_wait)?;
        let memory = Reservation::new(&self.context.budget);
        Some(Box::new(Observer::new(start, self.sink.clone(), memory)))
    }

    fn count(&self, report: &ForwardReport, endpoint: &str, method: &str, peer: SocketAddr) {
        let status = report.status.unwrap_or(STATUS_CLIENT_LEFT);
        self.metrics.count_http_request(endpoint, method, status);
        if report.was_retried {
            self.metrics.count_upstream_error(UpstreamErrorKind::Stale);
        }
        if let Some(kind) = report.upstream_error {
            self.metrics.count_upstream_error(kind);
        }
        if let Some(reason) = report.refused {
            self.context
                .refusals
                .note(reason, peer, &format!("{method} of {endpoint}"));
        }
    }
}

/// Decides the mode of the response of a page. The connection ends if a part of the request was not read, or places get scarce.
fn page_mode(conn: &Connection, head: &RequestHead, is_complete: bool) -> ResponseMode {
    let mode = ResponseMode::of(head);
    if is_complete && !conn.context.sheds_connections() {
        mode
    } else {
        mode.closing()
    }
}
