//! What lists need beside their records: how many match, and what is new.

use std::fmt;
use std::num::ParseIntError;
use std::ops::ControlFlow;
use std::str::FromStr;

use super::entered::{Cursor, ended};
use super::{Detail, Query, Result, Store, until_now};
use crate::history::record::{Position, Record};

/// The most matches that are counted where each record has to be read.
const COUNT_MAX: usize = 1000;

/// Records that are read at once to see what is new: whole ones may be long.
const NEW_AT_ONCE: usize = 100;
const NEW_AT_ONCE_WHOLE: usize = 8;

/// The number of records that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchCount {
    Exact(u64),
    AtLeast(u64),
}

impl MatchCount {
    /// Returns the number of both together.
    pub fn and(self, other: MatchCount) -> MatchCount {
        match (self, other) {
            (MatchCount::Exact(one), MatchCount::Exact(two)) => MatchCount::Exact(one + two),
            (
                MatchCount::Exact(one) | MatchCount::AtLeast(one),
                MatchCount::Exact(two) | MatchCount::AtLeast(two),
            ) => MatchCount::AtLeast(one + two),
        }
    }
}

/// The number, with a plus where there are more.
impl fmt::Display for MatchCount {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            MatchCount::Exact(count) => count.fmt(f),
            MatchCount::AtLeast(count) => write!(f, "{count}+"),
        }
    }
}

impl FromStr for MatchCount {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<MatchCount, ParseIntError> {
        match text.strip_suffix('+') {
            Some(count) => count.parse().map(MatchCount::AtLeast),
            None => text.parse().map(MatchCount::Exact),
        }
    }
}

impl Store {
    /// Counts the matching records, without regard to `limit`, `before` and `sort`: exactly where
    /// summaries tell, else up to a bound.
    pub fn count_matches(&self, query: &Query) -> Result<MatchCount> {
        if query.is_of_summaries() && query.finding.is_none() {
            return self.count_summaries(query).map(MatchCount::Exact);
        }
        let mut count = 0;
        let bounded = Query {
            limit: COUNT_MAX + 1,
            before: None,
            sort: Default::default(),
            ..query.clone()
        };
        self.for_each_newest(&bounded, Detail::Brief, &mut |_| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        let max = COUNT_MAX as u64;
        Ok(if count > max {
            MatchCount::AtLeast(max)
        } else {
            MatchCount::Exact(count)
        })
    }

    /// Returns the cursor of now. Who takes it before reading a list, and asks for what is new after
    /// it, misses nothing, but may see a record twice.
    pub fn cursor(&self) -> Cursor {
        self.entered.cursor()
    }

    /// Returns a text that is another one after each change of the history; `None` where others may
    /// change it.
    pub fn state(&self) -> Option<String> {
        self.has_one_writer().then(|| self.entered.state())
    }

    /// Visits the matching records that this process wrote after `cursor`, in the order of writing.
    /// Returns the cursor of the last one that was visited, or that of now if none matches.
    pub fn for_each_new(
        &self,
        cursor: Cursor,
        query: &Query,
        detail: Detail,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<Cursor> {
        let entered = self.entered.after(cursor);
        let entered = entered.ok_or_else(|| ended(cursor))?;
        let query = until_now(query);
        let read = if query.has_text() {
            Detail::Whole
        } else {
            detail
        };
        let at_once = match read {
            Detail::Whole => NEW_AT_ONCE_WHOLE,
            Detail::Brief => NEW_AT_ONCE,
        };
        let mut last_visited = None;
        for piece in entered.chunks(at_once) {
            let positions: Vec<Position> =
                piece.iter().map(|(_, position)| position.clone()).collect();
            let records = self.engine.get_all(&positions, read)?;
            for ((cursor, _), record) in piece.iter().zip(records) {
                let Some(record) = record.filter(|record| query.matches(record)) else {
                    continue;
                };
                last_visited = Some(*cursor);
                if visit(detail.of(record).folded()).is_break() {
                    return Ok(*cursor);
                }
            }
        }
        let end = entered.last().map_or(cursor, |(cursor, _)| *cursor);
        Ok(last_visited.unwrap_or(end))
    }
}
