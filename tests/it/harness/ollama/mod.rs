//! A stand-in for Ollama that a test scripts byte for byte: it holds, trickles, cuts and refuses, and keeps every request as it came.
//!
//! The tap asks Ollama questions of its own (version, loaded models, tags). They are known by their User-Agent, answered here, and
//! kept apart, so that a test sees only what its clients sent. Tests wait for events (`next`, `closed`), never for time to pass.

mod conn;
mod replies;

pub use conn::Conn;
pub use replies::{STREAM_HEAD, done, json, reply, token};

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use super::http::{Head, TIMEOUT};
use super::latch::Latch;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    pub head: Head,
    pub body: Vec<u8>,
    /// Which connection it came on, counted from 0.
    pub connection: usize,
}

/// The fate of the connection once a request was answered.
pub enum AfterReply {
    KeepAlive,
    Close,
    /// Closed with a reset.
    Reset,
    /// The peer closed it.
    Gone,
}

type Handler = dyn Fn(&mut Conn) -> io::Result<AfterReply> + Send + Sync;

/// Answers to the tap's own questions.
#[derive(Clone)]
pub struct State {
    pub version: String,
    /// The status that they are answered with instead.
    pub denies: Option<&'static str>,
    pub ps: String,
    /// Until it is released, /api/ps is not answered.
    pub ps_latch: Option<Latch>,
    pub tags: String,
}

struct Shared {
    handler: Box<Handler>,
    state: Mutex<State>,
    own_questions: AtomicUsize,
    stopped: AtomicBool,
    open: Mutex<HashMap<usize, TcpStream>>,
    asked: Sender<ReceivedRequest>,
    closed: Sender<Instant>,
}

/// The stand-in. Stops when dropped.
pub struct FakeOllama {
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    asked: Receiver<ReceivedRequest>,
    closed: Receiver<Instant>,
}

impl FakeOllama {
    /// Answers every request with the handler.
    pub fn start(
        handler: impl Fn(&mut Conn) -> io::Result<AfterReply> + Send + Sync + 'static,
    ) -> FakeOllama {
        FakeOllama::start_on(0, handler)
    }

    /// Answers every request with these bytes.
    pub fn always(reply: impl AsRef<[u8]> + Send + Sync + 'static) -> FakeOllama {
        FakeOllama::start(move |conn| conn.answer(reply.as_ref()))
    }

    pub fn start_on(
        port: u16,
        handler: impl Fn(&mut Conn) -> io::Result<AfterReply> + Send + Sync + 'static,
    ) -> FakeOllama {
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
                ps_latch: None,
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
        FakeOllama {
            addr,
            shared,
            asked,
            closed,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The next request of a client, once its body was read.
    pub fn next(&self) -> ReceivedRequest {
        self.asked
            .recv_timeout(TIMEOUT)
            .expect("a request at the stand-in")
    }

    /// All requests that arrived and were not taken yet.
    pub fn take_received(&self) -> Vec<ReceivedRequest> {
        self.asked.try_iter().collect()
    }

    /// Waits until the next connection is closed and returns when that was, by its peer under `Conn::wait_until_closed` or by the script's `AfterReply::Close`.
    pub fn closed(&self) -> Instant {
        self.closed
            .recv_timeout(TIMEOUT)
            .expect("a connection to the stand-in closed")
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
            let _ = conn::serve(stream, id, &shared);
            shared.open.lock().unwrap().remove(&id);
        });
    }
}
