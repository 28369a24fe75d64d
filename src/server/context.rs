//! CONTEXT: what the event loop and the workers share.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use polling::Poller;

use super::reactor::Reactor;
use super::refusals::Refusals;
use super::request_reader::Request;
use super::worker_pool::WorkerPool;
use crate::http::route::Pages;
use crate::metrics::Metrics;
use crate::util::budget::Budget;
use crate::util::threads::lock;

/// Descriptors that are neither a client's nor a worker's: listeners, the history's files, standard streams.
const OTHER_DESCRIPTORS: u64 = 24;

/// A connection that is open may cost this much memory outside the budget, the system's part of it included (bytes).
const CONNECTION_COST: u64 = 64 * 1024;

/// Who was told to come again is taken to be waiting for so long.
const WANTED: Duration = Duration::from_secs(10);

/// Fewer connections than this serve nobody.
const CONNECTIONS_MIN: u64 = 8;

/// Which of our ports a connection came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Ollama's, and that of our own pages where they have none of their own.
    Public,
    /// The one of our own pages alone.
    Admin,
}

pub struct Context {
    pub poller: Arc<Poller>,
    pub reactor: Reactor,
    pub pool: WorkerPool<Box<Request>>,
    pub budget: Arc<Budget>,
    pub refusals: Refusals,
    /// How long a client may send and take nothing.
    pub idle: Option<Duration>,
    /// Our own pages have a port of their own.
    pub has_admin: bool,
    connections: Arc<AtomicUsize>,
    connections_max: usize,
    workers: usize,
    closing: AtomicBool,
    /// When somebody was last refused a long answer because another was being sent.
    long_answer_wanted: Mutex<Option<Instant>>,
}

/// What bounds a context.
pub struct Bounds {
    pub descriptors: u64,
    pub memory: Option<u64>,
    pub budget: Arc<Budget>,
    pub workers: usize,
    pub waiting: usize,
    pub idle: Option<Duration>,
}

impl Context {
    pub fn new(bounds: Bounds, has_admin: bool, metrics: Arc<Metrics>) -> io::Result<Context> {
        let poller = Arc::new(Poller::new()?);
        let by_descriptors = bounds
            .descriptors
            .saturating_sub(OTHER_DESCRIPTORS + bounds.workers as u64);
        let by_memory = bounds
            .memory
            .map_or(u64::MAX, |memory| memory / CONNECTION_COST);
        Ok(Context {
            reactor: Reactor::new(&poller),
            poller,
            pool: WorkerPool::new(bounds.workers, bounds.waiting),
            budget: bounds.budget,
            refusals: Refusals::new(metrics),
            idle: bounds.idle,
            has_admin,
            connections: Arc::default(),
            connections_max: by_descriptors.min(by_memory).max(CONNECTIONS_MIN) as usize,
            workers: bounds.workers,
            closing: AtomicBool::new(false),
            long_answer_wanted: Mutex::default(),
        })
    }

    /// A place for one more connection, if there is one.
    pub fn permit(&self) -> Option<Permit> {
        let taken = self.connections.fetch_update(Relaxed, Relaxed, |n| {
            Some(n + 1).filter(|n| *n <= self.connections_max)
        });
        taken.is_ok().then(|| Permit(self.connections.clone()))
    }

    /// Whether connections should rather end than be kept: few places are left, or we are about to stop.
    pub fn keeps_none(&self) -> bool {
        self.is_closing()
            || self.connections.load(Relaxed) > self.connections_max - self.connections_max / 16
    }

    /// Somebody was refused a long answer because another is being sent.
    pub fn want_long_answer(&self) {
        *lock(&self.long_answer_wanted) = Some(Instant::now());
    }

    /// Whether somebody wants to be sent a long answer, and was told to come again.
    pub fn long_answer_is_wanted(&self) -> bool {
        let wanted = *lock(&self.long_answer_wanted);
        wanted.is_some_and(|at| at.elapsed() < WANTED)
    }

    /// How many workers there are to be.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// What a port answers itself.
    pub fn pages_of(&self, port: Port) -> Pages {
        match port {
            Port::Admin => Pages::Alone,
            Port::Public if self.has_admin => Pages::None,
            Port::Public => Pages::First,
        }
    }

    pub fn connections_max(&self) -> usize {
        self.connections_max
    }

    pub fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    /// Takes no more requests; those that are here run to their end.
    pub fn close(&self) {
        self.closing.store(true, SeqCst);
        let _ = self.poller.notify();
    }
}

/// The place of one connection, free again when dropped.
pub struct Permit(Arc<AtomicUsize>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
