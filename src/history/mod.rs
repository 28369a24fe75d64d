//! The history of a running tap: its store, the recorder that fills it, and the thread that keeps
//! it within its limits.

pub mod export;
pub mod on_disk;
pub mod record;
mod recorder;
pub mod store;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::config::test_overrides;
use crate::config::{Backend, HistoryConfig};
use crate::history::record::now;
pub use crate::history::recorder::HISTORY_STACK_SIZE;
use crate::history::recorder::{QUEUED_TEXT_MAX, Recorder};
use crate::history::store::query::{DEFAULT_HOURS, UNKNOWN_NAME};
use crate::history::store::{
    ClockReading, Expiry, Limits, PurgeReport, Result, Selection, Store, StoreError, side_directory,
};
use crate::metrics::Metrics;
use crate::observe::Exchange;
use crate::platform;
use crate::util::budget::Budget;
use crate::util::threads;

/// A record is on disk this long after its request ended, at the latest.
const FLUSH_INTERVAL: Duration = Duration::from_millis(500);

/// The time between two deletions of what is beyond the limits.
const RETENTION_INTERVAL: Duration = Duration::from_secs(3600);

/// The time between two attempts to open a history that could not be opened.
const REOPEN_INTERVAL: Duration = Duration::from_secs(60);

/// The time that a purge waits for one flush of what was accepted before it.
const PURGE_FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

pub struct History {
    pub store: Arc<Store>,
    pub recorder: Recorder,
    pub retention_days: Option<u32>,
    /// Small files that go with the history are kept here.
    pub side_directory: Option<PathBuf>,
    /// Has all exchanges submitted that are still looked at elsewhere, until a moment.
    hand_over: OnceLock<HandOver>,
}

/// Has exchanges submitted that have ended, until a moment.
pub type HandOver = Box<dyn Fn(Instant) + Send + Sync>;

impl History {
    /// Opens the history for writing and starts its threads; `None` where none is kept. `holder` is
    /// what a second tap is told that wants the same directory.
    pub fn open(
        history: &HistoryConfig,
        port: u16,
        holder: &str,
        metrics: &Arc<Metrics>,
        budget: &Budget,
    ) -> Result<Option<History>> {
        let writer = record::TapIdentity {
            host: machine_name(history),
            tap: port,
        };
        let Some(store) = Store::open_for_recording(history, holder, &writer)? else {
            return Ok(None);
        };
        let store = Arc::new(store);
        let (flush, text_max) = (
            test_overrides::FLUSH_INTERVAL.duration_or(FLUSH_INTERVAL),
            budget.set_aside(QUEUED_TEXT_MAX),
        );
        let recorder = Recorder::start(
            store.clone(),
            history.store_text,
            flush,
            text_max,
            metrics.clone(),
            writer,
        )
        .map_err(spawn_error)?;
        let (retained, limits, counters) = (store.clone(), history.clone(), metrics.clone());
        threads::spawn("retention", HISTORY_STACK_SIZE, move || {
            run_retention(&retained, &limits, &counters)
        })
        .map_err(spawn_error)?;
        // Retention is configured in Loki.
        let retention_days = history
            .retention_days
            .filter(|_| history.backend != Backend::Loki);
        Ok(Some(History {
            store,
            recorder,
            retention_days,
            side_directory: side_directory(history),
            hand_over: OnceLock::new(),
        }))
    }

    /// Sets what is called before all that was accepted is written: exchanges that have ended may be
    /// on their way here.
    pub fn set_hand_over(&self, hand_over: HandOver) {
        let _ = self.hand_over.set(hand_over);
    }

    fn hand_over(&self, deadline: Instant) {
        if let Some(hand_over) = self.hand_over.get() {
            hand_over(deadline);
        }
    }

    /// Takes an exchange for the history, unless it made no model work.
    pub fn submit(&self, exchange: Box<Exchange>) {
        if !exchange.load_only {
            self.recorder.submit(exchange);
        }
    }

    /// Deletes every record that was accepted before now and arrived before this time (Unix
    /// seconds), or all: what still waits to be written is written first, else it would be there
    /// afterwards.
    pub fn purge(&self, before: Option<f64>) -> Result<PurgeReport> {
        self.delete_by(|store| store.purge(before))
    }

    /// Deletes the selected records, those among them that wait to be written too.
    pub fn delete(&self, which: &Selection) -> Result<PurgeReport> {
        self.delete_by(|store| store.delete(which))
    }

    fn delete_by(&self, delete: impl Fn(&Store) -> Result<PurgeReport>) -> Result<PurgeReport> {
        self.hand_over(Instant::now() + PURGE_FLUSH_TIMEOUT);
        let mut all_written = self.recorder.flush(PURGE_FLUSH_TIMEOUT);
        let mut purged = delete(&self.store)?;
        while !all_written {
            // Deleting may have made the room that writing lacked, if not for all that waits.
            all_written = self.recorder.flush(PURGE_FLUSH_TIMEOUT);
            let more = delete(&self.store)?;
            if !all_written && more.deleted == 0 {
                let waiting = self.recorder.queue_size();
                let why = format!(
                    "{} records were deleted, but {waiting} more wait to be written; purge again",
                    purged.deleted
                );
                return Err(StoreError::Failed(format!(
                    "purge the history in {}: {why}",
                    self.store.location()
                )));
            }
            purged.extend(more);
        }
        Ok(purged)
    }

    /// Writes what was accepted.
    pub fn shutdown(&self, deadline: Instant) {
        self.hand_over(deadline);
        self.store.set_deadline(deadline);
        match (
            self.recorder.shutdown(deadline),
            self.recorder.saved_for_next_start(),
        ) {
            (0, 0) => log::info!("the history in {} is complete", self.store.location()),
            (0, left) => {
                log::warn!(
                    "stopping: {left} records are left to the next start, and not in the history in {}",
                    self.store.location()
                )
            }
            (lost, _) => log::error!(
                "stopping: {lost} records were not written to the history in {} in time",
                self.store.location()
            ),
        }
    }
}

/// Deletes what is beyond the limits, and reads what the dashboard asks for first, so that it opens
/// at once; now and every hour.
fn run_retention(store: &Store, history: &HistoryConfig, metrics: &Metrics) {
    let (pause, again) = (
        test_overrides::RETENTION_INTERVAL.duration_or(RETENTION_INTERVAL),
        test_overrides::OPEN_RETRY_INTERVAL.duration_or(REOPEN_INTERVAL),
    );
    while store.reopen().is_err() {
        thread::sleep(again);
    }
    let mut expiry = None;
    loop {
        if let Err(why) = enforce_limits(store, history, metrics, &mut expiry) {
            log::warn!("{why}");
        }
        if let Err(why) = store.warm_cache(DEFAULT_HOURS, now()) {
            log::debug!("{why}");
        }
        thread::sleep(pause);
    }
}

/// Deletes what is beyond the limits. `expiry` watches the clock from the first time on that the
/// history could be asked.
fn enforce_limits(
    store: &Store,
    history: &HistoryConfig,
    metrics: &Metrics,
    expiry: &mut Option<Expiry>,
) -> Result<()> {
    let (at, days, max_bytes) = (
        ClockReading::now(),
        history.retention_days,
        history.max_bytes,
    );
    if expiry.is_none() {
        *expiry = store.expiry(at)?;
    }
    let Some(expiry) = expiry else {
        return delete_beyond(
            store,
            &Limits {
                max_bytes,
                ..Limits::default()
            },
        );
    };
    let decision = store.decide(expiry, at, days, max_bytes)?;
    metrics.set_analytics_expiry_held(decision.is_held);
    if decision.is_new {
        log::warn!(
            "the history in {}: every record is older than {} days all at once, as after a jump of the clock; they are kept a day \
             from now, unless the clock is right again; `ollama-tap purge` deletes what may go",
            store.location(),
            days.unwrap_or(0)
        );
    }
    // Before anything goes, so that the hold is known to the next run.
    let saved = expiry.save();
    delete_beyond(store, &decision.limits)?;
    expiry.finish(&decision, days);
    saved.and_then(|()| expiry.save()).map_err(|cause| {
        StoreError::Failed(format!(
            "note how old the history in {} is: {cause}",
            store.location()
        ))
    })
}

fn delete_beyond(store: &Store, limits: &Limits) -> Result<()> {
    match store.retain(limits)? {
        0 => log::debug!("the history in {} is within its limits", store.location()),
        gone => log::info!("deleted {gone} of the oldest in {}", store.location()),
    }
    Ok(())
}

/// Returns the name of this machine in the history.
fn machine_name(history: &HistoryConfig) -> String {
    let own = || platform::resources::host_name().filter(|name| !name.is_empty());
    history
        .name
        .clone()
        .or_else(own)
        .unwrap_or_else(|| UNKNOWN_NAME.to_owned())
}

fn spawn_error(cause: io::Error) -> StoreError {
    StoreError::Failed(format!("start the threads of the history: {cause}"))
}
