//! Reading a long answer page by page: nothing twice, nothing left out, and no page larger than Loki gives.
//!
//! A page that is full may end in the middle of a moment, since several streams (or one) may have entries of the same
//! nanosecond. So the moment at its edge is left to the next page, and one that fills a page alone is asked for alone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::limits::{Excess, QueryLimits, RANGE_MIN};
use super::time::{Order, Span};
use crate::store::{Result, StoreError};

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
pub struct Page {
    pub entries: Vec<Entry>,
    pub bytes: usize,
    /// There may be more than were asked for.
    pub is_full: bool,
}

/// A question that was too much, and what Loki said of it.
#[derive(Debug)]
pub struct Refusal {
    pub excess: Excess,
    pub words: String,
}

/// Asks for at most so many entries of a span, the first in the order of reading.
pub type Ask<'a> = dyn FnMut(Span, Order, usize) -> Result<Result<Page, Refusal>> + 'a;

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
    pub fn new(span: Span, order: Order, edge: i64, limit: usize, limits: &'a QueryLimits, ask: Box<Ask<'a>>) -> Reader<'a> {
        let limit = limit.max(ENTRIES_MIN);
        Reader { order, rest: span, edge, limits, limit, longest: i64::MAX, read: VecDeque::new(), ask }
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
            let window = self.rest.first(self.order, self.longest.min(self.limits.range()), self.edge);
            let limit = self.limit.min(self.limits.entries());
            match (self.ask)(window, self.order, limit)? {
                Ok(page) => return self.take(window, page),
                Err(refusal) => self.shrink(window, limit, &refusal, began)?,
            }
        }
    }

    /// Takes a page of `window`, up to the moment at its edge where there may be more.
    fn take(&mut self, window: Span, page: Page) -> Result<()> {
        let is_full = page.is_full;
        self.resize(&page);
        let mut entries = sorted(page.entries, self.order);
        let Some(last) = entries.last().map(|entry| entry.time).filter(|_| is_full) else {
            self.rest = self.rest.after(window, self.order);
            self.read.extend(entries);
            return Ok(());
        };
        let moment = Span { start: last, end: last.saturating_add(1) };
        entries.retain(|entry| entry.time != last);
        if entries.is_empty() {
            let entries = self.moment(moment)?;
            self.rest = self.rest.after(moment, self.order);
            self.read.extend(entries);
            return Ok(());
        }
        // The edge is the next page's first moment.
        let complete = match self.order {
            Order::OldestFirst => Span { start: window.start, end: moment.start },
            Order::NewestFirst => Span { start: moment.end, end: window.end },
        };
        self.rest = self.rest.after(complete, self.order);
        self.read.extend(entries);
        Ok(())
    }

    /// Makes the next page as large as a page should be, by what was seen.
    fn resize(&mut self, page: &Page) {
        self.longest = self.longest.saturating_mul(2);
        if page.is_full {
            let mean = (page.bytes / page.entries.len().max(1)).max(1);
            self.limit = (PAGE / mean).clamp(ENTRIES_MIN, page.entries.len().max(1) * GROWTH);
        }
    }

    /// Asks for less the next time, where that may help.
    fn shrink(&mut self, window: Span, limit: usize, refusal: &Refusal, began: Instant) -> Result<()> {
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
                        log::warn!("loki has more than {} records of one nanosecond; the rest of them is left out", page.entries.len());
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
mod tests {
    use super::*;

    /// A Loki in a vector, which answers as the real one does; its largest answer holds `readable` entries.
    fn collect(stored: &[Entry], span: Span, order: Order, limit: usize, readable: usize) -> Vec<Entry> {
        let limits = QueryLimits::default();
        let ask = |asked: Span, order: Order, limit: usize| {
            assert!(!asked.is_empty() && limit <= 5000);
            let inside = stored.iter().filter(|entry| (asked.start..asked.end).contains(&entry.time)).cloned();
            let mut entries = sorted(inside.collect(), order);
            entries.truncate(limit);
            entries.reverse(); // the order within an answer means nothing
            let refusal = Refusal { excess: Excess::Size, words: "larger than max".to_owned() };
            let page = Page { is_full: entries.len() >= limit, bytes: entries.len() * 1000, entries };
            Ok(if page.entries.len() <= readable { Ok(page) } else { Err(refusal) })
        };
        let mut reader = Reader::new(span, order, 500, limit, &limits, Box::new(ask));
        std::iter::from_fn(|| reader.next().unwrap()).collect()
    }

    fn entries(times: impl IntoIterator<Item = i64>) -> Vec<Entry> {
        times.into_iter().zip(0..).map(|(time, n)| Entry { time, line: format!("{n:06}") }).collect()
    }

    const ALL: Span = Span { start: 0, end: 1000 };

    #[test]
    fn equal_times_at_the_edge_of_a_page_are_neither_lost_nor_repeated() {
        let stored = entries([1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, 499, 500, 500, 999, 999]);
        for limit in [2, 3, 4, 5, 14, 15] {
            assert_eq!(collect(&stored, ALL, Order::OldestFirst, limit, usize::MAX), stored, "{limit}");
            let newest_first: Vec<Entry> = stored.iter().rev().cloned().collect();
            assert_eq!(collect(&stored, ALL, Order::NewestFirst, limit, usize::MAX), newest_first, "{limit}");
        }
    }

    #[test]
    fn more_than_loki_gives_at_once_are_read_in_order() {
        let stored = entries((0..12_345).map(|n| n / 13));
        assert_eq!(collect(&stored, ALL, Order::OldestFirst, 100, usize::MAX), stored);
        assert_eq!(collect(&stored, ALL, Order::NewestFirst, 5000, usize::MAX).len(), stored.len());
    }

    #[test]
    fn a_moment_with_more_entries_than_loki_gives_does_not_stop_the_reading() {
        let stored = entries([1].into_iter().chain(std::iter::repeat_n(2, 6000)).chain([3, 4]));
        let seen = collect(&stored, ALL, Order::OldestFirst, 100, usize::MAX);
        assert_eq!((seen.len(), seen.last()), (1 + 5000 + 2, stored.last()));
    }

    #[test]
    fn answers_that_are_too_long_are_asked_for_in_smaller_pages() {
        let stored = entries(0..500);
        assert_eq!(collect(&stored, ALL, Order::OldestFirst, 400, 7), stored);
    }

    #[test]
    fn the_same_line_of_two_streams_is_one() {
        let twice = [entries([1, 2]), entries([1, 2])].concat();
        assert_eq!(collect(&twice, ALL, Order::OldestFirst, 100, usize::MAX), entries([1, 2]));
    }

    #[test]
    fn pages_grow_towards_a_mebibyte_and_begin_small() {
        let limits = QueryLimits::default();
        let mut asked = Vec::new();
        let ask = |span: Span, _: Order, limit: usize| {
            asked.push(limit);
            let entries: Vec<Entry> = (span.start..span.end).take(limit).map(|time| Entry { time, line: String::new() }).collect();
            Ok(Ok(Page { is_full: entries.len() >= limit, bytes: entries.len() * 2048, entries }))
        };
        let mut reader = Reader::new(Span { start: 0, end: 5000 }, Order::OldestFirst, 0, 50, &limits, Box::new(ask));
        while reader.next().unwrap().is_some() {}
        drop(reader);
        assert_eq!(asked[..4], [50, 200, 512, 512]);
    }
}
