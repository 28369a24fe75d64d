//! HTTP/1.1 as both ends of a test see it: heads, framing, and the pieces of a body.
//!
//! Written apart from the parsers of the executable on purpose, so that one mistake cannot hide in both.

use std::io::{self, Read};

/// The time after which a test fails that waits for something.
pub const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

/// Headers that end at the next hop (RFC 9110 section 7.6.1), besides those that `Connection` names.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "proxy-authenticate",
];

/// The head of a request or a reply.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub raw: Vec<u8>,
    pub start: String,
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// Parses the bytes up to and including the empty line. Panics on what no test should ever produce.
    pub fn parse(raw: &[u8]) -> Head {
        let text = String::from_utf8_lossy(raw);
        let mut lines = text.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .take_while(|line| !line.is_empty())
            .map(|line| {
                line.split_once(':')
                    .unwrap_or_else(|| panic!("no header line: {line:?}"))
            })
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        Head {
            raw: raw.to_vec(),
            start,
            headers,
        }
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// The n-th word of the first line.
    fn word(&self, n: usize) -> &str {
        self.start.split(' ').nth(n).unwrap_or_default()
    }

    pub fn method(&self) -> &str {
        self.word(0)
    }

    pub fn target(&self) -> &str {
        self.word(1)
    }

    /// The path of a request, without its query.
    pub fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    pub fn status(&self) -> u16 {
        self.word(1)
            .parse()
            .unwrap_or_else(|_| panic!("no status line: {:?}", self.start))
    }

    pub fn is_http_1_0(&self) -> bool {
        self.start.contains("HTTP/1.0")
    }

    /// Names (lower case) and values in order, without those that end at this hop.
    pub fn end_to_end(&self) -> Vec<(String, String)> {
        let named: Vec<String> = self
            .all("connection")
            .iter()
            .flat_map(|v| v.split(','))
            .map(|v| v.trim().to_ascii_lowercase())
            .collect();
        let names = self
            .headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        names
            .filter(|(name, _)| !HOP_BY_HOP.contains(&name.as_str()) && !named.contains(name))
            .collect()
    }

    /// Returns whether the sender of this head closes the connection after its body.
    pub fn says_close(&self) -> bool {
        self.all("connection")
            .iter()
            .any(|value| value.eq_ignore_ascii_case("close"))
    }

    pub fn request_framing(&self) -> Framing {
        self.framing().unwrap_or(Framing::Nothing)
    }

    /// Returns how the body of this reply to a request of that method ends.
    pub fn reply_framing(&self, method: &str) -> Framing {
        let bodyless = method == "HEAD" || matches!(self.status(), 100..200 | 204 | 304);
        if bodyless {
            Framing::Nothing
        } else {
            self.framing().unwrap_or(Framing::ToClose)
        }
    }

    fn framing(&self) -> Option<Framing> {
        if self
            .get("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
        {
            return Some(Framing::Chunked);
        }
        self.get("content-length")
            .map(|value| Framing::Length(value.parse().expect("a content-length")))
    }
}

/// The way in which a body ends; `Length` counts down what is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Nothing,
    Length(u64),
    Chunked,
    ToClose,
}

/// One chunk of a chunked body, or one read of any other: as it came and without its framing.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    pub raw: Vec<u8>,
    pub bytes: Vec<u8>,
}

/// A byte stream with what was read from it and not yet used.
pub struct Wire<S> {
    pub stream: S,
    buffer: Vec<u8>,
}

impl<S: Read> Wire<S> {
    pub fn new(stream: S) -> Wire<S> {
        Wire {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Reads a head; `None` where the stream ends before its first byte.
    pub fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                return Ok(Some(Head::parse(&self.take(end + 4))));
            }
            if self.fill()? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(cut("a head"))
                };
            }
        }
    }

    /// The next piece of a body, or `None` at its end, which also resets `framing` to `Nothing`.
    pub fn piece(&mut self, framing: &mut Framing) -> io::Result<Option<Piece>> {
        match *framing {
            Framing::Nothing => Ok(None),
            Framing::Chunked => self.chunk(framing),
            Framing::ToClose => self.some(u64::MAX),
            Framing::Length(0) => Ok(None),
            Framing::Length(left) => {
                let piece = self
                    .some(left)?
                    .ok_or_else(|| cut("a body of known length"))?;
                *framing = Framing::Length(left - piece.bytes.len() as u64);
                Ok(Some(piece))
            }
        }
    }

    /// All pieces that are left, joined.
    pub fn rest(&mut self, framing: &mut Framing) -> io::Result<Piece> {
        let mut all = Piece::default();
        while let Some(piece) = self.piece(framing)? {
            all.raw.extend(piece.raw);
            all.bytes.extend(piece.bytes);
        }
        Ok(all)
    }

    /// Returns whether bytes were read that nobody asked for yet.
    pub fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }

    fn chunk(&mut self, framing: &mut Framing) -> io::Result<Option<Piece>> {
        let mut raw = self.line()?;
        let size = std::str::from_utf8(&raw)
            .ok()
            .map(|line| line.split(';').next().unwrap_or_default().trim());
        let size = size.and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let size = size.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("bad chunk line {raw:?}"),
            )
        })?;
        if size == 0 {
            while self.line()? != b"\r\n" {}
            *framing = Framing::Nothing;
            return Ok(None);
        }
        while self.buffer.len() < size + 2 {
            if self.fill()? == 0 {
                return Err(cut("a chunk"));
            }
        }
        let mut bytes = self.take(size + 2);
        raw.extend(&bytes);
        bytes.truncate(size);
        Ok(Some(Piece { raw, bytes }))
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                return Ok(self.take(end + 2));
            }
            if self.fill()? == 0 {
                return Err(cut("a chunk line"));
            }
        }
    }

    fn some(&mut self, most: u64) -> io::Result<Option<Piece>> {
        if self.buffer.is_empty() && self.fill()? == 0 {
            return Ok(None);
        }
        let bytes = self.take((self.buffer.len() as u64).min(most) as usize);
        Ok(Some(Piece {
            raw: bytes.clone(),
            bytes,
        }))
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(count);
        std::mem::replace(&mut self.buffer, rest)
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut block = [0; 64 * 1024];
        let count = uninterrupted(|| self.stream.read(&mut block))?;
        self.buffer.extend(&block[..count]);
        Ok(count)
    }
}

/// Waits on, where a machine that was halted for a moment ends a wait that has a time limit.
pub fn uninterrupted<T>(mut wait: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match wait() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Returns the first position of `needle` in `bytes`.
pub fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

/// `bytes` as the body of a chunked message, one chunk of it.
pub fn chunk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// The last chunk of a chunked message.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

fn cut(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("closed inside {what}"),
    )
}
