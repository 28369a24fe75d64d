//! A stand-in for Ollama that a test scripts byte for byte: it holds, trickles, cuts and refuses, and keeps every request as it came.
//!
//! The tap asks Ollama questions of its own (version, loaded models, tags). They are known by their User-Agent, answered here, and
//! kept apart, so that a test sees only what its clients sent. Tests wait for events (`next`, `closed`), never for time to pass.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::http::{Framing, Head, PATIENCE, Wire};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    pub head: Head,
    pub body: Vec<u8>,
    /// Which connection it came on, counted from 0.
    pub connection: usize,
}

/// What happens to the connection once a request was answered.
pub enum After {
    KeepAlive,
    Close,
    /// Closed with a reset.
    Reset,
    /// The peer closed it.
    Gone,
}

type Handler = dyn Fn(&mut Conn) -> io::Result<After> + Send + Sync;

/// One request being answered.
pub struct Conn {
    wire: Wire<TcpStream>,
    pub head: Head,
    framing: Framing,
    body: Option<Vec<u8>>,
    waits_for_leave: bool,
    id: usize,
    before: usize,
    shared: Arc<Shared>,
}

impl Conn {
    /// Reads the request to its end, once, and reports it to the test.
    pub fn body(&mut self) -> io::Result<Vec<u8>> {
        if self.body.is_none() {
            self.give_leave()?;
            let body = self.wire.rest(&mut self.framing)?.bytes;
            self.report(body);
        }
        Ok(self.body.clone().unwrap_or_default())
    }

    /// How many requests came on this connection before this one.
    pub fn before(&self) -> usize {
        self.before
    }

    /// Asks for the body where the client waits to be asked, as Go's server does at the first read.
    fn give_leave(&mut self) -> io::Result<()> {
        let waits = std::mem::take(&mut self.waits_for_leave);
        if waits { self.write("HTTP/1.1 100 Continue\r\n\r\n") } else { Ok(()) }
    }

    /// The next piece of an upload that is too large to keep; `None` at its end.
    pub fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.give_leave()?;
        Ok(self.wire.piece(&mut self.framing)?.map(|piece| piece.bytes))
    }

    /// Reports the request to the test with no more of its body than was read.
    pub fn arrived(&mut self) {
        self.report(Vec::new());
    }

    fn report(&mut self, body: Vec<u8>) {
        self.body = Some(body.clone());
        let _ = self.shared.asked.send(Asked { head: self.head.clone(), body, connection: self.id });
    }

    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.wire.stream.write_all(bytes.as_ref())
    }

    /// Reads the request and answers it with these bytes.
    pub fn answer(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<After> {
        self.body()?;
        self.write(bytes)?;
        Ok(After::KeepAlive)
    }

    /// Reads nothing more and waits until the test ends or the connection breaks.
    pub fn wait_without_reading(&mut self) -> io::Result<After> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && !self.shared.stopped.load(Ordering::SeqCst) && self.wire.stream.take_error()?.is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(After::Gone)
    }

    /// Waits until the peer closes the connection, and reports it to the test (`FakeOllama::closed`).
    pub fn until_closed(&mut self) -> io::Result<After> {
        while matches!(self.wire.stream.read(&mut [0; 1024]), Ok(count) if count > 0) {}
        let _ = self.shared.closed.send(Instant::now());
        Ok(After::Gone)
    }
}

/// What the tap's own questions are answered with.
#[derive(Clone)]
pub struct State {
    pub version: String,
    /// The status that they are answered with instead.
    pub denies: Option<&'static str>,
    pub ps: String,
    pub tags: String,
}

struct Shared {
    handler: Box<Handler>,
    state: Mutex<State>,
    own_questions: AtomicUsize,
    stopped: AtomicBool,
    open: Mutex<HashMap<usize, TcpStream>>,
    asked: Sender<Asked>,
    closed: Sender<Instant>,
}

/// The stand-in. Stops when dropped.
pub struct FakeOllama {
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    asked: Receiver<Asked>,
    closed: Receiver<Instant>,
}

impl FakeOllama {
    /// Answers every request with the handler.
    pub fn start(handler: impl Fn(&mut Conn) -> io::Result<After> + Send + Sync + 'static) -> FakeOllama {
        FakeOllama::start_on(0, handler)
    }

    /// Answers every request with these bytes.
    pub fn always(reply: impl AsRef<[u8]> + Send + Sync + 'static) -> FakeOllama {
        FakeOllama::start(move |conn| conn.answer(reply.as_ref()))
    }

    pub fn start_on(port: u16, handler: impl Fn(&mut Conn) -> io::Result<After> + Send + Sync + 'static) -> FakeOllama {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("bind the stand-in");
        let addr = listener.local_addr().expect("local_addr");
        let (asked_tx, asked) = crossbeam_channel::unbounded();
        let (closed_tx, closed) = crossbeam_channel::unbounded();
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            state: Mutex::new(State {
                version: "0.33.0".to_owned(),
                denies: None,
                ps: r#"{"models":[]}"#.to_owned(),
                tags: r#"{"models":[{"name":"talk:latest","model":"talk:latest"}]}"#.to_owned(),
            }),
            own_questions: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            open: Mutex::default(),
            asked: asked_tx,
            closed: closed_tx,
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &accepting));
        FakeOllama { addr, shared, asked, closed }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The next request of a client, once its body was read.
    pub fn next(&self) -> Asked {
        self.asked.recv_timeout(PATIENCE).expect("a request at the stand-in")
    }

    /// All requests that arrived and were not taken yet.
    pub fn so_far(&self) -> Vec<Asked> {
        self.asked.try_iter().collect()
    }

    /// When the next connection was closed, by its peer under `Conn::until_closed` or by the script's `After::Close`.
    pub fn closed(&self) -> Instant {
        self.closed.recv_timeout(PATIENCE).expect("a connection to the stand-in closed")
    }

    /// Changes what the tap's own questions are answered with.
    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state.lock().unwrap());
    }

    pub fn own_questions(&self) -> usize {
        self.shared.own_questions.load(Ordering::SeqCst)
    }

    /// Loses every connection without a word, as a machine that was switched off and on. False where only root could do that.
    #[cfg(target_os = "linux")]
    pub fn vanish(&self) -> bool {
        super::vanish::forget_all(self.shared.open.lock().unwrap().values())
    }

    /// Stops listening and cuts every connection.
    pub fn stop(&self) {
        if self.shared.stopped.swap(true, Ordering::SeqCst) {
            return;
        }
        let _ = TcpStream::connect(self.addr);
        for stream in self.shared.open.lock().unwrap().values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for FakeOllama {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for (id, stream) in listener.incoming().enumerate() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            if let Ok(copy) = stream.try_clone() {
                shared.open.lock().unwrap().insert(id, copy);
            }
            let _ = serve(stream, id, &shared);
            shared.open.lock().unwrap().remove(&id);
        });
    }
}

fn serve(stream: TcpStream, id: usize, shared: &Arc<Shared>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(stream);
    for before in 0.. {
        let Some(head) = wire.head()? else { break };
        let framing = head.request_framing();
        let waits_for_leave = head.get("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"));
        let mut conn = Conn { wire, head, framing, body: None, waits_for_leave, id, before, shared: Arc::clone(shared) };
        let after = if is_own_question(&conn.head) { answer_own_question(&mut conn) } else { (shared.handler)(&mut conn) }?;
        match after {
            After::KeepAlive => drop(conn.body()?),
            After::Gone => return Ok(()),
            After::Close => {
                conn.wire.stream.shutdown(Shutdown::Both)?;
                let _ = shared.closed.send(Instant::now());
                return Ok(());
            }
            After::Reset => {
                shared.open.lock().unwrap().remove(&id);
                return socket2::SockRef::from(&conn.wire.stream).set_linger(Some(Duration::ZERO));
            }
        }
        wire = conn.wire;
    }
    Ok(())
}

fn is_own_question(head: &Head) -> bool {
    head.get("user-agent").is_some_and(|agent| agent.starts_with("ollama-tap/"))
}

fn answer_own_question(conn: &mut Conn) -> io::Result<After> {
    conn.wire.rest(&mut conn.framing)?;
    conn.body = Some(Vec::new());
    let state = conn.shared.state.lock().unwrap().clone();
    conn.shared.own_questions.fetch_add(1, Ordering::SeqCst);
    let body = match conn.head.path() {
        _ if let Some(status) = state.denies => return conn.answer(reply(status, &["Content-Type: text/plain"], "who asks?")),
        "/api/version" => format!(r#"{{"version":"{}"}}"#, state.version),
        "/api/ps" => state.ps,
        "/api/tags" => state.tags,
        _ => return conn.answer(reply("404 Not Found", &["Content-Type: text/plain"], "404 page not found")),
    };
    conn.answer(json(&body))
}

/// A reply of known length.
pub fn reply(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    [format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// A 200 with a JSON body.
pub fn json(body: &str) -> Vec<u8> {
    reply("200 OK", &["Content-Type: application/json; charset=utf-8"], body)
}

/// The head of a native stream.
pub const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";

/// One token of /api/generate, as a chunk.
pub fn token(text: &str) -> Vec<u8> {
    let text = serde_json::Value::from(text);
    super::http::chunk(format!("{{\"model\":\"talk\",\"created_at\":\"2026-11-21T08:49:09Z\",\"response\":{text},\"done\":false}}\n"))
}

/// The last object of /api/generate, as a chunk, with the end of the body.
pub fn done(prompt_tokens: u64, tokens: u64) -> Vec<u8> {
    let line = format!(
        "{{\"model\":\"talk\",\"created_at\":\"2026-11-21T08:49:09Z\",\"response\":\"\",\"done\":true,\"done_reason\":\"stop\",\
         \"total_duration\":82762732,\"load_duration\":989213,\"prompt_eval_count\":{prompt_tokens},\
         \"prompt_eval_duration\":2957000,\"eval_count\":{tokens},\"eval_duration\":75846000}}\n"
    );
    [super::http::chunk(line), super::http::LAST_CHUNK.to_vec()].concat()
}

/// Something that one thread waits for and another one lets happen.
#[derive(Clone, Default)]
pub struct Latch(Arc<(Mutex<bool>, Condvar)>);

impl Latch {
    pub fn release(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits for `release`. Gives up after `PATIENCE`, when the test has failed anyway.
    pub fn wait(&self) {
        let held = self.0.0.lock().unwrap();
        drop(self.0.1.wait_timeout_while(held, PATIENCE, |released| !*released));
    }
}
