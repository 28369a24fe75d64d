//! EVENT LOOP: the one thread that handles the events of the connections in the reactor, and accepts new ones (`accept`). It never waits
//! for a client.

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::ops::ControlFlow::{Break, Continue};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use polling::{Event, Events};

use super::accept;
use super::connection::{Connection, READ_SIZE};
use super::context::{Context, ListenerRole};
use super::driver::{self, Service};
use super::http1::{Reason, Refusal};
use super::reactor::{ConnectionState, FIRST_KEY};
use super::request_reader::RequestReader;
use crate::platform;
use crate::platform::sockets::WatchedListener;

/// After an error no connection is accepted for this long.
pub(super) const ACCEPT_BACKOFF: Duration = Duration::from_millis(20);

/// A panic outside the turn of a connection is a fault of the loop itself: `PANICS_MAX` within `PANIC_WINDOW` end the process.
const PANICS_MAX: usize = 3;
const PANIC_WINDOW: Duration = Duration::from_secs(10);

/// The exit code of an internal software error (sysexits.h).
const EXIT_SOFTWARE: i32 = 70;

pub struct EventLoop {
    pub(super) context: Arc<Context>,
    pub(super) service: Arc<dyn Service>,
    pub(super) listeners: Vec<(ListenerRole, WatchedListener)>,
    /// The time at which to accept again after an error.
    pub(super) accept_at: Option<Instant>,
    is_closed: bool,
    pub(super) scratch: Box<[u8]>,
    /// A spare descriptor, given up when there are no others.
    pub(super) spare_descriptor: Option<UdpSocket>,
    panics: Vec<Instant>,
    on_panic: Box<dyn Fn() + Send>,
}

impl EventLoop {
    /// `on_panic` is called at each panic while a connection has its turn.
    pub fn new(
        context: Arc<Context>,
        service: Arc<dyn Service>,
        sockets: Vec<(ListenerRole, TcpListener)>,
        on_panic: Box<dyn Fn() + Send>,
    ) -> io::Result<EventLoop> {
        let mut listeners = Vec::new();
        for (role, socket) in sockets {
            socket.set_nonblocking(true)?;
            listeners.push((role, WatchedListener::new(socket, &context.poller)?));
        }
        let scratch = vec![0; READ_SIZE].into_boxed_slice();
        Ok(EventLoop {
            context,
            service,
            listeners,
            accept_at: None,
            is_closed: false,
            scratch,
            spare_descriptor: accept::open_spare_descriptor(),
            panics: Vec::new(),
            on_panic,
        })
    }

    /// Serves until the process ends.
    pub fn run(mut self) {
        let mut events = Events::new();
        let mut keys = Vec::new();
        self.watch_listeners();
        loop {
            let served = catch_unwind(AssertUnwindSafe(|| self.run_once(&mut events, &mut keys)));
            if served.is_err() {
                self.note_panic();
            }
        }
    }

    /// Waits for events, and gives the connection of each a turn.
    fn run_once(&mut self, events: &mut Events, keys: &mut Vec<usize>) {
        let now = Instant::now();
        let until_accept = self.accept_at.map(|at| at.saturating_duration_since(now));
        let is_quiet = self.is_closed && self.context.pool.under_way() == 0;
        let sleep = [self.context.reactor.sleep_time(now, is_quiet), until_accept]
            .into_iter()
            .flatten()
            .min();
        events.clear();
        if let Err(e) = self.context.poller.wait(events, sleep) {
            log::error!("wait for connections: {e}");
            std::thread::sleep(ACCEPT_BACKOFF);
        }
        keys.clear();
        keys.extend(events.iter().map(|event| event.key));
        for key in keys.drain(..) {
            match self.listeners.get(key) {
                Some(_) => self.accept(key),
                None => self.handle_event(key),
            }
        }
        self.run_timers(Instant::now());
    }

    /// Handles ready connections and deadlines, which have no event.
    fn run_timers(&mut self, now: Instant) {
        for conn in self.context.reactor.take_ready() {
            self.catch_panic(|this| {
                if let Some(request) = driver::advance(
                    &this.context,
                    &*this.service,
                    conn,
                    RequestReader::default(),
                ) {
                    driver::dispatch(&this.context, &*this.service, request);
                }
            });
        }
        for state in self.context.reactor.take_expired(now) {
            self.catch_panic(|this| this.expire(state, now));
        }
        if self.accept_at.is_some_and(|at| at <= now) {
            self.accept_at = None;
            self.watch_listeners();
        }
        if self.context.is_closing() && !self.is_closed {
            self.is_closed = true;
            self.close();
        }
        self.context.refusals.log_if_due(now);
    }

    fn watch_listeners(&self) {
        for (key, (_, listener)) in self.listeners.iter().enumerate() {
            debug_assert!(key < FIRST_KEY);
            if let Err(e) = listener.watch(Event::readable(key)) {
                log::error!("watch the listener: {e}");
            }
        }
    }

    pub(super) fn read(&mut self, conn: Connection, reader: RequestReader) {
        if let Some(request) = driver::read(
            &self.context,
            &*self.service,
            conn,
            reader,
            &mut self.scratch,
        ) {
            driver::dispatch(&self.context, &*self.service, request);
        }
    }

    /// Gives the connection of an event its turn.
    fn handle_event(&mut self, key: usize) {
        let Some(state) = self.context.reactor.take(key) else {
            return;
        };
        self.catch_panic(|this| match state {
            ConnectionState::Idle(conn) => this.read(conn, RequestReader::default()),
            ConnectionState::Reading(conn, reader) => this.read(conn, reader),
            ConnectionState::Sending(conn, pending) => driver::continue_sending(conn, pending),
            ConnectionState::Closing(conn, deadline) => {
                driver::drain_input(conn, deadline, &mut this.scratch)
            }
        });
    }

    /// Handles a connection whose deadline has passed.
    fn expire(&mut self, state: ConnectionState, now: Instant) {
        match state {
            ConnectionState::Reading(conn, mut reader) => match reader.expire(conn, now) {
                Continue(conn) => {
                    let deadline = reader.deadline();
                    self.context
                        .reactor
                        .register(ConnectionState::Reading(conn, reader), deadline);
                }
                Break(outcome) => drop(driver::handle_outcome(&*self.service, outcome)),
            },
            ConnectionState::Sending(conn, _) => conn.reset(),
            ConnectionState::Idle(_) | ConnectionState::Closing(..) => {}
        }
    }

    /// Stops listening, closes idle connections, and refuses incomplete requests.
    fn close(&mut self) {
        self.listeners.clear();
        self.accept_at = None;
        // Twice: an idle connection may receive half a request at this moment.
        for _ in 0..2 {
            for state in self.context.reactor.close() {
                self.catch_panic(|this| this.end_unfinished(state));
            }
        }
        self.context.pool.close();
    }

    fn end_unfinished(&mut self, state: ConnectionState) {
        match state {
            ConnectionState::Idle(conn) if conn.has_input() => {
                self.read(conn, RequestReader::default())
            }
            ConnectionState::Reading(conn, mut reader) => {
                let message =
                    "read request: the tap is being stopped; try again in a moment".to_owned();
                let refusal = Refusal {
                    reason: Reason::Starting,
                    status: 503,
                    message,
                };
                drop(driver::handle_outcome(
                    &*self.service,
                    reader.refuse(conn, refusal),
                ));
            }
            ConnectionState::Idle(_)
            | ConnectionState::Sending(..)
            | ConnectionState::Closing(..) => {}
        }
    }

    /// Gives a connection its turn. A panic ends the turn and the connection.
    pub(super) fn catch_panic(&mut self, turn: impl FnOnce(&mut EventLoop)) {
        if catch_unwind(AssertUnwindSafe(|| turn(self))).is_err() {
            (self.on_panic)();
        }
    }

    fn note_panic(&mut self) {
        let now = Instant::now();
        self.panics
            .retain(|at| now.duration_since(*at) < PANIC_WINDOW);
        self.panics.push(now);
        if self.panics.len() >= PANICS_MAX {
            log::error!("the event loop cannot go on");
            platform::socket_store::remove_all();
            std::process::exit(EXIT_SOFTWARE);
        }
    }
}
