//! ROLL-UPS: what statistics need of very many records, so that these need not be read again.
//!
//! - A roll-up is of a day (UTC), in one file beside the history, for both backends. It has sums and
//!   sketches of the day's requests per quarter of an hour and set: requests with the same model,
//!   category, endpoint, status, client and address (and tap, version, file of the model, cause of a
//!   load or an error, which hardly ever differ where those do not). It has no text of a prompt or a
//!   reply.
//! - **Exact stays exact.** Percentiles of at most 200,000 matching records are nearest rank, so these
//!   records are read; roll-ups answer where more match. Which it is, roll-ups tell themselves: their
//!   counts are exact. Clients and models that found no room in a quarter count together as `other`;
//!   where one is asked for by its name, records are read.
//! - They are made from records on first need, up to an hour ago: later quarters may still get
//!   records of requests that took long. Those, the edges of a span, and what sets do not tell
//!   apart are read from the records.
//! - **They agree with the records.** Each knows how many records the history had of its time when
//!   it was made, and is made anew where that is another number now. What this process writes late
//!   or deletes removes the files of those days first.
//! - What expires is deleted oldest first; so a quarter has all its records as long as the oldest of
//!   the history is not in it or after it. A roll-up whose day has expired loses its clients, and
//!   stays `KEPT_DAYS` longer, for `previous` alone.

mod answer;
mod build;
mod codec;
mod day;
mod set;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use chrono::DateTime;

use super::super::directory::replace_side_file;
use super::super::error::failed_io;
use super::super::{Engine, Query, Result};
use super::slots::DAY;
use crate::history::record::Record;
use crate::util::threads::lock;
use build::RollupBuilder;
use day::RollupHead;
pub use day::{RollupFile, Sets, day_start};
pub use set::{SetSamples, SetSums};

/// Seconds.
pub const QUARTER: f64 = 900.0;

/// Quarters that ended less than this ago are read from records (seconds).
const GRACE: f64 = 3600.0;

/// The roll-up of a day that is not over may lack this much, before more is added to it (seconds).
const LAG_MAX: f64 = 3600.0;

/// Days that a roll-up is kept after its records.
const KEPT_DAYS: f64 = 400.0;

/// The most days that one answer reads roll-ups of: a clock that was wrong leaves records of any time.
const DAYS_MAX: i64 = 2000;

/// The beginning of the names of the files.
const FILE_PREFIX: &str = "ollama_rollup_";

/// Digits of the date that their names end with.
const DATE_DIGITS: usize = 8;

/// The roll-ups of a history.
pub struct Rollups {
    /// `None` where other processes write the history too.
    directory: Option<PathBuf>,
    heads: Mutex<BTreeMap<i64, RollupHead>>,
    /// Held while one is made.
    making: Mutex<()>,
}

/// Returns the day of a moment, and where its quarter begins.
pub fn day_of(time: f64) -> i64 {
    (time / DAY).floor() as i64
}

pub fn quarter_start(time: f64) -> f64 {
    (time / QUARTER).floor() * QUARTER
}

/// Returns where the first quarter begins that does not begin before `time`.
pub fn next_quarter(time: f64) -> f64 {
    (time / QUARTER).ceil() * QUARTER
}

impl Rollups {
    /// Opens those in `directory`, which only this process writes.
    pub fn open(directory: Option<&Path>) -> Rollups {
        let heads = directory.map(|directory| {
            let heads = read_heads(directory);
            heads.unwrap_or_else(|cause| warn_unreadable(directory, &cause))
        });
        Rollups {
            directory: directory.map(Path::to_owned),
            heads: Mutex::new(heads.unwrap_or_default()),
            making: Mutex::new(()),
        }
    }

    pub fn is_open(&self) -> bool {
        self.directory.is_some()
    }

    pub fn head(&self, day: i64) -> Option<RollupHead> {
        lock(&self.heads).get(&day).copied()
    }

    /// Returns whether the first record that they have arrived before `time`, or then.
    pub fn began_before(&self, time: f64) -> bool {
        self.heads().iter().any(|head| head.first <= time)
    }

    fn heads(&self) -> Vec<RollupHead> {
        lock(&self.heads).values().copied().collect()
    }

    /// Reads the file of a day; `None` where there is none.
    pub fn read(&self, day: i64) -> Option<Vec<u8>> {
        fs::read(self.path(day)?).ok()
    }

    /// Reads the file of a day as far as is needed for these sets.
    pub fn read_for(&self, day: i64, sets: Sets) -> Option<Vec<u8>> {
        if !RollupFile::is_brief(sets) {
            return self.read(day);
        }
        let file = fs::File::open(self.path(day)?).ok()?;
        let mut bytes = read_up_to(&file, RollupHead::LENGTH).ok()?;
        let head = RollupHead::decode(&bytes)?;
        // The whole file of a day without requests is shorter than what was read for its head.
        let rest = head.brief_length.saturating_sub(bytes.len() as u64);
        file.take(rest).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    fn path(&self, day: i64) -> Option<PathBuf> {
        let date = DateTime::from_timestamp(day_start(day) as i64, 0)?;
        let name = format!("{FILE_PREFIX}{}", date.format("%Y%m%d"));
        Some(self.directory.as_ref()?.join(name))
    }

    /// Makes the roll-up of a day up to `until`, from what there is of it and the records after
    /// that. Returns what is known of it.
    pub fn make(&self, engine: &dyn Engine, day: i64, until: f64) -> Result<RollupHead> {
        let _making = lock(&self.making);
        let is_over = until >= day_start(day + 1);
        let known = self.head(day);
        let is_enough =
            |head: &RollupHead| head.until >= until || !is_over && until - head.until <= LAG_MAX;
        if let Some(head) = known.filter(is_enough) {
            return Ok(head);
        }
        // Counted before it is read: what is written meanwhile makes it another number.
        let records = engine.count(day_start(day), until)?;
        let mut builder = match known {
            Some(head) if engine.count(day_start(day), head.until)? == head.records => {
                self.builder(day)
            }
            _ => RollupBuilder::new(day),
        };
        let span = between(builder.head.until, until);
        engine.for_each_summary(&span, &mut |summary| builder.add(summary))?;
        (builder.head.until, builder.head.records) = (until, records);
        self.save(&mut builder)?;
        Ok(builder.head)
    }

    fn builder(&self, day: i64) -> RollupBuilder {
        let bytes = self.read(day);
        let file = bytes.as_deref().and_then(RollupFile::decode);
        let builder = file.and_then(|file| RollupBuilder::of_file(&file, false));
        builder.unwrap_or_else(|| RollupBuilder::new(day))
    }

    fn save(&self, builder: &mut RollupBuilder) -> Result<()> {
        let Some(path) = self.path(builder.head.day) else {
            return Ok(());
        };
        let operation = format!("write {}", path.display());
        replace_side_file(&path, &builder.encode()).map_err(failed_io(&operation))?;
        lock(&self.heads).insert(builder.head.day, builder.head);
        Ok(())
    }

    /// Deletes those of the days that `is_meant` says so of.
    pub fn remove(&self, is_meant: impl Fn(&RollupHead) -> bool) -> Result<()> {
        for head in self.heads().into_iter().filter(is_meant) {
            let Some(path) = self.path(head.day) else {
                continue;
            };
            match fs::remove_file(&path) {
                Err(cause) if cause.kind() != ErrorKind::NotFound => {
                    return Err(failed_io(&format!("delete {}", path.display()))(cause));
                }
                _ => lock(&self.heads).remove(&head.day),
            };
        }
        Ok(())
    }

    /// Deletes those of days that began before a moment (Unix seconds). One that is being made has
    /// what is deleted, and is waited for.
    pub fn forget_before(&self, time: f64) -> Result<()> {
        let _making = lock(&self.making);
        self.remove(|head| day_start(head.day) < time)
    }

    /// Deletes those that records of these times are in (Unix seconds, inclusive), as
    /// `forget_before` does.
    pub fn forget_within(&self, spans: &[(f64, f64)]) -> Result<()> {
        let _making = lock(&self.making);
        self.remove(|head| {
            let (start, end) = (day_start(head.day), day_start(head.day + 1));
            let mut spans = spans.iter();
            !head.is_stripped && spans.any(|(first, last)| *first < end && start <= *last)
        })
    }

    /// Deletes those that a batch, which is about to be written, would make wrong.
    pub fn forget_late(&self, batch: &[Record]) -> Result<()> {
        let is_late = |record: &&Record| {
            let head = self.head(day_of(record.timestamp));
            head.is_some_and(|head| record.timestamp < head.until)
        };
        let late = batch.iter().filter(is_late);
        let days: Vec<i64> = late.map(|record| day_of(record.timestamp)).collect();
        match days.is_empty() {
            true => Ok(()),
            false => self.remove(|head| days.contains(&head.day)),
        }
    }

    /// Makes those of the records that are about to expire: those from before `oldest`.
    pub fn prepare_expiry(&self, engine: &dyn Engine, oldest: f64, now: f64) -> Result<()> {
        let Some(first) = engine
            .extent(f64::INFINITY)?
            .oldest
            .filter(|_| self.is_open())
        else {
            return Ok(());
        };
        let behind_last = lock(&self.heads).keys().next_back().map(|day| day + 1);
        let begin = behind_last.map_or(day_of(first), |day| day.min(day_of(first)));
        let begin = begin.max(day_of(oldest - KEPT_DAYS * DAY));
        let is_over = |day: &i64| day_start(*day + 1) <= now;
        for day in (begin..=day_of(oldest)).take_while(is_over) {
            let has_expired = self.head(day).is_some_and(|head| head.first < first);
            if first < oldest && !has_expired {
                self.make(engine, day, day_start(day + 1))?;
            }
        }
        Ok(())
    }

    /// Takes the clients from those whose records from before `oldest` have expired, and deletes
    /// those that were kept long enough.
    pub fn expire(&self, oldest: f64) -> Result<()> {
        let end = |head: &RollupHead| day_start(head.day + 1);
        self.remove(|head| end(head) < oldest - KEPT_DAYS * DAY)?;
        let _making = lock(&self.making);
        for head in self.heads() {
            if head.is_stripped || end(&head) > oldest {
                continue;
            }
            let bytes = self.read(head.day);
            let file = bytes.as_deref().and_then(RollupFile::decode);
            match file.and_then(|file| RollupBuilder::of_file(&file, true)) {
                Some(mut builder) => self.save(&mut builder)?,
                None => self.remove(|one| one.day == head.day)?,
            }
        }
        Ok(())
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

fn read_up_to(file: &fs::File, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns what is known of each file; one that cannot be read leaves the others as they are.
fn read_heads(directory: &Path) -> io::Result<BTreeMap<i64, RollupHead>> {
    let mut heads = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(date) = name
            .to_str()
            .and_then(|name| name.strip_prefix(FILE_PREFIX))
        else {
            continue;
        };
        let path = entry.path();
        let head = read_head(&path, date).unwrap_or_else(|cause| warn_unreadable(&path, &cause));
        heads.extend(head.map(|head| (head.day, head)));
    }
    Ok(heads)
}

/// Reads the head of a file whose name ends with `date`. What is none of ours, or what a kill left
/// half written, is deleted: it is made anew.
fn read_head(path: &Path, date: &str) -> io::Result<Option<RollupHead>> {
    let head = match date.len() {
        DATE_DIGITS => RollupHead::decode(&read_up_to(&fs::File::open(path)?, RollupHead::LENGTH)?),
        _ => None,
    };
    if head.is_none() {
        fs::remove_file(path)?;
    }
    Ok(head)
}

fn warn_unreadable<T: Default>(path: &Path, cause: &io::Error) -> T {
    log::warn!("read the roll-ups in {}: {cause}", path.display());
    T::default()
}
