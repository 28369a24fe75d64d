//! HEAD TRANSPORT: exchanges heads over a transport of ureq (TCP, or TLS over it).
//!
//! The head that the worker set is sent in place of ureq's. The head of the reply is stored, interim ones are passed on, and ureq gets
//! a head of our own with the status and the framing of the body.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use ureq::{Error, Timeout};

use super::control::{ConnectionControl, ReplyStart};
use super::outgoing::OutgoingRequest;
use crate::http::agent::{StepError, UpstreamErrorKind};
use crate::server::{
    BodyDecoder, CONTINUE, Decoded, ReplyFraming, ReplyHead, RequestFraming, end_of_reply_head,
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
        Ok(inner.map(|inner| HeadTransport {
            inner,
            control: self.control.clone(),
            step: Step::Head,
            incoming: Incoming {
                bytes: Buffer::new(&self.budget),
                scanned: 0,
                unread: Vec::new(),
            },
            chunks: None,
        }))
    }
}

pub struct HeadTransport<In> {
    inner: In,
    control: Arc<ConnectionControl>,
    step: Step,
    incoming: Incoming,
    /// Decodes the chunks that ureq makes of a body whose length is in the head.
    chunks: Option<BodyDecoder>,
}

impl<In: fmt::Debug> fmt::Debug for HeadTransport<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeadTransport({:?})", self.inner)
    }
}

/// The beginning of a reply, until its head is complete.
struct Incoming {
    bytes: Buffer,
    /// The number of bytes that were searched for the end of a head.
    scanned: usize,
    /// The bytes that ureq has yet to read.
    unread: Vec<u8>,
}

impl Incoming {
    /// Takes the next head out, once it is complete. The bytes behind it stay.
    fn take_head(&mut self) -> Result<Option<ReplyHead>, String> {
        let bytes = self.bytes.bytes();
        let Some(end) = end_of_reply_head(bytes, self.scanned)? else {
            self.scanned = bytes.len();
            return Ok(None);
        };
        self.scanned = 0;
        let mut head = self.bytes.take();
        let rest = head.split_off(end);
        if !self.bytes.push(&rest, None) {
            return Err("no memory is left for it".to_owned());
        }
        ReplyHead::read(head).map(Some)
    }
}

/// The next step of an exchange.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// ureq is about to send the head of a request.
    Head,
    /// The head of the reply is awaited; the rest of the request may still be sent.
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
            self.supply_more();
            return Ok(true);
        }
        if self.step == Step::ReplyHead {
            self.await_head(timeout)
        } else {
            self.inner.await_input(timeout)
        }
    }

    fn is_open(&mut self) -> bool {
        // Called when a reply has ended and again before the next request: the second call counts.
        if self.step == Step::Head {
            // Bytes behind the reply would be taken for the next one.
            return self.incoming.unread.is_empty()
                && self.inner.buffers().input().is_empty()
                && self.inner.is_open();
        }
        self.step = Step::Head;
        // The rest of an incomplete body would be taken for the head of the next request.
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

    /// Waits for a head that ureq must get, and gives it one of our own in its place. Returns false if Ollama closed the connection.
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
                    self.supply(bytes);
                    self.control.set_reply(ReplyStart {
                        head,
                        has_body_bytes: !rest.is_empty(),
                    });
                    return Ok(true);
                }
                self.control.pass_interim(&head);
                if head.status() == 100 && timeout.reason == Timeout::Await100 {
                    self.supply(CONTINUE.to_vec());
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

    /// Waits for more of a head. The request is dropped once it can no longer have to be sent again.
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
    fn supply(&mut self, bytes: Vec<u8>) {
        self.incoming.unread = bytes;
        self.supply_more();
    }

    fn supply_more(&mut self) {
        let space = self.inner.buffers().input_append_buf();
        let amount = self.incoming.unread.len().min(space.len());
        space[..amount].copy_from_slice(&self.incoming.unread[..amount]);
        self.inner.buffers().input_appended(amount);
        self.incoming.unread.drain(..amount);
    }
}

/// Makes a head with all that ureq needs. (Of the original it would take no more than 128 headers, and an interim reply for the final one.)
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

/// Reduces a part of a chunked body to the data of its chunks. Returns the length of the data.
fn strip_chunks(chunks: &mut BodyDecoder, bytes: &mut [u8]) -> usize {
    let (mut read, mut written) = (0, 0);
    loop {
        let mut input = &bytes[read..];
        let Ok(Decoded::Data(data)) = chunks.next(&mut input) else {
            return written;
        };
        // The data is at the end of the bytes that were read.
        let (length, end) = (data.len(), bytes.len() - input.len());
        bytes.copy_within(end - length..end, written);
        (read, written) = (end, written + length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_stripped_in_pieces_of_any_size() {
        let framed = b"5\r\nhello\r\n1\r\n \r\n6\r\nollama\r\n0\r\n\r\n";
        for size in 1..=framed.len() {
            let mut body = BodyDecoder::new(RequestFraming::Chunked);
            let mut data = Vec::new();
            for piece in framed.chunks(size) {
                let mut piece = piece.to_vec();
                let length = strip_chunks(&mut body, &mut piece);
                data.extend_from_slice(&piece[..length]);
            }
            assert_eq!(data, b"hello ollama", "in pieces of {size}");
        }
    }
}
