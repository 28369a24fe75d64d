//! The history as one gzip file a day, which `zcat` reads at any moment.
//!
//! - A batch is appended as whole gzip members (`member`, `append`), which a reader (`index`) finds
//!   without inflating.
//! - A torn end is repaired when a writer comes to the file (`repair`).
//! - Once a day is over, its file is rewritten as one sorted member (`rewrite`), beside the old one
//!   (`replacement`).
//! - Newest first and in no order, blocks are inflated by helper threads (`scan`) and searched
//!   (`search`, `lookup`, `prefilter`); oldest first, they are merged (`merge`).
//!
//! Any number of readers, in this process and others, see whole members only; they take no lock of
//! a writer. Lock order: `rewriting`, then `Appender::ends`; the locks in `DayFiles` and `DayFile`
//! are innermost: no other lock is taken while one of them is held.

mod append;
mod block;
mod count;
mod cut_point;
mod day;
mod delete;
mod files;
mod index;
mod limits;
mod line;
mod lines;
mod lookup;
mod member;
mod merge;
mod prefilter;
mod redact;
mod repair;
mod replacement;
mod rewrite;
mod scan;
mod search;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::mem;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;

use super::directory::Directory;
use super::engine::rank_before;
use super::redaction::Redaction;
use super::{
    Detail, Engine, Extent, Limits, Query, Result, Selection, StoreError, ensure_wanted, failed,
};
use crate::history::record::{Position, Record, RecordSummary};
use append::Appender;
use count::CountAtEdges;
use day::Day;
use files::DayFiles;
use index::Index;
use lookup::{ById, ByPrefix, Refetch};
use merge::DayMerge;
use scan::{LineVisitor, scan};
use search::{EachRecord, EachSummary, Filter, Hit, LineMatch, Newest};

/// Its name in `--analytics-backend`.
pub const NAME: &str = "jsonl";

/// A history in day files.
pub struct Jsonl {
    files: DayFiles,
    /// `None` for reading only.
    directory: Option<Directory>,
    writer: Appender,
    /// Held for as long as files are rewritten or deleted.
    rewriting: Mutex<()>,
}

impl Jsonl {
    /// Opens a directory for writing, after repairing what a kill left there.
    pub fn writer(directory: Directory) -> Result<Jsonl> {
        let path = directory.path.clone();
        day::remove_replacements(&path)
            .map_err(failed(format!("open the history in {}", path.display())))?;
        let engine = Jsonl::of(&path, Some(directory));
        for day in engine.files.days()? {
            if let Err(e) = repair::repair(&engine.files, day) {
                // The tap starts with a full disk too.
                log::warn!("{e}; trying again when it is written");
            }
        }
        Ok(engine)
    }

    /// Opens a directory for reading that another process may be writing.
    pub fn reader(path: &Path) -> Result<Jsonl> {
        let nothing = || StoreError::NotFound(format!("there is no history in {}", path.display()));
        if path.try_exists().is_ok_and(|exists| !exists) {
            return Err(nothing());
        }
        let engine = Jsonl::of(path, None);
        if engine.files.days()?.is_empty() {
            Err(nothing())
        } else {
            Ok(engine)
        }
    }

    /// Deletes every day in the directory `path`, which must be locked, unread.
    pub fn discard(path: &Path) -> Result<()> {
        day::remove_all(path).map_err(failed(format!("delete the history in {}", path.display())))
    }

    /// Returns whether there is one in the directory `path`.
    pub fn is_in(path: &Path) -> Result<bool> {
        day::is_any(path).map_err(failed(format!("read the history in {}", path.display())))
    }

    fn of(path: &Path, directory: Option<Directory>) -> Jsonl {
        Jsonl {
            files: DayFiles::new(path.to_owned()),
            directory,
            writer: Appender::default(),
            rewriting: Mutex::new(()),
        }
    }

    fn writable(&self) -> Result<&Directory> {
        let refused = || {
            StoreError::Failed(format!(
                "write the history in {}: it was opened for reading",
                self.location()
            ))
        };
        self.directory.as_ref().ok_or_else(refused)
    }

    /// Shows the lines that `visitor` wants, newest files first.
    fn visit_lines(&self, visitor: &mut impl LineVisitor) -> Result<()> {
        let mut indexes = self.files.indexes()?;
        indexes.sort_by(|(_, one), (_, other)| other.last().total_cmp(&one.last()));
        for (day, index) in indexes {
            if visitor.wants(index.first(), index.last())
                && let Some(file) = self.files.open(day)?
            {
                scan(&file, visitor).map_err(failed(format!("read {}", file.path.display())))?;
                ensure_wanted()?;
            }
        }
        Ok(())
    }

    /// Visits the hits; those that were too long to be held are read again, some at a time. What
    /// was deleted by then is left out.
    fn visit_hits(
        &self,
        mut hits: Vec<Hit>,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        for n in 0..hits.len() {
            if hits[n].record.is_none() {
                self.visit_lines(&mut Refetch::new(&mut hits[n..]))?;
            }
            if let Some(record) = hits[n].record.take()
                && visit(record).is_break()
            {
                break;
            }
        }
        Ok(())
    }
}

impl Engine for Jsonl {
    fn name(&self) -> &'static str {
        NAME
    }

    fn location(&self) -> String {
        self.files.directory.display().to_string()
    }

    fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        self.writable()?.ensure_held()?;
        let mut days: BTreeMap<Day, Vec<Record>> = BTreeMap::new();
        let mut refused = 0; // they have no date
        for record in mem::take(batch) {
            match Day::of(record.timestamp) {
                Some(day) => days.entry(day).or_default().push(record),
                None => refused += 1,
            }
        }
        let mut result = Ok(refused);
        for (day, records) in days {
            if let Err(e) = self.writer.append(&self.files, day, &records) {
                batch.extend(records);
                result = Err(e);
            }
        }
        result
    }

    fn catch_up(&self) -> Result<bool> {
        Ok(false)
    }

    fn for_each_newest(
        &self,
        query: &Query,
        detail: Detail,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut newest = Newest::new(query, detail, rank_before(self, query)?);
        self.visit_lines(&mut newest)?;
        self.visit_hits(newest.into_hits(), visit)
    }

    fn for_each(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        let filter = Filter::new(query);
        let mut days = DayMerge::new(&self.files, query)?;
        while let Some((line, file)) = days.next()? {
            ensure_wanted()?;
            match filter.record(&line.text, |_| true) {
                LineMatch::Matching(record) => {
                    if visit(record).is_break() {
                        break;
                    }
                }
                LineMatch::NotMatching => {}
                LineMatch::Unreadable => file.count_unreadable(1),
            }
        }
        ensure_wanted()
    }

    fn for_each_unordered(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        self.visit_lines(&mut EachRecord::new(query, visit))
    }

    fn for_each_summary(&self, query: &Query, visit: &mut dyn FnMut(&RecordSummary)) -> Result<()> {
        self.visit_lines(&mut EachSummary { query, visit })
    }

    fn get(&self, id: &str) -> Result<Option<Record>> {
        let mut by_id = ById::new(id);
        self.visit_lines(&mut by_id)?;
        Ok(by_id.found)
    }

    fn ids(&self, prefix: &str, limit: usize) -> Result<Vec<String>> {
        let mut by_prefix = ByPrefix::new(prefix, limit);
        self.visit_lines(&mut by_prefix)?;
        Ok(by_prefix.found)
    }

    fn get_all(&self, positions: &[Position], detail: Detail) -> Result<Vec<Option<Record>>> {
        let mut hits: Vec<Hit> = positions.iter().cloned().map(Hit::at).collect();
        self.visit_lines(&mut Refetch::new(&mut hits))?;
        let record = |hit: Hit| hit.record.map(|record| detail.of(record));
        Ok(hits.into_iter().map(record).collect())
    }

    fn extent(&self, newest: f64) -> Result<Extent> {
        let indexes = self.files.indexes()?;
        let sum = |part: fn(&Index) -> u64| indexes.iter().map(|(_, index)| part(index)).sum();
        let records = sum(Index::lines);
        let oldest = indexes
            .iter()
            .map(|(_, index)| index.first())
            .min_by(f64::total_cmp)
            .filter(|_| records > 0);
        let latest = indexes
            .iter()
            .map(|(_, index)| index.last())
            .max_by(f64::total_cmp)
            .filter(|_| records > 0);
        let newest = indexes
            .iter()
            .filter_map(|(_, index)| index.last_until(newest))
            .max_by(f64::total_cmp);
        Ok(Extent {
            records,
            bytes: Some(sum(|index| index.length)),
            oldest,
            newest,
            latest,
        })
    }

    fn is_whole(&self) -> Result<bool> {
        let indexes = self.files.indexes()?;
        let mut indexes = indexes.iter();
        Ok(indexes.all(|(_, index)| index.whole == index.length))
    }

    fn count(&self, from: f64, until: f64) -> Result<u64> {
        let indexes = self.files.indexes()?;
        let blocks = indexes.iter().flat_map(|(_, index)| &index.blocks);
        let whole = blocks.filter(|block| from <= block.first && block.last < until);
        let mut at_edges = CountAtEdges {
            bounds: [from, until],
            found: 0,
        };
        let lines: u64 = whole.map(|block| block.lines).sum();
        self.visit_lines(&mut at_edges)?;
        Ok(lines + at_edges.found)
    }

    fn retain(&self, limits: &Limits) -> Result<u64> {
        self.writable()?;
        self.retain_on(Day::today(), limits)
    }

    fn redact(&self, redaction: &Redaction) -> Result<u64> {
        self.writable()?;
        self.redact_conversations(redaction)
    }

    fn purge(&self, before: Option<f64>) -> Result<u64> {
        self.writable()?;
        before.map_or_else(|| self.purge_all(), |before| self.purge_before(before))
    }

    fn delete(&self, which: &Selection) -> Result<u64> {
        self.writable()?;
        self.delete_selected(which)
    }
}
