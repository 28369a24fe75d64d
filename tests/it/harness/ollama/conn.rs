//! One connection at the stand-in, and all that a script can do with a request on it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{AfterReply, ReceivedRequest, Shared, State, json, reply};
use crate::harness::http::{Framing, Head, TIMEOUT, Wire};

/// One request being answered.
pub struct Conn {
    wire: Wire<TcpStream>,
    pub head: Head,
    framing: Framing,
    body: Option<Vec<u8>>,
    expects_continue: bool,
    id: usize,
    before: usize,
    shared: Arc<Shared>,
}

impl Conn {
    /// Reads the request to its end, once, and reports it to the test.
    pub fn body(&mut self) -> io::Result<Vec<u8>> {
        if self.body.is_none() {
            self.send_continue()?;
            let body = self.wire.rest(&mut self.framing)?.bytes;
            self.report(body);
        }
        Ok(self.body.clone().unwrap_or_default())
    }

    /// Changes what the tap's own questions are answered with.
    pub fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state.lock().unwrap());
    }

    /// Returns how many requests came on this connection before this one.
    pub fn before(&self) -> usize {
        self.before
    }

    /// Asks for the body where the client waits to be asked, as Go's server does at the first read.
    fn send_continue(&mut self) -> io::Result<()> {
        let waits = std::mem::take(&mut self.expects_continue);
        if waits {
            self.write("HTTP/1.1 100 Continue\r\n\r\n")
        } else {
            Ok(())
        }
    }

    /// The next piece of an upload that is too large to keep; `None` at its end.
    pub fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.send_continue()?;
        Ok(self.wire.piece(&mut self.framing)?.map(|piece| piece.bytes))
    }

    /// Reports the request to the test with no more of its body than was read.
    pub fn report_request(&mut self) {
        self.report(Vec::new());
    }

    fn report(&mut self, body: Vec<u8>) {
        self.body = Some(body.clone());
        let _ = self.shared.asked.send(ReceivedRequest {
            head: self.head.clone(),
            body,
            connection: self.id,
        });
    }

    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.wire.stream.write_all(bytes.as_ref())
    }

    /// Reads the request and answers it with these bytes.
    pub fn answer(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<AfterReply> {
        self.body()?;
        self.write(bytes)?;
        Ok(AfterReply::KeepAlive)
    }

    /// Reads nothing more and waits until the test ends or the connection breaks.
    pub fn wait_without_reading(&mut self) -> io::Result<AfterReply> {
        let deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline
            && !self.shared.stopped.load(Ordering::SeqCst)
            && self.wire.stream.take_error()?.is_none()
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(AfterReply::Gone)
    }

    /// Waits until the peer closes the connection, and reports it to the test (`FakeOllama::closed`).
    pub fn wait_until_closed(&mut self) -> io::Result<AfterReply> {
        while matches!(self.wire.stream.read(&mut [0; 1024]), Ok(count) if count > 0) {}
        let _ = self.shared.closed.send(Instant::now());
        Ok(AfterReply::Gone)
    }
}

/// Answers requests until the connection ends.
pub fn serve(stream: TcpStream, id: usize, shared: &Arc<Shared>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(stream);
    for before in 0.. {
        let Some(head) = wire.head()? else { break };
        let framing = head.request_framing();
        let expects_continue = head
            .get("expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"));
        let mut conn = Conn {
            wire,
            head,
            framing,
            body: None,
            expects_continue,
            id,
            before,
            shared: Arc::clone(shared),
        };
        let after = if is_own_question(&conn.head) {
            answer_own_question(&mut conn)
        } else {
            (shared.handler)(&mut conn)
        }?;
        match after {
            AfterReply::KeepAlive => drop(conn.body()?),
            AfterReply::Gone => return Ok(()),
            AfterReply::Close => {
                conn.wire.stream.shutdown(Shutdown::Both)?;
                let _ = shared.closed.send(Instant::now());
                return Ok(());
            }
            AfterReply::Reset => {
                shared.open.lock().unwrap().remove(&id);
                return socket2::SockRef::from(&conn.wire.stream).set_linger(Some(Duration::ZERO));
            }
        }
        wire = conn.wire;
    }
    Ok(())
}

fn is_own_question(head: &Head) -> bool {
    head.get("user-agent")
        .is_some_and(|agent| agent.starts_with("ollama-tap/"))
}

fn answer_own_question(conn: &mut Conn) -> io::Result<AfterReply> {
    conn.wire.rest(&mut conn.framing)?;
    conn.body = Some(Vec::new());
    let state = conn.shared.state.lock().unwrap().clone();
    conn.shared.own_questions.fetch_add(1, Ordering::SeqCst);
    if let Some(latch) = state.ps_latch.filter(|_| conn.head.path() == "/api/ps") {
        latch.wait();
    }
    let body = match conn.head.path() {
        _ if let Some(status) = state.denies => {
            return conn.answer(reply(status, &["Content-Type: text/plain"], "who asks?"));
        }
        "/api/version" => format!(r#"{{"version":"{}"}}"#, state.version),
        "/api/ps" => state.ps,
        "/api/tags" => state.tags,
        _ => {
            return conn.answer(reply(
                "404 Not Found",
                &["Content-Type: text/plain"],
                "404 page not found",
            ));
        }
    };
    conn.answer(json(&body))
}
