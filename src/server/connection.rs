//! CONNECTION: the connection of a client. Only the owner of the `Connection` reads, writes or closes it.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use polling::Event;
use socket2::SockRef;

use super::context::{ConnectionPermit, Context, ListenerRole};
use super::http1::{HeadReader, Reason};
use crate::platform;
use crate::platform::sockets::{Interest, WatchedStream};
use crate::util::budget::Reservation;

/// The most that one read brings (bytes): no more than a connection may hold beside the budget.
pub const READ_SIZE: usize = crate::util::budget::UNBUDGETED;

/// A client that closed its sending side may have left, or wait for its reply: the two look alike. It counts as gone when nothing could
/// be sent to it for this long.
pub const HALF_CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// While others wait for a worker, a client that takes nothing for this long is dropped.
const SLOW_READER_TIMEOUT: Duration = Duration::from_secs(30);

/// A blocked write checks this often whether others wait.
const BLOCKED_CHECK_INTERVAL: Duration = Duration::from_secs(1);

pub struct Connection {
    pub peer: SocketAddr,
    /// The role of the listener that accepted it.
    pub role: ListenerRole,
    socket: Arc<WatchedStream>,
    /// Bytes that were read and not yet used: of this request, or of those that follow.
    pub read_buffer: Vec<u8>,
    pub head_reader: HeadReader,
    /// The part of the budget that the read buffer takes.
    pub reservation: Reservation,
    /// The client has closed its sending side.
    pub is_read_closed: bool,
    /// A request was answered on it.
    pub was_used: bool,
    /// The time at which it began to wait in the reactor for a request.
    pub idle_since: Instant,
    /// Its last request came so soon after a response that a worker may linger for the next.
    pub asks_promptly: bool,
    /// Its rate while it is being sent a long response of ours, for which others may wait.
    pub long_response: Option<DeliveryRate>,
    pub context: Arc<Context>,
    _permit: ConnectionPermit,
}

/// The rate at which a client takes one of our own responses.
#[derive(Debug)]
pub struct DeliveryRate {
    since: Instant,
    bytes: usize,
}

impl Default for DeliveryRate {
    fn default() -> DeliveryRate {
        DeliveryRate {
            since: Instant::now(),
            bytes: 0,
        }
    }
}

impl DeliveryRate {
    /// A client that takes less than `BYTES_MIN` in `PERIOD` is slow.
    const BYTES_MIN: usize = 16 * 1024;
    const PERIOD: Duration = Duration::from_secs(10);

    pub fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= DeliveryRate::BYTES_MIN {
            *self = DeliveryRate::default();
        }
    }

    pub fn is_slow(&self) -> bool {
        self.since.elapsed() >= DeliveryRate::PERIOD
    }
}

/// Returns whether the client behind a socket is gone, who asked for one of our pages: who closes
/// his sending side before he has the answer has closed the connection, but for very few, and an
/// answer may be long in the making.
pub fn is_gone(socket: &WatchedStream) -> bool {
    platform::sockets::wait([(&**socket, Interest::END)], Some(Duration::ZERO))
        .is_ok_and(|[state]| state.broken || state.ended)
}

/// The result of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadResult {
    Bytes(usize),
    /// Nothing is there yet.
    WouldBlock,
    /// The client has closed its sending side.
    Eof,
}

impl Connection {
    pub fn new(
        stream: TcpStream,
        peer: SocketAddr,
        role: ListenerRole,
        permit: ConnectionPermit,
        context: &Arc<Context>,
    ) -> io::Result<Connection> {
        stream.set_nonblocking(true)?;
        let socket = Arc::new(WatchedStream::new(stream, &context.poller)?);
        let reservation = Reservation::new(&context.budget);
        Ok(Connection {
            peer,
            role,
            socket,
            read_buffer: Vec::new(),
            head_reader: HeadReader::default(),
            reservation,
            is_read_closed: false,
            was_used: false,
            idle_since: Instant::now(),
            asks_promptly: false,
            long_response: None,
            context: context.clone(),
            _permit: permit,
        })
    }

    /// Registers for one event with the poller.
    pub fn watch(&self, event: Event) -> io::Result<()> {
        self.socket.watch(event)
    }

    /// The socket, for waiting on it during an exchange.
    pub fn socket(&self) -> &Arc<WatchedStream> {
        &self.socket
    }

    /// Reads once, without waiting, into the read buffer, up to the size of `scratch`.
    pub fn fill(&mut self, scratch: &mut [u8]) -> io::Result<ReadResult> {
        let result = self.read(scratch)?;
        if let ReadResult::Bytes(amount) = result {
            self.read_buffer.extend_from_slice(&scratch[..amount]);
        }
        Ok(result)
    }

    /// Reads once, without waiting.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<ReadResult> {
        loop {
            match (&**self.socket).read(buffer) {
                Ok(0) => {
                    self.is_read_closed = true;
                    return Ok(ReadResult::Eof);
                }
                Ok(amount) => return Ok(ReadResult::Bytes(amount)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(ReadResult::WouldBlock),
                Err(e) => return Err(e),
            }
        }
    }

    /// Returns whether the client of a request that has `waited` left: its connection is broken, or its sending side was closed and it
    /// was sent nothing for `HALF_CLOSE_TIMEOUT`.
    pub fn client_left(&self, waited: Duration) -> bool {
        platform::sockets::wait([(&**self.socket, Interest::END)], Some(Duration::ZERO))
            .is_ok_and(|[state]| state.broken || state.ended && waited >= HALF_CLOSE_TIMEOUT)
    }

    /// Returns whether there are bytes, or an end, that were not read yet.
    pub fn has_input(&self) -> bool {
        !self.read_buffer.is_empty()
            || platform::sockets::has_input(&self.socket, &mut [0]).is_some()
    }

    /// Waits until the client sends something, for at most `timeout`. Returns whether it did.
    pub fn wait_for_input(&self, timeout: Duration) -> bool {
        platform::sockets::wait([(&**self.socket, Interest::READ)], Some(timeout))
            .is_ok_and(|[state]| state.readable)
    }

    /// Sends as much of `bytes` as possible without waiting. Returns the number of bytes sent.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match (&**self.socket).write(bytes) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(0),
                result => return result,
            }
        }
    }

    /// Sends all of both parts, and waits for the client if need be.
    pub fn send_all(&mut self, mut head: &[u8], mut body: &[u8]) -> io::Result<()> {
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
                    if let Some(rate) = &mut self.long_response {
                        rate.add(amount);
                    }
                    let of_head = amount.min(head.len());
                    head = &head[of_head..];
                    body = &body[amount - of_head..];
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.wait_until_writable()?,
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Waits until the client takes more. Fails if it did not in time.
    fn wait_until_writable(&self) -> io::Result<()> {
        let start = Instant::now();
        let idle_timeout = self.context.idle_timeout.unwrap_or(Duration::MAX);
        let check_interval = idle_timeout.min(BLOCKED_CHECK_INTERVAL);
        loop {
            let [state] =
                platform::sockets::wait([(&**self.socket, Interest::WRITE)], Some(check_interval))?;
            if state.writable || state.broken {
                return Ok(());
            }
            let blocked = start.elapsed();
            if self.keeps_others_waiting(blocked) {
                let what = "a client that hardly reads while others wait";
                self.context
                    .refusals
                    .note(Reason::SlowReader, self.peer, what);
                return Err(ErrorKind::TimedOut.into());
            }
            if blocked >= idle_timeout {
                return Err(ErrorKind::TimedOut.into());
            }
        }
    }

    /// Returns whether this client, which has `blocked` a write for this time, keeps others waiting.
    fn keeps_others_waiting(&self, blocked: Duration) -> bool {
        match &self.long_response {
            Some(rate) => rate.is_slow() && self.context.long_response_is_wanted(),
            None => blocked >= SLOW_READER_TIMEOUT && self.context.pool.waiting() > 0,
        }
    }

    /// Tells the client that nothing more follows.
    pub fn shutdown_write(&self) {
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// Ends the connection so that the client sees that it broke.
    pub fn reset(self) {
        let _ = SockRef::from(&**self.socket).set_linger(Some(Duration::ZERO));
    }
}
