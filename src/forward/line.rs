//! The line to Ollama: one worker's connection, and what the worker and its transport say to each other.
//!
//! ureq keeps the connection, its TLS and the framing of replies. Heads pass it by, so that they
//! reach the other side byte for byte: what the worker puts into `load` is sent in place of the head that ureq made,
//! and the head of the reply is kept as it came (heads.rs does both).
//!
//! Whoever waits for Ollama waits for the client as well (`wait`): one that left is seen at once.

use std::fmt;
use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use super::outgoing::{Looking, Outgoing};
use super::resend::Attempt;
use crate::observe::Observer;
use crate::platform;
use crate::platform::sockets::{Awaited, Found, WatchedStream};
use crate::server::{HALF_CLOSED, ReplyHead};
use crate::util::threads::lock;

/// How an interim reply begins.
const INTERIM: &[u8] = b"HTTP/1.1 1";

/// Shared by a worker, its transport and, for `cut`, whoever ends the process.
#[derive(Default)]
pub struct Line {
    /// What is to be sent; after that, what may have to be sent anew.
    outgoing: Mutex<Outgoing>,
    attempt: Mutex<Attempt>,
    /// Who looks at the request once it was sent.
    looking: Mutex<Option<Looking>>,
    /// The head of the reply, and whether bytes of its body came with it, so that the first read of the body will not wait.
    incoming: Mutex<Option<(ReplyHead, bool)>>,
    /// Weak: the connection ends when its transport is dropped, whoever else knows of it.
    stream: Mutex<Weak<TcpStream>>,
    client: Mutex<Option<Client>>,
    /// An answer that comes before the body was sent can be told from other bytes.
    shows_answer: AtomicBool,
    /// The chunks that ureq makes of a body are taken off again.
    unframes: AtomicBool,
    /// The reply has begun, or the connection has ended, before the body was sent: no more of it is wanted.
    answered: AtomicBool,
    cut: Mutex<Option<Cut>>,
    /// A read failed, which ureq takes for the end of a body that only the close delimits.
    broken: AtomicBool,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

/// Why a request was ended while Ollama was at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    ClientGone,
    Shutdown,
}

/// The client of the exchange under way.
#[derive(Debug)]
struct Client {
    socket: Arc<WatchedStream>,
    /// Since when it sends no more.
    ended: Option<Instant>,
    takes_interim: bool,
}

impl Client {
    /// Waits once for this of Ollama. `None`: the client has left.
    fn wait(
        &mut self,
        stream: &TcpStream,
        awaited: Awaited,
        left: Option<Duration>,
    ) -> io::Result<Option<Found>> {
        let until_gone = self
            .ended
            .map(|since| HALF_CLOSED.saturating_sub(since.elapsed()));
        let of_client = if self.ended.is_none() {
            Awaited::END
        } else {
            Awaited::NOTHING
        };
        let time = [until_gone, left].into_iter().flatten().min();
        let [found, client] =
            platform::sockets::wait([(stream, awaited), (&**self.socket, of_client)], time)?;
        if found.readable || found.writable {
            // What flows now is sent to it.
            self.ended = self.ended.map(|_| Instant::now());
            return Ok(Some(found));
        }
        if client.broken
            || self
                .ended
                .is_some_and(|since| since.elapsed() >= HALF_CLOSED)
        {
            return Ok(None);
        }
        if client.ended {
            self.ended.get_or_insert_with(Instant::now);
        }
        Ok(Some(found))
    }
}

/// A client for as long as it is waited for.
pub struct Attached<'a>(&'a Line);

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        lock(&self.0.client).take();
    }
}

impl Line {
    /// From now on whoever waits for Ollama waits for this client too, to whom interim replies are passed where it knows them.
    pub fn attach(&self, socket: &Arc<WatchedStream>, takes_interim: bool) -> Attached<'_> {
        *lock(&self.client) = Some(Client {
            socket: socket.clone(),
            ended: None,
            takes_interim,
        });
        Attached(self)
    }

    /// Gets ready for a request. `unframes`: of a body that is sent piece by piece the head tells the length.
    pub fn load(&self, outgoing: Outgoing, shows_answer: bool, unframes: bool) {
        *lock(&self.outgoing) = outgoing;
        self.shows_answer.store(shows_answer, SeqCst);
        self.unframes.store(unframes, SeqCst);
        self.reload();
    }

    /// Gets ready for the same request once more.
    pub(super) fn reload(&self) {
        *lock(&self.attempt) = Attempt::default();
        lock(&self.incoming).take();
        self.answered.store(false, SeqCst);
        self.broken.store(false, SeqCst);
    }

    /// A new request begins, which nobody has cut yet.
    pub fn begin(&self) {
        lock(&self.cut).take_if(|cut| *cut == Cut::ClientGone);
    }

    /// Ends the request in flight, from any thread: whatever waits on the connection fails at once.
    pub fn cut(&self, why: Cut) {
        lock(&self.cut).get_or_insert(why);
        if let Some(stream) = self.stream() {
            platform::sockets::interrupt(&*stream, Shutdown::Both);
        }
    }

    /// Why the request was ended, if it was.
    pub fn is_cut(&self) -> Option<Cut> {
        *lock(&self.cut)
    }

    /// Whether a request is in flight.
    pub fn is_busy(&self) -> bool {
        // Who waits for Ollama holds the lock.
        self.client
            .try_lock()
            .map_or(true, |client| client.is_some())
    }

    /// Whether the body need not be read or sent any further.
    pub fn answered(&self) -> bool {
        self.answered.load(SeqCst)
    }

    /// Whether the connection ended by an error and not by a close.
    pub fn is_broken(&self) -> bool {
        self.broken.load(SeqCst)
    }

    pub fn take_reply_head(&self) -> Option<(ReplyHead, bool)> {
        lock(&self.incoming).take()
    }

    /// The connection to Ollama, if there is one.
    pub fn stream(&self) -> Option<Arc<TcpStream>> {
        lock(&self.stream).upgrade()
    }

    /// Waits for this of Ollama, until the client left, somebody cut the request, or the time that there may be is over, each of which
    /// is an error.
    pub(super) fn wait(
        &self,
        stream: &TcpStream,
        awaited: Awaited,
        time: Option<Duration>,
    ) -> io::Result<Found> {
        let deadline = time.map(|time| Instant::now() + time);
        let mut client = lock(&self.client);
        loop {
            if self.is_cut().is_some() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let found = match &mut *client {
                Some(client) => client.wait(stream, awaited, left)?,
                None => {
                    platform::sockets::wait([(stream, awaited)], left).map(|[found]| Some(found))?
                }
            };
            match found {
                Some(found) if found.readable || found.writable => return Ok(found),
                Some(_) => {}
                None => {
                    lock(&self.cut).get_or_insert(Cut::ClientGone);
                }
            }
        }
    }

    /// Looks whether Ollama answered, or hung up, while the body is still being sent; the rest of the body is not wanted then.
    pub(super) fn has_answered(&self, stream: &TcpStream) -> bool {
        if self.answered() {
            return true;
        }
        let mut first = [0; INTERIM.len()];
        let is_answer = self.shows_answer.load(SeqCst)
            && match platform::sockets::has_input(stream, &mut first) {
                None => false,
                Some(Ok(count)) => first[..count] != INTERIM[..count] || count == 0,
                Some(Err(e)) => {
                    self.broke(&e);
                    true
                }
            };
        if is_answer {
            self.stop_sending();
        }
        is_answer
    }

    pub(super) fn unframes(&self) -> bool {
        self.unframes.load(SeqCst)
    }

    pub(super) fn take_outgoing(&self) -> Outgoing {
        std::mem::take(&mut *lock(&self.outgoing))
    }

    pub(super) fn begin_sending(&self) {
        lock(&self.attempt).begin(Instant::now());
    }

    /// Keeps what was sent for as long as it may have to be sent anew.
    pub(super) fn keep(&self, outgoing: Outgoing) {
        let attempt = lock(&self.attempt);
        if attempt.was_stale() || attempt.left(Instant::now()).is_some() {
            *lock(&self.outgoing) = outgoing;
        }
    }

    /// How much longer what was sent is kept.
    pub(super) fn keeps_for(&self) -> Option<Duration> {
        lock(&self.attempt)
            .left(Instant::now())
            .filter(|_| lock(&self.outgoing).is_whole())
    }

    /// What was sent will not be sent anew.
    pub(super) fn forget(&self) {
        drop(self.take_outgoing());
    }

    /// The connection had died before the request came to it.
    pub(super) fn was_stale(&self) -> bool {
        lock(&self.attempt).was_stale()
    }

    /// A byte of the reply came.
    pub(super) fn hear(&self) {
        lock(&self.attempt).answered();
        self.forget();
    }

    /// Has the request looked at once it was sent, while Ollama is at it.
    pub fn look_later(&self, looking: Looking) {
        *lock(&self.looking) = Some(looking);
    }

    /// The request was sent, or never will be.
    pub(super) fn look(&self, outgoing: &Outgoing) {
        if let Some(looking) = &mut *lock(&self.looking) {
            looking.look(outgoing.body());
        }
    }

    /// Gives the observer back, which has seen the request then, whatever became of it.
    pub fn take_observer(&self) -> Option<Box<Observer>> {
        let mut looking = lock(&self.looking).take()?;
        looking.look(self.take_outgoing().body());
        Some(looking.observer)
    }

    pub(super) fn keep_reply_head(&self, head: ReplyHead, body_began: bool) {
        *lock(&self.incoming) = Some((head, body_began));
    }

    /// Passes the head of an interim reply on. Leave to send a body is ours to give.
    pub(super) fn pass_interim(&self, head: &ReplyHead) {
        if let Some(client) = lock(&self.client)
            .as_ref()
            .filter(|client| client.takes_interim)
            && head.status() != 100
        {
            // One that does not go out at once and whole is no loss, but half of one would be: the kernel takes a small one whole.
            let _ = (&**client.socket).write(head.raw());
        }
    }

    /// No more is to be sent.
    fn stop_sending(&self) {
        self.answered.store(true, SeqCst);
    }

    /// Sending failed: Ollama has closed its side, and if it said why, that can still be read.
    pub(super) fn refused_more(&self) {
        lock(&self.attempt).lost(Instant::now());
        self.stop_sending();
    }

    /// The connection failed while Ollama was listened to.
    pub(super) fn broke(&self, failure: &io::Error) {
        if failure.kind() == io::ErrorKind::ConnectionReset {
            lock(&self.attempt).lost(Instant::now());
        }
        self.broken.store(true, SeqCst);
    }

    /// `stream` is the connection from here on. False when the request was cut meanwhile.
    pub(super) fn connected(&self, stream: &Arc<TcpStream>) -> bool {
        *lock(&self.stream) = Arc::downgrade(stream);
        lock(&self.attempt).connected();
        self.is_cut().is_none()
    }
}
