//! The transport under ureq: a TCP connection, and over it (over TLS where there is TLS) the exchange of heads.
//!
//! - `TcpConnector` is ours for three reasons: the stream can be shut down by the watcher, a look whether a pooled
//!   connection still lives costs one system call (ureq's own takes six a request), and a write that fails is no error,
//!   because Ollama may have answered before it hung up.
//! - `HeadConnector` sends the head that the worker loaded in place of ureq's, and keeps the head of the reply.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use super::buffers::SmallBuffers;
use super::failure::{Kind, Trouble};
use super::line::{Line, ReplyHead};
use crate::platform;

/// A machine that answers nothing, not even a refusal, is given this long (seconds) an address.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct TcpConnector(pub Arc<Line>);

impl Connector<()> for TcpConnector {
    type Out = Tcp;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Tcp>, Error> {
        let stream = Arc::new(connect(&details.addrs)?);
        stream.set_nodelay(true)?;
        if !self.0.connected(&stream) {
            return Err(Error::Io(ErrorKind::ConnectionAborted.into()));
        }
        Ok(Some(Tcp { stream, line: self.0.clone(), buffers: SmallBuffers::default() }))
    }
}

/// The first of `addresses` that answers; else why the last did not.
fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut failure = Error::HostNotFound;
    for address in addresses {
        match TcpStream::connect_timeout(address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(e) => {
                let kind = if e.kind() == ErrorKind::TimedOut { Kind::Timeout } else { Kind::Connect };
                failure = Trouble::wrap(kind, format!("connect to {address}"), e);
            }
        }
    }
    Err(failure)
}

pub struct Tcp {
    stream: Arc<TcpStream>,
    line: Arc<Line>,
    buffers: SmallBuffers,
}

impl Transport for Tcp {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        if !self.line.answered() && (&*self.stream).write_all(&self.buffers.output()[..amount]).is_err() {
            self.line.stop_sending();
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        self.buffers.release_output();
        let space = self.buffers.input_append_buf();
        let amount = loop {
            match (&*self.stream).read(space) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    self.line.broke();
                    return Err(e.into());
                }
                Ok(amount) => break amount,
            }
        };
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        platform::has_input(&self.stream, &mut [0]).is_none()
    }
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tcp({:?})", self.stream.peer_addr())
    }
}

#[derive(Debug)]
pub struct HeadConnector(pub Arc<Line>);

impl<In: Transport> Connector<In> for HeadConnector {
    type Out = Heads<In>;

    fn connect(&self, _: &ConnectionDetails, inner: Option<In>) -> Result<Option<Heads<In>>, Error> {
        Ok(inner.map(|inner| Heads { inner, line: self.0.clone(), phase: Phase::Idle, head: Vec::new() }))
    }
}

#[derive(Debug)]
pub struct Heads<In> {
    inner: In,
    line: Arc<Line>,
    phase: Phase,
    head: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// The next thing that ureq sends is the head of a request.
    Idle,
    /// Bodies, ours out and theirs in, pass as they are.
    Body,
    /// The head of the reply is coming in.
    ReplyHead,
}

impl<In: Transport> Transport for Heads<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.phase != Phase::Idle {
            return self.inner.transmit_output(amount, timeout);
        }
        self.phase = Phase::ReplyHead;
        self.head.clear();
        let space = self.inner.buffers().output().len().max(1);
        for piece in self.line.take_outgoing().chunks(space) {
            self.inner.buffers().output()[..piece.len()].copy_from_slice(piece);
            self.inner.transmit_output(piece.len(), timeout)?;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let before = self.inner.buffers().input().len();
        let progress = self.inner.await_input(timeout)?;
        if self.phase == Phase::ReplyHead {
            self.keep_head(before);
        }
        Ok(progress)
    }

    fn is_open(&mut self) -> bool {
        // Asked when a reply has ended and again before the next request: the second look is the one that counts.
        if self.phase == Phase::Idle {
            return self.inner.is_open();
        }
        self.phase = Phase::Idle;
        // A body that was not sent to its end would be the head of the next request.
        !self.line.answered()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl<In: Transport> Heads<In> {
    /// Copies what came after the first `before` bytes of the input until the head of the reply is whole.
    fn keep_head(&mut self, before: usize) {
        self.head.extend_from_slice(self.inner.buffers().input().get(before..).unwrap_or_default());
        while let Some(end) = end_of_head(&self.head) {
            let rest = self.head.split_off(end);
            let head = std::mem::replace(&mut self.head, rest);
            if !is_interim(&head) {
                self.phase = Phase::Body;
                self.line.uploaded();
                return self.line.keep_reply_head(ReplyHead { bytes: head, body_began: !self.head.is_empty() });
            }
        }
    }
}

/// The length of the head that `bytes` begin with, its empty line included.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4)
}

/// Whether this is a 1xx head, after which the real one follows.
fn is_interim(head: &[u8]) -> bool {
    head.get(9) == Some(&b'1')
}
