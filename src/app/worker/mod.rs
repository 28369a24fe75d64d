//! The threads that serve requests: forwarding workers, and those of our own pages; and the books that are kept on all of them.

mod service;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::Receiver;

use crate::app::lanes::Lanes;
use crate::app::responder::Responder;
use crate::forward::failure::Kind;
use crate::forward::line::{Cut, Line};
use crate::forward::{Forwarder, Hands, Outbound, Report};
use crate::http::route::{Forward, Route};
use crate::metrics::Metrics;
use crate::observe::{ExchangeStart, Observer, Sink};
use crate::pages::{PageOutcome, PageRequest, Pages};
use crate::platform;
use crate::server::driver::{self, Service};
use crate::server::reply::{Manners, whole};
use crate::server::{Connection, Context, Head, Reason, Request, RequestReader, Then};
use crate::util::budget::Reservation;
use crate::util::threads::lock;

/// A worker that was busy this long gives back the stack that the end of its job took, before it waits for the next.
const LONG: Duration = Duration::from_secs(1);

/// What a worker reads at once of the next request (bytes): few are longer, and the buffer is cleared each time.
const READ_ON: usize = 4 * 1024;

/// A request that waited this long is looked at before it is sent: its client may have left.
const WAITED: Duration = Duration::from_millis(5);

/// What every worker shares.
pub struct Workshop {
    pub context: Arc<Context>,
    pub forwarder: Forwarder,
    pub pages: Pages,
    pub lanes: Lanes,
    pub metrics: Arc<Metrics>,
    pub sink: Arc<Sink>,
    pub track_embeddings: bool,
    /// Every worker's line to Ollama, to cut what is under way.
    pub lines: Mutex<Vec<Weak<Line>>>,
}

impl Workshop {
    /// The life of a forwarding worker. What it needs for forwarding it gets with its first request.
    pub fn forward_all(&self, worker: usize) {
        let mut hands: Option<Hands> = None;
        while let Some(request) = self.context.pool.next(worker) {
            let began = Instant::now();
            let mut next = Some(request);
            while let Some(request) = next.take() {
                let ready = hands.get_or_insert_with(|| self.hands());
                let is_upload = !request.content.is_read();
                self.metrics.add_busy_workers(1);
                let served = self.guarded(|| self.forward(*request, ready));
                self.metrics.add_busy_workers(-1);
                if is_upload {
                    self.context.pool.upload_ended();
                }
                match served {
                    Some(after) => {
                        next = after.and_then(|(conn, then)| {
                            self.guarded(|| self.go_on(conn, then)).flatten()
                        })
                    }
                    // Whatever the panic left in there is not worth knowing.
                    None => hands = None,
                }
            }
            self.context.pool.done();
            if began.elapsed() > LONG {
                platform::resources::release_stack();
            }
        }
    }

    /// The life of a worker for our own pages.
    pub fn serve_pages(&self, requests: &Receiver<Box<Request>>) {
        for request in requests {
            self.guarded(|| self.answer_page(*request));
            self.context.pool.done();
        }
    }

    /// Serves a connection, which alone ends where that panics.
    fn guarded<T>(&self, turn: impl FnOnce() -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(turn))
            .inspect_err(|_| self.metrics.count_listener_restart())
            .ok()
    }

    /// Cuts what Ollama is at. Returns how many requests that ended.
    pub fn cut_all(&self) -> usize {
        let lines: Vec<Arc<Line>> = self.lines().iter().filter_map(Weak::upgrade).collect();
        let busy = lines.iter().filter(|line| line.is_busy()).count();
        lines.iter().for_each(|line| line.cut(Cut::Shutdown));
        busy
    }

    fn hands(&self) -> Hands {
        let hands = Hands::new(&self.forwarder, &self.context.budget);
        let mut lines = self.lines();
        lines.retain(|line| line.strong_count() > 0);
        lines.push(Arc::downgrade(hands.line()));
        hands
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Weak<Line>>> {
        lock(&self.lines)
    }

    /// Not inlined: what it needs of the stack would be taken from idle workers too.
    #[inline(never)]
    fn forward(&self, request: Request, hands: &mut Hands) -> Option<(Connection, Then)> {
        let Request {
            conn,
            head,
            route,
            content,
            arrival,
        } = request;
        let Route::Forward(forward) = route else {
            return None;
        };
        let waited = arrival.whole.elapsed();
        if waited > WAITED && conn.is_gone(waited) {
            self.left(conn.peer, head, route, (arrival.head, arrival.at));
            return None;
        }
        log::debug!(
            "route {} of {} to {}; {} requests wait",
            head.method(),
            conn.peer,
            forward.endpoint,
            self.context.pool.waiting()
        );
        self.metrics.observe_queue_wait(waited);
        let (method, peer) = (head.method().to_owned(), conn.peer);
        let mut observer = self.observer(
            conn.peer,
            head.text("user-agent"),
            &forward,
            (arrival.head, arrival.at),
            waited,
        );
        if let Some(observer) = observer.as_mut().filter(|_| content.is_read()) {
            observer.uploaded(arrival.whole);
        }
        let outbound = Outbound {
            conn,
            head,
            content,
            route: forward,
            observer,
        };
        let (report, after) = self.forwarder.forward(outbound, hands);
        self.count(&report, forward.endpoint, &method, peer);
        after
    }

    /// The next request of a connection that was answered, where its worker can take it; else the connection goes where it belongs.
    fn go_on(&self, mut conn: Connection, then: Then) -> Option<Box<Request>> {
        let pool = &self.context.pool;
        if then == Then::Close || pool.waiting() > 0 {
            driver::finish(conn, then);
            return None;
        }
        conn.has_asked = true;
        conn.idle_since = Instant::now();
        let request = if !conn.inbox.is_empty() {
            driver::take_up(&self.context, self, conn, RequestReader::default())
        } else if conn.is_brisk
            && pool.may_linger()
            && conn.wait_for_input(platform::sockets::LINGER)
        {
            self.read_on(conn)
        } else {
            driver::finish(conn, then);
            None
        }?;
        if request.content.is_read() {
            return Some(request);
        }
        // An upload needs one of the places for uploads.
        driver::offer(&self.context, self, request);
        None
    }

    /// Not inlined for the same reason.
    #[inline(never)]
    fn read_on(&self, conn: Connection) -> Option<Box<Request>> {
        driver::read(
            &self.context,
            self,
            conn,
            RequestReader::default(),
            &mut [0; READ_ON],
        )
    }

    fn answer_page(&self, request: Request) {
        let Request {
            conn,
            head,
            route,
            content,
            ..
        } = request;
        let Route::Own(page) = route else { return };
        log::debug!(
            "route {} of {} to {}",
            head.method(),
            conn.peer,
            page.as_str()
        );
        let manners = manners(&conn, &head, content.is_read());
        let peer = conn.peer;
        let mut long = Responder::new(conn, manners);
        let answered = self.pages.answer(
            page,
            &PageRequest {
                head: &head,
                peer: peer.ip(),
            },
            &mut long,
        );
        if let PageOutcome::Busy(_) = answered {
            self.context.want_long_answer();
            self.context
                .refusals
                .note(Reason::Busy, peer, "a long answer beside another");
        }
        let status = match answered {
            PageOutcome::Complete(answer) | PageOutcome::Busy(answer) => {
                let (bytes, then) = whole(
                    manners,
                    answer.status,
                    answer.head(manners.version()),
                    answer.body(),
                );
                long.answer(bytes, then);
                answer.status
            }
            PageOutcome::Streamed => long.finish(200),
            PageOutcome::ClientGone => 499,
        };
        self.metrics
            .count_http_request(page.as_str(), head.method(), status);
    }

    /// Who observes a request that makes a model work, if this is one that we track.
    fn observer(
        &self,
        peer: SocketAddr,
        user_agent: Option<&str>,
        route: &Forward,
        (started, at): (Instant, SystemTime),
        queue_wait: Duration,
    ) -> Option<Box<Observer>> {
        let endpoint = route
            .inference
            .filter(|endpoint| self.track_embeddings || !endpoint.is_embedding())?;
        let user_agent = user_agent.map(str::to_owned);
        let memory = Reservation::new(&self.context.budget);
        let client_ip = Some(peer.ip().to_canonical());
        let arrival = ExchangeStart {
            endpoint,
            at,
            started,
            queue_wait,
            client_ip,
            user_agent,
        };
        Some(Box::new(Observer::new(arrival, self.sink.clone(), memory)))
    }

    fn count(&self, report: &Report, endpoint: &str, method: &str, peer: SocketAddr) {
        // A client that left before any answer was sent nothing; nginx's word for that is 499.
        self.metrics
            .count_http_request(endpoint, method, report.status.unwrap_or(499));
        for kind in report
            .sent_anew
            .then_some(Kind::Stale)
            .into_iter()
            .chain(report.upstream_error)
        {
            self.metrics.count_upstream_error(kind);
        }
        if let Some(reason) = report.refused {
            self.context
                .refusals
                .note(reason, peer, &format!("{method} of {endpoint}"));
        }
    }
}

/// How a page is answered. The connection ends where a part of the request was not read, or places get scarce.
fn manners(conn: &Connection, head: &Head, is_read: bool) -> Manners {
    let manners = Manners::of(head);
    if is_read && !conn.context.keeps_none() {
        manners
    } else {
        manners.closing()
    }
}
