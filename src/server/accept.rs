//! ACCEPT: admits new connections, in the place of others if all places are taken.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Instant;

use polling::Event;

use super::connection::Connection;
use super::context::{ConnectionPermit, ListenerRole};
use super::event_loop::{ACCEPT_BACKOFF, EventLoop};
use super::http1::Reason;
use super::request_reader::RequestReader;
use super::{eviction, listen};
use crate::platform;

/// The number of connections that are accepted before others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// The number of attempts to evict a connection: each candidate may turn out to have sent something.
const EVICTION_TRIES: usize = 8;

impl EventLoop {
    /// Accepts new connections. While the tap is stopping they are left to the next run, in case the service manager keeps the socket.
    pub(super) fn accept(&mut self, key: usize) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some((role, listener)) = self
                .listeners
                .get(key)
                .filter(|_| !self.context.is_closing())
            else {
                return;
            };
            let role = *role;
            match listener.accept() {
                Ok((stream, peer)) => {
                    self.catch_panic(|this| this.admit(stream, listen::canonical(peer), role))
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if is_connection_error(&e) => {}
                Err(e) if self.make_room(key, &e) => {}
                Err(e) => return self.back_off(&e),
            }
        }
        if let Some((_, listener)) = self.listeners.get(key)
            && let Err(e) = listener.watch(Event::readable(key))
        {
            self.back_off(&e);
        }
    }

    /// Evicts a connection if descriptors have run out, or else refuses the new one. Returns false if neither was possible.
    fn make_room(&mut self, key: usize, error: &io::Error) -> bool {
        if !platform::sockets::is_out_of_descriptors(error) {
            return false;
        }
        if eviction::evict(&self.context, &*self.service, &mut self.scratch) {
            return true;
        }
        // With the spare descriptor it can be accepted and closed, instead of being left to wait.
        self.spare_descriptor = None;
        let refused = self
            .listeners
            .get(key)
            .and_then(|(_, listener)| listener.accept().ok());
        if let Some((_, peer)) = &refused {
            self.context.refusals.note(
                Reason::Descriptors,
                *peer,
                &format!("a connection: {error}"),
            );
        }
        let is_refused = refused.is_some();
        drop(refused);
        self.spare_descriptor = open_spare_descriptor();
        is_refused
    }

    /// Accepts again after a while: the system has no resources for one more connection.
    fn back_off(&mut self, error: &io::Error) {
        log::debug!(
            "accept a connection: {error}; again in {} ms",
            ACCEPT_BACKOFF.as_millis()
        );
        self.accept_at = Some(Instant::now() + ACCEPT_BACKOFF);
    }

    /// Admits a new connection, in the place of another if all are taken.
    fn admit(&mut self, stream: TcpStream, peer: SocketAddr, role: ListenerRole) {
        let Some(permit) = self.acquire_permit() else {
            let what = format!(
                "a connection: all {} are taken",
                self.context.connections_max()
            );
            return self.context.refusals.note(Reason::Connections, peer, &what);
        };
        match Connection::new(stream, peer, role, permit, &self.context) {
            Ok(conn) => self.read(conn, RequestReader::default()),
            Err(e) => log::debug!("admit a connection of {peer}: {e}"),
        }
    }

    /// Takes a place for a connection, that of another if all are taken.
    fn acquire_permit(&mut self) -> Option<ConnectionPermit> {
        for _ in 0..EVICTION_TRIES {
            let permit = self.context.acquire_permit();
            if permit.is_some()
                || !eviction::evict(&self.context, &*self.service, &mut self.scratch)
            {
                return permit;
            }
        }
        self.context.acquire_permit()
    }
}

/// Returns whether an error of `accept` concerns a single connection.
fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}

/// Opens a socket that only occupies a descriptor.
pub(super) fn open_spare_descriptor() -> Option<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()
}
