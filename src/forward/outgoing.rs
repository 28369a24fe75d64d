//! A request to be sent to Ollama, and the observer that reads it afterwards: bytes first, observing later.

use std::io::Read;

use crate::observe::{Observer, RequestBody};
use crate::server::{RequestFraming, RequestHead};
use crate::util::budget::Buffer;

/// A request to send: the head, and the body if it was buffered, framed as the client framed it.
#[derive(Default)]
pub struct OutgoingRequest {
    /// Ends with the size line of the one chunk that the body is, if it is one.
    head: Vec<u8>,
    body: Option<Buffer>,
    end: &'static [u8],
    /// The head has the length of a body that ureq is going to frame in chunks.
    strips_chunks: bool,
}

impl OutgoingRequest {
    /// Makes a request whose body follows piece by piece.
    pub fn streamed(head: Vec<u8>, framing: RequestFraming) -> OutgoingRequest {
        OutgoingRequest {
            head,
            strips_chunks: framing != RequestFraming::Chunked,
            ..OutgoingRequest::default()
        }
    }

    /// Makes a request with its whole body.
    pub fn whole(mut head: Vec<u8>, body: Buffer, framing: RequestFraming) -> OutgoingRequest {
        let length = body.bytes().len();
        let end: &[u8] = match framing {
            RequestFraming::Chunked if length == 0 => b"0\r\n\r\n",
            RequestFraming::Chunked => {
                head.extend_from_slice(format!("{length:x}\r\n").as_bytes());
                b"\r\n0\r\n\r\n"
            }
            RequestFraming::Empty | RequestFraming::Length(_) => b"",
        };
        OutgoingRequest {
            head,
            body: Some(body),
            end,
            strips_chunks: false,
        }
    }

    /// Returns whether the body, however short, is part of it.
    pub fn is_whole(&self) -> bool {
        self.body.is_some()
    }

    pub fn body(&self) -> &[u8] {
        self.body.as_ref().map_or(&[], Buffer::bytes)
    }

    /// Returns whether the chunks that ureq makes of the body are to be taken off again.
    pub fn strips_chunks(&self) -> bool {
        self.strips_chunks
    }

    /// All of it, in order.
    pub fn bytes(&self) -> impl Read + '_ {
        self.head.chain(self.body()).chain(self.end)
    }
}

/// An observer that has not read the request yet, and what it must know of it.
pub struct DeferredObserver {
    pub observer: Box<Observer>,
    encoding: Option<String>,
    content_type: Option<String>,
    has_read: bool,
}

impl DeferredObserver {
    pub fn new(observer: Box<Observer>, head: &RequestHead) -> DeferredObserver {
        let text = |name| head.text(name).map(str::to_owned);
        DeferredObserver {
            observer,
            encoding: text("content-encoding"),
            content_type: text("content-type"),
            has_read: false,
        }
    }

    pub fn read(&mut self, bytes: &[u8]) {
        if !std::mem::replace(&mut self.has_read, true) {
            let (encoding, content_type) = (self.encoding.as_deref(), self.content_type.as_deref());
            self.observer.request(
                RequestBody {
                    bytes,
                    is_partial: false,
                    encoding,
                    content_type,
                },
                bytes.len() as u64,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::budget::Budget;

    #[test]
    fn a_body_keeps_the_framing_it_came_with() {
        let framed = |body: &[u8], framing| {
            let mut buffer = Buffer::new(&Budget::of(None));
            assert!(buffer.push(body, None));
            let mut text = String::new();
            OutgoingRequest::whole(b"HEAD ".to_vec(), buffer, framing)
                .bytes()
                .read_to_string(&mut text)
                .unwrap();
            text
        };
        assert_eq!(framed(b"hello", RequestFraming::Length(5)), "HEAD hello");
        assert_eq!(
            framed(b"hello", RequestFraming::Chunked),
            "HEAD 5\r\nhello\r\n0\r\n\r\n"
        );
        assert_eq!(framed(b"", RequestFraming::Chunked), "HEAD 0\r\n\r\n");
    }
}
