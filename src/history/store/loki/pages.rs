//! Reading a long result page by page: each entry once, and no page larger than Loki gives.
//!
//! A full page may end in the middle of a moment, since several streams (or one) may have entries
//! of the same nanosecond. So the moment at its edge is left to the next page, and one that fills a
//! page is read alone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::limits::{ExceededLimit, QueryLimits, RANGE_MIN};
use super::time::{Order, Span};
use crate::history::store::{Result, StoreError};

/// The size that a page should have (bytes). A default Loki gives 4 MiB, and takes half a minute to
/// refuse more.
pub const PAGE_SIZE: usize = 1 << 20;

/// The factor by which the next page may have more entries.
const GROWTH_FACTOR: usize = 4;

/// The time in which a page is tried with fewer and fewer entries.
const SHRINK_TIMEOUT: Duration = Duration::from_secs(20);

/// The fewest entries of a page: a single one would leave no edge to the next page.
pub const ENTRIES_MIN: usize = 2;

/// One line in Loki, ordered by time, then by line: ours begin with the record's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Nanoseconds since 1970.
    pub time: i64,
    pub line: String,
}

/// A response, its entries in no order.
#[derive(Clone)]
pub struct EntryPage {
    pub entries: Vec<Entry>,
    pub bytes: usize,
    /// There may be more entries than were asked for.
    pub is_full: bool,
}

/// A query that exceeded a limit, and Loki's message about it.
#[derive(Debug)]
pub struct QueryRefusal {
    pub exceeded: ExceededLimit,
    pub message: String,
}

/// Fetches at most this many entries of a span, the first in the order of reading.
pub type FetchPage<'a> =
    dyn FnMut(Span, Order, usize) -> Result<Result<EntryPage, QueryRefusal>> + 'a;

/// Reads the entries of a span, in order, each once.
pub struct PageReader<'a> {
    order: Order,
    rest: Span,
    /// No page crosses this time (nanoseconds): before it, data is stable.
    edge: i64,
    limits: &'a QueryLimits,
    /// Entries of the next page.
    limit: usize,
    /// The longest span of the next page (nanoseconds).
    longest: i64,
    read: VecDeque<Entry>,
    fetch: Box<FetchPage<'a>>,
}

impl<'a> PageReader<'a> {
    /// Makes a reader whose first page has at most `limit` entries.
    pub fn new(
        span: Span,
        order: Order,
        edge: i64,
        limit: usize,
        limits: &'a QueryLimits,
        fetch: Box<FetchPage<'a>>,
    ) -> PageReader<'a> {
        let limit = limit.max(ENTRIES_MIN);
        PageReader {
            order,
            rest: span,
            edge,
            limits,
            limit,
            longest: i64::MAX,
            read: VecDeque::new(),
            fetch,
        }
    }

    /// Returns the next entry; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Entry>> {
        while self.read.is_empty() && !self.rest.is_empty() {
            self.read_page()?;
        }
        Ok(self.read.pop_front())
    }

    /// Returns whether the next entry was fetched already.
    pub fn has_next(&self) -> bool {
        !self.read.is_empty()
    }

    fn read_page(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            let window =
                self.rest
                    .first(self.order, self.longest.min(self.limits.range()), self.edge);
            let limit = self.limit.min(self.limits.entries());
            match (self.fetch)(window, self.order, limit)? {
                Ok(page) => return self.take(window, page),
                Err(refusal) => self.shrink(window, limit, &refusal, began)?,
            }
        }
    }

    /// Takes a page of `window`, up to the moment at its edge if there may be more.
    fn take(&mut self, window: Span, page: EntryPage) -> Result<()> {
        let is_full = page.is_full;
        self.resize(&page);
        let mut entries = sorted(page.entries, self.order);
        let Some(last) = entries.last().map(|entry| entry.time).filter(|_| is_full) else {
            self.rest = self.rest.after(window, self.order);
            self.read.extend(entries);
            return Ok(());
        };
        let moment = Span::at(last);
        entries.retain(|entry| entry.time != last);
        if entries.is_empty() {
            let entries = self.read_moment(moment)?;
            self.rest = self.rest.after(moment, self.order);
            self.read.extend(entries);
            return Ok(());
        }
        // The edge is the next page's first moment.
        let complete = match self.order {
            Order::OldestFirst => Span {
                start: window.start,
                end: moment.start,
            },
            Order::NewestFirst => Span {
                start: moment.end,
                end: window.end,
            },
        };
        self.rest = self.rest.after(complete, self.order);
        self.read.extend(entries);
        Ok(())
    }

    /// Adapts the size of the next page to the entries of this one.
    fn resize(&mut self, page: &EntryPage) {
        self.longest = self.longest.saturating_mul(2);
        if page.is_full {
            let mean = (page.bytes / page.entries.len().max(1)).max(1);
            self.limit =
                (PAGE_SIZE / mean).clamp(ENTRIES_MIN, page.entries.len().max(1) * GROWTH_FACTOR);
        }
    }

    /// Shrinks the next page, if that may help.
    fn shrink(
        &mut self,
        window: Span,
        limit: usize,
        refusal: &QueryRefusal,
        began: Instant,
    ) -> Result<()> {
        if self.limits.learn(&refusal.exceeded) {
            return Ok(());
        }
        let is_least = limit <= ENTRIES_MIN && window.length() <= RANGE_MIN;
        if is_least || began.elapsed() >= SHRINK_TIMEOUT {
            return Err(StoreError::Failed(refusal.message.clone()));
        }
        self.limit = (limit / GROWTH_FACTOR).max(ENTRIES_MIN);
        self.longest = (window.length() / GROWTH_FACTOR as i64).max(RANGE_MIN);
        Ok(())
    }

    /// Reads all entries of one nanosecond, or as many as Loki gives.
    fn read_moment(&mut self, moment: Span) -> Result<Vec<Entry>> {
        loop {
            match (self.fetch)(moment, self.order, self.limits.entries())? {
                Ok(page) => {
                    if page.is_full {
                        log::warn!(
                            "loki has more than {} records of one nanosecond; the others are left out",
                            page.entries.len()
                        );
                    }
                    return Ok(sorted(page.entries, self.order));
                }
                Err(refusal) if self.limits.learn(&refusal.exceeded) => {}
                Err(refusal) => return Err(StoreError::Failed(refusal.message)),
            }
        }
    }
}

fn sorted(mut entries: Vec<Entry>, order: Order) -> Vec<Entry> {
    match order {
        Order::OldestFirst => entries.sort_unstable(),
        Order::NewestFirst => entries.sort_unstable_by(|a, b| b.cmp(a)),
    }
    // A record that was sent twice into different streams is stored twice.
    entries.dedup();
    entries
}

#[cfg(test)]
mod tests;
