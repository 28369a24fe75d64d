//! Reading a long answer page by page: nothing twice, nothing left out, and no page larger than Loki gives.
//!
//! A page that is full may end in the middle of a moment, since several streams (or one) may have entries of the same
//! nanosecond. So the moment at its edge is left to the next page, and one that fills a page alone is asked for alone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::limits::{Excess, QueryLimits, RANGE_MIN};
use super::time::{Order, Span};
use crate::history::store::{Result, StoreError};

/// What a page should have (bytes). A default Loki gives 4 MiB, and takes half a minute to say that it does not give more.
pub const PAGE: usize = 1 << 20;

/// How many times as many entries the next page may have.
const GROWTH: usize = 4;

/// How long it is tried to get a page by asking for less and less.
const PATIENCE: Duration = Duration::from_secs(20);

/// The fewest entries that a page may have: with one alone there is no edge to leave to the next.
pub const ENTRIES_MIN: usize = 2;

/// One line of Loki's. The order is by time, then by line: ours begin with the record's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Nanoseconds since 1970.
    pub time: i64,
    pub line: String,
}

/// An answer, its entries in no order.
#[derive(Clone)]
pub struct EntryPage {
    pub entries: Vec<Entry>,
    pub bytes: usize,
    /// There may be more than were asked for.
    pub is_full: bool,
}

/// A question that was too much, and what Loki said of it.
#[derive(Debug)]
pub struct QueryRefusal {
    pub excess: Excess,
    pub words: String,
}

/// Asks for at most so many entries of a span, the first in the order of reading.
pub type Ask<'a> = dyn FnMut(Span, Order, usize) -> Result<Result<EntryPage, QueryRefusal>> + 'a;

/// Reads the entries of a span, in order, each once.
pub struct Reader<'a> {
    order: Order,
    rest: Span,
    /// No page crosses it: what is on the one side of it is settled.
    edge: i64,
    limits: &'a QueryLimits,
    /// Entries of the next page.
    limit: usize,
    /// Nanoseconds of the next page, at most.
    longest: i64,
    read: VecDeque<Entry>,
    ask: Box<Ask<'a>>,
}

impl<'a> Reader<'a> {
    /// `limit`: entries of the first page.
    pub fn new(
        span: Span,
        order: Order,
        edge: i64,
        limit: usize,
        limits: &'a QueryLimits,
        ask: Box<Ask<'a>>,
    ) -> Reader<'a> {
        let limit = limit.max(ENTRIES_MIN);
        Reader {
            order,
            rest: span,
            edge,
            limits,
            limit,
            longest: i64::MAX,
            read: VecDeque::new(),
            ask,
        }
    }

    /// The next entry; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Entry>> {
        while self.read.is_empty() && !self.rest.is_empty() {
            self.read_page()?;
        }
        Ok(self.read.pop_front())
    }

    /// Whether the next entry is here already.
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
            match (self.ask)(window, self.order, limit)? {
                Ok(page) => return self.take(window, page),
                Err(refusal) => self.shrink(window, limit, &refusal, began)?,
            }
        }
    }

    /// Takes a page of `window`, up to the moment at its edge where there may be more.
    fn take(&mut self, window: Span, page: EntryPage) -> Result<()> {
        let is_full = page.is_full;
        self.resize(&page);
        let mut entries = sorted(page.entries, self.order);
        let Some(last) = entries.last().map(|entry| entry.time).filter(|_| is_full) else {
            self.rest = self.rest.after(window, self.order);
            self.read.extend(entries);
            return Ok(());
        };
        let moment = Span {
            start: last,
            end: last.saturating_add(1),
        };
        entries.retain(|entry| entry.time != last);
        if entries.is_empty() {
            let entries = self.moment(moment)?;
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

    /// Makes the next page as large as a page should be, by what was seen.
    fn resize(&mut self, page: &EntryPage) {
        self.longest = self.longest.saturating_mul(2);
        if page.is_full {
            let mean = (page.bytes / page.entries.len().max(1)).max(1);
            self.limit = (PAGE / mean).clamp(ENTRIES_MIN, page.entries.len().max(1) * GROWTH);
        }
    }

    /// Asks for less the next time, where that may help.
    fn shrink(
        &mut self,
        window: Span,
        limit: usize,
        refusal: &QueryRefusal,
        began: Instant,
    ) -> Result<()> {
        if self.limits.learn(&refusal.excess) {
            return Ok(());
        }
        let is_least = limit <= ENTRIES_MIN && window.length() <= RANGE_MIN;
        if is_least || began.elapsed() >= PATIENCE {
            return Err(StoreError::Failed(refusal.words.clone()));
        }
        self.limit = (limit / GROWTH).max(ENTRIES_MIN);
        self.longest = (window.length() / GROWTH as i64).max(RANGE_MIN);
        Ok(())
    }

    /// All entries of one nanosecond, or as many as Loki gives.
    fn moment(&mut self, moment: Span) -> Result<Vec<Entry>> {
        loop {
            match (self.ask)(moment, self.order, self.limits.entries())? {
                Ok(page) => {
                    if page.is_full {
                        log::warn!(
                            "loki has more than {} records of one nanosecond; the rest of them is left out",
                            page.entries.len()
                        );
                    }
                    return Ok(sorted(page.entries, self.order));
                }
                Err(refusal) if self.limits.learn(&refusal.excess) => {}
                Err(refusal) => return Err(StoreError::Failed(refusal.words)),
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
