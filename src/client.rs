//! The client's side of one exchange: its body in, our reply out, and a safe end for what was left unread.
//!
//! tiny_http hands out a writer only together with dropping the body, and drops a body by reading what it still owes:
//! for ever, or into memory that does not exist. So a reply to a body that was not read to its end goes
//! to the socket directly, and the connection ends after it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tiny_http::{HTTPVersion, Request};

use crate::connections::Connections;
use crate::forward::headers::{self, Framing};
use crate::platform;

/// tiny_http reads bodies up to this length itself, before we see the request (request.rs).
const READ_AHEAD: u64 = 1024;

/// After an answer that came before the body's end, the client gets this long to read it before the connection ends.
const LINGER: Duration = Duration::from_millis(500);

/// A request of a client, of which nothing was answered yet.
pub struct Client {
    pub request: Request,
    pub peer: SocketAddr,
    port: u16,
    connections: Arc<Connections>,
    /// No reply to an earlier request of the same connection is under way, so that a reply may go to the socket directly.
    first_in_line: bool,
    framing: Framing,
    /// Of the body, for a known length: bytes that have not been read.
    owed: u64,
    /// How many of these tiny_http does not know of.
    untold: u64,
    ended: bool,
    checked: Result<Framing, String>,
}

impl Client {
    /// `port` is ours, to tell the client's connection from others.
    pub fn new(request: Request, peer: SocketAddr, port: u16, connections: Arc<Connections>, first_in_line: bool) -> Client {
        // As tiny_http reads it: for a request that we refuse because of its framing, that alone tells what drop would do.
        let chunked = request.headers().iter().any(|h| h.field.equiv("transfer-encoding"));
        let framing = match request.body_length() {
            _ if chunked => Framing::Chunked,
            None | Some(0) => Framing::Empty,
            Some(length) => Framing::Length(length as u64),
        };
        let owed = if let Framing::Length(length) = framing { length } else { 0 };
        let ended = framing == Framing::Empty;
        let checked = check(&request);
        if checked.is_err() {
            // At once: what follows on the connection may be on its way.
            connections.refuse(peer);
        }
        Client { request, peer, port, connections, first_in_line, framing, owed, untold: 0, ended, checked }
    }

    /// The framing of the body, or what is wrong with the request's head. Where something is, the connection ends
    /// with the answer, because nobody knows where its next request begins.
    pub fn well_formed(&self) -> &Result<Framing, String> {
        &self.checked
    }

    pub fn is_http10(&self) -> bool {
        *self.request.http_version() < HTTPVersion(1, 1)
    }

    pub fn header(&self, name: &'static str) -> Option<&str> {
        self.headers(name).next()
    }

    /// Every value of a header that may have been sent more than once.
    pub fn headers(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.request.headers().iter().filter(move |h| h.field.equiv(name)).map(|h| h.value.as_str())
    }

    /// Whether `Connection` says `word`.
    pub fn connection_says(&self, word: &str) -> bool {
        self.header("connection").is_some_and(|value| says(value, word))
    }

    /// Turns to the reply. `Err` when the client cannot be reached any more.
    pub fn into_writer(self) -> io::Result<Writer> {
        if self.is_harmless() {
            return Ok(Writer::Whole(self.request.into_writer()));
        }
        if !self.first_in_line {
            self.hang_up();
            return Err(ErrorKind::NotConnected.into());
        }
        // Refused first: whatever is left of the body must never be taken for a request.
        self.connections.refuse(self.peer);
        match platform::socket_of(self.port, self.peer) {
            Some(socket) => Ok(Writer::Cut(Rest { socket, client: Some(Box::new(self)) })),
            None => {
                self.discard();
                Err(ErrorKind::NotConnected.into())
            }
        }
    }

    /// Ends the connection without an answer.
    pub fn hang_up(self) {
        self.connections.refuse(self.peer);
        if let Some(socket) = platform::socket_of(self.port, self.peer) {
            platform::interrupt(&socket, Shutdown::Both);
        }
        self.discard();
    }

    /// Our port, which the client came to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection can go on after the reply.
    fn is_harmless(&self) -> bool {
        self.checked.is_ok() && self.owes_nothing()
    }

    /// Whether dropping the body does nothing: there is none, it was read, or tiny_http had read it before.
    fn owes_nothing(&self) -> bool {
        self.ended || self.was_read_ahead()
    }

    /// Whether all of the body, which may be none, is in memory already.
    pub fn was_read_ahead(&self) -> bool {
        match self.framing {
            Framing::Empty => true,
            Framing::Length(length) => length <= READ_AHEAD && self.header("expect").is_none() && !self.connection_says("upgrade"),
            Framing::Chunked => false,
        }
    }

    fn has_hung_up(&self) -> bool {
        platform::socket_of(self.port, self.peer).is_none_or(|socket| platform::has_input(&socket, &mut [0]) == Some(0))
    }

    /// Drops a body that owes bytes. Its connection must have been shut down, or drop waits for the client.
    fn discard(mut self) {
        if self.owes_nothing() || self.framing == Framing::Chunked {
            return;
        }
        let told = self.owed - self.untold;
        if !platform::tell_owed(self.request.as_reader(), told, 0) && told > MAX_DROPPED {
            log::warn!("a body of {} unread bytes from {} could not be dropped: its thread stays", self.owed, self.peer);
            std::mem::forget(self.request);
        }
    }

    /// Tells tiny_http of the next part of a long body.
    fn tell_share(&mut self) {
        let (told, share) = (self.owed - self.untold, self.owed.min(SHARE));
        let is_due = told > SHARE || self.untold > 0 && told < SHARE / 2;
        if is_due && platform::tell_owed(self.request.as_reader(), told, share) {
            self.untold = self.owed - share;
        }
    }
}

fn check(request: &Request) -> Result<Framing, String> {
    headers::check(request.method().as_str(), request.url(), request.headers())?;
    match headers::framing(request.headers())? {
        // tiny_http leaves the body of an upgrade as it came.
        Framing::Chunked if request.headers().iter().any(|h| h.field.equiv("connection") && says(h.value.as_str(), "upgrade")) => {
            Err("a chunked body together with an upgrade".into())
        }
        framing => Ok(framing),
    }
}

fn says(value: &str, word: &str) -> bool {
    value.to_ascii_lowercase().contains(word)
}

/// tiny_http is told of this much of a body at a time (bytes): when a client breaks off, it makes room for all that it knows of.
const SHARE: u64 = 8 * 1024 * 1024;

/// At most this much is read at a time (bytes), so that there is never an end where only a share ends.
const PIECE: usize = 1024 * 1024;

/// An unread rest of at most this many bytes may be dropped as tiny_http drops it, allocating all of it at once.
const MAX_DROPPED: u64 = 64 * 1024 * 1024;

impl Read for Client {
    /// Reads from the body. An end before the announced one is `UnexpectedEof`.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let space = if let Framing::Length(_) = self.framing {
            buffer.len().min(PIECE).min(usize::try_from(self.owed).unwrap_or(usize::MAX))
        } else {
            buffer.len()
        };
        self.tell_share();
        let amount = self.request.as_reader().read(&mut buffer[..space])?;
        self.owed = self.owed.saturating_sub(amount as u64);
        match self.framing {
            Framing::Length(_) if amount == 0 => {
                self.ended = true;
                Err(ErrorKind::UnexpectedEof.into())
            }
            Framing::Length(_) => {
                self.ended = self.owed == 0;
                Ok(amount)
            }
            _ => {
                self.ended = amount == 0;
                // tiny_http takes a hang-up in the middle of a chunk for the end of the body.
                if self.ended && self.has_hung_up() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(amount) }
            }
        }
    }
}

/// Where the bytes of a reply go.
pub enum Writer {
    /// The request was read to its end: tiny_http keeps the connection and the order of replies.
    Whole(Box<dyn Write + Send>),
    /// It was not: the connection ends with this reply.
    Cut(Rest),
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Writer::Whole(writer) => writer.write(bytes),
            Writer::Cut(rest) => rest.socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Writer::Whole(writer) => writer.flush(),
            Writer::Cut(_) => Ok(()),
        }
    }
}

/// A client whose body was left half read, and its socket.
pub struct Rest {
    socket: TcpStream,
    client: Option<Box<Client>>,
}

impl Rest {
    /// Swallows what the client still sends, so that the answer is not lost to a reset (RFC 9112 section 9.6).
    fn linger(&mut self) {
        let until = Instant::now() + LINGER;
        let mut scrap = vec![0; 64 * 1024];
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            let _ = self.socket.set_read_timeout(Some(left));
            if !matches!(self.socket.read(&mut scrap), Ok(1..)) {
                break;
            }
        }
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        if self.socket.shutdown(Shutdown::Write).is_ok() {
            self.linger();
        }
        platform::interrupt(&self.socket, Shutdown::Both);
        if let Some(client) = self.client.take() {
            client.discard();
        }
    }
}
