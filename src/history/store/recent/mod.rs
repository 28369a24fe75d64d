//! RECENT: the summary of the newest records, kept in memory from the first time that numbers are asked for, so that a page that asks
//! every few seconds does not read the history each time.
//!
//! What is kept is every record of some moment and after it; the moment moves back as far as is asked. Only we write the history,
//! so what is new comes through here. Whether somebody else took records away, or put some there, the number of all tells.

mod rows;

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Engine, Query, Result};
use crate::history::record::{Record, RecordSummary};
pub use rows::Rows;

/// Seconds of the history that are read at once, at least, as the moment moves back.
const STRIDE: f64 = 86_400.0;

#[derive(Default)]
pub struct Recent {
    known: Mutex<Known>,
}

struct Known {
    /// Every record that arrived then or later is in `rows` (Unix seconds). Infinity as long as nobody asked.
    since: f64,
    rows: Rows,
    /// There is no room for what is older.
    full: bool,
    /// How many records the history has, these and older ones.
    records: u64,
    /// A batch is being written.
    writing: bool,
    /// Records that came after all that arrived with them was known: who reads the history meanwhile may miss them.
    late: u64,
}

impl Default for Known {
    fn default() -> Known {
        Known {
            since: f64::INFINITY,
            rows: Rows::default(),
            full: false,
            records: 0,
            writing: false,
            late: 0,
        }
    }
}

impl Recent {
    /// Shows the summary of every record that arrived at `start` or later (Unix seconds; `now` it is).
    pub fn for_each_summary(
        &self,
        engine: &dyn Engine,
        start: f64,
        now: f64,
        visit: &mut dyn FnMut(&RecordSummary),
    ) -> Result<()> {
        let start = start.max(self.check(engine, now)?);
        while self.reach_back(engine, start)? {}
        let known = self.lock();
        let since = known.since;
        known.rows.for_each(start, visit);
        drop(known);
        if since > start {
            engine.for_each_summary(&between(start, since), visit)
        } else {
            Ok(())
        }
    }

    /// Begins anew where the history is not what it should be by our count. Returns when its oldest record arrived.
    fn check(&self, engine: &dyn Engine, now: f64) -> Result<f64> {
        let mut known = self.lock(); // so that no batch is written meanwhile, unless one is already
        let extent = engine.extent(f64::INFINITY)?;
        if !known.writing && (known.since.is_infinite() || known.records != extent.records) {
            let since = extent
                .newest
                .map_or(now, |newest| now.max(newest.next_up()));
            *known = Known {
                since,
                records: extent.records,
                late: known.late + 1,
                ..Known::default()
            };
        }
        Ok(extent.oldest.unwrap_or(now))
    }

    /// Reads some of what is older than is known; whether there may be more to read from `start` on.
    fn reach_back(&self, engine: &dyn Engine, start: f64) -> Result<bool> {
        let known = self.lock();
        let (since, late) = (known.since, known.late);
        if known.full || since <= start || since.is_infinite() {
            return Ok(false);
        }
        let newest = known.rows.newest().unwrap_or(since);
        drop(known); // what is so old does not change, but by `late` ones
        let from = start.max(since - STRIDE.max(newest - since)); // twice as far each time
        let mut rows = Rows::default();
        engine.for_each_summary(&between(from, since), &mut |summary| rows.add(summary))?;
        Ok(self.lock().take_older(from, since, late, rows))
    }

    /// A batch is about to be written.
    pub fn begin(&self, batch: &[Record]) -> Writing<'_> {
        let mut known = self.lock();
        known.writing = true;
        let mut writing = Writing {
            recent: self,
            since: known.since,
            rows: Rows::default(),
            late: 0,
            count: batch.len() as u64,
            whole: false,
        };
        if known.since.is_finite() {
            batch
                .iter()
                .filter(|record| record.timestamp >= known.since)
                .for_each(|record| writing.rows.add_record(record));
            writing.late = writing.count - writing.rows.len() as u64;
            known.late += writing.late;
        }
        writing
    }

    /// Records were taken away.
    pub fn forget(&self) {
        self.lock().forget();
    }

    /// What panicked while it held the lock left nothing half done that matters: numbers alone.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Takes what arrived from `from` to `since`; whether that moved the moment back, or somebody else did.
    fn take_older(&mut self, from: f64, since: f64, late: u64, rows: Rows) -> bool {
        if (self.since, self.late) != (since, late) {
            return self.since < since;
        }
        self.full = !self.rows.has_room_for(&rows);
        if !self.full {
            self.rows.absorb(rows);
            self.since = from;
        }
        !self.full
    }

    /// Takes what was written. `late` ones belong to what is older; where that has become known meanwhile, they may be in it or not.
    fn take_new(&mut self, rows: Rows, late: u64, count: u64, since: f64) {
        if late > 0 && self.since != since {
            return self.forget();
        }
        self.records += count;
        self.rows.absorb(rows);
        if let Some(since) = self.rows.trim() {
            (self.since, self.full) = (since, true);
        }
        if self.rows.has_too_many_names() {
            self.forget();
        }
    }

    fn forget(&mut self) {
        *self = Known {
            writing: self.writing,
            late: self.late,
            ..Known::default()
        };
    }
}

/// A batch that is being written.
pub struct Writing<'a> {
    recent: &'a Recent,
    /// What was known when it began.
    since: f64,
    /// Those of its records that arrived since.
    rows: Rows,
    /// The others.
    late: u64,
    count: u64,
    whole: bool,
}

impl Writing<'_> {
    /// All of it was written.
    pub fn finish(mut self) {
        self.whole = true;
    }
}

impl Drop for Writing<'_> {
    /// Of a batch that was written in part nobody knows which part.
    fn drop(&mut self) {
        let mut known = self.recent.lock();
        known.writing = false;
        if known.since.is_finite() && self.whole {
            known.take_new(
                std::mem::take(&mut self.rows),
                self.late,
                self.count,
                self.since,
            );
        } else {
            known.forget();
        }
    }
}

/// What arrived at `start` or later, and before `end`.
fn between(start: f64, end: f64) -> Query {
    Query {
        start_time: Some(start),
        end_time: Some(end.next_down()),
        ..Query::default()
    }
}

#[cfg(test)]
mod tests;
