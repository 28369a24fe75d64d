//! RECORD: hands exchanges to the thread that writes the history, and never waits.
//!
//! - A worker's `submit` puts an exchange into a bounded queue; where there is no room it is dropped and counted.
//! - The writer makes records of them, gathers a batch, and writes it. A store that fails is tried again, with longer and longer
//!   pauses, while the queue holds what comes.
//! - `flush` has everything written now, for who is about to delete it.
//! - `shutdown` writes everything that was accepted, as far as its deadline lets it.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};
use std::{io, thread};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded, select_biased};

use crate::archive::STACK;
use crate::config::StoreText;
use crate::metrics::{Metrics, Written};
use crate::observe::Exchange;
use crate::record::{Record, text_bytes};
use crate::store::Store;

/// Exchanges that may wait; one more is dropped.
const QUEUE_MAX: usize = 10_000;

/// Bytes of text that waiting exchanges may hold together; one that would exceed them is dropped.
const TEXT_MAX: usize = 64 * 1024 * 1024;

/// Records that are written at once.
const BATCH_MAX: usize = 500;

/// Requests to write at once that may wait to be heard: as many as may be made at the same time.
const FLUSHES_MAX: usize = 2;

/// A store that failed is tried again after the first of these; each further failure doubles the pause up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Once we are told to end, a store that fails is tried for the last time this long before the deadline.
const LAST_TRY: Duration = Duration::from_millis(250);

/// The workers' side.
pub struct Recorder {
    queue: Sender<Box<Exchange>>,
    closing: Sender<Instant>,
    flushing: Sender<Sender<()>>,
    ended: Receiver<()>,
    shared: Arc<Shared>,
}

/// What both sides count.
struct Shared {
    metrics: Arc<Metrics>,
    /// Exchanges accepted and not written yet.
    records: AtomicUsize,
    /// Bytes of text in them.
    text: AtomicUsize,
}

impl Recorder {
    /// Starts the writer. A batch is written `flush` after its first record came, or when it is full.
    pub fn start(store: Arc<Store>, keep: StoreText, flush: Duration, metrics: Arc<Metrics>) -> io::Result<Recorder> {
        let (queue, exchanges) = bounded(QUEUE_MAX);
        let (closing, close) = bounded(1);
        let (flushing, flushes) = bounded(FLUSHES_MAX);
        let (end, ended) = bounded(0);
        metrics.analytics_backend(store.backend());
        let shared = Arc::new(Shared { metrics, records: AtomicUsize::new(0), text: AtomicUsize::new(0) });
        let writer = Writer {
            exchanges,
            close,
            flushes,
            flushed: Vec::new(),
            taken: 0,
            deadline: None,
            store,
            keep,
            flush,
            shared: shared.clone(),
            batch: Vec::new(),
            text: 0,
            _end: end,
        };
        thread::Builder::new().name("recorder".into()).stack_size(STACK).spawn(move || writer.run())?;
        Ok(Recorder { queue, closing, flushing, ended, shared })
    }

    /// Takes an exchange for the history, or drops it where there is no room. Never waits.
    pub fn submit(&self, exchange: Box<Exchange>) {
        let text = text_bytes(&exchange);
        if self.shared.accept(text) > TEXT_MAX {
            self.shared.drop_records(1, text);
        } else if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.queue.try_send(exchange) {
            self.shared.drop_records(1, text);
        }
    }

    /// Records that were accepted and are not written yet.
    pub fn queue_size(&self) -> usize {
        self.shared.records.load(SeqCst)
    }

    /// Has everything written that was accepted before, without the wait for more. Whether that was done in time.
    pub fn flush(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        let (done, written) = bounded(0);
        // The writer drops its end of the channel when that is done.
        let asked = self.flushing.send_deadline(done, deadline).is_ok();
        asked && written.recv_deadline(deadline) == Err(RecvTimeoutError::Disconnected)
    }

    /// Writes what was accepted, and ends. Returns how many records are lost because the store did not take them in time.
    pub fn shutdown(&self, deadline: Instant) -> usize {
        let _ = self.closing.try_send(deadline);
        // The writer drops its end of the channel when it is done.
        let _ = self.ended.recv_deadline(deadline);
        self.queue_size()
    }
}

impl Shared {
    /// Notes one more exchange, and returns the text that all of them hold now.
    fn accept(&self, text: usize) -> usize {
        let records = self.records.fetch_add(1, SeqCst) + 1;
        self.metrics.analytics_queue_size(records);
        self.text.fetch_add(text, SeqCst) + text
    }

    /// So many exchanges with so much text have left the queue.
    fn release(&self, records: usize, text: usize) {
        let left = self.records.fetch_sub(records, SeqCst) - records;
        self.metrics.analytics_queue_size(left);
        self.text.fetch_sub(text, SeqCst);
    }

    fn drop_records(&self, records: usize, text: usize) {
        self.metrics.analytics_dropped(records as u64);
        self.release(records, text);
    }
}

/// The writer's side.
struct Writer {
    exchanges: Receiver<Box<Exchange>>,
    close: Receiver<Instant>,
    flushes: Receiver<Sender<()>>,
    /// Who waits for what was accepted so far, with how many exchanges that were since we began.
    flushed: Vec<(u64, Sender<()>)>,
    /// Exchanges that were taken since we began.
    taken: u64,
    /// Set once we are told to end: until then the store has time.
    deadline: Option<Instant>,
    store: Arc<Store>,
    keep: StoreText,
    flush: Duration,
    shared: Arc<Shared>,
    batch: Vec<Record>,
    /// Bytes of text that the exchanges of `batch` held.
    text: usize,
    /// Dropped with the writer, which tells `shutdown` that it has ended.
    _end: Sender<()>,
}

impl Writer {
    fn run(mut self) {
        while self.gather() && self.write() {}
    }

    /// Fills the batch; `false` when nothing more will come.
    fn gather(&mut self) -> bool {
        let Some(first) = self.first() else { return false };
        self.take(first);
        let until = Instant::now() + self.flush;
        while self.batch.len() < BATCH_MAX {
            let next = if self.is_hurried() { self.exchanges.try_recv().ok() } else { self.next_until(until) };
            match next {
                Some(exchange) => self.take(exchange),
                None if self.is_hurried() && !self.exchanges.is_empty() => {}
                None => break,
            }
        }
        true
    }

    /// Waits for an exchange. While none is there, the store does what it had put off.
    fn first(&mut self) -> Option<Box<Exchange>> {
        loop {
            if let Ok(done) = self.flushes.try_recv() {
                self.hurry(Some(done));
            }
            self.tell_flushed();
            if let Ok(exchange) = self.exchanges.try_recv() {
                return Some(exchange);
            }
            if self.deadline.is_some() {
                return None;
            }
            if !self.catch_up() {
                select_biased! {
                    recv(self.exchanges) -> exchange => return exchange.ok(),
                    recv(self.close) -> deadline => self.deadline = Some(deadline.unwrap_or_else(|_| Instant::now())),
                    recv(self.flushes) -> done => self.hurry(done.ok()),
                }
            } else if let Ok(deadline) = self.close.try_recv() {
                self.deadline = Some(deadline);
            }
        }
    }

    fn next_until(&mut self, until: Instant) -> Option<Box<Exchange>> {
        select_biased! {
            recv(self.exchanges) -> exchange => exchange.ok(),
            recv(self.close) -> deadline => {
                self.deadline = Some(deadline.unwrap_or_else(|_| Instant::now()));
                self.exchanges.try_recv().ok()
            }
            recv(self.flushes) -> done => {
                self.hurry(done.ok());
                self.exchanges.try_recv().ok()
            }
            default(until.saturating_duration_since(Instant::now())) => None,
        }
    }

    /// Somebody waits for all that was accepted, so there is no waiting for more.
    fn hurry(&mut self, done: Option<Sender<()>>) {
        self.flushed.extend(done.map(|done| (self.taken + self.exchanges.len() as u64, done)));
    }

    fn is_hurried(&self) -> bool {
        self.deadline.is_some() || !self.flushed.is_empty()
    }

    /// All that was taken is written: tells those who waited for no more.
    fn tell_flushed(&mut self) {
        self.flushed.retain(|(upto, _)| *upto > self.taken);
    }

    fn take(&mut self, exchange: Box<Exchange>) {
        self.taken += 1;
        self.text += text_bytes(&exchange);
        self.batch.push(Record::new(*exchange, self.keep));
    }

    /// Whether more is left to catch up with.
    fn catch_up(&self) -> bool {
        let done = catch_unwind(AssertUnwindSafe(|| self.store.catch_up()));
        match done {
            Ok(Ok(more)) => more,
            Ok(Err(why)) => {
                log::debug!("{why}");
                false
            }
            Err(_) => false,
        }
    }

    /// Writes the batch, however often it takes; `false` when we are out of time.
    fn write(&mut self) -> bool {
        let mut pause = PAUSES.0;
        let mut lost_before = None;
        while let Err(why) = self.try_write() {
            if lost_before.is_none() {
                log::warn!("{why}; {} records wait, and it is tried again", self.shared.records.load(SeqCst));
                lost_before = Some(self.shared.metrics.analytics_lost());
            }
            if self.deadline.is_some_and(|deadline| Instant::now() + LAST_TRY >= deadline) {
                log::error!("{why}; {} records are lost", self.shared.records.load(SeqCst));
                return false;
            }
            pause = self.wait(pause);
        }
        self.shared.release(0, mem::take(&mut self.text));
        self.tell_flushed();
        if let Some(before) = lost_before {
            let lost = self.shared.metrics.analytics_lost() - before;
            log::info!("the history in {} is written again; {lost} records were lost meanwhile", self.store.place());
        }
        true
    }

    /// Writes once, and counts what became of the batch.
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
        let metrics = &self.shared.metrics;
        let gone = before - self.batch.len();
        metrics.analytics_written(self.store.backend(), Written::Success, gone as u64 - refused);
        metrics.analytics_written(self.store.backend(), Written::Error, self.batch.len() as u64 + refused);
        metrics.analytics_dropped(refused);
        self.shared.release(gone, 0);
        result
    }

    /// Waits before the store is tried again, and returns how long to wait the next time. Being told to end cuts a wait short.
    fn wait(&mut self, pause: Duration) -> Duration {
        match self.deadline {
            Some(deadline) => thread::sleep(pause.min(deadline.saturating_duration_since(Instant::now() + LAST_TRY))),
            None => select_biased! {
                recv(self.close) -> deadline => self.deadline = deadline.ok(),
                recv(self.flushes) -> done => self.hurry(done.ok()),
                default(pause) => {}
            },
        }
        if self.deadline.is_some() { PAUSES.0 } else { (pause * 2).min(PAUSES.1) }
    }
}

#[cfg(test)]
mod tests;
