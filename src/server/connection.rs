//! CONNECTION: a client's. Whoever has the `Connection` is the only one that reads, writes or closes it.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use polling::Event;
use socket2::SockRef;

use super::context::{Context, Permit, Port};
use super::http1::{Gatherer, Reason};
use crate::platform;
use crate::platform::sockets::{Awaited, WatchedStream};
use crate::util::budget::Reservation;

/// What is read at once (bytes): no more than a connection may hold beside the budget.
pub const READ: usize = crate::util::budget::FREE;

/// Who sends no more may have left, or wait for its reply: nothing tells which. It has left when nothing could be sent to it
/// for this long.
pub const HALF_CLOSED: Duration = Duration::from_millis(500);

/// While others wait for a worker, a client that takes nothing for this long is dropped.
const SLOW_READER: Duration = Duration::from_secs(30);

/// How often a blocked write looks whether others wait.
const LOOK: Duration = Duration::from_secs(1);

pub struct Connection {
    pub peer: SocketAddr,
    /// Which of our ports it came to.
    pub port: Port,
    socket: Arc<WatchedStream>,
    /// What came and was not used yet: of this request, or of those that follow.
    pub inbox: Vec<u8>,
    pub gatherer: Gatherer,
    /// What the inbox takes of the budget.
    pub reservation: Reservation,
    /// The client has said that it sends no more.
    pub has_ended: bool,
    /// A request was answered on it.
    pub has_asked: bool,
    /// Since when it waits in the reactor for a request.
    pub idle_since: Instant,
    /// Its last request came so soon after an answer that it was worth waiting for.
    pub is_brisk: bool,
    /// It is being sent a long answer of ours, for which others may wait, and takes it like this.
    pub long_answer: Option<ReaderPace>,
    pub context: Arc<Context>,
    _permit: Permit,
}

/// How fast a client takes one of our own answers.
#[derive(Debug)]
pub struct ReaderPace {
    since: Instant,
    taken: usize,
}

impl Default for ReaderPace {
    fn default() -> ReaderPace {
        ReaderPace {
            since: Instant::now(),
            taken: 0,
        }
    }
}

impl ReaderPace {
    /// Who takes less than so many bytes in so long is slow.
    const BYTES: usize = 16 * 1024;
    const TIME: Duration = Duration::from_secs(10);

    pub fn took(&mut self, bytes: usize) {
        self.taken += bytes;
        if self.taken >= ReaderPace::BYTES {
            *self = ReaderPace::default();
        }
    }

    pub fn is_slow(&self) -> bool {
        self.since.elapsed() >= ReaderPace::TIME
    }
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    Bytes(usize),
    /// Nothing is there yet.
    Nothing,
    /// The client sends no more.
    End,
}

impl Connection {
    pub fn new(
        stream: TcpStream,
        peer: SocketAddr,
        port: Port,
        permit: Permit,
        context: &Arc<Context>,
    ) -> io::Result<Connection> {
        stream.set_nonblocking(true)?;
        let socket = Arc::new(WatchedStream::new(stream, &context.poller)?);
        let reservation = Reservation::new(&context.budget);
        Ok(Connection {
            peer,
            port,
            socket,
            inbox: Vec::new(),
            gatherer: Gatherer::default(),
            reservation,
            has_ended: false,
            has_asked: false,
            idle_since: Instant::now(),
            is_brisk: false,
            long_answer: None,
            context: context.clone(),
            _permit: permit,
        })
    }

    /// Asks the poller to tell once.
    pub fn watch(&self, event: Event) -> io::Result<()> {
        self.socket.watch(event)
    }

    /// The socket, to wait at it and no longer than the exchange lasts.
    pub fn socket(&self) -> &Arc<WatchedStream> {
        &self.socket
    }

    /// Reads once, without waiting, into the inbox. `scratch` is what is read at most.
    pub fn fill(&mut self, scratch: &mut [u8]) -> io::Result<Came> {
        let came = self.read(scratch)?;
        if let Came::Bytes(amount) = came {
            self.inbox.extend_from_slice(&scratch[..amount]);
        }
        Ok(came)
    }

    /// Reads once, without waiting.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Came> {
        loop {
            match (&**self.socket).read(buffer) {
                Ok(0) => {
                    self.has_ended = true;
                    return Ok(Came::End);
                }
                Ok(amount) => return Ok(Came::Bytes(amount)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(Came::Nothing),
                Err(e) => return Err(e),
            }
        }
    }

    /// Whether the client of a request that has `waited` left: its connection is no more, or it sends no more and was sent nothing
    /// for as long as makes it count as gone.
    pub fn is_gone(&self, waited: Duration) -> bool {
        let found = platform::sockets::wait([(&**self.socket, Awaited::END)], Some(Duration::ZERO));
        found.is_ok_and(|[found]| found.broken || found.ended && waited >= HALF_CLOSED)
    }

    /// Whether there are bytes, or an end, that nobody has looked at.
    pub fn has_input(&self) -> bool {
        !self.inbox.is_empty() || platform::sockets::has_input(&self.socket, &mut [0]).is_some()
    }

    /// Waits until the client sends something, or the time is over. True when something is there.
    pub fn wait_for_input(&self, time: Duration) -> bool {
        platform::sockets::wait([(&**self.socket, Awaited::READ)], Some(time))
            .is_ok_and(|[found]| found.readable)
    }

    /// Sends as much of it as goes without waiting.
    pub fn send_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match (&**self.socket).write(bytes) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(0),
                result => return result,
            }
        }
    }

    /// Sends all of both parts, and waits where it must.
    pub fn send(&mut self, mut head: &[u8], mut body: &[u8]) -> io::Result<()> {
        while !head.is_empty() || !body.is_empty() {
            let parts = [IoSlice::new(head), IoSlice::new(body)];
            let written = if head.is_empty() {
                (&**self.socket).write(body)
            } else {
                (&**self.socket).write_vectored(&parts)
            };
            match written {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(amount) => {
                    if let Some(pace) = &mut self.long_answer {
                        pace.took(amount);
                    }
                    let of_head = amount.min(head.len());
                    head = &head[of_head..];
                    body = &body[amount - of_head..];
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.wait_for_room()?,
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Waits until the client takes more. An error where it did not in all the time that it has.
    fn wait_for_room(&self) -> io::Result<()> {
        let began = Instant::now();
        loop {
            let [found] = platform::sockets::wait(
                [(&**self.socket, Awaited::WRITE)],
                Some(self.context.idle.map_or(LOOK, |idle| idle.min(LOOK))),
            )?;
            if found.writable || found.broken {
                return Ok(());
            }
            let blocked = began.elapsed();
            let keeps_others_waiting = match &self.long_answer {
                Some(pace) => pace.is_slow() && self.context.long_answer_is_wanted(),
                None => blocked >= SLOW_READER && self.context.pool.waiting() > 0,
            };
            if keeps_others_waiting {
                self.context.refusals.note(
                    Reason::SlowReader,
                    self.peer,
                    "a client that hardly reads while others wait",
                );
                return Err(ErrorKind::TimedOut.into());
            }
            if self.context.idle.is_some_and(|idle| blocked >= idle) {
                return Err(ErrorKind::TimedOut.into());
            }
        }
    }

    /// Says that nothing more follows.
    pub fn finish_sending(&self) {
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// Ends the connection so that the client sees that it broke.
    pub fn reset(self) {
        let _ = SockRef::from(&**self.socket).set_linger(Some(Duration::ZERO));
    }
}
