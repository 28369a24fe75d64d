//! A client that sends exactly the bytes it is given and reports exactly what came back, and when.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::http::{Framing, Head, TIMEOUT, Wire, uninterrupted};

/// A whole reply.
#[derive(Debug)]
pub struct Reply {
    /// Heads of 1xx replies that came before.
    pub interim: Vec<Head>,
    pub head: Head,
    pub body: Vec<u8>,
    /// The framing that the head announced.
    pub framing: Framing,
}

impl Reply {
    pub fn status(&self) -> u16 {
        self.head.status()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }
}

/// One connection.
pub struct Client {
    wire: Wire<TcpStream>,
    framing: Framing,
    pub interim: Vec<Head>,
}

impl Client {
    pub fn connect(addr: SocketAddr) -> Client {
        Client::over(
            TcpStream::connect_timeout(&addr, TIMEOUT)
                .unwrap_or_else(|error| panic!("connect to {addr}: {error}")),
        )
    }

    pub fn over(stream: TcpStream) -> Client {
        stream.set_nodelay(true).expect("set_nodelay");
        stream
            .set_read_timeout(Some(TIMEOUT))
            .expect("set_read_timeout");
        stream
            .set_write_timeout(Some(TIMEOUT))
            .expect("set_write_timeout");
        Client {
            wire: Wire::new(stream),
            framing: Framing::Nothing,
            interim: Vec::new(),
        }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        self.try_send(bytes).expect("send");
        self
    }

    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.wire.stream.write_all(bytes.as_ref())
    }

    /// Waits for the final head of a reply; 1xx heads before it go to `interim`.
    pub fn try_head(&mut self, method: &str) -> io::Result<Head> {
        loop {
            let head = self.wire.head()?.ok_or_else(|| {
                io::Error::new(io::ErrorKind::UnexpectedEof, "closed without a reply")
            })?;
            if head.status() < 200 {
                self.interim.push(head);
                continue;
            }
            self.framing = head.reply_framing(method);
            return Ok(head);
        }
    }

    pub fn head(&mut self, method: &str) -> Head {
        self.try_head(method).expect("the head of a reply")
    }

    /// The next piece of the body, or `None` at its clean end.
    pub fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.wire.piece(&mut self.framing)?.map(|piece| piece.bytes))
    }

    /// Reads pieces until `text` was in one of them, and returns all that came.
    pub fn read_until(&mut self, text: &str) -> Vec<u8> {
        let mut all = Vec::new();
        while super::http::find(&all, text.as_bytes()).is_none() {
            all.extend(
                self.piece()
                    .expect("more of the body")
                    .unwrap_or_else(|| panic!("the body ended without {text:?}")),
            );
        }
        all
    }

    /// Reads a reply to its end. An error says how it broke.
    pub fn try_reply(&mut self, method: &str) -> io::Result<Reply> {
        self.interim.clear();
        let head = self.try_head(method)?;
        let framing = self.framing;
        let mut body = Vec::new();
        while let Some(bytes) = self.piece()? {
            body.extend(bytes);
        }
        Ok(Reply {
            interim: std::mem::take(&mut self.interim),
            head,
            body,
            framing,
        })
    }

    pub fn reply(&mut self, method: &str) -> Reply {
        self.try_reply(method)
            .unwrap_or_else(|error| panic!("no whole reply: {error}"))
    }

    /// Returns whether the peer closes the connection within that time without sending anything more.
    pub fn is_closed_within(&mut self, time: Duration) -> bool {
        match self.peek(time) {
            Ok(count) => count == 0,
            Err(error) => !matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            ),
        }
    }

    /// Returns whether nothing comes for that time, no reply and no end.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.peek(time).is_err_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            )
        })
    }

    fn peek(&self, time: Duration) -> io::Result<usize> {
        self.wire
            .stream
            .set_read_timeout(Some(time))
            .expect("set_read_timeout");
        let result = uninterrupted(|| self.wire.stream.peek(&mut [0]));
        self.wire
            .stream
            .set_read_timeout(Some(TIMEOUT))
            .expect("set_read_timeout");
        result
    }

    /// Passes over the bytes that come next, whatever they are; whether there were any before the end.
    pub fn skip_bytes(&mut self) -> bool {
        self.wire
            .stream
            .read(&mut [0; 4096])
            .is_ok_and(|count| count > 0)
    }

    /// Returns whether bytes came that no reply accounts for.
    pub fn has_more(&self) -> bool {
        self.wire.has_more()
    }

    /// Says that nothing more will be sent, and goes on reading.
    pub fn finish_sending(&mut self) {
        self.wire
            .stream
            .shutdown(Shutdown::Write)
            .expect("shutdown");
    }

    /// Hangs up with a reset.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&self.wire.stream);
        socket.set_linger(Some(Duration::ZERO)).expect("set_linger");
    }

    pub fn stream(&self) -> &TcpStream {
        &self.wire.stream
    }
}

/// The bytes of a request with a Host header and, where there is a body, its length.
pub fn request(method: &str, target: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:11434\r\n");
    for header in headers {
        head += &format!("{header}\r\n");
    }
    if !body.is_empty() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// The bytes of a POST of JSON.
pub fn post(target: &str, json: &str) -> Vec<u8> {
    request("POST", target, &["Content-Type: application/json"], json)
}
