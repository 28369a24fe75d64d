//! Retention and purge: which day files go, and which are cut.

use std::fs;

use super::Jsonl;
use super::cut_point::cut_point;
use super::day::{self, Day};
use super::repair::repair;
use crate::history::store::{Limits, Result, StoreError, failed};
use crate::platform;
use crate::util::threads::lock;

impl Jsonl {
    /// `retain`, on the day `today`. Returns the number of files that were deleted or cut.
    pub(super) fn retain_on(&self, today: Day, limits: &Limits) -> Result<u64> {
        let _rewriting = lock(&self.rewriting);
        let mut removed = 0;
        for day in self.files.days()? {
            if limits.oldest.is_some_and(|oldest| day.end() <= oldest) {
                self.delete(day, "it is older than the history is kept")?;
                removed += 1;
            } else if self.is_future(day, limits)? {
                self.delete(
                    day,
                    "it is in the future, and older than the history is kept",
                )?;
                removed += 1;
            } else if day < today
                && let Err(e) = self.compact(day)
            {
                // A reader may have it open, or the disk is full.
                log::warn!("{e}; trying again later");
            }
        }
        self.remove_broken(limits.oldest.unwrap_or(f64::NEG_INFINITY))?;
        Ok(removed + self.keep_within(limits.max_bytes.unwrap_or(u64::MAX))?)
    }

    /// Returns whether all of a day is in the future and may be deleted.
    fn is_future(&self, day: Day, limits: &Limits) -> Result<bool> {
        let Some(span) = limits.future.filter(|span| day.end() > span.after) else {
            return Ok(false);
        };
        let file = self.files.open(day)?;
        Ok(file.is_some_and(|file| {
            file.index.lines() > 0
                && span.contains(file.index.first())
                && span.contains(file.index.last())
        }))
    }

    /// Deletes the oldest records, so that all files take at most `bytes`. Returns the number of
    /// files that were deleted or cut. Returns the number of files that were deleted or cut.
    fn keep_within(&self, bytes: u64) -> Result<u64> {
        let indexes = self.files.indexes()?;
        let mut total: u64 = indexes.iter().map(|(_, index)| index.length).sum();
        let mut removed = 0;
        for (day, index) in indexes {
            if total <= bytes {
                break;
            }
            let others = total - index.length;
            total = others
                + self.shrink(day, (bytes - bytes / SPARE_DIVISOR).saturating_sub(others))?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Deletes the oldest records of `day`, so that its file takes at most `bytes`. Returns the
    /// length of the file then.
    fn shrink(&self, day: Day, bytes: u64) -> Result<u64> {
        while let Some(file) = self.files.open(day)? {
            let length = file.index.length;
            if length <= bytes {
                return Ok(length);
            } else if bytes == 0 || file.index.lines() == 0 {
                self.delete(day, "the history is larger than it may be")?;
            } else {
                log::info!(
                    "cutting the oldest records off {}: the history is larger than it may be",
                    file.path.display()
                );
                let start = cut_point(&file, bytes);
                drop(file); // which is replaced
                match self.cut_before(day, start) {
                    // The memory that it takes is bounded by what may stay of the file.
                    Err(StoreError::DiskFull(why)) if bytes <= REWRITE_MEMORY_MAX => {
                        log::warn!(
                            "{why}; so the old file is deleted before the new one is written"
                        );
                        self.cut_before_in_place(day, start)?;
                    }
                    done => done.map(drop)?,
                }
            }
        }
        Ok(0)
    }

    /// `purge` before this time: whole files are deleted, the one that it falls into is cut.
    pub(super) fn purge_before(&self, before: f64) -> Result<u64> {
        let _rewriting = lock(&self.rewriting);
        let mut removed = 0;
        for day in self.files.days()? {
            removed += self.purge_day(day, before)?;
        }
        self.remove_broken(before)?;
        Ok(removed)
    }

    fn purge_day(&self, day: Day, before: f64) -> Result<u64> {
        let mut ends = lock(&self.writer.ends);
        if repair(&self.files, day)? {
            ends.remove(&day); // a torn end is purged as well
        }
        let Some(file) = self.files.open(day)? else {
            return Ok(0);
        };
        let last = if file.index.lines() > 0 {
            file.index.last()
        } else {
            day.end()
        };
        if last < before {
            ends.remove(&day);
            self.remove(day)?;
            return Ok(file.index.lines());
        }
        let first = file.index.first();
        drop((ends, file)); // which is replaced
        if first < before {
            self.cut_before(day, before)
        } else {
            Ok(0)
        }
    }

    /// Deletes every day. Returns the number of records that they had.
    pub(super) fn purge_all(&self) -> Result<u64> {
        let _rewriting = lock(&self.rewriting);
        let mut ends = lock(&self.writer.ends);
        let mut removed = 0;
        for (day, index) in self.files.indexes()? {
            self.remove(day)?;
            removed += index.lines();
        }
        ends.clear();
        self.remove_broken(f64::INFINITY)?;
        let operation = format!("purge the history in {}", self.files.directory.display());
        day::remove_replacements(&self.files.directory).map_err(failed(&operation))?;
        platform::files::sync_directory(&self.files.directory).map_err(failed(&operation))?;
        Ok(removed)
    }

    fn remove_broken(&self, before: f64) -> Result<()> {
        let operation = format!(
            "delete the files beside the history in {}",
            self.files.directory.display()
        );
        day::remove_broken(&self.files.directory, before).map_err(failed(&operation))
    }

    fn delete(&self, day: Day, why: &str) -> Result<()> {
        let mut ends = lock(&self.writer.ends);
        ends.remove(&day);
        self.remove(day)?;
        log::info!(
            "deleted {}: {why}",
            day.path(&self.files.directory).display()
        );
        Ok(())
    }

    pub(super) fn remove(&self, day: Day) -> Result<()> {
        let path = day.path(&self.files.directory);
        fs::remove_file(&path).map_err(failed(format!("delete {}", path.display())))
    }
}

/// A history that is cut to a size is cut to this part less of it, so that the next records do not
/// cut it again.
const SPARE_DIVISOR: u64 = 10;

/// The most bytes of a file that are held in memory while it is rewritten.
const REWRITE_MEMORY_MAX: u64 = 64 << 20;
