//! Hands exchanges to the thread that writes the history, and never waits.
//!
//! - A worker's `submit` puts an exchange into a bounded queue; where the queue is full it is
//!   dropped and counted.
//! - The writer makes records of them, gathers a batch, and writes it. A store that fails is tried
//!   again, with longer and longer pauses, while the queue holds what comes.
//! - `flush` has everything written now, so that a purge deletes it too.
//! - `shutdown` writes everything that was accepted, as far as its deadline lets it.

mod writer;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use crate::config::StoreText;
use crate::history::record::{self, text_bytes};
use crate::history::store::Store;
use crate::metrics::Metrics;
use crate::observe::Exchange;
use crate::util::threads::{self, lock};
use writer::{BatchWriter, Inbox};

/// Exchanges that may wait, those of the batch that is being written among them; one more is
/// dropped.
const QUEUE_MAX: usize = 10_000;

/// The most bytes of text that waiting exchanges may hold together, where there is memory for it;
/// one that would exceed them is dropped.
pub const QUEUED_TEXT_MAX: usize = 64 * 1024 * 1024;

/// The stack of the threads of the history (bytes): SQLite needs more than the others.
pub const HISTORY_STACK_SIZE: usize = 2 * 1024 * 1024;

/// Flush requests that may wait: as many as may be made at the same time.
const FLUSHES_MAX: usize = 2;

/// The side of the workers.
pub struct Recorder {
    queue: Sender<Box<Exchange>>,
    closing: Sender<Instant>,
    flushing: Sender<Sender<()>>,
    ended: Receiver<()>,
    shared: Arc<Shared>,
}

/// The counters that both sides share.
struct Shared {
    metrics: Arc<Metrics>,
    /// Exchanges accepted and not written yet.
    records: AtomicUsize,
    /// Bytes of text in them.
    text: AtomicUsize,
    text_max: usize,
    /// Records that were saved for the next start.
    saved: AtomicUsize,
    /// The failure that records wait for, until one is written.
    failure: Mutex<Option<String>>,
}

impl Recorder {
    /// Starts the writer. A batch is written `flush` after its first record came, or when it is
    /// full; those that wait hold up to `text_max` bytes of text.
    pub fn start(
        store: Arc<Store>,
        keep: StoreText,
        flush: Duration,
        text_max: usize,
        metrics: Arc<Metrics>,
        writer: record::TapIdentity,
    ) -> io::Result<Recorder> {
        let (queue, exchanges) = bounded(QUEUE_MAX);
        let (closing, close) = bounded(1);
        let (flushing, flushes) = bounded(FLUSHES_MAX);
        let (end, ended) = bounded(0);
        metrics.init_analytics_backend(store.backend());
        let shared = Arc::new(Shared {
            metrics,
            records: AtomicUsize::new(0),
            text: AtomicUsize::new(0),
            text_max,
            saved: AtomicUsize::new(0),
            failure: Mutex::default(),
        });
        let writer = BatchWriter::new(
            Inbox {
                exchanges,
                close,
                flushes,
                _end: end,
            },
            store,
            (keep, writer),
            flush,
            shared.clone(),
        );
        threads::spawn("recorder", HISTORY_STACK_SIZE, move || writer.run())?;
        Ok(Recorder {
            queue,
            closing,
            flushing,
            ended,
            shared,
        })
    }

    /// Takes an exchange for the history, or drops it where the queue is full. Never waits.
    pub fn submit(&self, exchange: Box<Exchange>) {
        let text = text_bytes(&exchange);
        if !self.shared.accept(text) {
            self.shared.drop_records(1, text);
        } else if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.queue.try_send(exchange)
        {
            self.shared.drop_records(1, text);
        }
    }

    /// Returns the number of records that were accepted and are not written yet.
    pub fn queue_size(&self) -> usize {
        self.shared.records.load(SeqCst)
    }

    /// Returns the number of records that were saved for the next start.
    pub fn saved_for_next_start(&self) -> usize {
        self.shared.saved.load(SeqCst)
    }

    /// Returns the reason why records wait, if the last write failed.
    pub fn failure(&self) -> Option<String> {
        lock(&self.shared.failure).clone()
    }

    /// Has everything written that was accepted before, without the wait for more. Returns whether
    /// that was done in time.
    pub fn flush(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        let (done, written) = bounded(0);
        // The writer drops its end of the channel when that is done.
        let asked = self.flushing.send_deadline(done, deadline).is_ok();
        asked && written.recv_deadline(deadline) == Err(RecvTimeoutError::Disconnected)
    }

    /// Writes what was accepted, and ends. Returns the number of records that are lost because the
    /// store did not take them in time.
    pub fn shutdown(&self, deadline: Instant) -> usize {
        let _ = self.closing.try_send(deadline);
        // The writer drops its end of the channel when it is done.
        let _ = self.ended.recv_deadline(deadline);
        self.queue_size()
    }
}

impl Shared {
    /// Counts one more exchange, and returns whether there is room for it beside the batch that is
    /// being written.
    fn accept(&self, text: usize) -> bool {
        let records = self.records.fetch_add(1, SeqCst) + 1;
        self.metrics.set_analytics_queue_size(records);
        self.text.fetch_add(text, SeqCst) + text <= self.text_max && records <= QUEUE_MAX
    }

    /// Uncounts exchanges that have left the queue, and the bytes of their text.
    fn release(&self, records: usize, text: usize) {
        let remaining = self.records.fetch_sub(records, SeqCst) - records;
        self.metrics.set_analytics_queue_size(remaining);
        self.text.fetch_sub(text, SeqCst);
    }

    fn drop_records(&self, records: usize, text: usize) {
        self.metrics.count_analytics_dropped(records as u64);
        self.release(records, text);
    }
}

#[cfg(test)]
mod tests;
