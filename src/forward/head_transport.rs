//! The exchange of heads, over a transport of ureq's (TCP, or TLS over it).
//!
//! The head that the worker set is sent in place of ureq's. The head of the reply is kept, interim ones are passed on, and ureq is
//! shown a head of our own that tells the status and how the body is framed.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use ureq::{Error, Timeout};

use super::control::{ConnectionControl, ReplyStart};
use super::outgoing::OutgoingRequest;
use crate::http::agent::{StepError, UpstreamErrorKind};
use crate::server::{
    BodyDecoder, CONTINUE, Piece, ReplyFraming, ReplyHead, RequestFraming, end_of_reply_head,
};
use crate::util::budget::{Budget, Buffer};

pub struct HeadConnector {
    pub control: Arc<ConnectionControl>,
    pub budget: Arc<Budget>,
}

impl fmt::Debug for HeadConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeadConnector")
    }
}

impl<In: Transport> Connector<In> for HeadConnector {
    type Out = HeadTransport<In>;

    fn connect(
        &self,
        _: &ConnectionDetails,
        inner: Option<In>,
    ) -> Result<Option<HeadTransport<In>>, Error> {
        let incoming = || Incoming {
            bytes: Buffer::new(&self.budget),
            seen: 0,
            unread: Vec::new(),
        };
        Ok(inner.map(|inner| HeadTransport {
            inner,
            control: self.control.clone(),
            step: Step::Head,
            incoming: incoming(),
            chunks: None,
        }))
    }
}

pub struct HeadTransport<In> {
    inner: In,
    control: Arc<ConnectionControl>,
    step: Step,
    incoming: Incoming,
    /// Decodes the chunks that ureq makes of a body whose length the head tells.
    chunks: Option<BodyDecoder>,
}

impl<In: fmt::Debug> fmt::Debug for HeadTransport<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeadTransport({:?})", self.inner)
    }
}

/// The part of a reply that came before its head was whole, and what ureq has not seen of it yet.
struct Incoming {
    bytes: Buffer,
    /// This much of it was searched for the end of a head.
    seen: usize,
    unread: Vec<u8>,
}

impl Incoming {
    /// Takes the next head out, once it is whole. The bytes behind it stay.
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

/// The next thing on the connection.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// The next thing that ureq sends is the head of a request.
    Head,
    /// The head of the reply is coming in; the rest of the request may still be going out.
    ReplyHead,
    /// Bodies pass as they are.
    Body,
}

impl<In: Transport> Transport for HeadTransport<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.step != Step::Head {
            let amount = match &mut self.chunks {
                Some(chunks) => strip_chunks(chunks, &mut self.inner.buffers().output()[..amount]),
                None => amount,
            };
            return if amount == 0 {
                Ok(())
            } else {
                self.inner.transmit_output(amount, timeout)
            };
        }
        self.step = Step::ReplyHead;
        let outgoing = self.control.take_outgoing();
        self.chunks = outgoing
            .strips_chunks()
            .then(|| BodyDecoder::new(RequestFraming::Chunked));
        self.control.sending_began();
        let sent = self.send(&outgoing, timeout);
        self.control.sent(outgoing);
        sent
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        if !self.incoming.unread.is_empty() {
            self.show_more();
            return Ok(true);
        }
        if self.step == Step::ReplyHead {
            self.await_head(timeout)
        } else {
            self.inner.await_input(timeout)
        }
    }

    fn is_open(&mut self) -> bool {
        // Asked when a reply has ended and again before the next request: the second look is the one that counts.
        if self.step == Step::Head {
            // What came behind the reply would be taken for the next one.
            return self.incoming.unread.is_empty()
                && self.inner.buffers().input().is_empty()
                && self.inner.is_open();
        }
        self.step = Step::Head;
        // A body that was not sent to its end would be the head of the next request.
        !self.control.is_answered()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl<In: Transport> HeadTransport<In> {
    fn send(&mut self, outgoing: &OutgoingRequest, timeout: NextTimeout) -> Result<(), Error> {
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
            StepError::wrap(
                UpstreamErrorKind::Invalid,
                "read ollama's reply".to_owned(),
                std::io::Error::other(why),
            )
        };
        loop {
            while let Some(head) = self.incoming.take_head().map_err(invalid)? {
                if !head.is_interim() {
                    self.step = Step::Body;
                    let (mut bytes, rest) = (status_and_framing(&head), self.incoming.bytes.take());
                    bytes.extend_from_slice(&rest);
                    self.show(bytes);
                    self.control.set_reply(ReplyStart {
                        head,
                        has_body_bytes: !rest.is_empty(),
                    });
                    return Ok(true);
                }
                self.control.pass_interim(&head);
                if head.status() == 100 && timeout.reason == Timeout::Await100 {
                    self.show(CONTINUE.to_vec());
                    return Ok(true);
                }
            }
            if !self.await_more(timeout)? {
                return Ok(false);
            }
            self.control.reply_began();
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
        if let Some(time) = self.control.retry_time_left() {
            match self.inner.await_input(NextTimeout {
                after: time.into(),
                ..timeout
            }) {
                Err(Error::Timeout(_)) => {}
                result => return result,
            }
        }
        self.control.forget_request();
        self.inner.await_input(timeout)
    }

    /// Gives `bytes` to ureq to read.
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

/// Makes a head of all that ureq needs to know of one. It takes no more than 128 headers, and interim replies for the answer.
fn status_and_framing(head: &ReplyHead) -> Vec<u8> {
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

/// Reduces a part of a chunked body to the data of its chunks, and returns how long that is.
fn strip_chunks(chunks: &mut BodyDecoder, bytes: &mut [u8]) -> usize {
    let (mut read, mut kept) = (0, 0);
    loop {
        let mut input = &bytes[read..];
        let Ok(Piece::Data(data)) = chunks.next(&mut input) else {
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
            let mut body = BodyDecoder::new(RequestFraming::Chunked);
            let mut sent = Vec::new();
            for piece in framed.chunks(size) {
                let mut piece = piece.to_vec();
                let kept = strip_chunks(&mut body, &mut piece);
                sent.extend_from_slice(&piece[..kept]);
            }
            assert_eq!(sent, b"hello ollama", "in pieces of {size}");
        }
    }
}
