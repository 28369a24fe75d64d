//! WORKER POOL: where the event loop hands requests to workers, and where workers wait for them.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::dispatch::{Dispatch, Kind, Offered};
use crate::util::threads::lock;

/// At most this often it is looked who of those that wait has left.
const LOOK: Duration = Duration::from_millis(20);

pub struct WorkerPool<J> {
    state: Mutex<State<J>>,
    mailboxes: Vec<Mailbox<J>>,
    /// Told when something ended while somebody waits for the last to end.
    quiet: Condvar,
    looked: Mutex<Option<Instant>>,
    waiting: AtomicUsize,
    waiting_uploads: AtomicUsize,
    idle: AtomicUsize,
}

struct State<J> {
    dispatch: Dispatch<J>,
    closing: bool,
    /// Workers that have work.
    busy: usize,
}

/// A worker's own place, where it sleeps until it is handed something.
struct Mailbox<J> {
    handed: Mutex<Handed<J>>,
    bell: Condvar,
}

enum Handed<J> {
    Nothing,
    Job(J),
    /// There will be no more work.
    Leave,
}

impl<J> WorkerPool<J> {
    pub fn new(workers: usize, waiting_max: usize) -> WorkerPool<J> {
        let mailbox = |_| Mailbox {
            handed: Mutex::new(Handed::Nothing),
            bell: Condvar::new(),
        };
        WorkerPool {
            state: Mutex::new(State {
                dispatch: Dispatch::new(workers, waiting_max),
                closing: false,
                busy: 0,
            }),
            mailboxes: (0..workers).map(mailbox).collect(),
            quiet: Condvar::new(),
            looked: Mutex::default(),
            waiting: AtomicUsize::new(0),
            waiting_uploads: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
        }
    }

    /// Hands a job to a worker, or lets it wait. Comes back where there is no room.
    pub fn offer(&self, job: J, kind: Kind) -> Option<J> {
        let mut state = lock(&self.state);
        let offered = state.dispatch.offer(job, kind);
        if let Offered::Given(..) = offered {
            state.busy += 1;
        }
        self.note(&state);
        drop(state);
        match offered {
            Offered::Given(worker, job) => self.hand(worker, Handed::Job(job)),
            Offered::Waits => {}
            Offered::Refused(job) => return Some(job),
        }
        None
    }

    /// Waits for the next job of a worker; `None` when there will be none.
    pub fn next(&self, worker: usize) -> Option<J> {
        let mut state = lock(&self.state);
        if let Some(job) = state.dispatch.next(worker) {
            state.busy += 1;
            self.note(&state);
            return Some(job);
        }
        if state.closing {
            state.dispatch.dismiss();
            return None;
        }
        self.note(&state);
        drop(state);
        let mailbox = &self.mailboxes[worker];
        let mut handed = lock(&mailbox.handed);
        loop {
            match std::mem::replace(&mut *handed, Handed::Nothing) {
                Handed::Job(job) => return Some(job),
                Handed::Leave => return None,
                Handed::Nothing => {
                    handed = mailbox
                        .bell
                        .wait(handed)
                        .unwrap_or_else(PoisonError::into_inner)
                }
            }
        }
    }

    /// Something begins that is no worker's, and whose end is to be waited for.
    pub fn enter(&self) {
        lock(&self.state).busy += 1;
    }

    /// A worker is done with what it was given or went on with.
    pub fn done(&self) {
        let mut state = lock(&self.state);
        state.busy -= 1;
        let is_quiet = state.closing && state.busy == 0 && state.dispatch.waiting() == 0;
        drop(state);
        if is_quiet {
            self.quiet.notify_all();
        }
    }

    /// An upload has ended.
    pub fn upload_ended(&self) {
        let mut state = lock(&self.state);
        let next = state.dispatch.upload_ended();
        state.busy += usize::from(next.is_some());
        self.note(&state);
        drop(state);
        if let Some((worker, job)) = next {
            self.hand(worker, Handed::Job(job));
        }
    }

    /// Whether it is time to look again who of those that wait has left: a look asks the system about each of them.
    pub fn look_is_due(&self) -> bool {
        let mut looked = lock(&self.looked);
        let is_due = looked.is_none_or(|at| at.elapsed() >= LOOK);
        if is_due {
            *looked = Some(Instant::now());
        }
        is_due
    }

    /// Takes out the waiting jobs that are so.
    pub fn remove(&self, is_so: impl FnMut(&J) -> bool) -> Vec<J> {
        let mut state = lock(&self.state);
        let removed = state.dispatch.remove(is_so);
        self.note(&state);
        removed
    }

    /// Whether a worker may wait for more of its own connection: nobody else waits for it, and others are free.
    pub fn may_linger(&self) -> bool {
        self.waiting.load(Relaxed) == 0 && self.idle.load(Relaxed) > 0
    }

    pub fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    pub fn waiting_uploads(&self) -> usize {
        self.waiting_uploads.load(Relaxed)
    }

    /// How many jobs run or wait.
    pub fn under_way(&self) -> usize {
        let state = lock(&self.state);
        state.busy + state.dispatch.waiting()
    }

    /// Lets every worker leave once nothing waits any more.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.closing = true;
        let idle = state.dispatch.dismiss();
        drop(state);
        self.quiet.notify_all();
        idle.into_iter()
            .for_each(|worker| self.hand(worker, Handed::Leave));
    }

    /// Waits until nothing runs or waits, after `close`, but no longer than until `deadline`. True when nothing does.
    pub fn wait_until_quiet(&self, deadline: Instant) -> bool {
        let mut state = lock(&self.state);
        while !state.closing || state.busy + state.dispatch.waiting() > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .quiet
                .wait_timeout(state, left.max(Duration::from_millis(1)))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    fn hand(&self, worker: usize, what: Handed<J>) {
        let mailbox = &self.mailboxes[worker];
        *lock(&mailbox.handed) = what;
        mailbox.bell.notify_one();
    }

    fn note(&self, state: &State<J>) {
        self.waiting.store(state.dispatch.waiting(), Relaxed);
        self.waiting_uploads
            .store(state.dispatch.waiting_uploads(), Relaxed);
        self.idle.store(state.dispatch.idle(), Relaxed);
    }
}
