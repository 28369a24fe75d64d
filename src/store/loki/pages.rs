//! Reading a long answer page by page: nothing twice, nothing left out, and no page larger than memory should hold.
//!
//! A page that is full may end in the middle of a moment, since several streams (or one) may have entries of the same
//! nanosecond. So the moment at its edge is left to the next page, and one that fills a page alone is asked for alone.

use super::time::{Order, Span};
use crate::store::{Flow, Result, StoreError};

/// The most entries that Loki gives at once.
pub const ENTRIES_MAX: usize = 5000;

/// The longest answer that is read (bytes). What is longer is asked for again in smaller pages.
pub const ANSWER_MAX: u64 = 8 << 20;

/// A page that stays under this part of `ANSWER_MAX` is followed by one twice as large.
const GROWTH_ROOM: u64 = 4;

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
pub struct Page {
    pub entries: Vec<Entry>,
    pub bytes: u64,
}

/// Asks for at most so many entries of a span, the first in the order of reading. `None`: the answer was longer than `ANSWER_MAX`.
pub type Ask<'a> = dyn FnMut(Span, usize) -> Result<Option<Page>> + 'a;

/// Gives `visit` every entry of `span`, in `order`, each once. `limit` is the size of the first page, at least `ENTRIES_MIN`.
pub fn read(span: Span, order: Order, limit: usize, ask: &mut Ask, visit: &mut dyn FnMut(Entry) -> Flow) -> Result<()> {
    let mut reader = Reader { order, limit: limit.clamp(ENTRIES_MIN, ENTRIES_MAX), ask };
    for window in span.windows(order) {
        let mut rest = window;
        while !rest.is_empty() {
            let (entries, left) = reader.next(rest)?;
            for entry in entries {
                if visit(entry) == Flow::Stop {
                    return Ok(());
                }
            }
            rest = left;
        }
    }
    Ok(())
}

struct Reader<'a, 'b> {
    order: Order,
    limit: usize,
    ask: &'a mut Ask<'b>,
}

impl Reader<'_, '_> {
    /// The next entries of `span`, in order and complete up to what is left of the span.
    fn next(&mut self, span: Span) -> Result<(Vec<Entry>, Span)> {
        let (mut entries, full) = self.page(span)?;
        let Some(edge) = entries.last().map(|entry| entry.time).filter(|_| full) else {
            return Ok((entries, span.after(span, self.order)));
        };
        let moment = Span { start: edge, end: edge.saturating_add(1) };
        entries.retain(|entry| entry.time != edge);
        if entries.is_empty() {
            return Ok((self.moment(moment)?, span.after(moment, self.order)));
        }
        // The edge is the next page's first moment.
        let complete = match self.order {
            Order::OldestFirst => Span { start: span.start, end: moment.start },
            Order::NewestFirst => Span { start: moment.end, end: span.end },
        };
        Ok((entries, span.after(complete, self.order)))
    }

    /// All entries of one nanosecond, or as many as Loki gives.
    fn moment(&mut self, moment: Span) -> Result<Vec<Entry>> {
        self.limit = ENTRIES_MAX;
        let (entries, full) = self.page(moment)?;
        if full {
            log::warn!("loki has more than {} records of one nanosecond; the rest of them is left out", entries.len());
        }
        Ok(entries)
    }

    /// One page in order, and whether it is full. Pages grow while they are small, and shrink when they are too long to read.
    fn page(&mut self, span: Span) -> Result<(Vec<Entry>, bool)> {
        loop {
            let limit = self.limit;
            match (self.ask)(span, limit)? {
                Some(page) => {
                    let full = page.entries.len() >= limit;
                    if full && page.bytes < ANSWER_MAX / GROWTH_ROOM {
                        self.limit = (limit * 2).min(ENTRIES_MAX);
                    }
                    return Ok((sorted(page.entries, self.order), full));
                }
                None if limit > ENTRIES_MIN => self.limit = (limit / 4).max(ENTRIES_MIN),
                None => return Err(StoreError::Failed(format!("read from loki: {limit} lines are longer than {ANSWER_MAX} bytes"))),
            }
        }
    }
}

fn sorted(mut entries: Vec<Entry>, order: Order) -> Vec<Entry> {
    match order {
        Order::OldestFirst => entries.sort_unstable(),
        Order::NewestFirst => entries.sort_unstable_by(|a, b| b.cmp(a)),
    }
    // A record that was sent twice under different labels is stored twice.
    entries.dedup();
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Loki in a vector, which answers as the real one does; the largest answer holds `readable` entries.
    fn collect(stored: &[Entry], span: Span, order: Order, limit: usize, readable: usize) -> Vec<Entry> {
        let mut ask = |asked: Span, limit: usize| {
            assert!(!asked.is_empty() && limit <= ENTRIES_MAX);
            let inside = stored.iter().filter(|entry| (asked.start..asked.end).contains(&entry.time)).cloned();
            let mut entries = sorted(inside.collect(), order);
            entries.truncate(limit);
            entries.reverse(); // the order within an answer means nothing
            Ok((entries.len() <= readable).then_some(Page { entries, bytes: 0 }))
        };
        let mut seen = Vec::new();
        let visit = &mut |entry| {
            seen.push(entry);
            Flow::GoOn
        };
        read(span, order, limit, &mut ask, visit).unwrap();
        seen
    }

    fn entries(times: impl IntoIterator<Item = i64>) -> Vec<Entry> {
        times.into_iter().zip(0..).map(|(time, n)| Entry { time, line: format!("{n:06}") }).collect()
    }

    const ALL: Span = Span { start: 0, end: 1000 };

    #[test]
    fn equal_times_at_the_edge_of_a_page_are_neither_lost_nor_repeated() {
        let stored = entries([1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, 999, 999]);
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
        assert_eq!((seen.len(), seen.last()), (1 + ENTRIES_MAX + 2, stored.last()));
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
}
