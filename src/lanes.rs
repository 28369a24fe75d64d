//! LANES: which thread gets which request.
//!
//! - A worker that has just been busy looks for the next request for a moment (`EAGER`). Under load one is that near, and a
//!   thread that sleeps in tiny_http's queue costs far more: it is woken while its waker still holds the lock it wants first.
//! - When none comes, one worker alone sleeps there; the others are parked, and the one that was idle last is woken first,
//!   its connection to Ollama still warm.
//! - When all are taken, the usher sleeps there in their place: it fills the waiting room and refuses what does not fit.
//! - Pages of our own have workers of their own, so that neither a full house of generations nor a slow page keeps a
//!   scrape waiting.
//!
//! Requests are taken and noted one at a time (`order`), so that whatever follows a request that we refuse on the same
//! connection finds it refused.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tiny_http::Request;

use crate::client::Client;
use crate::connections::{Connections, Ticket};
use crate::listen::Listener;
use crate::route::{self, Page, Route};

/// How long a worker that has just been busy looks for the next request before it sleeps or parks.
const EAGER: Duration = Duration::from_micros(200);

/// Workers that look at the same time. More would share few requests among many connections to Ollama.
const LOOKING_MAX: usize = 3;

/// Requests that wait for a worker; one more is refused.
pub const WAITING_MAX: usize = 1024;

/// Requests that wait for one of the workers of our own pages.
const PAGES_WAITING: usize = 256;

/// A request on its way to a worker.
pub struct Job {
    pub client: Client,
    pub route: Route,
    pub ticket: Ticket,
    pub received: Instant,
    pub at: SystemTime,
    /// There was no room for it: it is only to be told so.
    pub refused: bool,
}

pub struct Lanes {
    pub listener: Listener,
    pub connections: Arc<Connections>,
    state: Mutex<State>,
    /// Held from taking a request until it is noted among the connections.
    order: Mutex<()>,
    usher: Condvar,
    waiting_max: usize,
    vital: (Sender<Job>, Receiver<Job>),
    pages: (Sender<Job>, Receiver<Job>),
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Parked workers, the one that was idle last on top.
    parked: Vec<Arc<Condvar>>,
    looking: usize,
    sleeper: Option<Sleeper>,
    closing: bool,
}

/// Who sleeps in tiny_http's queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sleeper {
    Worker,
    Usher,
}

impl Lanes {
    pub fn new(listener: Listener, connections: Arc<Connections>, waiting_max: usize) -> Lanes {
        let (vital, pages) = (bounded(PAGES_WAITING), bounded(PAGES_WAITING));
        Lanes { listener, connections, state: Mutex::default(), order: Mutex::default(), usher: Condvar::new(), waiting_max, vital, pages }
    }

    /// The next job of a forwarding worker; `None` when the tap is closing. `bell` is the worker's own.
    pub fn next(&self, bell: &Arc<Condvar>) -> Option<Job> {
        let mut state = self.lock();
        let mut eager = true;
        loop {
            state = self.without_the_gone(state);
            if let Some(job) = state.waiting.pop_front() {
                return Some(self.leave(state, job));
            }
            if state.closing {
                return None;
            }
            let job;
            if eager && state.sleeper.is_none() && state.looking < LOOKING_MAX {
                state.looking += 1;
                drop(state);
                job = self.look();
                state = self.lock();
                state.looking -= 1;
                eager = false;
            } else if state.sleeper.is_none() && state.looking == 0 {
                (state, job) = self.sleep(state, Sleeper::Worker);
            } else {
                state = self.park(state, bell);
                eager = true;
                continue;
            }
            if let Some(job) = job.and_then(|job| self.divert(job)) {
                return Some(self.leave(state, job));
            }
        }
    }

    /// The usher's life: receives as long as no worker does.
    pub fn usher(&self) {
        let mut state = self.lock();
        while !state.closing {
            if state.sleeper.is_some() || state.looking > 0 || !state.parked.is_empty() {
                state = self.usher.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let job;
            (state, job) = self.sleep(state, Sleeper::Usher);
            if let Some(job) = job {
                drop(state);
                self.place(job);
                state = self.lock();
            }
            self.call_successor(&mut state);
        }
    }

    /// Takes a request that no worker received.
    pub fn receive(&self, request: Request) {
        if let Some(job) = self.admit(request) {
            self.place(job);
        }
    }

    /// Brings a job that no worker took to a page's lane, the waiting room, or the door.
    fn place(&self, job: Job) {
        let Some(mut job) = self.divert(job) else { return };
        let mut state = self.without_the_gone(self.lock());
        if state.waiting.len() < self.waiting_max {
            state.waiting.push_back(job);
            return self.call_successor(&mut state);
        }
        drop(state);
        job.refused = true;
        self.hand(&self.pages.0, job);
    }

    /// Looks for a request for a moment.
    fn look(&self) -> Option<Job> {
        let began = Instant::now();
        while began.elapsed() < EAGER {
            // Whoever holds it looks for all.
            if let Ok(_order) = self.order.try_lock()
                && let Some(request) = self.listener.poll()
            {
                return self.admit(request);
            }
            std::thread::yield_now();
        }
        None
    }

    /// Sleeps until a request comes. Nobody else receives meanwhile.
    fn sleep<'a>(&'a self, mut state: MutexGuard<'a, State>, who: Sleeper) -> (MutexGuard<'a, State>, Option<Job>) {
        state.sleeper = Some(who);
        drop(state);
        let job = self.listener.receive().and_then(|request| self.admit(request));
        let mut state = self.lock();
        state.sleeper = None;
        (state, job)
    }

    /// The workers of our own pages take from here: the vital ones (/metrics, /healthz), and all others.
    pub fn vital(&self) -> Receiver<Job> {
        self.vital.1.clone()
    }

    pub fn pages(&self) -> Receiver<Job> {
        self.pages.1.clone()
    }

    /// Requests that wait for a worker.
    pub fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Drops waiting requests whose client left; see `Connections::look`.
    pub fn drop_the_gone(&self) {
        drop(self.without_the_gone(self.lock()));
    }

    /// Stops listening, and lets every worker end once nothing waits any more.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        state.parked.drain(..).for_each(|bell| bell.notify_one());
        self.usher.notify_one();
        drop(state);
        self.listener.wake();
        self.listener.close();
    }

    fn admit(&self, request: Request) -> Option<Job> {
        let (received, at) = (Instant::now(), SystemTime::now());
        // Every socket of ours is TCP, so there is an address.
        let peer = *request.remote_addr()?;
        let route = route::route(request.method().as_str(), request.url());
        let ticket = self.connections.enter(peer);
        let first_in_line = ticket.as_ref().is_some_and(|ticket| ticket.alone);
        let client = Client::new(request, peer, self.listener.address().port(), self.connections.clone(), first_in_line);
        match ticket {
            Some(ticket) => Some(Job { client, route, ticket, received, at, refused: false }),
            None => {
                client.hang_up();
                None
            }
        }
    }

    /// Sends a page of ours to its lane. Not where another reply must go out on its connection before it: that
    /// would hold up the lane.
    fn divert(&self, job: Job) -> Option<Job> {
        match &job.route {
            Route::Own(_) if !job.ticket.alone => return Some(job),
            Route::Own(Page::Metrics | Page::Healthz) => self.hand(&self.vital.0, job),
            Route::Own(_) => self.hand(&self.pages.0, job),
            Route::Forward(_) => return Some(job),
        }
        None
    }

    fn hand(&self, lane: &Sender<Job>, job: Job) {
        if let Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) = lane.try_send(job) {
            job.client.hang_up();
        }
    }

    /// A worker goes off with `job`, and another receives in its place.
    fn leave(&self, mut state: MutexGuard<'_, State>, job: Job) -> Job {
        self.call_successor(&mut state);
        job
    }

    /// Sees to it that somebody receives, and that somebody looks into the waiting room.
    fn call_successor(&self, state: &mut State) {
        let unheeded = !state.waiting.is_empty() && state.looking == 0;
        match state.sleeper {
            // It comes back and finds what waits.
            Some(Sleeper::Worker) if unheeded => self.listener.wake(),
            // A parked worker receives in its place, and takes what waits.
            Some(Sleeper::Usher) if !state.parked.is_empty() => self.listener.wake(),
            None if state.looking == 0 => match state.parked.pop() {
                Some(bell) => bell.notify_one(),
                None => self.usher.notify_one(),
            },
            _ => {}
        }
    }

    /// Waits to be called.
    fn park<'a>(&self, mut state: MutexGuard<'a, State>, bell: &Arc<Condvar>) -> MutexGuard<'a, State> {
        state.parked.push(bell.clone());
        if state.sleeper == Some(Sleeper::Usher) {
            self.listener.wake();
        }
        while state.parked.iter().any(|parked| Arc::ptr_eq(parked, bell)) {
            state = bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// Removes requests whose client left from the waiting room, and ends them outside the lock.
    fn without_the_gone<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        if state.waiting.iter().all(|job| job.ticket.flight.is_cut().is_none()) {
            return state;
        }
        let (gone, waiting) = std::mem::take(&mut state.waiting).into_iter().partition(|job| job.ticket.flight.is_cut().is_some());
        state.waiting = waiting;
        drop(state);
        let gone: VecDeque<Job> = gone;
        gone.into_iter().for_each(|job| self.hand(&self.pages.0, job));
        self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
