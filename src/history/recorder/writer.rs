//! The one thread that makes records of exchanges and writes them, batch by batch.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, after, never, select_biased};

use super::Shared;
use crate::config::StoreText;
use crate::history::record::{self, Record, text_bytes};
use crate::history::store::{Refused, Store};
use crate::metrics::WriteStatus;
use crate::observe::Exchange;
use crate::util::threads::lock;

/// Records that are written at once.
pub const BATCH_MAX: usize = 500;

/// While a batch is gathered, exchanges that come in this time are taken together: waking up for
/// each costs more than taking it.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The pause before a store that failed is tried again; each further failure doubles it.
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(100);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);

/// The time before the deadline at which a failing store is tried for the last time.
const LAST_ATTEMPT_MARGIN: Duration = Duration::from_secs(1);

/// The channels from the side of the workers.
pub struct Inbox {
    pub exchanges: Receiver<Box<Exchange>>,
    /// The deadline for writing what is left.
    pub close: Receiver<Instant>,
    pub flushes: Receiver<Sender<()>>,
    /// Dropped with the writer, so that `shutdown` learns that it has ended.
    pub _end: Sender<()>,
}

pub struct BatchWriter {
    inbox: Inbox,
    store: Arc<Store>,
    keep: StoreText,
    writer: record::TapIdentity,
    flush: Duration,
    shared: Arc<Shared>,
    /// Flushes that are under way, each with the number of exchanges that must have been taken.
    pending_flushes: Vec<(u64, Sender<()>)>,
    /// The number of exchanges that were taken since the start.
    taken: u64,
    /// Set once the tap ends: the store has time until then.
    deadline: Option<Instant>,
    /// Before what the store had put off, and could not do, is tried again.
    pause: Duration,
    batch: Vec<Record>,
    /// Bytes of text that the exchanges of `batch` held.
    text: usize,
}

impl BatchWriter {
    /// A batch is written `flush` after its first record came, or when it is full.
    pub fn new(
        inbox: Inbox,
        store: Arc<Store>,
        (keep, writer): (StoreText, record::TapIdentity),
        flush: Duration,
        shared: Arc<Shared>,
    ) -> BatchWriter {
        BatchWriter {
            inbox,
            store,
            keep,
            writer,
            flush,
            shared,
            pending_flushes: Vec::new(),
            taken: 0,
            deadline: None,
            pause: RETRY_PAUSE_MIN,
            batch: Vec::new(),
            text: 0,
        }
    }

    pub fn run(mut self) {
        while self.gather() && self.write() {}
    }

    /// Fills the batch; returns `false` when nothing more will come.
    fn gather(&mut self) -> bool {
        let Some(first) = self.first() else {
            return false;
        };
        self.take(first);
        let until = Instant::now() + self.flush;
        while self.batch.len() < BATCH_MAX {
            let next = if self.is_flushing() {
                self.inbox.exchanges.try_recv().ok()
            } else {
                self.next_until(until)
            };
            match next {
                Some(exchange) => self.take(exchange),
                None if self.is_flushing() && !self.inbox.exchanges.is_empty() => {}
                None => break,
            }
        }
        true
    }

    /// Waits for an exchange. While none is there, the store does what it had put off.
    fn first(&mut self) -> Option<Box<Exchange>> {
        loop {
            if let Ok(done) = self.inbox.flushes.try_recv() {
                self.begin_flush(Some(done));
            }
            self.end_flushes();
            if let Ok(exchange) = self.inbox.exchanges.try_recv() {
                return Some(exchange);
            }
            if self.deadline.is_some() {
                return None;
            }
            let rest = self.catch_up();
            select_biased! {
                recv(self.inbox.exchanges) -> exchange => return exchange.ok(),
                recv(self.inbox.close) -> deadline => self.deadline = Some(deadline.unwrap_or_else(|_| Instant::now())),
                recv(self.inbox.flushes) -> done => self.begin_flush(done.ok()),
                recv(rest) -> _ => {}
            }
        }
    }

    /// Waits for the next exchange until a moment.
    fn next_until(&mut self, until: Instant) -> Option<Box<Exchange>> {
        loop {
            match self.inbox.exchanges.try_recv() {
                Ok(exchange) => return Some(exchange),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) if self.is_flushing() => return None,
                Err(TryRecvError::Empty) => {}
            }
            let remaining = until.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                return None;
            }
            select_biased! {
                recv(self.inbox.close) -> deadline => self.deadline = Some(deadline.unwrap_or_else(|_| Instant::now())),
                recv(self.inbox.flushes) -> done => self.begin_flush(done.ok()),
                default(remaining.min(POLL_INTERVAL)) => {}
            }
        }
    }

    /// Begins a flush of all that was accepted, which ends the wait for more.
    fn begin_flush(&mut self, done: Option<Sender<()>>) {
        self.pending_flushes
            .extend(done.map(|done| (self.taken + self.inbox.exchanges.len() as u64, done)));
    }

    fn is_flushing(&self) -> bool {
        self.deadline.is_some() || !self.pending_flushes.is_empty()
    }

    /// Ends the flushes for which all is written.
    fn end_flushes(&mut self) {
        self.pending_flushes.retain(|(upto, _)| *upto > self.taken);
    }

    fn take(&mut self, exchange: Box<Exchange>) {
        self.taken += 1;
        self.text += text_bytes(&exchange);
        self.batch
            .push(Record::new(*exchange, self.keep, &self.writer));
    }

    /// The time to go on with work that the store had put off.
    fn catch_up(&mut self) -> Receiver<Instant> {
        let done = catch_unwind(AssertUnwindSafe(|| self.store.catch_up()));
        self.count_refused(self.store.take_refused());
        let pause = mem::replace(&mut self.pause, RETRY_PAUSE_MIN);
        match done {
            Ok(Ok(true)) => after(Duration::ZERO),
            Ok(Err(why)) => {
                log::debug!("{why}");
                self.pause = (pause * 2).min(RETRY_PAUSE_MAX);
                after(pause)
            }
            Ok(Ok(false)) | Err(_) => never(),
        }
    }

    /// A record that was written without its text counts as written, too.
    fn count_refused(&self, refused: Refused) {
        self.shared.metrics.count_analytics_writes(
            self.store.backend(),
            WriteStatus::Error,
            refused.records + refused.texts,
        );
        self.shared.metrics.count_analytics_dropped(refused.records);
    }

    /// Writes the batch, with as many attempts as it takes; returns `false` when the time is up.
    fn write(&mut self) -> bool {
        let mut pause = RETRY_PAUSE_MIN;
        let mut lost_at_failure = None;
        while let Err(why) = self.try_write() {
            if lost_at_failure.is_none() {
                log::warn!(
                    "{why}; {} records wait, and it is tried again",
                    self.shared.records.load(SeqCst)
                );
                lost_at_failure = Some(self.shared.metrics.analytics_dropped());
            }
            if self
                .deadline
                .is_some_and(|deadline| Instant::now() + LAST_ATTEMPT_MARGIN >= deadline)
            {
                log::warn!("{why}; the tap ends");
                self.save_all_unwritten();
                return false;
            }
            pause = self.wait(pause);
        }
        self.shared.release(0, mem::take(&mut self.text));
        self.end_flushes();
        if let Some(before) = lost_at_failure {
            let lost = self.shared.metrics.analytics_dropped() - before;
            log::info!(
                "the history in {} is written again; {lost} records were lost meanwhile",
                self.store.location()
            );
        }
        true
    }

    /// Saves the batch, and all that waits, for the next start.
    fn save_all_unwritten(&mut self) {
        loop {
            while self.batch.len() < BATCH_MAX
                && let Ok(exchange) = self.inbox.exchanges.try_recv()
            {
                self.take(exchange);
            }
            if self.batch.is_empty() {
                return;
            }
            match self.store.save_unwritten(&self.batch) {
                Ok(true) => {
                    self.shared.saved.fetch_add(self.batch.len(), SeqCst);
                    self.shared
                        .release(mem::take(&mut self.batch).len(), mem::take(&mut self.text));
                }
                Ok(false) => {
                    return log::error!("{} records are lost", self.shared.records.load(SeqCst));
                }
                Err(why) => {
                    return log::error!(
                        "{why}; {} records are lost",
                        self.shared.records.load(SeqCst)
                    );
                }
            }
        }
    }

    /// Writes once, and counts the outcome.
    fn try_write(&mut self) -> Result<(), String> {
        let before = self.batch.len();
        let written = catch_unwind(AssertUnwindSafe(|| self.store.write(&mut self.batch)));
        let (refused, result) = match written {
            Ok(Ok(refused)) => (refused, Ok(())),
            Ok(Err(why)) => (0, Err(why.to_string())),
            // Whichever record it was, it would panic again.
            Err(_) => {
                self.batch.clear();
                (before as u64, Ok(()))
            }
        };
        *lock(&self.shared.failure) = result.as_ref().err().cloned();
        let metrics = &self.shared.metrics;
        let removed = before - self.batch.len();
        let more = self.store.take_refused();
        let refused = Refused {
            records: refused + more.records,
            ..more
        };
        // Records that another run left may be refused as well.
        metrics.count_analytics_writes(
            self.store.backend(),
            WriteStatus::Success,
            (removed as u64).saturating_sub(refused.records),
        );
        metrics.count_analytics_writes(
            self.store.backend(),
            WriteStatus::Error,
            self.batch.len() as u64,
        );
        self.count_refused(refused);
        self.shared.release(removed, 0);
        result
    }

    /// Waits before the store is tried again, and returns how long to wait the next time. The end
    /// of the tap cuts a wait short.
    fn wait(&mut self, pause: Duration) -> Duration {
        match self.deadline {
            Some(deadline) => thread::sleep(
                pause.min(deadline.saturating_duration_since(Instant::now() + LAST_ATTEMPT_MARGIN)),
            ),
            None => select_biased! {
                recv(self.inbox.close) -> deadline => self.deadline = deadline.ok(),
                recv(self.inbox.flushes) -> done => self.begin_flush(done.ok()),
                default(pause) => {}
            },
        }
        if self.deadline.is_some() {
            RETRY_PAUSE_MIN
        } else {
            (pause * 2).min(RETRY_PAUSE_MAX)
        }
    }
}
