//! A request on its way to Ollama, and who looks at it once it was sent: bytes first, looking later.

use std::io::Read;

use crate::observe::{Observer, RequestBody};
use crate::server::{Framing, Head};
use crate::util::budget::Buffer;

/// What is sent: a head, and the body where it was read before, framed as the client framed it.
#[derive(Default)]
pub struct Outgoing {
    /// With the line of the one chunk that the body is, if it is one.
    head: Vec<u8>,
    body: Option<Buffer>,
    end: &'static [u8],
}

impl Outgoing {
    /// The head alone: its body follows, or it has none.
    pub fn head(head: Vec<u8>) -> Outgoing {
        Outgoing {
            head,
            ..Outgoing::default()
        }
    }

    /// With its whole body.
    pub fn whole(mut head: Vec<u8>, body: Buffer, framing: Framing) -> Outgoing {
        let length = body.bytes().len();
        let end: &[u8] = match framing {
            Framing::Chunked if length == 0 => b"0\r\n\r\n",
            Framing::Chunked => {
                head.extend_from_slice(format!("{length:x}\r\n").as_bytes());
                b"\r\n0\r\n\r\n"
            }
            Framing::Empty | Framing::Length(_) => b"",
        };
        Outgoing {
            head,
            body: Some(body),
            end,
        }
    }

    /// With its body, however short that is.
    pub fn is_whole(&self) -> bool {
        self.body.is_some()
    }

    pub fn body(&self) -> &[u8] {
        self.body.as_ref().map_or(&[], Buffer::bytes)
    }

    /// All of it, in order.
    pub fn bytes(&self) -> impl Read + '_ {
        self.head.chain(self.body()).chain(self.end)
    }
}

/// An observer that has not seen the request yet, and what it must know of it.
pub struct Looking {
    pub observer: Box<Observer>,
    encoding: Option<String>,
    content_type: Option<String>,
    has_looked: bool,
}

impl Looking {
    pub fn new(observer: Box<Observer>, head: &Head) -> Looking {
        let text = |name| head.text(name).map(str::to_owned);
        Looking {
            observer,
            encoding: text("content-encoding"),
            content_type: text("content-type"),
            has_looked: false,
        }
    }

    pub fn look(&mut self, bytes: &[u8]) {
        if !std::mem::replace(&mut self.has_looked, true) {
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
            let mut held = Buffer::new(&Budget::of(None));
            assert!(held.push(body, None));
            let mut sent = String::new();
            Outgoing::whole(b"HEAD ".to_vec(), held, framing)
                .bytes()
                .read_to_string(&mut sent)
                .unwrap();
            sent
        };
        assert_eq!(framed(b"hello", Framing::Length(5)), "HEAD hello");
        assert_eq!(
            framed(b"hello", Framing::Chunked),
            "HEAD 5\r\nhello\r\n0\r\n\r\n"
        );
        assert_eq!(framed(b"", Framing::Chunked), "HEAD 0\r\n\r\n");
    }
}
