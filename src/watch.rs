//! WATCH: one thread that looks at what tiny_http cannot tell: clients that left, connections that nobody
//! serves, answers that came before the question's end, and an accept thread that died.
//!
//! The trouble with connections: tiny_http starts a thread for one only when no thread waits, and in a burst many queue up
//! behind threads that are already taken. A thread takes the next queued connection when its own is closed,
//! so one short connection of ours frees exactly one of them.

use std::collections::{HashMap, HashSet};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::lanes::Lanes;
use crate::metrics::Metrics;
use crate::platform;

/// Between two looks while somebody is connected, while somebody was helped in the last look, and while nobody is.
const LOOK: Duration = Duration::from_millis(50);
const LOOK_AGAIN: Duration = Duration::from_millis(5);
const LOOK_IDLE: Duration = Duration::from_millis(200);

/// A look costs more the more connections there are: looking takes no more than one part in this many of a core's time, but comes
/// at least this often.
const SHARE: u32 = 20;
const LOOK_SELDOM: Duration = Duration::from_millis(250);

/// Where our connections cannot be seen, a probe this often frees whoever waits.
const BLIND_PROBE: Duration = Duration::from_millis(100);

/// A connection that waits this long, though we freed threads for it, is a reason to ask whether anybody accepts.
const STRANDED: Duration = Duration::from_millis(500);

/// How long our own port may take to answer us before its accept thread counts as dead.
const ALIVE: Duration = Duration::from_secs(2);

/// Between two questions whether anybody accepts, asked without a reason.
const ASK: Duration = Duration::from_secs(10);

/// Between two attempts to listen anew.
const REBUILD: Duration = Duration::from_millis(100);

/// How often a retired server wakes who still waits for it.
const HANDED_OVER_LOOK: Duration = Duration::from_millis(1);

/// How often the connections of a retired server are looked for.
const RETIRED_LOOK: Duration = Duration::from_secs(1);

/// Set by the panic hook when a thread that is not ours panics: it may have been tiny_http's accept thread.
pub static SUSPECT: AtomicBool = AtomicBool::new(false);

pub struct Watch {
    pub lanes: Arc<Lanes>,
    pub metrics: Arc<Metrics>,
    /// How long a client may send nothing.
    idle: Option<Duration>,
    /// The connections there were at the last look, and when each was seen first.
    met: HashMap<SocketAddr, Instant>,
    stranded_since: Option<Instant>,
    rebuilt: Instant,
    asked: Instant,
}

impl Watch {
    pub fn new(lanes: Arc<Lanes>, metrics: Arc<Metrics>, idle: Option<Duration>) -> Watch {
        let now = Instant::now();
        Watch { lanes, metrics, idle, met: HashMap::new(), stranded_since: None, rebuilt: now, asked: now }
    }

    /// Looks until the process ends.
    pub fn run(mut self) {
        loop {
            let began = Instant::now();
            let pause = self.look(began).max(began.elapsed() * SHARE).min(LOOK_SELDOM);
            self.wake_uploads();
            self.mend();
            std::thread::sleep(pause);
        }
    }

    /// One look at our connections. Returns when to look again.
    fn look(&mut self, now: Instant) -> Duration {
        let Some(there) = self.connections(now) else {
            self.probe();
            return BLIND_PROBE;
        };
        let (cut, stranded) = self.lanes.connections.look(&there, now);
        if cut > 0 {
            log::debug!("{cut} requests ended because their clients left");
            self.lanes.drop_the_gone();
        }
        if stranded.is_empty() {
            self.stranded_since = None;
            return if there.is_empty() { LOOK_IDLE } else { LOOK };
        }
        stranded.iter().for_each(|_| self.probe());
        if now.duration_since(*self.stranded_since.get_or_insert(now)) > STRANDED {
            SUSPECT.store(true, SeqCst);
            self.stranded_since = None;
        }
        LOOK_AGAIN
    }

    /// The connections there are. One that is new gets its time-out; one that never asked anything in that time is closed,
    /// because the read that waits for its first request began before it had one.
    fn connections(&mut self, now: Instant) -> Option<Vec<platform::Connection>> {
        let mut met = HashMap::with_capacity(self.met.len());
        let connections = &self.lanes.connections;
        let there = platform::connections(self.lanes.listener.address().port(), |peer, socket| {
            let since = self.met.get(&peer).copied().unwrap_or_else(|| {
                let _ = socket.set_read_timeout(self.idle);
                now
            });
            if self.idle.is_some_and(|idle| now.duration_since(since) > idle) && !connections.has_asked(peer) {
                platform::interrupt(&*socket, Shutdown::Both);
            }
            met.insert(peer, since);
        });
        self.met = met;
        there
    }

    /// A connection that ends at once.
    fn probe(&self) {
        drop(TcpStream::connect_timeout(&self.lanes.listener.own_address(), ALIVE));
    }

    /// Wakes workers that wait for more of a body which Ollama has already answered.
    fn wake_uploads(&self) {
        for flight in self.lanes.connections.flights() {
            if flight.answered_early()
                && let Some(socket) = platform::socket_of(self.lanes.listener.address().port(), flight.peer)
            {
                platform::interrupt(&socket, Shutdown::Read);
            }
        }
    }

    /// Listens anew where nobody accepts any more, unless that is meant to be.
    fn mend(&mut self) {
        let listener = &self.lanes.listener;
        if listener.is_closed() {
            return;
        }
        let suspect = SUSPECT.swap(false, SeqCst) || self.asked.elapsed() > ASK;
        if suspect && !listener.is_dead() {
            self.asked = Instant::now();
            match self.answers() {
                Some(true) => {}
                Some(false) => {
                    log::warn!("nobody accepts connections on {}; listening anew", listener.address());
                    listener.declare_dead();
                }
                None => SUSPECT.store(true, SeqCst),
            }
        }
        if !listener.is_dead() || self.rebuilt.elapsed() < REBUILD {
            return;
        }
        self.rebuilt = Instant::now();
        match listener.rebuild() {
            Ok(None) => {}
            Ok(Some(old)) => {
                self.metrics.listener_restarted();
                retire(self.lanes.clone(), old);
            }
            Err(e) => log::debug!("listen anew on {}: {e}", listener.address()),
        }
    }

    /// Whether our own port answers a question; `None` when we cannot even ask.
    fn answers(&self) -> Option<bool> {
        let ask = || -> std::io::Result<usize> {
            let mut stream = TcpStream::connect_timeout(&self.lanes.listener.own_address(), ALIVE)?;
            stream.set_read_timeout(Some(ALIVE))?;
            // No method, so tiny_http answers this itself: it is no request and counts nowhere.
            stream.write_all(b"?\r\n\r\n")?;
            stream.read(&mut [0; 16])
        };
        match ask() {
            Ok(_) => Some(true),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused) => Some(false),
            Err(e) if e.kind() == ErrorKind::ConnectionReset => Some(true),
            Err(_) => None,
        }
    }
}

/// Serves the connections of an `old` server on a thread of its own for as long as there are any.
fn retire(lanes: Arc<Lanes>, old: Arc<tiny_http::Server>) {
    let port = lanes.listener.address().port();
    let peers = |rows: Vec<platform::Connection>| rows.into_iter().map(|row| row.peer).collect::<HashSet<SocketAddr>>();
    let there = move || platform::connections(port, |_, _| ()).map(peers);
    let mut theirs = there();
    let drain = move || {
        // Whoever sleeps in the old one's queue comes to the new one. Until they all have, nobody else may take what wakes them.
        while Arc::strong_count(&old) > 1 {
            old.unblock();
            std::thread::sleep(HANDED_OVER_LOOK);
        }
        while theirs.as_ref().is_none_or(|theirs| !theirs.is_empty()) {
            if let Ok(Some(request)) = old.recv_timeout(RETIRED_LOOK) {
                lanes.receive(request);
            } else if let (Some(theirs), Some(now)) = (&mut theirs, there()) {
                theirs.retain(|peer| now.contains(peer));
            }
        }
    };
    if let Err(e) = std::thread::Builder::new().name("retired".into()).spawn(drain) {
        log::error!("serve the connections of an old listener: start a thread: {e}");
    }
}
