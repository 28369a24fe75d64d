//! Just enough HTTP/1.1 for both ends of the bench: heads, bodies with a length, and the chunked end mark.
//!
//! One read takes what there is and one write sends a whole message, so that neither end costs more system calls than a message needs.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any answer of the bench takes: what is silent for so long is broken, and the run must end by itself.
const SILENCE: Duration = Duration::from_secs(60);

/// A kept-alive connection, and what was read beyond the message in hand.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    taken: usize,
}

/// One request or reply: head and body in one piece, as they came.
pub struct Message<'a> {
    bytes: &'a [u8],
    body_at: usize,
}

impl Wire {
    /// Wraps an accepted connection, which may stay idle for as long as its client likes.
    pub fn accepted(stream: TcpStream) -> io::Result<Wire> {
        stream.set_nodelay(true)?;
        Ok(Wire {
            stream,
            buffer: Vec::with_capacity(8 * 1024),
            taken: 0,
        })
    }

    /// Connects to a server that has to answer within [`SILENCE`].
    pub fn connect(address: SocketAddr) -> io::Result<Wire> {
        let stream = TcpStream::connect_timeout(&address, SILENCE)?;
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
        Wire::accepted(stream)
    }

    /// The connection itself, for those who read or write in their own way.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends `request` and reads its reply; any status but 200 is an error that shows the reply.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Message<'_>> {
        self.stream.write_all(request)?;
        self.reply()
    }

    /// Reads the reply to what was sent, as [`Wire::ask`] does.
    pub fn reply(&mut self) -> io::Result<Message<'_>> {
        let reply = self.message()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if !reply.bytes.starts_with(b"HTTP/1.1 200 ") {
            return Err(io::Error::other(format!(
                "asked, and got: {}",
                String::from_utf8_lossy(reply.bytes)
            )));
        }
        Ok(reply)
    }

    /// The next message; `None` where the other side closed between two messages.
    pub fn message(&mut self) -> io::Result<Option<Message<'_>>> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let Some(body_at) = self.read_until(|bytes| find(bytes, b"\r\n\r\n").map(|at| at + 4))?
        else {
            return Ok(None);
        };
        let framing = Framing::of(&self.buffer[..body_at]);
        let end = self
            .read_until(|bytes| framing.end(bytes, body_at))?
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        self.taken = end;
        Ok(Some(Message {
            bytes: &self.buffer[..end],
            body_at,
        }))
    }

    fn read_until(&mut self, end: impl Fn(&[u8]) -> Option<usize>) -> io::Result<Option<usize>> {
        loop {
            if let Some(end) = end(&self.buffer) {
                return Ok(Some(end));
            }
            let mut piece = [0; 8 * 1024];
            match self.stream.read(&mut piece)? {
                0 if self.buffer.is_empty() => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.buffer.extend_from_slice(&piece[..read]),
            }
        }
    }
}

impl Message<'_> {
    /// The second word of the head: a request's path and query.
    pub fn path(&self) -> &[u8] {
        self.bytes
            .split(|byte| *byte == b' ')
            .nth(1)
            .unwrap_or_default()
    }

    /// The body, still chunked where it came so.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.body_at..]
    }
}

/// How a body ends.
enum Framing {
    Length(usize),
    Chunked,
}

impl Framing {
    fn of(head: &[u8]) -> Framing {
        let header = |name: &[u8]| {
            let mut lines = head.split(|byte| *byte == b'\n');
            lines
                .find(|line| {
                    line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name)
                })
                .map(|line| number(&line[name.len()..]))
        };
        if header(b"transfer-encoding:").is_some() {
            Framing::Chunked
        } else {
            Framing::Length(header(b"content-length:").unwrap_or(0))
        }
    }

    fn end(&self, bytes: &[u8], body_at: usize) -> Option<usize> {
        match self {
            Framing::Length(length) => {
                (bytes.len() >= body_at + length).then_some(body_at + length)
            }
            Framing::Chunked => {
                find(&bytes[body_at - 2..], b"\r\n0\r\n\r\n").map(|at| body_at - 2 + at + 7)
            }
        }
    }
}

/// Where `needle` first stands in `bytes`.
pub fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

/// The decimal number that `bytes` starts with, after blanks; 0 where there is none.
pub fn number<T: TryFrom<u64> + Default>(bytes: &[u8]) -> T {
    let digits = bytes
        .trim_ascii_start()
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let value = digits.fold(0_u64, |value, digit| {
        value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
    });
    T::try_from(value).unwrap_or_default()
}
