//! The trait of all backends, and the types of its questions and answers.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::query::{BadParameter, Query};
use crate::history::record::{Facts, Record};

/// An error of a store. The text names the operation, the object and the cause.
#[derive(Debug)]
pub enum StoreError {
    /// A parameter of the query is not valid.
    Bad(BadParameter),
    /// There is no such history or record.
    Nothing(String),
    /// It could not be done now; it may work later.
    Failed(String),
    /// The disk has no room for it.
    Full(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            StoreError::Bad(bad) => bad.fmt(f),
            StoreError::Nothing(text) | StoreError::Failed(text) | StoreError::Full(text) => {
                f.write_str(text)
            }
        }
    }
}

/// Makes an error of this operation, for `map_err`.
pub fn failed<E: fmt::Display>(doing: impl fmt::Display) -> impl FnOnce(E) -> StoreError {
    move |cause| StoreError::Failed(format!("{doing}: {cause}"))
}

/// Makes an error of this I/O operation, for `map_err`; a full disk is told apart.
pub fn failed_io(doing: impl fmt::Display) -> impl FnOnce(io::Error) -> StoreError {
    move |cause| match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StoreError::Full(format!("{doing}: {cause}"))
        }
        _ => failed(doing)(cause),
    }
}

/// Makes the error of a `before` that names no record.
pub fn unknown_before(id: &str) -> StoreError {
    let accepted = "the interaction_id of a record that is in the history".to_owned();
    StoreError::Bad(BadParameter {
        name: "before".to_owned(),
        value: id.to_owned(),
        accepted,
    })
}

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

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
pub struct Span {
    pub after: f64,
    pub until: f64,
}

impl Span {
    pub fn has(self, timestamp: f64) -> bool {
        timestamp > self.after && timestamp <= self.until
    }
}

/// The limits of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Records that arrived before this time are deleted (Unix seconds).
    pub oldest: Option<f64>,
    /// Records of the future that are deleted as well.
    pub future: Option<Span>,
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

/// What is left to do after the next records were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    GoOn,
    Stop,
}

/// The records that a purge deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Purged {
    /// Records.
    pub deleted: u64,
    /// By the backend that had them.
    pub from: BTreeMap<String, u64>,
}

impl Purged {
    pub fn add(&mut self, backend: &str, deleted: u64) {
        self.deleted += deleted;
        *self.from.entry(backend.to_owned()).or_default() += deleted;
    }

    pub fn extend(&mut self, more: Purged) {
        more.from
            .iter()
            .for_each(|(backend, deleted)| self.add(backend, *deleted));
    }
}

/// What a history refused for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    pub records: u64,
    /// Records that were written without their texts.
    pub texts: u64,
}

/// A backend: writes batches of records, and finds them.
pub trait Keeper: Send + Sync {
    /// Returns its name, as in the label `backend` and in `--analytics-backend`.
    fn name(&self) -> &'static str;

    /// Returns the directory or address, for messages.
    fn place(&self) -> String;

    /// Returns an error while it is not open.
    fn readiness(&self) -> Result<()> {
        Ok(())
    }

    /// Tries to open what could not be opened so far. Returns an error while it is not open.
    fn open_again(&self) -> Result<()> {
        Ok(())
    }

    /// Writes records durably. What is written, or refused for good, leaves `batch`, also when an
    /// error ends the rest. Returns the number of refused records.
    fn write(&self, batch: &mut Vec<Record>) -> Result<u64>;

    /// What was refused for good, beside what `write` said, since this was last asked.
    fn take_refused(&self) -> Refused {
        Refused::default()
    }

    /// Sets the time by which every write must end: the tap ends then.
    fn end_by(&self, _deadline: Instant) {}

    /// Saves what could not be written for the next start; returns `false` where that is not
    /// possible.
    fn leave(&self, _records: &[Record]) -> Result<bool> {
        Ok(false)
    }

    /// Does a piece of the work that writing put off; returns whether there is more.
    fn catch_up(&self) -> Result<bool>;

    /// Visits the newest matching records, newest first, at most `query.limit`, all older than
    /// `query.before`, with bounded memory.
    fn each_newest(
        &self,
        query: &Query,
        detail: Detail,
        visit: &mut dyn FnMut(Record) -> Flow,
    ) -> Result<()>;

    /// Returns the newest matching records, as `for_each_newest` visits them.
    fn newest(&self, query: &Query, detail: Detail) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        self.each_newest(query, detail, &mut |record| {
            records.push(record);
            Flow::GoOn
        })?;
        Ok(records)
    }

    /// Visits every matching record, oldest first, with bounded memory. `query.limit` and
    /// `query.before` are ignored.
    fn each(&self, query: &Query, visit: &mut dyn FnMut(Record) -> Flow) -> Result<()>;

    /// Visits the summary of every matching record, in no order. It has no text to search, so
    /// `query.prompt_search` is ignored.
    fn each_facts(&self, query: &Query, visit: &mut dyn FnMut(&Facts)) -> Result<()>;

    fn get(&self, id: &str) -> Result<Option<Record>>;

    /// Measures the history. Records after `newest` do not count as its newest (Unix seconds).
    fn extent(&self, newest: f64) -> Result<Extent>;

    /// Deletes what is beyond the limits, oldest first. Returns the number of deleted records or
    /// whole files.
    fn retain(&self, limits: &Limits) -> Result<u64>;

    /// Deletes every record that arrived before this time (Unix seconds), or all. Returns their
    /// number.
    fn purge(&self, before: Option<f64>) -> Result<u64>;
}
