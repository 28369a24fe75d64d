//! A stand-in for Loki that keeps its streams in memory, checks what a real one checks, and answers in the words that were
//! recorded of one (`tests/data/loki-3.7`).
//!
//! It can be told to misbehave: to refuse connections, to answer the next pushes with an error, to wait for a latch, to allow less.
//! Every request is kept as it came. It needs nothing of the harness, so that the store's own tests use it too.

#[path = "loki_answers.rs"]
mod answers;
#[path = "logql.rs"]
mod logql;
#[path = "loki_push.rs"]
mod push;
#[path = "loki_query.rs"]
mod query;

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

pub use answers::State;
use logql::Labels;

/// A request as it came, its body unpacked.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub parameters: BTreeMap<String, String>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn is_push(&self) -> bool {
        self.path.ends_with("/push")
    }
}

/// The stand-in. Stops when dropped.
pub struct FakeLoki {
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    listening: Mutex<Option<std::thread::JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Requests wait as long as somebody holds this.
    gate: Mutex<()>,
    listens: Mutex<bool>,
    open: Mutex<Vec<TcpStream>>,
}

impl FakeLoki {
    pub fn start() -> FakeLoki {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind the stand-in");
        let addr = listener.local_addr().expect("local_addr");
        let loki = FakeLoki {
            addr,
            shared: Arc::default(),
            listening: Mutex::default(),
        };
        loki.accept(listener);
        loki
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    /// The next pushes are answered with this, and store nothing.
    pub fn fail(&self, times: usize, status: u16, words: &str) {
        self.state()
            .faults
            .extend((0..times).map(|_| (status, words.to_owned())));
    }

    /// Every request waits until the guard is dropped.
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        self.shared.gate.lock().unwrap()
    }

    /// Every line that is stored, with its time (nanoseconds), oldest first.
    pub fn lines(&self) -> Vec<(i64, String)> {
        let mut lines: Vec<_> = self.state().streams.values().flatten().cloned().collect();
        lines.sort();
        lines
    }

    /// The labels of every stream.
    pub fn labels(&self) -> Vec<Labels> {
        self.state().streams.keys().cloned().collect()
    }

    /// The pushes so far.
    pub fn pushes(&self) -> Vec<Seen> {
        self.state()
            .seen
            .iter()
            .filter(|seen| seen.is_push())
            .cloned()
            .collect()
    }

    /// Stops listening and cuts every connection: connecting is refused from now on.
    pub fn refuse(&self) {
        let Some(thread) = self.listening.lock().unwrap().take() else {
            return;
        };
        *self.shared.listens.lock().unwrap() = false;
        let _ = TcpStream::connect(self.addr);
        let _ = thread.join();
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Listens again, on the same port.
    pub fn listen_again(&self) {
        self.accept(TcpListener::bind(self.addr).expect("bind the stand-in again"));
    }

    fn accept(&self, listener: TcpListener) {
        *self.shared.listens.lock().unwrap() = true;
        let shared = self.shared.clone();
        let accept = move || {
            for stream in listener.incoming().flatten() {
                if !*shared.listens.lock().unwrap() {
                    return;
                }
                shared.open.lock().unwrap().extend(stream.try_clone());
                let shared = shared.clone();
                std::thread::spawn(move || {
                    let _ = shared.serve(&stream, &stream);
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        };
        *self.listening.lock().unwrap() = Some(std::thread::spawn(accept));
    }
}

impl Drop for FakeLoki {
    fn drop(&mut self) {
        self.refuse();
    }
}

impl Shared {
    /// Answers the requests of one connection until it ends.
    fn serve(&self, from: impl Read, mut to: impl Write) -> io::Result<()> {
        let mut from = BufReader::new(from);
        while let Some(seen) = read_request(&mut from)? {
            drop(self.gate.lock());
            let reply = {
                let mut state = self.state.lock().unwrap();
                let reply = state.answer(&seen);
                let cut = seen.is_push() && state.cuts > 0;
                state.cuts -= usize::from(cut);
                state.seen.push(seen);
                if cut {
                    return self.cut();
                }
                reply
            };
            to.write_all(&reply.bytes())?;
        }
        Ok(())
    }

    fn cut(&self) -> io::Result<()> {
        self.open
            .lock()
            .unwrap()
            .drain(..)
            .try_for_each(|stream| stream.shutdown(Shutdown::Both))
    }
}

fn read_request(from: &mut impl BufRead) -> io::Result<Option<Seen>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let (method, target) = (
        words.next().unwrap_or_default().to_owned(),
        words.next().unwrap_or_default().to_owned(),
    );
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    if headers
        .get("content-encoding")
        .is_some_and(|encoding| encoding == "gzip")
    {
        let packed = std::mem::take(&mut body);
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut body)?;
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let parameters = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)));
    Ok(Some(Seen {
        method,
        path: path.to_owned(),
        parameters: parameters.collect(),
        headers,
        body,
    }))
}

fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || {
            char::from(rest.next().unwrap_or_default())
                .to_digit(16)
                .unwrap_or_default() as u8
        };
        bytes.push(if byte == b'%' {
            digit() * 16 + digit()
        } else {
            byte
        });
    }
    String::from_utf8(bytes).unwrap_or_default()
}
