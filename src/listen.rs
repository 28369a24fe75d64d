//! LISTEN: our own socket, handed to tiny_http, and a new tiny_http when its accept thread has died.
//!
//! tiny_http ends its accept loop for good at the first error (no descriptor left, say), aloud through `recv` or silently by
//! a panic on a thread of its own. The socket is ours, so a new server can go on with it; connections of the old
//! one still push into the old one's queue, which is drained for as long as they live.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use tiny_http::{Request, Server};

use crate::platform;

/// Connections that may wait for tiny_http to accept them; the usual 128 drops SYNs in a burst.
const BACKLOG: i32 = 1024;

/// A peer that vanished without a word is noticed after about this time of silence.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Descriptors that must be free before a new server is worth a try: one for the socket, two for a connection.
const SPARE: usize = 3;

/// Binds a listening socket. Accepted connections inherit its options.
///
/// `idle` bounds how long a client may take nothing of what we send. How long it may send nothing is the watcher's
/// business: accept would take a time-out for reading as its own.
pub fn bind(addresses: &[SocketAddr], idle: Option<Duration>) -> io::Result<TcpListener> {
    let mut failure = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in addresses {
        match bind_one(*address, idle) {
            Ok(listener) => return Ok(listener),
            Err(e) => failure = e,
        }
    }
    Err(failure)
}

fn bind_one(address: SocketAddr, idle: Option<Duration>) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    platform::claim_port(&socket)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE))?;
    socket.set_write_timeout(idle)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The socket and the tiny_http server that accepts on it at the moment.
pub struct Listener {
    socket: Mutex<Option<TcpListener>>,
    server: Mutex<Option<Arc<Server>>>,
    address: SocketAddr,
    dead: AtomicBool,
}

impl Listener {
    pub fn new(socket: TcpListener) -> io::Result<Listener> {
        let address = socket.local_addr()?;
        let server = Mutex::new(Some(Arc::new(serve(&socket)?)));
        Ok(Listener { socket: Mutex::new(Some(socket)), server, address, dead: AtomicBool::new(false) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where this process reaches itself: a wildcard is dialled as loopback.
    pub fn own_address(&self) -> SocketAddr {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
            ip => ip,
        };
        SocketAddr::new(ip, self.address.port())
    }

    /// The next request; `None` when woken for another reason.
    pub fn receive(&self) -> Option<Request> {
        self.take(self.current()?.recv())
    }

    /// The next request if one is there.
    pub fn poll(&self) -> Option<Request> {
        match self.current()?.try_recv() {
            Ok(request) => request,
            Err(e) => self.take(Err(e)),
        }
    }

    fn take(&self, received: io::Result<Request>) -> Option<Request> {
        match received {
            Ok(request) => Some(request),
            Err(e) => {
                // An error of the system's is the accept loop's last word; waking has none.
                if e.raw_os_error().is_some() {
                    log::warn!("accept connections on {}: {e}; listening anew", self.address);
                    self.declare_dead();
                }
                None
            }
        }
    }

    /// Wakes one thread that waits in `receive`.
    pub fn wake(&self) {
        self.current().iter().for_each(|server| server.unblock());
    }

    /// Says that nobody accepts connections any more.
    pub fn declare_dead(&self) {
        self.dead.store(true, SeqCst);
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(SeqCst)
    }

    /// Puts a new server on the socket and returns the old one, whose connections live on. Fails as long as there
    /// are no descriptors for it, or after `close`.
    pub fn rebuild(&self) -> io::Result<Option<Arc<Server>>> {
        let guard = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = guard.as_ref().ok_or(ErrorKind::NotConnected)?;
        let spare: Vec<TcpListener> = (0..SPARE).map(|_| socket.try_clone()).collect::<io::Result<_>>()?;
        drop(spare);
        self.dead.store(false, SeqCst);
        let new = Arc::new(serve(socket)?);
        Ok(self.server.lock().unwrap_or_else(PoisonError::into_inner).replace(new))
    }

    /// Stops listening: our handle goes, and tiny_http's accept thread lets go of its own once nobody receives.
    pub fn close(&self) {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(server);
    }

    pub fn is_closed(&self) -> bool {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn current(&self) -> Option<Arc<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(socket: &TcpListener) -> io::Result<Server> {
    Server::from_listener(socket.try_clone()?, None).map_err(io::Error::other)
}
