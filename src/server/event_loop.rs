//! EVENT LOOP: the one thread that accepts connections and hears what happens to those in the reactor. It never waits for a client.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::ops::ControlFlow::{Break, Continue};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use polling::{Event, Events};

use super::admission;
use super::connection::{Connection, READ};
use super::context::{Context, Permit, Port};
use super::driver::{self, Service};
use super::http1::{Reason, Refusal};
use super::listen;
use super::reactor::{FIRST_KEY, Registered};
use super::request_reader::RequestReader;
use crate::platform;
use crate::platform::sockets::WatchedListener;

/// Connections that are accepted before others get their turn.
const TURN: usize = 64;

/// So many of those that might go for a new connection are tried: they may turn out to have sent something.
const EVICTIONS: usize = 8;

/// After an error the next connection is accepted so much later.
const BACK_OFF: Duration = Duration::from_millis(20);

/// Outside any connection's turn a panic is a fault of the loop itself: so many in so long end the process.
const PANICS: usize = 3;
const PANICS_WITHIN: Duration = Duration::from_secs(10);

/// The exit code then, of an internal software error (sysexits.h).
const EXIT_SOFTWARE: i32 = 70;

pub struct EventLoop {
    context: Arc<Context>,
    service: Arc<dyn Service>,
    listeners: Vec<(Port, WatchedListener)>,
    /// When to accept again after an error.
    accept_at: Option<Instant>,
    is_closed: bool,
    scratch: Box<[u8]>,
    /// A descriptor for bad times.
    spare: Option<UdpSocket>,
    panics: Vec<Instant>,
    panicked: Box<dyn Fn() + Send>,
}

impl EventLoop {
    /// `panicked` is told of each panic while a connection has its turn.
    pub fn new(
        context: Arc<Context>,
        service: Arc<dyn Service>,
        sockets: Vec<(Port, TcpListener)>,
        panicked: Box<dyn Fn() + Send>,
    ) -> io::Result<EventLoop> {
        let mut listeners = Vec::new();
        for (port, socket) in sockets {
            socket.set_nonblocking(true)?;
            listeners.push((port, WatchedListener::new(socket, &context.poller)?));
        }
        let scratch = vec![0; READ].into_boxed_slice();
        Ok(EventLoop {
            context,
            service,
            listeners,
            accept_at: None,
            is_closed: false,
            scratch,
            spare: spare(),
            panics: Vec::new(),
            panicked,
        })
    }

    /// Serves until the process ends.
    pub fn run(mut self) {
        let mut events = Events::new();
        let mut keys = Vec::new();
        self.watch_listeners();
        loop {
            let served = catch_unwind(AssertUnwindSafe(|| self.turn(&mut events, &mut keys)));
            if served.is_err() {
                self.note_panic();
            }
        }
    }

    /// Waits for events, and gives everybody they are about a turn.
    fn turn(&mut self, events: &mut Events, keys: &mut Vec<usize>) {
        let now = Instant::now();
        let until_accept = self.accept_at.map(|at| at.saturating_duration_since(now));
        let is_quiet = self.is_closed && self.context.pool.under_way() == 0;
        let sleep = [self.context.reactor.sleep(now, is_quiet), until_accept]
            .into_iter()
            .flatten()
            .min();
        events.clear();
        if let Err(e) = self.context.poller.wait(events, sleep) {
            log::error!("wait for connections: {e}");
            std::thread::sleep(BACK_OFF);
        }
        keys.clear();
        keys.extend(events.iter().map(|event| event.key));
        for key in keys.drain(..) {
            match self.listeners.get(key) {
                Some(_) => self.accept(key),
                None => self.attend(key),
            }
        }
        self.look_around(Instant::now());
    }

    fn look_around(&mut self, now: Instant) {
        for conn in self.context.reactor.take_handed_over() {
            self.guarded(|this| {
                if let Some(request) = driver::take_up(
                    &this.context,
                    &*this.service,
                    conn,
                    RequestReader::default(),
                ) {
                    driver::offer(&this.context, &*this.service, request);
                }
            });
        }
        for registered in self.context.reactor.take_expired(now) {
            self.guarded(|this| this.expire(registered, now));
        }
        if self.accept_at.is_some_and(|at| at <= now) {
            self.accept_at = None;
            self.watch_listeners();
        }
        if self.context.is_closing() && !self.is_closed {
            self.is_closed = true;
            self.close();
        }
        self.context.refusals.tell_if_due(now);
    }

    fn watch_listeners(&self) {
        for (key, (_, listener)) in self.listeners.iter().enumerate() {
            debug_assert!(key < FIRST_KEY);
            if let Err(e) = listener.watch(Event::readable(key)) {
                log::error!("watch the listener: {e}");
            }
        }
    }

    /// Accepts who has come. Who comes to a tap that is being stopped is left to the next run, where its socket is kept.
    fn accept(&mut self, key: usize) {
        for _ in 0..TURN {
            let Some((port, listener)) = self
                .listeners
                .get(key)
                .filter(|_| !self.context.is_closing())
            else {
                return;
            };
            let port = *port;
            match listener.accept() {
                Ok((stream, peer)) => {
                    self.guarded(|this| this.admit(stream, listen::canonical(peer), port))
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e)
                    if matches!(
                        e.kind(),
                        ErrorKind::Interrupted
                            | ErrorKind::ConnectionAborted
                            | ErrorKind::ConnectionReset
                    ) => {}
                Err(e) if self.make_room(key, &e) => {}
                Err(e) => return self.back_off(&e),
            }
        }
        if let Some((_, listener)) = self.listeners.get(key)
            && let Err(e) = listener.watch(Event::readable(key))
        {
            self.back_off(&e);
        }
    }

    /// There is no descriptor for one more connection: another goes for it, else it is refused. False where neither could be done.
    fn make_room(&mut self, key: usize, error: &io::Error) -> bool {
        if !platform::sockets::is_out_of_descriptors(error) {
            return false;
        }
        if admission::evict(&self.context, &*self.service, &mut self.scratch) {
            return true;
        }
        // With the descriptor that is kept for this, it can be taken and closed, rather than be left to wait.
        self.spare = None;
        let refused = self
            .listeners
            .get(key)
            .and_then(|(_, listener)| listener.accept().ok());
        if let Some((_, peer)) = &refused {
            self.context.refusals.note(
                Reason::Descriptors,
                *peer,
                &format!("a connection: {error}"),
            );
        }
        let is_refused = refused.is_some();
        drop(refused);
        self.spare = spare();
        is_refused
    }

    /// The system has nothing left for one more connection: after a while we try again.
    fn back_off(&mut self, error: &io::Error) {
        log::debug!(
            "accept a connection: {error}; again in {} ms",
            BACK_OFF.as_millis()
        );
        self.accept_at = Some(Instant::now() + BACK_OFF);
    }

    /// Takes a new connection in, in another's place where all are taken.
    fn admit(&mut self, stream: TcpStream, peer: SocketAddr, port: Port) {
        let Some(permit) = self.permit() else {
            let what = format!(
                "a connection: all {} are taken",
                self.context.connections_max()
            );
            return self.context.refusals.note(Reason::Connections, peer, &what);
        };
        match Connection::new(stream, peer, port, permit, &self.context) {
            Ok(conn) => self.read(conn, RequestReader::default()),
            Err(e) => log::debug!("take a connection of {peer} in: {e}"),
        }
    }

    /// A place for a connection, another's where all are taken.
    fn permit(&mut self) -> Option<Permit> {
        for _ in 0..EVICTIONS {
            let permit = self.context.permit();
            if permit.is_some()
                || !admission::evict(&self.context, &*self.service, &mut self.scratch)
            {
                return permit;
            }
        }
        self.context.permit()
    }

    fn read(&mut self, conn: Connection, reader: RequestReader) {
        if let Some(request) = driver::read(
            &self.context,
            &*self.service,
            conn,
            reader,
            &mut self.scratch,
        ) {
            driver::offer(&self.context, &*self.service, request);
        }
    }

    /// Something happened to a connection.
    fn attend(&mut self, key: usize) {
        let Some(registered) = self.context.reactor.take(key) else {
            return;
        };
        self.guarded(|this| match registered {
            Registered::Idle(conn) => this.read(conn, RequestReader::default()),
            Registered::Reading(conn, reader) => this.read(conn, reader),
            Registered::Sending(conn, outgoing) => driver::go_on_sending(conn, outgoing),
            Registered::Closing(conn, deadline) => {
                driver::discard(conn, deadline, &mut this.scratch)
            }
        });
    }

    /// The time of a connection is over.
    fn expire(&mut self, registered: Registered, now: Instant) {
        match registered {
            Registered::Reading(conn, mut reader) => match reader.expire(conn, now) {
                Continue(conn) => {
                    let deadline = reader.deadline();
                    self.context
                        .reactor
                        .register(Registered::Reading(conn, reader), deadline);
                }
                Break(outcome) => drop(driver::settle(&*self.service, outcome)),
            },
            Registered::Sending(conn, _) => conn.reset(),
            Registered::Idle(_) | Registered::Closing(..) => {}
        }
    }

    /// Stops listening, and ends what no worker has: idle connections close, what is half here is refused.
    fn close(&mut self) {
        self.listeners.clear();
        self.accept_at = None;
        // Twice: what comes to an idle connection at this moment may be half a request.
        for _ in 0..2 {
            for registered in self.context.reactor.close() {
                self.guarded(|this| this.end(registered));
            }
        }
        self.context.pool.close();
    }

    fn end(&mut self, registered: Registered) {
        match registered {
            Registered::Idle(conn) if conn.has_input() => self.read(conn, RequestReader::default()),
            Registered::Reading(conn, mut reader) => {
                let message =
                    "read request: the tap is being stopped; try again in a moment".to_owned();
                let refusal = Refusal {
                    reason: Reason::Starting,
                    status: 503,
                    message,
                };
                drop(driver::settle(&*self.service, reader.refuse(conn, refusal)));
            }
            _ => {}
        }
    }

    /// Gives a connection its turn, which ends with the connection where it panics.
    fn guarded(&mut self, turn: impl FnOnce(&mut EventLoop)) {
        if catch_unwind(AssertUnwindSafe(|| turn(self))).is_err() {
            (self.panicked)();
        }
    }

    fn note_panic(&mut self) {
        let now = Instant::now();
        self.panics
            .retain(|at| now.duration_since(*at) < PANICS_WITHIN);
        self.panics.push(now);
        if self.panics.len() >= PANICS {
            log::error!("the event loop cannot go on");
            platform::socket_store::let_go_of_all();
            std::process::exit(EXIT_SOFTWARE);
        }
    }
}

/// A socket that takes a descriptor and does nothing.
fn spare() -> Option<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()
}
