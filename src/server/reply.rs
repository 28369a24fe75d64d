//! The only writer of HTTP replies: head, body of a known length, chunks, or a body that the close ends; every
//! piece flushed when it came.

use std::io::{self, Read};

use crate::server::{Connection, Head, Then, Version};
use crate::util::sanitize::escape_control_chars;

/// How the body of a reply is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// HEAD, 204, 304: the head is all.
    None,
    /// The head says how long the body is.
    Length,
    Chunked,
    /// An HTTP/1.0 client knows no chunks: the end of the connection is the end of the body.
    Close,
}

/// What of a request decides how it is answered.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    pub head_only: bool,
    pub http10: bool,
    keeps_alive: bool,
}

impl Manners {
    pub fn of(head: &Head) -> Manners {
        Manners {
            head_only: head.is_head(),
            http10: head.version() == Version::Http10,
            keeps_alive: head.keeps_alive(),
        }
    }

    /// For a request of which nothing but this is known.
    pub fn unknown() -> Manners {
        Manners {
            head_only: false,
            http10: false,
            keeps_alive: false,
        }
    }

    /// The same, but for the method.
    pub fn unknown_of(method: &str) -> Manners {
        Manners {
            head_only: method == "HEAD",
            ..Manners::unknown()
        }
    }

    /// The same, and the connection ends with the reply.
    pub fn closing(self) -> Manners {
        Manners {
            keeps_alive: false,
            ..self
        }
    }

    pub fn version(&self) -> &'static str {
        if self.http10 {
            Version::Http10.as_str()
        } else {
            Version::Http11.as_str()
        }
    }

    /// The framing for a reply of this status, whose length its head tells or not.
    pub fn framing(&self, status: u16, has_length: bool) -> Framing {
        match status {
            _ if self.head_only => Framing::None,
            100..=199 | 204 | 304 => Framing::None,
            _ if has_length => Framing::Length,
            _ if self.http10 => Framing::Close,
            _ => Framing::Chunked,
        }
    }

    /// Whether the connection goes on after a reply that is framed like this.
    fn keeps(&self, framing: Framing) -> bool {
        self.keeps_alive && framing != Framing::Close
    }

    /// The headers of this hop that a reply needs.
    fn hop_headers(&self, framing: Framing) -> &'static str {
        match (framing, self.keeps(framing)) {
            (Framing::Chunked, true) => "Transfer-Encoding: chunked\r\n",
            (Framing::Chunked, false) => "Transfer-Encoding: chunked\r\nConnection: close\r\n",
            (_, false) => "Connection: close\r\n",
            (_, true) if self.http10 => "Connection: keep-alive\r\n",
            (_, true) => "",
        }
    }
}

/// A whole answer of ours as it goes to the wire, and what becomes of the connection after it. `head` lacks its empty line and the
/// headers of this hop.
pub fn whole(manners: Manners, status: u16, mut head: Vec<u8>, body: &[u8]) -> (Vec<u8>, Then) {
    let framing = manners.framing(status, true);
    head.extend_from_slice(manners.hop_headers(framing).as_bytes());
    head.extend_from_slice(b"\r\n");
    if framing != Framing::None {
        head.extend_from_slice(body);
    }
    (
        head,
        if manners.keeps(framing) {
            Then::Keep
        } else {
            Then::Close
        },
    )
}

/// Begins a chunk line that no client can read as one, for a reply that broke: it fails at once instead of waiting. What broke is
/// behind it, up to CR LF.
pub const BROKE_OFF: &str = "the answer broke off: ";

/// A reply under way, on a connection that is its own until it ends.
pub struct Reply {
    conn: Connection,
    framing: Framing,
    /// The head, until the first piece takes it along.
    head: Vec<u8>,
    then: Then,
}

impl Reply {
    /// Starts a reply with `head`, which lacks its empty line and the headers of this hop. Nothing is sent yet.
    pub fn new(conn: Connection, manners: Manners, mut head: Vec<u8>, framing: Framing) -> Reply {
        let manners = if conn.context.keeps_none() {
            manners.closing()
        } else {
            manners
        };
        head.extend_from_slice(manners.hop_headers(framing).as_bytes());
        head.extend_from_slice(b"\r\n");
        Reply {
            conn,
            framing,
            head,
            then: if manners.keeps(framing) {
                Then::Keep
            } else {
                Then::Close
            },
        }
    }

    /// Sends the head now, because the body is still to come.
    pub fn send_head(&mut self) -> io::Result<()> {
        self.conn.send(&std::mem::take(&mut self.head), &[])
    }

    /// Sends the first `length` bytes of `frame`, with the head before them where it still waits.
    pub fn send(&mut self, frame: &mut Frame, length: usize) -> io::Result<()> {
        let framed = if self.framing == Framing::Chunked {
            frame.chunk(length)
        } else {
            frame.data(length)
        };
        self.conn.send(&std::mem::take(&mut self.head), framed)
    }

    /// Sends `body` whole, with the head, and gives the connection back.
    pub fn send_whole(mut self, body: &[u8]) -> io::Result<(Connection, Then)> {
        self.conn.send(&self.head, body)?;
        Ok((self.conn, self.then))
    }

    /// Ends the reply cleanly, and gives the connection back.
    pub fn end(mut self) -> io::Result<(Connection, Then)> {
        let last: &[u8] = if self.framing == Framing::Chunked {
            b"0\r\n\r\n"
        } else {
            b""
        };
        self.conn.send(&self.head, last)?;
        Ok((self.conn, self.then))
    }

    /// Ends the reply so that the client sees that it broke, and where the framing has room for it, why.
    pub fn abort(mut self, why: &str) {
        if self.framing == Framing::Chunked {
            self.head.extend_from_slice(
                format!("{BROKE_OFF}{}\r\n", escape_control_chars(why)).as_bytes(),
            );
            let _ = match self.conn.long_answer {
                // Who reads an answer of ours may rest, and wants to know why there is no more.
                Some(_) => self.conn.send(&self.head, &[]),
                // What cannot be sent at once is not worth waiting for: the connection ends either way.
                None => self.conn.send_some(&self.head).map(drop),
            };
        } else {
            self.conn.reset();
        }
    }
}

/// Room for the size line before a chunk of less than 64 KiB: hex digits and CRLF.
const SIZE_LINE: usize = 6;

/// One buffer in which a piece of a body is read and framed without being moved.
pub struct Frame {
    bytes: Box<[u8]>,
}

impl Frame {
    /// The largest piece that moves at once, in bytes.
    pub const DATA: usize = 4 * 1024;

    pub fn new() -> Frame {
        Frame::of(Frame::DATA)
    }

    /// With room for `data` bytes, less than 64 KiB, at once.
    pub fn of(data: usize) -> Frame {
        Frame {
            bytes: vec![0; SIZE_LINE + data + 2].into_boxed_slice(),
        }
    }

    /// Fills the data part by one read.
    pub fn read_from(&mut self, source: &mut dyn Read) -> io::Result<usize> {
        let end = self.bytes.len() - 2;
        source.read(&mut self.bytes[SIZE_LINE..end])
    }

    /// The first `length` bytes read.
    pub fn data(&self, length: usize) -> &[u8] {
        &self.bytes[SIZE_LINE..SIZE_LINE + length]
    }

    /// The same as a chunk of the chunked encoding.
    fn chunk(&mut self, length: usize) -> &[u8] {
        let (mut start, mut left) = (SIZE_LINE - 2, length);
        self.bytes[start..SIZE_LINE].copy_from_slice(b"\r\n");
        while start == SIZE_LINE - 2 || left > 0 {
            start -= 1;
            self.bytes[start] = b"0123456789abcdef"[left % 16];
            left /= 16;
        }
        let end = SIZE_LINE + length;
        self.bytes[end..end + 2].copy_from_slice(b"\r\n");
        &self.bytes[start..end + 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_framed_where_it_lies() {
        let mut frame = Frame::new();
        for length in [1, 15, 16, 255, 4096, Frame::DATA] {
            let body = vec![b'x'; length];
            assert_eq!(frame.read_from(&mut &body[..]).unwrap(), length);
            assert_eq!(
                frame.chunk(length),
                [format!("{length:x}\r\n").as_bytes(), &body, b"\r\n"].concat()
            );
            assert_eq!(frame.data(length), body);
        }
    }

    #[test]
    fn framing_follows_the_method_the_status_and_the_client() {
        let plain = Manners {
            head_only: false,
            http10: false,
            keeps_alive: true,
        };
        assert_eq!(plain.framing(200, true), Framing::Length);
        assert_eq!(plain.framing(200, false), Framing::Chunked);
        assert_eq!(plain.framing(204, false), Framing::None);
        assert_eq!(plain.framing(304, true), Framing::None);
        assert_eq!(
            Manners {
                head_only: true,
                ..plain
            }
            .framing(200, true),
            Framing::None
        );
        assert_eq!(
            Manners {
                http10: true,
                ..plain
            }
            .framing(200, false),
            Framing::Close
        );
    }

    #[test]
    fn a_connection_goes_on_where_both_sides_can_tell_the_end_of_a_reply() {
        let plain = Manners {
            head_only: false,
            http10: false,
            keeps_alive: true,
        };
        let old = Manners {
            http10: true,
            ..plain
        };
        for (manners, framing, line) in [
            (plain, Framing::Length, ""),
            (plain, Framing::Chunked, "Transfer-Encoding: chunked\r\n"),
            (
                plain.closing(),
                Framing::Chunked,
                "Transfer-Encoding: chunked\r\nConnection: close\r\n",
            ),
            (plain.closing(), Framing::None, "Connection: close\r\n"),
            (old, Framing::Length, "Connection: keep-alive\r\n"),
            (old, Framing::Close, "Connection: close\r\n"),
        ] {
            assert_eq!(manners.hop_headers(framing), line);
        }
    }

    #[test]
    fn a_whole_answer_to_head_has_no_body() {
        let manners = Manners {
            head_only: true,
            http10: false,
            keeps_alive: true,
        };
        let (bytes, then) = whole(
            manners,
            200,
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n".to_vec(),
            b"{}",
        );
        assert_eq!(
            (bytes.as_slice(), then),
            (
                &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"[..],
                Then::Keep
            )
        );
    }
}
