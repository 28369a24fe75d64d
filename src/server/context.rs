//! CONTEXT: shared by the event loop and the workers.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use polling::Poller;

use super::reactor::Reactor;
use super::refusals::Refusals;
use super::request::Request;
use super::worker_pool::WorkerPool;
use crate::http::route::ServedRoutes;
use crate::metrics::Metrics;
use crate::util::budget::Budget;
use crate::util::threads::lock;

/// Descriptors that are neither a client's nor a worker's: listeners, the history's files, standard streams.
const RESERVED_DESCRIPTORS: u64 = 24;

/// An open connection may take this much memory outside the budget, the system's part of it included (bytes).
const CONNECTION_MEMORY: u64 = 64 * 1024;

/// A client that was refused a long response is expected to ask for it again within this time.
const RETRY_WINDOW: Duration = Duration::from_secs(10);

/// The least number of connections that are allowed, whatever the limits: with fewer a tap is of no use.
const CONNECTIONS_MIN: u64 = 8;

/// The role of the listener that accepted a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerRole {
    /// For Ollama's clients, and for our own pages if they have no listener of their own.
    Public,
    /// For our own pages alone.
    Admin,
}

/// The state that the event loop and the workers share.
pub struct Context {
    pub poller: Arc<Poller>,
    pub reactor: Reactor,
    pub pool: WorkerPool<Box<Request>>,
    pub budget: Arc<Budget>,
    pub refusals: Refusals,
    /// A client may send and take nothing for this long.
    pub idle_timeout: Option<Duration>,
    /// Our own pages have a port of their own.
    pub has_admin_listener: bool,
    connections: Arc<AtomicUsize>,
    connections_max: usize,
    workers: usize,
    closing: AtomicBool,
    /// The last time that a client was refused a long response because another was being sent.
    long_response_refused_at: Mutex<Option<Instant>>,
}

/// The limits of a server.
pub struct ServerLimits {
    pub descriptors: u64,
    pub memory: Option<u64>,
    pub budget: Arc<Budget>,
    pub workers: usize,
    pub waiting: usize,
    pub idle_timeout: Option<Duration>,
}

impl Context {
    pub fn new(
        limits: ServerLimits,
        has_admin_listener: bool,
        metrics: Arc<Metrics>,
    ) -> io::Result<Context> {
        let poller = Arc::new(Poller::new()?);
        let by_descriptors = limits
            .descriptors
            .saturating_sub(RESERVED_DESCRIPTORS + limits.workers as u64);
        let by_memory = limits
            .memory
            .map_or(u64::MAX, |memory| memory / CONNECTION_MEMORY);
        Ok(Context {
            reactor: Reactor::new(&poller),
            poller,
            pool: WorkerPool::new(limits.workers, limits.waiting),
            budget: limits.budget,
            refusals: Refusals::new(metrics),
            idle_timeout: limits.idle_timeout,
            has_admin_listener,
            connections: Arc::default(),
            connections_max: by_descriptors.min(by_memory).max(CONNECTIONS_MIN) as usize,
            workers: limits.workers,
            closing: AtomicBool::new(false),
            long_response_refused_at: Mutex::default(),
        })
    }

    /// Takes a place for one more connection, if there is one.
    pub fn acquire_permit(&self) -> Option<ConnectionPermit> {
        self.connections
            .fetch_update(Relaxed, Relaxed, |count| {
                (count < self.connections_max).then_some(count + 1)
            })
            .ok()?;
        Some(ConnectionPermit(self.connections.clone()))
    }

    /// Returns whether connections should be closed after their response: few places are left, or the tap is stopping.
    pub fn sheds_connections(&self) -> bool {
        self.is_closing()
            || self.connections.load(Relaxed) > self.connections_max - self.connections_max / 16
    }

    /// Notes that a client was refused a long response because another is being sent.
    pub fn note_long_response_refused(&self) {
        *lock(&self.long_response_refused_at) = Some(Instant::now());
    }

    /// Returns whether a client that was refused a long response is expected to ask for it again.
    pub fn long_response_is_wanted(&self) -> bool {
        let refused_at = *lock(&self.long_response_refused_at);
        refused_at.is_some_and(|at| at.elapsed() < RETRY_WINDOW)
    }

    /// The configured number of workers.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The routes that are served to connections of a listener.
    pub fn served_routes(&self, role: ListenerRole) -> ServedRoutes {
        match role {
            ListenerRole::Admin => ServedRoutes::PagesOnly,
            ListenerRole::Public if self.has_admin_listener => ServedRoutes::OllamaOnly,
            ListenerRole::Public => ServedRoutes::All,
        }
    }

    pub fn connections_max(&self) -> usize {
        self.connections_max
    }

    pub fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    /// Accepts no more requests; those that came run to their end.
    pub fn close(&self) {
        self.closing.store(true, SeqCst);
        let _ = self.poller.notify();
    }
}

/// The place of one connection, free again when dropped.
pub struct ConnectionPermit(Arc<AtomicUsize>);

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
