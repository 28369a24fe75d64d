//! The summaries of the newest records, kept in memory from the first time that numbers are asked
//! for, so that a page that asks every few seconds does not read the history each time.
//!
//! The invariant: `rows` holds every record that arrived at `Coverage::start` or later, and no
//! other. The start moves back as far as is asked (`extend_back`), and forward when the rows
//! outgrow their room (`trim`). Only this process writes the history, so each new record passes
//! through `begin`. What another process added or removed shows in the number of all records
//! (`check`), and the cache begins anew.

mod rows;

use std::sync::{Mutex, MutexGuard};

use super::{Engine, Query, Result};
use crate::history::record::{Record, RecordSummary};
use crate::util::threads::lock;
pub use rows::Rows;

/// Seconds of the history that are read at once, at least, as the start moves back.
const EXTEND_STEP: f64 = 86_400.0;

#[derive(Default)]
pub struct SummaryCache {
    state: Mutex<State>,
}

/// The part of the history that is in memory.
#[derive(Clone, Copy, Debug, Default)]
enum Coverage {
    /// None: no numbers were asked for, or what was in memory is no longer to be relied on.
    #[default]
    Unknown,
    /// Every record that arrived then or later (Unix seconds).
    From(f64),
    /// The same, and older ones have no room.
    Full(f64),
}

impl Coverage {
    /// Returns when the oldest record that is covered may have arrived (Unix seconds).
    fn start(self) -> f64 {
        match self {
            Coverage::Unknown => f64::INFINITY,
            Coverage::From(start) | Coverage::Full(start) => start,
        }
    }

    fn is_known(self) -> bool {
        !matches!(self, Coverage::Unknown)
    }
}

#[derive(Default)]
struct State {
    coverage: Coverage,
    rows: Rows,
    /// The number of records in the history, covered or not.
    total: u64,
    /// A batch is being written.
    is_writing: bool,
    /// Grows whenever who reads older records meanwhile may miss one: a batch brings some from
    /// before the start, or the cache begins anew.
    epoch: u64,
}

impl SummaryCache {
    /// Shows the summary of every record that arrived at `start` or later (Unix seconds, as `now`).
    pub fn for_each_summary(
        &self,
        engine: &dyn Engine,
        start: f64,
        now: f64,
        visit: &mut dyn FnMut(&RecordSummary),
    ) -> Result<()> {
        let start = start.max(self.check(engine, now)?);
        while self.extend_back(engine, start)? {}
        let state = self.lock();
        let covered = state.coverage.start();
        state.rows.for_each(start, visit);
        drop(state);
        if covered > start {
            engine.for_each_summary(&between(start, covered), visit)?;
        }
        Ok(())
    }

    /// Begins anew where the number of records is not the expected one. Returns when the oldest
    /// record of the history arrived.
    fn check(&self, engine: &dyn Engine, now: f64) -> Result<f64> {
        let mut state = self.lock(); // so that no batch is written meanwhile, unless one is already
        let extent = engine.extent(f64::INFINITY)?;
        let is_complete = state.coverage.is_known() && state.total == extent.records;
        if !state.is_writing && !is_complete {
            let start = extent
                .newest
                .map_or(now, |newest| now.max(newest.next_up()));
            *state = State {
                coverage: Coverage::From(start),
                total: extent.records,
                epoch: state.epoch + 1,
                ..State::default()
            };
        }
        Ok(extent.oldest.unwrap_or(now))
    }

    /// Reads some of the records from before the start; returns whether there may be more to read
    /// from `wanted` on.
    fn extend_back(&self, engine: &dyn Engine, wanted: f64) -> Result<bool> {
        let state = self.lock();
        let start = match state.coverage {
            Coverage::From(start) if start > wanted => start,
            Coverage::From(_) | Coverage::Full(_) | Coverage::Unknown => return Ok(false),
        };
        let epoch = state.epoch;
        let newest = state.rows.newest().unwrap_or(start);
        drop(state); // older records do not change, but for those that the epoch tells of
        let from = wanted.max(start - EXTEND_STEP.max(newest - start)); // twice as far each time
        let mut rows = Rows::default();
        engine.for_each_summary(&between(from, start), &mut |summary| rows.add(summary))?;
        Ok(self.lock().take_older(from, start, epoch, rows))
    }

    /// Begins to write a batch.
    pub fn begin(&self, batch: &[Record]) -> Writing<'_> {
        let mut state = self.lock();
        state.is_writing = true;
        let start = state.coverage.start();
        let count = batch.len() as u64;
        let mut writing = Writing {
            cache: self,
            start,
            rows: Rows::default(),
            has_older: false,
            count,
            is_complete: false,
        };
        if state.coverage.is_known() {
            for record in batch.iter().filter(|record| record.timestamp >= start) {
                writing.rows.add_record(record);
            }
            writing.has_older = (writing.rows.len() as u64) < count;
            state.epoch += u64::from(writing.has_older);
        }
        writing
    }

    /// Forgets everything: records were removed.
    pub fn forget(&self) {
        self.lock().forget();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    /// Takes what arrived from `from` to `start`; returns whether that, or another thread, moved
    /// the start back.
    fn take_older(&mut self, from: f64, start: f64, epoch: u64, rows: Rows) -> bool {
        if (self.coverage.start(), self.epoch) != (start, epoch) {
            return self.coverage.start() < start;
        }
        let has_room = self.rows.has_room_for(&rows);
        if has_room {
            self.rows.absorb(rows);
            self.coverage = Coverage::From(from);
        } else {
            self.coverage = Coverage::Full(start);
        }
        has_room
    }

    /// Takes what was written while the start was `start`. Older ones of the batch belong to what
    /// is not covered; where that has come to be covered meanwhile, they may be in it or not.
    fn take_new(&mut self, rows: Rows, has_older: bool, count: u64, start: f64) {
        if has_older && self.coverage.start() != start {
            return self.forget();
        }
        self.total += count;
        self.rows.absorb(rows);
        if let Some(start) = self.rows.trim() {
            self.coverage = Coverage::Full(start);
        }
        if self.rows.has_too_many_names() {
            self.forget();
        }
    }

    fn forget(&mut self) {
        *self = State {
            is_writing: self.is_writing,
            epoch: self.epoch,
            ..State::default()
        };
    }
}

/// A batch that is being written.
pub struct Writing<'a> {
    cache: &'a SummaryCache,
    /// The start of the coverage when it began.
    start: f64,
    /// Those of its records that arrived at the start or later.
    rows: Rows,
    /// Some of its records arrived before the start.
    has_older: bool,
    count: u64,
    is_complete: bool,
}

impl Writing<'_> {
    /// Notes that all of it was written.
    pub fn finish(mut self) {
        self.is_complete = true;
    }
}

impl Drop for Writing<'_> {
    /// Which part of a batch was written that was not written whole is unknown.
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        state.is_writing = false;
        if state.coverage.is_known() && self.is_complete {
            let rows = std::mem::take(&mut self.rows);
            state.take_new(rows, self.has_older, self.count, self.start);
        } else {
            state.forget();
        }
    }
}

/// Asks for what arrived at `start` or later, and before `end`.
fn between(start: f64, end: f64) -> Query {
    Query {
        start_time: Some(start),
        end_time: Some(end.next_down()),
        ..Query::default()
    }
}

#[cfg(test)]
mod tests;
