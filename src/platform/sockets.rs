//! Sockets: how a port is claimed, how one socket is looked at, watched by a poller, and how one waits for several.

use std::fmt;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use polling::{AsSource, Event, Poller};

use super::system::sockets::wait_for;
pub use super::system::sockets::{
    LINGER, claim_port, end_unless_acknowledged, has_input, interrupt, is_no_family,
    is_out_of_descriptors, port_holder,
};

/// Names are asked of DNS servers and /etc/hosts alone: musl knows no other way, the libraries of systems do.
pub const ASKS_DNS_ALONE: bool = cfg!(target_env = "musl");

/// A socket and the poller that knows of it. The poller forgets it before it is closed, whoever drops it.
pub struct Watched<S: Source> {
    socket: S,
    poller: Arc<Poller>,
}

/// What a poller can watch.
pub trait Source: AsSource {
    /// # Safety
    ///
    /// It must be deleted from the poller before it is closed.
    unsafe fn add_to(&self, poller: &Poller) -> io::Result<()>;
}

impl Source for TcpStream {
    unsafe fn add_to(&self, poller: &Poller) -> io::Result<()> {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { poller.add(self, Event::none(0)) }
    }
}

impl Source for TcpListener {
    unsafe fn add_to(&self, poller: &Poller) -> io::Result<()> {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { poller.add(self, Event::none(0)) }
    }
}

pub type WatchedStream = Watched<TcpStream>;

pub type WatchedListener = Watched<TcpListener>;

impl<S: Source> Watched<S> {
    /// Nothing is told of the socket until `watch`.
    pub fn new(socket: S, poller: &Arc<Poller>) -> io::Result<Watched<S>> {
        // SAFETY: the socket lives in what is made here, and `drop` deletes it from the poller before it is closed.
        unsafe { socket.add_to(poller) }?;
        Ok(Watched {
            socket,
            poller: poller.clone(),
        })
    }

    /// Asks to be told once.
    pub fn watch(&self, event: Event) -> io::Result<()> {
        self.poller.modify(&self.socket, event)
    }
}

impl<S: Source + fmt::Debug> fmt::Debug for Watched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.fmt(f)
    }
}

impl<S: Source> Drop for Watched<S> {
    fn drop(&mut self) {
        let _ = self.poller.delete(&self.socket);
    }
}

impl<S: Source> Deref for Watched<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.socket
    }
}

/// The events of a socket to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Bytes, or the end.
    pub read: bool,
    /// Room for bytes.
    pub write: bool,
    /// The end, even if bytes come before it.
    pub end: bool,
}

impl Interest {
    pub const READ: Interest = Interest {
        read: true,
        write: false,
        end: false,
    };
    pub const WRITE: Interest = Interest {
        read: false,
        write: true,
        end: false,
    };
    pub const END: Interest = Interest {
        read: false,
        write: false,
        end: true,
    };
    /// A reset is noticed all the same, if the system distinguishes it from an end.
    pub const NONE: Interest = Interest {
        read: false,
        write: false,
        end: false,
    };
}

/// The state of a socket after a wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketState {
    pub readable: bool,
    pub writable: bool,
    /// The peer will send no more.
    pub ended: bool,
    /// The connection is broken.
    pub broken: bool,
}

/// Waits until one of these sockets is ready for its interest, for at most `time`. A signal ends the wait early.
pub fn wait<const N: usize>(
    sockets: [(&TcpStream, Interest); N],
    time: Option<Duration>,
) -> io::Result<[SocketState; N]> {
    wait_for(sockets, time)
}
