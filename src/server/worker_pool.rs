//! WORKER POOL: passes requests from the event loop to workers, which wait for them here.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::dispatch::{Dispatch, JobKind, OfferResult};
use crate::util::threads::lock;

/// The clients of waiting jobs are checked at most this often.
const DISCONNECT_CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// The workers and the jobs that run or wait.
pub struct WorkerPool<J> {
    state: Mutex<State<J>>,
    mailboxes: Vec<Mailbox<J>>,
    /// Notified when the last job has ended.
    all_done: Condvar,
    last_disconnect_check: Mutex<Option<Instant>>,
    waiting: AtomicUsize,
    waiting_uploads: AtomicUsize,
    idle: AtomicUsize,
}

struct State<J> {
    dispatch: Dispatch<J>,
    closing: bool,
    /// Jobs that run.
    busy: usize,
}

/// The place where a worker sleeps until it is sent a message.
struct Mailbox<J> {
    message: Mutex<Message<J>>,
    arrived: Condvar,
}

enum Message<J> {
    None,
    Job(J),
    /// There will be no more jobs.
    Stop,
}

impl<J> WorkerPool<J> {
    pub fn new(workers: usize, waiting_max: usize) -> WorkerPool<J> {
        let mailbox = |_| Mailbox {
            message: Mutex::new(Message::None),
            arrived: Condvar::new(),
        };
        WorkerPool {
            state: Mutex::new(State {
                dispatch: Dispatch::new(workers, waiting_max),
                closing: false,
                busy: 0,
            }),
            mailboxes: (0..workers).map(mailbox).collect(),
            all_done: Condvar::new(),
            last_disconnect_check: Mutex::default(),
            waiting: AtomicUsize::new(0),
            waiting_uploads: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
        }
    }

    /// Gives a job to a worker, or queues it. Returns it if there is no room.
    pub fn offer(&self, job: J, kind: JobKind) -> Option<J> {
        let mut state = lock(&self.state);
        let offered = state.dispatch.offer(job, kind);
        if let OfferResult::Assigned(..) = offered {
            state.busy += 1;
        }
        self.publish_counts(&state);
        drop(state);
        match offered {
            OfferResult::Assigned(worker, job) => self.deliver(worker, Message::Job(job)),
            OfferResult::Queued => {}
            OfferResult::Rejected(job) => return Some(job),
        }
        None
    }

    /// Waits for the next job of a worker; `None` when there will be none.
    pub fn next(&self, worker: usize) -> Option<J> {
        let mut state = lock(&self.state);
        if let Some(job) = state.dispatch.next(worker) {
            state.busy += 1;
            self.publish_counts(&state);
            return Some(job);
        }
        if state.closing {
            state.dispatch.take_idle();
            return None;
        }
        self.publish_counts(&state);
        drop(state);
        let mailbox = &self.mailboxes[worker];
        let mut message = lock(&mailbox.message);
        loop {
            match std::mem::replace(&mut *message, Message::None) {
                Message::Job(job) => return Some(job),
                Message::Stop => return None,
                Message::None => {
                    message = mailbox
                        .arrived
                        .wait(message)
                        .unwrap_or_else(PoisonError::into_inner)
                }
            }
        }
    }

    /// Begins a page, which needs no worker, but whose end `wait_until_done` waits for.
    pub fn begin_page(&self) {
        lock(&self.state).busy += 1;
    }

    /// Ends a job or a page.
    pub fn done(&self) {
        let mut state = lock(&self.state);
        state.busy -= 1;
        let is_quiet = state.closing && state.busy == 0 && state.dispatch.waiting() == 0;
        drop(state);
        if is_quiet {
            self.all_done.notify_all();
        }
    }

    /// Ends an upload.
    pub fn upload_ended(&self) {
        let mut state = lock(&self.state);
        let next = state.dispatch.upload_ended();
        state.busy += usize::from(next.is_some());
        self.publish_counts(&state);
        drop(state);
        if let Some((worker, job)) = next {
            self.deliver(worker, Message::Job(job));
        }
    }

    /// Returns whether a check for clients that have left is due: it asks the system about each of them.
    pub fn disconnect_check_is_due(&self) -> bool {
        let mut last_check = lock(&self.last_disconnect_check);
        let is_due = last_check.is_none_or(|at| at.elapsed() >= DISCONNECT_CHECK_INTERVAL);
        if is_due {
            *last_check = Some(Instant::now());
        }
        is_due
    }

    /// Removes the waiting jobs that match.
    pub fn remove_where(&self, matches: impl FnMut(&J) -> bool) -> Vec<J> {
        let mut state = lock(&self.state);
        let removed = state.dispatch.remove_where(matches);
        self.publish_counts(&state);
        removed
    }

    /// Shows the jobs that wait, while nobody else can use the pool.
    pub fn visit_waiting(&self, visit: impl FnMut(&J)) {
        lock(&self.state).dispatch.waiting_jobs().for_each(visit);
    }

    /// Returns whether a worker may wait for the next request of its own connection: no job waits, and other workers are idle.
    pub fn may_linger(&self) -> bool {
        self.waiting.load(Relaxed) == 0 && self.idle.load(Relaxed) > 0
    }

    pub fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    pub fn waiting_uploads(&self) -> usize {
        self.waiting_uploads.load(Relaxed)
    }

    /// The number of jobs that run or wait.
    pub fn under_way(&self) -> usize {
        let state = lock(&self.state);
        state.busy + state.dispatch.waiting()
    }

    /// Stops every worker once no job waits.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.closing = true;
        let idle = state.dispatch.take_idle();
        drop(state);
        self.all_done.notify_all();
        for worker in idle {
            self.deliver(worker, Message::Stop);
        }
    }

    /// Waits after `close` until no job runs or waits, or until `deadline`. Returns false at the deadline.
    pub fn wait_until_done(&self, deadline: Instant) -> bool {
        let mut state = lock(&self.state);
        while !state.closing || state.busy + state.dispatch.waiting() > 0 {
            let remaining = deadline.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                return false;
            }
            state = self
                .all_done
                .wait_timeout(state, remaining.max(Duration::from_millis(1)))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    fn deliver(&self, worker: usize, message: Message<J>) {
        let mailbox = &self.mailboxes[worker];
        *lock(&mailbox.message) = message;
        mailbox.arrived.notify_one();
    }

    fn publish_counts(&self, state: &State<J>) {
        self.waiting.store(state.dispatch.waiting(), Relaxed);
        self.waiting_uploads
            .store(state.dispatch.waiting_uploads(), Relaxed);
        self.idle.store(state.dispatch.idle(), Relaxed);
    }
}
