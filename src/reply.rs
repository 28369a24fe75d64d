//! The only writer of HTTP replies: head, body of a known length, chunks, or a body that the close ends; every
//! piece flushed when it came.

use std::io::{self, Read, Write};

use crate::client::{Client, Writer};
use crate::platform;

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
    wants_close: bool,
    wants_keep_alive: bool,
}

impl Manners {
    pub fn of(client: &Client) -> Manners {
        Manners {
            head_only: *client.request.method() == tiny_http::Method::Head,
            http10: client.is_http10(),
            wants_close: client.connection_says("close"),
            wants_keep_alive: client.connection_says("keep-alive"),
        }
    }

    pub fn version(&self) -> &'static str {
        if self.http10 { "HTTP/1.0" } else { "HTTP/1.1" }
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

    /// The headers of this hop that a reply needs.
    fn hop_headers(&self, framing: Framing, ends_connection: bool) -> &'static str {
        match framing {
            Framing::Chunked if self.wants_close || ends_connection => "Transfer-Encoding: chunked\r\nConnection: close\r\n",
            Framing::Chunked => "Transfer-Encoding: chunked\r\n",
            Framing::Close => "Connection: close\r\n",
            _ if self.wants_close || ends_connection => "Connection: close\r\n",
            _ if self.http10 && self.wants_keep_alive => "Connection: keep-alive\r\n",
            _ => "",
        }
    }
}

/// A chunk line that no client can read as one, for a reply that broke: it fails at once instead of waiting.
const BROKEN: &[u8] = b"the connection to ollama broke\r\n";

/// A reply under way.
pub struct Reply {
    writer: Writer,
    framing: Framing,
    /// The head, until the first piece takes it along.
    head: Vec<u8>,
    /// tiny_http would keep the connection open where its end must be seen.
    must_close: bool,
    port: u16,
    peer: std::net::SocketAddr,
}

impl Reply {
    /// Starts a reply with `head`, which lacks its empty line and the headers of this hop. Nothing is sent yet.
    pub fn new(client: Client, manners: Manners, mut head: Vec<u8>, framing: Framing) -> io::Result<Reply> {
        let (port, peer) = (client.port(), client.peer);
        let writer = client.into_writer()?;
        head.extend_from_slice(manners.hop_headers(framing, matches!(writer, Writer::Cut(_))).as_bytes());
        head.extend_from_slice(b"\r\n");
        let must_close = framing == Framing::Close && manners.wants_keep_alive;
        Ok(Reply { writer, framing, head, must_close, port, peer })
    }

    /// Sends the head now, because the body is still to come.
    pub fn send_head(&mut self) -> io::Result<()> {
        let head = std::mem::take(&mut self.head);
        self.writer.write_all(&head)?;
        self.writer.flush()
    }

    /// Sends the first `length` bytes of `frame`, with the head before them where it still waits.
    pub fn send(&mut self, frame: &mut Frame, length: usize) -> io::Result<()> {
        let framed = if self.framing == Framing::Chunked { frame.chunk(length) } else { frame.data(length) };
        if self.head.is_empty() {
            self.writer.write_all(framed)?;
        } else {
            self.head.extend_from_slice(framed);
            self.writer.write_all(&std::mem::take(&mut self.head))?;
        }
        self.writer.flush()
    }

    /// Sends `body` whole, with the head.
    pub fn send_whole(mut self, body: &[u8]) -> io::Result<()> {
        self.head.extend_from_slice(body);
        self.send_head()
    }

    /// Ends the reply cleanly.
    pub fn end(mut self) -> io::Result<()> {
        if self.framing == Framing::Chunked {
            self.head.extend_from_slice(b"0\r\n\r\n");
        }
        if !self.head.is_empty() {
            self.send_head()?;
        }
        if self.must_close {
            self.close();
        }
        Ok(())
    }

    /// Ends the reply so that the client sees that it broke.
    pub fn abort(mut self) {
        if self.framing == Framing::Chunked {
            self.head.extend_from_slice(BROKEN);
            let _ = self.send_head();
        }
        self.close();
    }

    fn close(&self) {
        if let Some(socket) = platform::socket_of(self.port, self.peer) {
            platform::interrupt(&socket, std::net::Shutdown::Both);
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
        Frame { bytes: vec![0; SIZE_LINE + data + 2].into_boxed_slice() }
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
            assert_eq!(frame.chunk(length), [format!("{length:x}\r\n").as_bytes(), &body, b"\r\n"].concat());
            assert_eq!(frame.data(length), body);
        }
    }

    #[test]
    fn framing_follows_the_method_the_status_and_the_client() {
        let plain = Manners { head_only: false, http10: false, wants_close: false, wants_keep_alive: false };
        assert_eq!(plain.framing(200, true), Framing::Length);
        assert_eq!(plain.framing(200, false), Framing::Chunked);
        assert_eq!(plain.framing(204, false), Framing::None);
        assert_eq!(plain.framing(304, true), Framing::None);
        assert_eq!(Manners { head_only: true, ..plain }.framing(200, true), Framing::None);
        assert_eq!(Manners { http10: true, ..plain }.framing(200, false), Framing::Close);
        assert_eq!(
            Manners { http10: true, wants_keep_alive: true, ..plain }.hop_headers(Framing::Length, false),
            "Connection: keep-alive\r\n"
        );
    }
}
