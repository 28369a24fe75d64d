//! The trait of all backends, and the types of its questions and answers.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::query::Rank;
use super::redaction::Redaction;
use super::{Query, Result, unknown_before};
use crate::history::record::{Position, Record, RecordSummary};

/// The size and the times of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extent {
    pub records: u64,
    /// On disk; `None` where records are kept elsewhere.
    pub bytes: Option<u64>,
    /// Unix seconds.
    pub oldest: Option<f64>,
    /// The newest that is no newer than was asked for: a clock that was ahead leaves records of the
    /// future.
    pub newest: Option<f64>,
    /// The newest of all.
    pub latest: Option<f64>,
}

impl Extent {
    /// Returns the extent of both together.
    pub fn and(self, other: Extent) -> Extent {
        let either =
            |one: Option<f64>, two: Option<f64>, choose: fn(f64, f64) -> f64| match (one, two) {
                (Some(one), Some(two)) => Some(choose(one, two)),
                _ => one.or(two),
            };
        Extent {
            records: self.records + other.records,
            bytes: self.bytes.zip(other.bytes).map(|(one, two)| one + two),
            oldest: either(self.oldest, other.oldest, f64::min),
            newest: either(self.newest, other.newest, f64::max),
            latest: either(self.latest, other.latest, f64::max),
        }
    }
}

/// Records that arrived after a moment, up to and with another (Unix seconds).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeRange {
    pub after: f64,
    pub until: f64,
}

impl TimeRange {
    pub fn contains(self, timestamp: f64) -> bool {
        timestamp > self.after && timestamp <= self.until
    }
}

/// The limits of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Records that arrived before this time are deleted (Unix seconds).
    pub oldest: Option<f64>,
    /// Records of the future that are deleted as well.
    pub future: Option<TimeRange>,
    pub max_bytes: Option<u64>,
}

/// The part of a record that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    Whole,
    /// Without its long texts, as lists show it.
    Brief,
}

impl Detail {
    pub fn of(self, record: Record) -> Record {
        match self {
            Detail::Whole => record,
            Detail::Brief => record.without_long_text(),
        }
    }
}

/// Records that are to be deleted by what they are.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// All that match, without regard to `limit`, `before` and `sort`.
    Matching(Box<Query>),
    Ids(Vec<String>),
}

/// The records that a purge deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PurgeReport {
    /// Records.
    pub deleted: u64,
    /// By the backend that had them.
    pub from: BTreeMap<String, u64>,
}

impl PurgeReport {
    pub fn add(&mut self, backend: &str, deleted: u64) {
        self.deleted += deleted;
        *self.from.entry(backend.to_owned()).or_default() += deleted;
    }

    pub fn extend(&mut self, more: PurgeReport) {
        self.deleted += more.deleted;
        for (backend, deleted) in more.from {
            *self.from.entry(backend).or_default() += deleted;
        }
    }
}

/// The numbers that a history refused for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    pub records: u64,
    /// Records that were written without their texts.
    pub texts: u64,
}

/// Returns the place of the record that a list follows, if there is one.
pub fn rank_before(engine: &dyn Engine, query: &Query) -> Result<Option<Rank>> {
    let Some(id) = &query.before else {
        return Ok(None);
    };
    let record = engine.get(id)?.ok_or_else(|| unknown_before(id))?;
    Ok(Some(Rank::of(query.sort, &record.summary())))
}

/// A backend: writes batches of records, and finds them.
pub trait Engine: Send + Sync {
    /// Returns its name, as in the label `backend` and in `--analytics-backend`.
    fn name(&self) -> &'static str;

    /// Returns the directory or address, for messages.
    fn location(&self) -> String;

    /// Returns an error while it is not open.
    fn readiness(&self) -> Result<()> {
        Ok(())
    }

    /// Tries to open what could not be opened so far. Returns an error while it is not open.
    fn reopen(&self) -> Result<()> {
        Ok(())
    }

    /// Writes records durably. What is written, or refused for good, leaves `batch`, also when an
    /// error ends the rest. Returns the number of refused records.
    fn write(&self, batch: &mut Vec<Record>) -> Result<u64>;

    /// Returns the numbers refused for good since the last call, beside those that `write`
    /// returned.
    fn take_refused(&self) -> Refused {
        Refused::default()
    }

    /// Sets the time by which every write must end: the tap ends then.
    fn set_deadline(&self, _deadline: Instant) {}

    /// Saves what could not be written for the next start; returns `false` where that is not
    /// possible.
    fn save_unwritten(&self, _records: &[Record]) -> Result<bool> {
        Ok(false)
    }

    /// Does a piece of the work that writing put off; returns whether there is more.
    fn catch_up(&self) -> Result<bool>;

    /// Visits the newest matching records, newest first, at most `query.limit`, all older than
    /// `query.before`, with bounded memory.
    fn for_each_newest(
        &self,
        query: &Query,
        detail: Detail,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Returns the newest matching records, as `for_each_newest` visits them.
    fn newest(&self, query: &Query, detail: Detail) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        self.for_each_newest(query, detail, &mut |record| {
            records.push(record);
            ControlFlow::Continue(())
        })?;
        Ok(records)
    }

    /// Visits every matching record, oldest first, with bounded memory. `query.limit` and
    /// `query.before` are ignored.
    fn for_each(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Visits every matching record, in no order, which may be faster.
    fn for_each_unordered(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        self.for_each(query, visit)
    }

    /// Visits the summary of every matching record, in no order. It has neither text nor findings
    /// nor session, so `query.prompt_search`, `query.q`, `query.finding` and `query.session` are ignored.
    fn for_each_summary(&self, query: &Query, visit: &mut dyn FnMut(&RecordSummary)) -> Result<()>;

    fn get(&self, id: &str) -> Result<Option<Record>>;

    /// Returns ids that begin with `prefix`, at most `limit` of them.
    fn ids(&self, prefix: &str, limit: usize) -> Result<Vec<String>>;

    /// Returns the records at these positions, in their order; `None` for those that are gone.
    fn get_all(&self, positions: &[Position], detail: Detail) -> Result<Vec<Option<Record>>> {
        let get = |position: &Position| Ok(self.get(&position.id)?.map(|record| detail.of(record)));
        positions.iter().map(get).collect()
    }

    /// Measures the history. Records after `newest` do not count as its newest (Unix seconds).
    fn extent(&self, newest: f64) -> Result<Extent>;

    /// Returns whether readers see all of it: not what a kill left half written.
    fn is_whole(&self) -> Result<bool> {
        Ok(true)
    }

    /// Counts the records that arrived at `from` or later, and before `until` (Unix seconds).
    fn count(&self, from: f64, until: f64) -> Result<u64> {
        let query = Query {
            start_time: Some(from),
            end_time: Some(until.next_down()),
            ..Query::default()
        };
        let mut count = 0;
        self.for_each_summary(&query, &mut |_| count += 1)?;
        Ok(count)
    }

    /// Deletes what is beyond the limits, oldest first. Returns the number of deleted records or
    /// whole files.
    fn retain(&self, limits: &Limits) -> Result<u64>;

    /// Returns an error where nothing can be deleted on request.
    fn deletes(&self) -> Result<()> {
        Ok(())
    }

    /// Takes out of records what others said that are to be deleted. Returns the number of changed
    /// ones.
    fn redact(&self, redaction: &Redaction) -> Result<u64>;

    /// Deletes every record that arrived before this time (Unix seconds), or all. Returns their
    /// number.
    fn purge(&self, before: Option<f64>) -> Result<u64>;

    /// Deletes the selected records. Returns their number.
    fn delete(&self, which: &Selection) -> Result<u64>;
}
