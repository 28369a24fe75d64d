//! The history of a running tap: its store, the recorder that fills it, and the thread that keeps it within its limits.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::budget::Budget;
use crate::config::{Backend, History};
use crate::metrics::Metrics;
use crate::observe::Exchange;
use crate::pace::pace;
use crate::record::now;
use crate::recorder::{Recorder, TEXT_MAX};
use crate::store::query::HOURS;
use crate::store::{Limits, Purged, Result, Store, StoreError};

/// A record is on disk this long after its request ended, at the latest.
const FLUSH: Duration = Duration::from_millis(500);

/// How often what is too old, or too much, is deleted.
const RETENTION: Duration = Duration::from_secs(3600);

/// How long a purge waits, twice at most, until what was accepted before it is written.
const PURGE_WAIT: Duration = Duration::from_secs(5);

/// SQLite needs more than the other threads of ours (bytes).
pub const STACK: usize = 2 * 1024 * 1024;

/// Shortens `FLUSH` in tests (milliseconds).
const ENV_TEST_FLUSH_MS: &str = "OLLAMA_TAP_TEST_FLUSH_MS";
/// Shortens `RETENTION` in tests (milliseconds).
const ENV_TEST_RETENTION_MS: &str = "OLLAMA_TAP_TEST_RETENTION_MS";

const DAY: f64 = 86_400.0;

pub struct Archive {
    pub store: Arc<Store>,
    pub recorder: Recorder,
    pub retention_days: Option<u32>,
}

impl Archive {
    /// Opens the history for writing and starts its threads; `None` where none is kept. `holder` is what a second tap is
    /// told that wants the same directory.
    pub fn open(history: &History, holder: &str, metrics: &Arc<Metrics>, budget: &Budget) -> Result<Option<Archive>> {
        let Some(store) = Store::open_for_writing(history, holder)? else { return Ok(None) };
        let store = Arc::new(store);
        let (flush, text_max) = (pace(ENV_TEST_FLUSH_MS, FLUSH), budget.set_aside(TEXT_MAX));
        let recorder = Recorder::start(store.clone(), history.store_text, flush, text_max, metrics.clone()).map_err(unstarted)?;
        let (kept, limits) = (store.clone(), history.clone());
        let keeper = thread::Builder::new().name("keeper".into()).stack_size(STACK);
        keeper.spawn(move || keep(&kept, &limits)).map_err(unstarted)?;
        // What is kept there, and for how long, is Loki's own business.
        let retention_days = history.retention_days.filter(|_| history.backend != Backend::Loki);
        Ok(Some(Archive { store, recorder, retention_days }))
    }

    /// Takes an exchange for the history. What makes no model work is none of it.
    pub fn submit(&self, exchange: Box<Exchange>) {
        if !exchange.load_only {
            self.recorder.submit(exchange);
        }
    }

    /// Deletes every record that was accepted before now and arrived before this time (Unix seconds), or all: what still waits to be
    /// written is written first, else it would be there afterwards.
    pub fn purge(&self, before: Option<f64>) -> Result<Purged> {
        let all_written = self.recorder.flush(PURGE_WAIT);
        let mut purged = self.store.purge(before)?;
        if !all_written {
            // Deleting may have made the room that writing lacked.
            if !self.recorder.flush(PURGE_WAIT) {
                let waiting = self.recorder.queue_size();
                let why = format!("{} records were deleted, but {waiting} more wait to be written; purge again", purged.deleted);
                return Err(StoreError::Failed(format!("purge the history in {}: {why}", self.store.place())));
            }
            purged.extend(self.store.purge(before)?);
        }
        Ok(purged)
    }

    /// Writes what was accepted.
    pub fn shutdown(&self, deadline: Instant) {
        match self.recorder.shutdown(deadline) {
            0 => log::info!("the history in {} is complete", self.store.place()),
            lost => log::error!("stopping: {lost} records were not written to the history in {} in time", self.store.place()),
        }
    }
}

/// Deletes what is beyond the limits, and reads what the dashboard asks for first, so that it opens at once; now and every hour.
fn keep(store: &Store, history: &History) {
    let pause = pace(ENV_TEST_RETENTION_MS, RETENTION);
    loop {
        let oldest = history.retention_days.map(|days| now() - f64::from(days) * DAY);
        match store.retain(&Limits { oldest, max_bytes: history.max_bytes }) {
            Ok(0) => log::debug!("the history in {} is within its limits", store.place()),
            Ok(gone) => log::info!("deleted {gone} of the oldest in {}", store.place()),
            Err(why) => log::warn!("{why}"),
        }
        if let Err(why) = store.remember(HOURS, now()) {
            log::debug!("{why}");
        }
        thread::sleep(pause);
    }
}

fn unstarted(cause: io::Error) -> StoreError {
    StoreError::Failed(format!("start the threads of the history: {cause}"))
}
