//! Deleting records by what they are: a day's file that has some is written anew without them.

use std::sync::Arc;

use super::Jsonl;
use super::count::count_lines;
use super::day::Day;
use super::files::DayFile;
use super::line::position;
use super::repair::repair;
use super::search::{Filter, LineMatch};
use crate::history::store::{Result, Selection};
use crate::util::threads::lock;

/// The lines to delete.
enum Doomed<'a> {
    Matching(Filter<'a>),
    Ids(&'a [String]),
}

impl Doomed<'_> {
    fn contains(&self, line: &[u8]) -> bool {
        match self {
            Doomed::Matching(filter) => {
                matches!(filter.record(line, |_| true), LineMatch::Matching(_))
            }
            Doomed::Ids(ids) => position(line).is_some_and(|position| ids.contains(&position.id)),
        }
    }
}

impl Jsonl {
    /// Deletes the selected records. Returns their number.
    pub(super) fn delete_selected(&self, which: &Selection) -> Result<u64> {
        let doomed = match which {
            Selection::Matching(query) => Doomed::Matching(Filter::new(query)),
            Selection::Ids(ids) => Doomed::Ids(ids),
        };
        let _rewriting = lock(&self.rewriting);
        let mut removed = 0;
        for day in self.files.days()? {
            removed += self.delete_in(day, &doomed)?;
        }
        Ok(removed)
    }

    fn delete_in(&self, day: Day, doomed: &Doomed) -> Result<u64> {
        let Some(file) = self.open_repaired(day)? else {
            return Ok(0);
        };
        let found = count_lines(&file, |line| doomed.contains(line))?;
        if found == 0 {
            return Ok(0);
        }
        let (length, lines) = (file.index.length, file.index.lines());
        drop(file); // which is replaced, or deleted
        if found == lines && self.remove_unchanged(day, length)? {
            return Ok(lines);
        }
        self.cut(day, &|line| !doomed.contains(&line.text))
    }

    /// Opens the file of a day with its torn end repaired, which may have what is to be deleted.
    pub(super) fn open_repaired(&self, day: Day) -> Result<Option<Arc<DayFile>>> {
        let mut ends = lock(&self.writer.ends);
        if repair(&self.files, day)? {
            ends.remove(&day);
        }
        self.files.open(day)
    }

    /// Deletes the file of a day unless it has grown; returns whether it did.
    fn remove_unchanged(&self, day: Day, length: u64) -> Result<bool> {
        let mut ends = lock(&self.writer.ends);
        let is_unchanged = self
            .files
            .open(day)?
            .is_some_and(|file| file.index.length == length);
        if is_unchanged {
            ends.remove(&day);
            self.remove(day)?;
        }
        Ok(is_unchanged)
    }
}
