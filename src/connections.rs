//! Who is connected and what runs for them: the one table that workers and the watcher share.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::forward::line::Line;
use crate::platform::Connection;

/// A client is taken for gone when it was gone in two looks this far apart: a look is no atomic snapshot.
const GONE: Duration = Duration::from_millis(100);

/// The connections that ever asked something, by their client's address.
#[derive(Default)]
pub struct Connections {
    peers: Mutex<HashMap<SocketAddr, Peer>>,
    /// Somebody waits for the last request to end.
    draining: AtomicBool,
    emptied: Condvar,
}

#[derive(Default)]
struct Peer {
    flights: Vec<Arc<Flight>>,
    /// Its last request was left half read: what follows on this connection is no request.
    refused: bool,
}

/// Why a request was ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    ClientGone,
    Shutdown,
}

/// One request in flight, waiting or at work.
pub struct Flight {
    pub peer: SocketAddr,
    state: Mutex<FlightState>,
}

#[derive(Default)]
struct FlightState {
    cut: Option<Cut>,
    line: Option<Arc<Line>>,
    gone_since: Option<Instant>,
}

/// A place in the table, given back when dropped.
pub struct Ticket {
    pub flight: Arc<Flight>,
    connections: Arc<Connections>,
    /// No other request of the same connection was in flight when this one came.
    pub alone: bool,
}

impl Connections {
    /// Notes a request of `peer`; `None` when nothing more is accepted on its connection.
    pub fn enter(self: &Arc<Self>, peer: SocketAddr) -> Option<Ticket> {
        let mut peers = self.lock();
        let entry = peers.entry(peer).or_default();
        if entry.refused {
            return None;
        }
        let alone = entry.flights.is_empty();
        let flight = Arc::new(Flight { peer, state: Mutex::default() });
        entry.flights.push(flight.clone());
        Some(Ticket { flight, connections: self.clone(), alone })
    }

    /// Takes no more requests from the connection of `peer`.
    pub fn refuse(&self, peer: SocketAddr) {
        self.lock().entry(peer).or_default().refused = true;
    }

    /// Whether a request ever came from `peer`.
    pub fn has_asked(&self, peer: SocketAddr) -> bool {
        self.lock().contains_key(&peer)
    }

    /// Compares with the connections there are: cuts the requests of clients that left, and forgets closed connections.
    /// Returns how many requests it cut, and the connections with unread bytes that have never asked anything.
    pub fn look(&self, there: &[Connection], now: Instant) -> (usize, Vec<SocketAddr>) {
        let there: HashMap<SocketAddr, &Connection> = there.iter().map(|connection| (connection.peer, connection)).collect();
        let mut cut = 0;
        let mut peers = self.lock();
        peers.retain(|address, peer| {
            let connection = there.get(address);
            let gone = connection.is_none_or(|connection| connection.peer_closed);
            cut += peer.flights.iter().filter(|flight| flight.has_left(gone, now) && flight.cut(Cut::ClientGone)).count();
            connection.is_some() || !peer.flights.is_empty()
        });
        let waits = |connection: &&&Connection| connection.unread && !peers.contains_key(&connection.peer);
        (cut, there.values().filter(waits).map(|connection| connection.peer).collect())
    }

    /// The requests in flight.
    pub fn flights(&self) -> Vec<Arc<Flight>> {
        self.lock().values().flat_map(|peer| peer.flights.clone()).collect()
    }

    /// Waits until nothing is in flight, but no longer than until `deadline`. True when nothing is.
    pub fn wait_until_empty(&self, deadline: Instant) -> bool {
        self.draining.store(true, SeqCst);
        let mut peers = self.lock();
        loop {
            if peers.values().all(|peer| peer.flights.is_empty()) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            peers = self.emptied.wait_timeout(peers, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(peer) = self.connections.lock().get_mut(&self.flight.peer) {
            peer.flights.retain(|flight| !Arc::ptr_eq(flight, &self.flight));
        }
        // Waking nobody costs a system call all the same.
        if self.connections.draining.load(SeqCst) {
            self.connections.emptied.notify_all();
        }
    }
}

impl Flight {
    /// Ends the request. True when nobody had ended it before.
    pub fn cut(&self, why: Cut) -> bool {
        let mut state = self.lock();
        let first = state.cut.is_none();
        state.cut.get_or_insert(why);
        if let Some(line) = &state.line {
            line.cut();
        }
        first
    }

    /// Why the request was ended from outside, if it was.
    pub fn is_cut(&self) -> Option<Cut> {
        self.lock().cut
    }

    /// From now until `detach`, a cut reaches `line`.
    pub fn attach(&self, line: &Arc<Line>) {
        let mut state = self.lock();
        line.begin();
        if state.cut.is_some() {
            line.cut();
        }
        state.line = Some(line.clone());
    }

    /// The line belongs to the next request from here on.
    pub fn detach(&self) {
        self.lock().line = None;
    }

    /// Looks whether Ollama answered before the request's body was sent; see `Line::answered_early`.
    pub fn answered_early(&self) -> bool {
        self.lock().line.as_ref().is_some_and(|line| line.answered_early())
    }

    fn has_left(&self, gone: bool, now: Instant) -> bool {
        let mut state = self.lock();
        if !gone {
            state.gone_since = None;
        }
        gone && now.duration_since(*state.gone_since.get_or_insert(now)) >= GONE
    }

    fn lock(&self) -> MutexGuard<'_, FlightState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(port: u16, peer_closed: bool, unread: bool) -> Connection {
        Connection { peer: peer(port), peer_closed, unread }
    }

    fn peer(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn a_client_that_closed_or_is_missing_is_gone_after_a_second_look() {
        let connections = Arc::new(Connections::default());
        let tickets = [1, 2, 3].map(|port| connections.enter(peer(port)).unwrap());
        let now = Instant::now();
        let there = [seen(1, true, false), seen(2, false, false)];
        assert_eq!(connections.look(&there, now).0, 0);
        assert_eq!(connections.look(&there, now + GONE).0, 2);
        assert_eq!(tickets.map(|ticket| ticket.flight.is_cut()), [Some(Cut::ClientGone), None, Some(Cut::ClientGone)]);
    }

    #[test]
    fn a_client_that_was_missed_once_is_not_gone() {
        let connections = Arc::new(Connections::default());
        let _ticket = connections.enter(peer(1)).unwrap();
        let now = Instant::now();
        for (there, later) in [(vec![], 0), (vec![seen(1, false, false)], 1), (vec![], 2)] {
            assert_eq!(connections.look(&there, now + later * GONE).0, 0);
        }
    }

    #[test]
    fn a_connection_with_unread_bytes_that_never_asked_is_stranded() {
        let connections = Arc::new(Connections::default());
        drop(connections.enter(peer(1)));
        let there = [seen(1, false, true), seen(2, false, true), seen(3, false, false)];
        assert_eq!(connections.look(&there, Instant::now()).1, [peer(2)]);
    }

    #[test]
    fn a_refused_connection_is_forgotten_once_it_is_closed() {
        let connections = Arc::new(Connections::default());
        drop(connections.enter(peer(1)));
        connections.refuse(peer(1));
        assert!(connections.enter(peer(1)).is_none());
        connections.look(&[], Instant::now());
        assert!(connections.enter(peer(1)).is_some());
    }

    #[test]
    fn the_second_request_of_a_connection_is_not_alone() {
        let connections = Arc::new(Connections::default());
        let first = connections.enter(peer(1)).unwrap();
        assert!(first.alone && !connections.enter(peer(1)).unwrap().alone);
        assert!(!connections.wait_until_empty(Instant::now()));
        drop(first);
        assert!(connections.wait_until_empty(Instant::now()));
    }
}
