//! The history on disk, or in Loki, with the same operations on every backend.
//!
//! A backend writes batches and finds records; statistics are made here, of summaries, so that all
//! give the same answers. An older tap wrote names of models as they were sent: records and
//! summaries are returned with folded names. Every method may be called from any thread while
//! another writes.

mod conversation;
mod deletion;
mod directory;
mod doomed;
mod engine;
mod entered;
mod error;
mod error_cause;
mod expiry;
mod hidden;
pub mod ids;
mod jsonl;
mod lists;
mod loki;
mod open;
mod pending;
pub mod query;
pub mod redaction;
mod slower;
mod sqlite;
mod statistics;
#[cfg(test)]
mod suite;
mod summary_cache;
mod why;

use std::ops::ControlFlow;
use std::time::Instant;

use crate::history::record::{Record, RecordSummary, now};
use directory::Directory;
pub use directory::{TOKEN_SUFFIX, replace_side_file};
pub use engine::{Detail, Engine, Extent, Limits, PurgeReport, Refused, Selection, TimeRange};
pub use entered::Cursor;
use entered::Entered;
pub use error::{Result, StoreError};
use error::{ensure_wanted, failed, failed_io, unknown_before};
pub use expiry::{CLOCK_SKEW_MAX, ClockReading, Decision, Expiry};
use hidden::HiddenFindings;
pub use hidden::HideReport;
pub use lists::MatchCount;
pub use open::side_directory;
pub use query::{BadParameter, Query};
use slower::ComparisonCache;
pub use statistics::{Distribution, EnhancedStats, Group, GroupBy, StatsQuestion, local_zone};
use statistics::{ModelStatistics, Rollups};
use summary_cache::SummaryCache;
pub use why::{Hidden, Why};

/// A history, open.
pub struct Store {
    engine: Box<dyn Engine>,
    /// The directory that this process writes, if any: another backend may have left its history
    /// there.
    directory: Option<Directory>,
    hidden: HiddenFindings,
    cache: SummaryCache,
    rollups: Rollups,
    compared: ComparisonCache,
    entered: Entered,
}

impl Store {
    /// Tries to open what could not be opened so far. Returns an error while it is not open.
    pub fn reopen(&self) -> Result<()> {
        self.engine.reopen()
    }

    /// Returns an error while the history could not be opened.
    pub fn readiness(&self) -> Result<()> {
        self.engine.readiness()
    }

    /// Returns its name, as in the label `backend` and in `--analytics-backend`.
    pub fn backend(&self) -> &'static str {
        self.engine.name()
    }

    /// Returns the directory or address, for messages.
    pub fn location(&self) -> String {
        self.engine.location()
    }

    /// Writes records durably. What is written, or refused for good, leaves `batch`, also when an
    /// error ends the rest. Returns the number of refused records.
    ///
    /// If there is room for only a part of it, that part is written.
    pub fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        match self.write_whole(batch) {
            Err(StoreError::DiskFull(_)) if batch.len() > 1 => {
                let mut rest = batch.split_off(batch.len() / 2);
                let written = self.write(batch);
                batch.append(&mut rest);
                Ok(written? + self.write(batch)?)
            }
            written => written,
        }
    }

    fn write_whole(&self, batch: &mut Vec<Record>) -> Result<u64> {
        if let Err(why) = self.rollups.forget_late(batch) {
            log::warn!("{why}"); // its number of records shows that it is wrong
        }
        let writing = self.cache.begin(batch);
        let positions = batch.iter().map(Record::position).collect();
        let written = self.engine.write(batch);
        self.entered.note(positions, batch);
        let refused = written?;
        if refused == 0 {
            writing.finish();
        }
        Ok(refused)
    }

    /// Returns the numbers refused for good since the last call, beside those that `write` returned.
    pub fn take_refused(&self) -> Refused {
        self.engine.take_refused()
    }

    /// Sets the time by which every write must end: the tap ends then.
    pub fn set_deadline(&self, deadline: Instant) {
        self.engine.set_deadline(deadline);
    }

    /// Saves what could not be written for the next start; returns `false` where that is not
    /// possible.
    pub fn save_unwritten(&self, records: &[Record]) -> Result<bool> {
        self.engine.save_unwritten(records)
    }

    /// Does a piece of the work that writing put off; returns whether there is more.
    pub fn catch_up(&self) -> Result<bool> {
        self.engine.catch_up()
    }

    /// Visits the newest matching records, newest first, at most `query.limit`, all older than
    /// `query.before`, with bounded memory.
    pub fn for_each_newest(
        &self,
        query: &Query,
        detail: Detail,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        self.engine
            .for_each_newest(&until_now(query), detail, &mut |record| {
                visit(record.folded())
            })
    }

    /// Returns the newest matching records, as `for_each_newest` visits them, without what was said
    /// before.
    pub fn newest(&self, query: &Query) -> Result<Vec<Record>> {
        Ok(self
            .engine
            .newest(&until_now(query), Detail::Whole)?
            .into_iter()
            .map(|record| record.folded().without_conversation())
            .collect())
    }

    /// Visits every matching record, oldest first, with bounded memory. `query.limit` and
    /// `query.before` are ignored.
    pub fn for_each(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        self.engine
            .for_each(query, &mut |record| visit(record.folded()))
    }

    /// Visits every matching record, in no order.
    fn for_each_unordered(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        self.engine
            .for_each_unordered(query, &mut |record| visit(record.folded()))
    }

    pub fn get(&self, id: &str) -> Result<Option<Record>> {
        Ok(self.engine.get(id)?.map(Record::folded))
    }

    pub fn extent(&self) -> Result<Extent> {
        self.engine.extent(now() + CLOCK_SKEW_MAX)
    }

    /// Returns whether readers see all of it: not what a kill left half written.
    pub fn is_whole(&self) -> Result<bool> {
        self.engine.is_whole()
    }

    /// Reads what the numbers of these `hours` need into the cache, where there is one.
    pub fn warm_cache(&self, hours: f64, now: f64) -> Result<()> {
        if self.has_one_writer() {
            self.cache
                .for_each_summary(&*self.engine, now - hours * 3600.0, now, &mut |_| {})
        } else {
            Ok(())
        }
    }

    /// Visits the summary of every matching record, in no order: from the cache, where there is one.
    /// The query has to end; text, findings and session are ignored.
    fn for_each_summary(&self, query: &Query, visit: &mut dyn FnMut(&RecordSummary)) -> Result<()> {
        if !self.has_one_writer() {
            return self.engine.for_each_summary(query, visit);
        }
        let start = query.start_time.unwrap_or(f64::MIN);
        self.cache
            .for_each_summary(&*self.engine, start, now(), &mut |summary| {
                if query.matches_summary(summary) {
                    visit(summary);
                }
            })
    }

    /// Returns whether only this process writes: others may write to a Loki, and so may the tap
    /// whose history is read here.
    fn has_one_writer(&self) -> bool {
        self.directory.is_some()
    }

    /// Returns the numbers of every model, the most used first.
    pub fn models(&self) -> Result<Vec<Group>> {
        let mut models = ModelStatistics::default();
        self.engine
            .for_each_summary(&until_now(&Query::default()), &mut |summary| {
                models.add(summary)
            })?;
        Ok(models.groups())
    }

    /// Begins to watch the clock for old records, where this process deletes them.
    pub fn expiry(&self, at: ClockReading) -> Result<Option<Expiry>> {
        let Some(directory) = &self.directory else {
            return Ok(None);
        };
        Expiry::load(&directory.path, at, &|newest| self.whole_extent(newest)).map(Some)
    }

    /// Decides what may be deleted now.
    pub fn decide(
        &self,
        expiry: &mut Expiry,
        at: ClockReading,
        days: Option<u32>,
        max_bytes: Option<u64>,
    ) -> Result<Decision> {
        expiry.decide(at, days, max_bytes, &|newest| self.whole_extent(newest))
    }

    /// Measures the history together with what another backend left here, where that can be read.
    fn whole_extent(&self, newest: f64) -> Result<Extent> {
        let own = self.engine.extent(newest)?;
        let previous = self
            .left_behind()
            .ok()
            .flatten()
            .and_then(|previous| previous.extent(newest).ok());
        Ok(own.and(previous.unwrap_or(Extent {
            bytes: Some(0),
            ..Extent::default()
        })))
    }
}

/// Gives a query without an end one that is a day ahead: a record that a clock left in the future
/// is not shown as the newest.
fn until_now(query: &Query) -> Query {
    Query {
        end_time: query.end_time.or(Some(now() + CLOCK_SKEW_MAX)),
        ..query.clone()
    }
}
