//! CONTROL of the connection of one worker to Ollama: the state that the worker, its transport and the canceller of a request share.
//!
//! ureq keeps the connection, its TLS and the framing of replies. Heads bypass it, so that they reach the other side byte for byte:
//! the request that the worker sets is sent in place of the head that ureq made, and the head of the reply is stored as it came
//! (head_transport.rs does both).
//!
//! A wait for Ollama is a wait for the client as well (`wait`): one that has left is noticed at once. A waiting thread holds the lock of
//! the client, which is taken before that of the state.

mod cancel;

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use super::attempt::Attempt;
use super::client::WatchedClient;
use super::outgoing::{DeferredObserver, OutgoingRequest};
use super::phase::{CancelReason, Phase};
use crate::observe::Observer;
use crate::platform;
use crate::platform::sockets::{Interest, SocketState, WatchedStream};
use crate::server::ReplyHead;
use crate::util::threads::lock;

/// The beginning of an interim reply.
const INTERIM_PREFIX: &[u8] = b"HTTP/1.1 1";

/// Shared by a worker, its transport and, for `cancel`, the threads that answer our pages or end the process.
pub struct ConnectionControl {
    /// A reply that comes before the body was sent can be recognized, which is not possible under TLS.
    sees_early_reply: bool,
    client: Mutex<Option<WatchedClient>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    /// The number of the exchange, from its beginning to its end.
    exchange: Option<u64>,
    /// The request to send; after that, a request that may have to be sent again.
    outgoing: OutgoingRequest,
    attempt: Attempt,
    observer: Option<DeferredObserver>,
    reply: Option<ReplyStart>,
    /// Weak: the connection ends when its transport is dropped, even while others know of it.
    stream: Weak<TcpStream>,
}

/// The beginning of a reply.
pub struct ReplyStart {
    pub head: ReplyHead,
    /// Bytes of the body came with the head, so that the first read of the body will not wait.
    pub has_body_bytes: bool,
}

/// An exchange, during which a client is watched.
pub struct ExchangeGuard<'a>(&'a ConnectionControl);

impl Drop for ExchangeGuard<'_> {
    fn drop(&mut self) {
        // In this order, since who holds the client knows that the exchange goes on.
        let client = lock(&self.0.client).take();
        self.0.state().exchange = None;
        drop(client);
    }
}

/// For the worker.
impl ConnectionControl {
    pub fn new(is_tls: bool) -> ConnectionControl {
        ConnectionControl {
            sees_early_reply: !is_tls,
            client: Mutex::default(),
            state: Mutex::default(),
        }
    }

    /// Begins the exchange with this number. From now on a wait for Ollama also watches this client; interim replies are passed to
    /// it if it `takes_interim`.
    pub fn begin(
        &self,
        number: u64,
        socket: &Arc<WatchedStream>,
        takes_interim: bool,
    ) -> ExchangeGuard<'_> {
        let mut state = self.state();
        state.phase.begin();
        state.exchange = Some(number);
        drop(state);
        *lock(&self.client) = Some(WatchedClient::new(socket.clone(), takes_interim));
        ExchangeGuard(self)
    }

    /// Sets the request that is sent next.
    pub fn set_request(&self, outgoing: OutgoingRequest) {
        self.state().outgoing = outgoing;
        self.restart();
    }

    /// Gets ready to send the same request again.
    pub(super) fn restart(&self) {
        let mut state = self.state();
        state.attempt = Attempt::default();
        state.reply = None;
        state.phase.restart();
    }

    /// Sets the observer, which reads the request once it was sent, while Ollama works on it.
    pub fn observe_later(&self, observer: DeferredObserver) {
        self.state().observer = Some(observer);
    }

    /// Takes the observer back, after it has read the request, sent or not.
    pub fn take_observer(&self) -> Option<Box<Observer>> {
        let mut deferred = self.state().observer.take()?;
        let outgoing = self.take_outgoing();
        deferred.read(outgoing.body());
        Some(deferred.observer)
    }

    pub fn take_reply(&self) -> Option<ReplyStart> {
        self.state().reply.take()
    }

    /// Drops the request, which will not be sent again.
    pub(super) fn forget_request(&self) {
        drop(self.take_outgoing());
    }

    /// Returns whether the connection was stale.
    pub(super) fn was_stale(&self) -> bool {
        self.state().attempt.was_stale()
    }

    /// Returns whether the body need not be read or sent any further.
    pub fn is_answered(&self) -> bool {
        !self.state().phase.wants_body()
    }

    /// Returns whether the end of the input is the end of the reply.
    pub fn ends_cleanly(&self) -> bool {
        self.state().phase.ends_cleanly()
    }
}

/// For waiting.
impl ConnectionControl {
    /// Returns the reason of the cancellation, if there was one.
    pub fn cancelled(&self) -> Option<CancelReason> {
        self.state().phase.cancelled()
    }

    /// Returns whether a request is in flight.
    pub fn is_busy(&self) -> bool {
        // A worker that waits for Ollama holds the lock.
        self.client
            .try_lock()
            .map_or(true, |client| client.is_some())
    }

    /// The connection to Ollama, if there is one.
    pub fn stream(&self) -> Option<Arc<TcpStream>> {
        self.state().stream.upgrade()
    }

    /// Waits for `interest` of Ollama. Fails if the client has left, the request was cancelled, or `timeout` has passed.
    pub(super) fn wait(
        &self,
        stream: &TcpStream,
        interest: Interest,
        timeout: Option<Duration>,
    ) -> io::Result<SocketState> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut client = lock(&self.client);
        loop {
            if self.cancelled().is_some() {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            let remaining =
                deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if remaining.is_some_and(|remaining| remaining.is_zero()) {
                return Err(ErrorKind::TimedOut.into());
            }
            let state = match &mut *client {
                Some(client) => client.wait(stream, interest, remaining)?,
                None => platform::sockets::wait([(stream, interest)], remaining)
                    .map(|[state]| Some(state))?,
            };
            match state {
                Some(state) if state.readable || state.writable => return Ok(state),
                Some(_) => {}
                None => self.state().phase.cancel(CancelReason::ClientGone),
            }
        }
    }
}

/// For the transport.
impl ConnectionControl {
    /// Sets the connection. Returns false when the request was cancelled meanwhile.
    pub(super) fn connected(&self, stream: &Arc<TcpStream>) -> bool {
        let mut state = self.state();
        state.stream = Arc::downgrade(stream);
        state.attempt.connected();
        state.phase.cancelled().is_none()
    }

    pub(super) fn take_outgoing(&self) -> OutgoingRequest {
        std::mem::take(&mut self.state().outgoing)
    }

    pub(super) fn sending_began(&self) {
        self.state().attempt.begin(Instant::now());
    }

    /// Takes back a request that was sent, or never will be: its observer reads it, and it is stored for as long as it may have to
    /// be sent again.
    pub(super) fn sent(&self, outgoing: OutgoingRequest) {
        // Not under the lock: a canceller would wait for the observer.
        let deferred = self.state().observer.take();
        if let Some(mut deferred) = deferred {
            deferred.read(outgoing.body());
            self.state().observer = Some(deferred);
        }
        let mut state = self.state();
        if state.attempt.was_stale() || state.attempt.retry_time_left(Instant::now()).is_some() {
            state.outgoing = outgoing;
        }
    }

    /// Returns the time for which the sent request may still have to be sent again, if it may.
    pub(super) fn retry_time_left(&self) -> Option<Duration> {
        let state = self.state();
        state
            .attempt
            .retry_time_left(Instant::now())
            .filter(|_| state.outgoing.is_whole())
    }

    /// Checks whether Ollama answered or closed the connection while the body is being sent; the rest of the body is not wanted then.
    pub(super) fn check_early_reply(&self, stream: &TcpStream) -> bool {
        if self.is_answered() {
            return true;
        }
        let has_reply = self.sees_early_reply && self.peeks_reply(stream);
        if has_reply {
            self.state().phase.answer();
        }
        has_reply
    }

    fn peeks_reply(&self, stream: &TcpStream) -> bool {
        let mut first = [0; INTERIM_PREFIX.len()];
        match platform::sockets::has_input(stream, &mut first) {
            None => false,
            Some(Ok(count)) => count == 0 || first[..count] != INTERIM_PREFIX[..count],
            Some(Err(e)) => {
                self.read_failed(&e);
                true
            }
        }
    }

    /// Notes the first byte of the reply.
    pub(super) fn reply_began(&self) {
        self.state().attempt.answered();
        self.forget_request();
    }

    pub(super) fn set_reply(&self, reply: ReplyStart) {
        self.state().reply = Some(reply);
    }

    /// Passes the head of an interim reply on, but for `100 Continue`, which we send ourselves.
    pub(super) fn pass_interim(&self, head: &ReplyHead) {
        if let Some(client) = lock(&self.client)
            .as_ref()
            .filter(|client| client.takes_interim)
            && head.status() != 100
        {
            // Losing one does no harm, but sending half of one would: the kernel takes a small one whole.
            let _ = (&**client.socket).write(head.raw());
        }
    }

    /// Notes that sending failed: Ollama has closed its side, and a reply that it sent before can still be read.
    pub(super) fn write_failed(&self) {
        let mut state = self.state();
        state.attempt.lost(Instant::now());
        state.phase.answer();
    }

    /// Notes that the connection failed while the reply was awaited or read.
    pub(super) fn read_failed(&self, failure: &io::Error) {
        let mut state = self.state();
        if failure.kind() == ErrorKind::ConnectionReset {
            state.attempt.lost(Instant::now());
        }
        state.phase.break_off();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl fmt::Debug for ConnectionControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionControl")
    }
}

#[cfg(test)]
mod tests;
