//! The exchange of heads, over a transport of ureq's (TCP, or TLS over it).
//!
//! The head that the worker loaded is sent in place of ureq's. The head of the reply is kept, interim ones are passed on, and ureq is
//! shown a head of our own that tells the status and how the body is framed.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use ureq::{Error, Timeout};

use super::failure::{Kind, Trouble};
use super::line::Line;
use super::outgoing::Outgoing;
use crate::server::{Body, CONTINUE, Framing, Piece, ReplyFraming, ReplyHead, end_of_reply_head};
use crate::util::budget::{Budget, Buffer};

pub struct HeadConnector {
    pub line: Arc<Line>,
    pub budget: Arc<Budget>,
}

impl fmt::Debug for HeadConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeadConnector")
    }
}

impl<In: Transport> Connector<In> for HeadConnector {
    type Out = Heads<In>;

    fn connect(
        &self,
        _: &ConnectionDetails,
        inner: Option<In>,
    ) -> Result<Option<Heads<In>>, Error> {
        let incoming = || Incoming {
            bytes: Buffer::new(&self.budget),
            seen: 0,
            unread: Vec::new(),
        };
        Ok(inner.map(|inner| Heads {
            inner,
            line: self.line.clone(),
            phase: Phase::Idle,
            incoming: incoming(),
            framed: None,
        }))
    }
}

pub struct Heads<In> {
    inner: In,
    line: Arc<Line>,
    phase: Phase,
    incoming: Incoming,
    /// How far the chunks have come that ureq makes of a body whose length the head tells.
    framed: Option<Body>,
}

impl<In: fmt::Debug> fmt::Debug for Heads<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Heads({:?})", self.inner)
    }
}

/// What came of a reply before its head was whole, and what ureq has not seen of it yet.
struct Incoming {
    bytes: Buffer,
    /// So much of it was looked at.
    seen: usize,
    unread: Vec<u8>,
}

impl Incoming {
    /// Takes the next head out, once it is whole. What is behind it stays.
    fn take_head(&mut self) -> Result<Option<ReplyHead>, String> {
        let bytes = self.bytes.bytes();
        let Some(end) = end_of_reply_head(bytes, self.seen)? else {
            self.seen = bytes.len();
            return Ok(None);
        };
        self.seen = 0;
        let mut head = self.bytes.take();
        let rest = head.split_off(end);
        if !self.bytes.push(&rest, None) {
            return Err("no memory is left for it".to_owned());
        }
        ReplyHead::read(head).map(Some)
    }
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
            let amount = match &mut self.framed {
                Some(framed) => unframe(framed, &mut self.inner.buffers().output()[..amount]),
                None => amount,
            };
            return if amount == 0 {
                Ok(())
            } else {
                self.inner.transmit_output(amount, timeout)
            };
        }
        self.framed = self.line.unframes().then(|| Body::new(Framing::Chunked));
        self.phase = Phase::ReplyHead;
        let outgoing = self.line.take_outgoing();
        self.line.begin_sending();
        let sent = self.send(&outgoing, timeout);
        self.line.look(&outgoing);
        self.line.keep(outgoing);
        sent
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        if !self.incoming.unread.is_empty() {
            self.show_more();
            return Ok(true);
        }
        if self.phase == Phase::ReplyHead {
            self.await_head(timeout)
        } else {
            self.inner.await_input(timeout)
        }
    }

    fn is_open(&mut self) -> bool {
        // Asked when a reply has ended and again before the next request: the second look is the one that counts.
        if self.phase == Phase::Idle {
            // What came behind the reply would be taken for the next one.
            return self.incoming.unread.is_empty()
                && self.inner.buffers().input().is_empty()
                && self.inner.is_open();
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
    fn send(&mut self, outgoing: &Outgoing, timeout: NextTimeout) -> Result<(), Error> {
        let mut bytes = outgoing.bytes();
        loop {
            let space = self.inner.buffers().output();
            let mut filled = 0;
            while filled < space.len() {
                match bytes.read(&mut space[filled..])? {
                    0 => break,
                    amount => filled += amount,
                }
            }
            if filled == 0 {
                return Ok(());
            }
            self.inner.transmit_output(filled, timeout)?;
        }
    }

    /// Waits for a head that ureq must see, and shows it one of our own in its place. False when Ollama hung up.
    fn await_head(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let invalid = |why: String| {
            Trouble::wrap(
                Kind::Invalid,
                "read ollama's reply".to_owned(),
                std::io::Error::other(why),
            )
        };
        loop {
            while let Some(head) = self.incoming.take_head().map_err(invalid)? {
                if !head.is_interim() {
                    self.phase = Phase::Body;
                    let (mut bytes, rest) = (shown(&head), self.incoming.bytes.take());
                    bytes.extend_from_slice(&rest);
                    self.show(bytes);
                    self.line.keep_reply_head(head, !rest.is_empty());
                    return Ok(true);
                }
                self.line.pass_interim(&head);
                if head.status() == 100 && timeout.reason == Timeout::Await100 {
                    self.show(CONTINUE.to_vec());
                    return Ok(true);
                }
            }
            if !self.await_more(timeout)? {
                return Ok(false);
            }
            self.line.hear();
            let input = self.inner.buffers().input();
            let amount = input.len();
            if !self.incoming.bytes.push(input, None) {
                return Err(invalid("no memory is left for its head".to_owned()));
            }
            self.inner.buffers().input_consume(amount);
        }
    }

    /// Waits for more of a head. What was sent is let go once it can no longer have to be sent anew.
    fn await_more(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        if let Some(time) = self.line.keeps_for() {
            match self.inner.await_input(NextTimeout {
                after: time.into(),
                ..timeout
            }) {
                Err(Error::Timeout(_)) => {}
                result => return result,
            }
        }
        self.line.forget();
        self.inner.await_input(timeout)
    }

    /// Lets ureq read this.
    fn show(&mut self, bytes: Vec<u8>) {
        self.incoming.unread = bytes;
        self.show_more();
    }

    fn show_more(&mut self) {
        let space = self.inner.buffers().input_append_buf();
        let amount = self.incoming.unread.len().min(space.len());
        space[..amount].copy_from_slice(&self.incoming.unread[..amount]);
        self.inner.buffers().input_appended(amount);
        self.incoming.unread.drain(..amount);
    }
}

/// All that ureq needs to know of a head. It takes no more than 128 headers, and interim replies for the answer.
fn shown(head: &ReplyHead) -> Vec<u8> {
    let (status, close) = (
        head.status(),
        if head.keeps_alive() {
            ""
        } else {
            "Connection: close\r\n"
        },
    );
    let head = match head.framing() {
        ReplyFraming::Length(length) => {
            format!("HTTP/1.1 {status} -\r\n{close}Content-Length: {length}\r\n\r\n")
        }
        ReplyFraming::Chunked => {
            format!("HTTP/1.1 {status} -\r\n{close}Transfer-Encoding: chunked\r\n\r\n")
        }
        ReplyFraming::Close => format!("HTTP/1.1 {status} -\r\n{close}\r\n"),
    };
    head.into_bytes()
}

/// Leaves of a part of a body in chunks what is in them, and returns how much that is.
fn unframe(framed: &mut Body, bytes: &mut [u8]) -> usize {
    let (mut read, mut kept) = (0, 0);
    loop {
        let mut input = &bytes[read..];
        let Ok(Piece::Data(data)) = framed.next(&mut input) else {
            return kept;
        };
        // What was read ends with the data.
        let (length, end) = (data.len(), bytes.len() - input.len());
        bytes.copy_within(end - length..end, kept);
        (read, kept) = (end, kept + length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_taken_off_wherever_they_are_cut() {
        let framed = b"5\r\nhello\r\n1\r\n \r\n6\r\nollama\r\n0\r\n\r\n";
        for size in 1..=framed.len() {
            let mut body = Body::new(Framing::Chunked);
            let mut sent = Vec::new();
            for piece in framed.chunks(size) {
                let mut piece = piece.to_vec();
                let kept = unframe(&mut body, &mut piece);
                sent.extend_from_slice(&piece[..kept]);
            }
            assert_eq!(sent, b"hello ollama", "in pieces of {size}");
        }
    }
}
