//! STORE: the history on disk, or in Loki. The same words on every backend; what they mean is said here once.
//!
//! A backend writes batches and finds records; statistics are made here, of `Facts`, so that all give the same answers. What an
//! older tap wrote has names of models as they were sent: facts and what is shown have them folded. Every method may be called from
//! any thread while another writes.

mod directory;
mod expiry;
mod jsonl;
mod keeper;
mod loki;
mod names;
mod open;
mod pending;
pub mod query;
mod recent;
mod sqlite;
mod statistics;
#[cfg(test)]
mod suite;

use std::time::Instant;

use crate::history::record::{Facts, Record, now};
use directory::Directory;
pub use directory::TOKEN;
pub use expiry::{AHEAD, Decision, Expiry, Reading};
pub use keeper::{Detail, Extent, Flow, Keeper, Limits, Purged, Refused, Result, Span, StoreError};
use keeper::{failed, failed_io, unknown_before};
pub use query::{BadParameter, Query};
use recent::Recent;
pub use statistics::{Enhanced, Group, Spread};
use statistics::{Models, Statistics};

/// A history, open.
pub struct Store {
    keeper: Box<dyn Keeper>,
    /// Where it lies in a directory that is ours to write: in it another backend may have left its own.
    directory: Option<Directory>,
    recent: Recent,
}

impl Store {
    /// Tries to open what could not be opened so far. `Err` says why it is not open.
    pub fn open_again(&self) -> Result<()> {
        self.keeper.open_again()
    }

    /// `Err` says why a history that could not be opened is not open yet.
    pub fn readiness(&self) -> Result<()> {
        self.keeper.readiness()
    }

    /// Label `backend`, and what `--analytics-backend` calls it.
    pub fn backend(&self) -> &'static str {
        self.keeper.name()
    }

    /// Directory or address, for people.
    pub fn place(&self) -> String {
        self.keeper.place()
    }

    /// Writes records durably. What is written, or refused for good, leaves `batch`, also when an error ends the rest.
    /// Returns how many were refused for good.
    ///
    /// Where there is room for a part only, that is written: a disk that is nearly full takes what it can.
    pub fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        match self.write_whole(batch) {
            Err(StoreError::Full(_)) if batch.len() > 1 => {
                let mut rest = batch.split_off(batch.len() / 2);
                let written = self.write(batch);
                batch.append(&mut rest);
                Ok(written? + self.write(batch)?)
            }
            written => written,
        }
    }

    fn write_whole(&self, batch: &mut Vec<Record>) -> Result<u64> {
        let writing = self.recent.begin(batch);
        let refused = self.keeper.write(batch)?;
        if refused == 0 {
            writing.finish();
        }
        Ok(refused)
    }

    /// What was refused for good, beside what `write` said, since this was last asked.
    pub fn take_refused(&self) -> Refused {
        self.keeper.take_refused()
    }

    /// From now on no write is to take longer than this allows: the tap ends.
    pub fn end_by(&self, deadline: Instant) {
        self.keeper.end_by(deadline);
    }

    /// Keeps what could not be written for the next start; `false` where there is no place for it.
    pub fn leave(&self, records: &[Record]) -> Result<bool> {
        self.keeper.leave(records)
    }

    /// A piece of work that writing left for later; whether there is more.
    pub fn catch_up(&self) -> Result<bool> {
        self.keeper.catch_up()
    }

    /// Shows the newest records that are meant, newest first, at most `query.limit`, all older than `query.before`. However long
    /// their texts are, few are in memory at a time.
    pub fn each_newest(
        &self,
        query: &Query,
        detail: Detail,
        visit: &mut dyn FnMut(Record) -> Flow,
    ) -> Result<()> {
        self.keeper
            .each_newest(&until_now(query), detail, &mut |record| {
                visit(record.folded())
            })
    }

    /// The same, gathered.
    pub fn newest(&self, query: &Query) -> Result<Vec<Record>> {
        Ok(self
            .keeper
            .newest(&until_now(query), Detail::Whole)?
            .into_iter()
            .map(Record::folded)
            .collect())
    }

    /// Every record that is meant, oldest first, with flat memory; `query.limit` and `query.before` say nothing here.
    pub fn each(&self, query: &Query, visit: &mut dyn FnMut(Record) -> Flow) -> Result<()> {
        self.keeper
            .each(query, &mut |record| visit(record.folded()))
    }

    pub fn get(&self, id: &str) -> Result<Option<Record>> {
        Ok(self.keeper.get(id)?.map(Record::folded))
    }

    pub fn extent(&self) -> Result<Extent> {
        self.keeper.extent(now() + AHEAD)
    }

    /// Numbers of the `hours` before `now` (Unix seconds).
    pub fn enhanced(&self, hours: f64, now: f64) -> Result<Enhanced> {
        let start = now - hours * 3600.0;
        let mut statistics = Statistics::new(start, now);
        let meant = until_now(&Query {
            start_time: Some(start),
            ..Query::default()
        });
        let add = &mut |facts: &Facts| statistics.add(facts);
        if self.has_one_writer() {
            let mut add_meant = |facts: &Facts| {
                if meant.spans(facts.timestamp) {
                    add(facts)
                }
            };
            self.recent
                .each_facts(&*self.keeper, start, now, &mut add_meant)?;
        } else {
            self.keeper.each_facts(&meant, add)?;
        }
        Ok(statistics.enhanced())
    }

    /// Reads beforehand what the numbers of these `hours` need, where that can be kept.
    pub fn remember(&self, hours: f64, now: f64) -> Result<()> {
        if self.has_one_writer() {
            self.recent
                .each_facts(&*self.keeper, now - hours * 3600.0, now, &mut |_| {})
        } else {
            Ok(())
        }
    }

    /// That is us; to a Loki others may write, and so may a tap whose history we only read.
    fn has_one_writer(&self) -> bool {
        self.directory.is_some()
    }

    /// The numbers of every model that there is, the most used first, without how long requests took.
    pub fn models(&self) -> Result<Vec<Group>> {
        let mut models = Models::default();
        self.keeper
            .each_facts(&until_now(&Query::default()), &mut |facts| {
                models.add(facts)
            })?;
        Ok(models.groups())
    }

    /// Watches the clock for what grows old here, where that is our business.
    pub fn expiry(&self, at: Reading) -> Result<Option<Expiry>> {
        let Some(directory) = &self.directory else {
            return Ok(None);
        };
        Expiry::begin(&directory.path, at, &|newest| self.whole_extent(newest)).map(Some)
    }

    /// What may go now.
    pub fn decide(
        &self,
        expiry: &mut Expiry,
        at: Reading,
        days: Option<u32>,
        max_bytes: Option<u64>,
    ) -> Result<Decision> {
        expiry.decide(at, days, max_bytes, &|newest| self.whole_extent(newest))
    }

    /// With what another backend left here, where that can be read.
    fn whole_extent(&self, newest: f64) -> Result<Extent> {
        let own = self.keeper.extent(newest)?;
        let left = self
            .left_behind()
            .ok()
            .flatten()
            .and_then(|left| left.extent(newest).ok());
        Ok(own.and(left.unwrap_or(Extent {
            bytes: Some(0),
            ..Extent::default()
        })))
    }

    /// Deletes what is beyond the limits, oldest first, and says how many records or whole files went. What another backend left
    /// here is older, and gets what the limits leave of the room.
    pub fn retain(&self, limits: &Limits) -> Result<u64> {
        let gone = self.keeper.retain(limits)?;
        if gone > 0 {
            self.recent.forget();
        }
        let Some(left) = self.left_behind()? else {
            return Ok(gone);
        };
        let bytes = self.keeper.extent(f64::INFINITY)?.bytes.unwrap_or(0);
        let deleted = left.retain(&Limits {
            max_bytes: limits.max_bytes.map(|max| max.saturating_sub(bytes)),
            ..*limits
        })?;
        if deleted > 0 {
            log::info!(
                "deleted {deleted} of the oldest in what the backend {} left in {}",
                left.name(),
                left.place()
            );
        }
        Ok(gone + deleted)
    }

    /// Deletes every record that arrived before this time (Unix seconds), or all, also of what another backend left here.
    pub fn purge(&self, before: Option<f64>) -> Result<Purged> {
        let mut purged = Purged::default();
        let left = self.left_behind()?;
        for keeper in std::iter::once(&self.keeper).chain(&left) {
            let deleted = keeper.purge(before)?;
            log::info!(
                "deleted {deleted} records of the backend {} in {} on request",
                keeper.name(),
                keeper.place()
            );
            purged.add(keeper.name(), deleted);
        }
        self.recent.forget();
        Ok(purged)
    }
}

/// A question without an end ends a day ahead: a record that a clock left in the future is the newest for nobody.
fn until_now(query: &Query) -> Query {
    Query {
        end_time: query.end_time.or(Some(now() + AHEAD)),
        ..query.clone()
    }
}
