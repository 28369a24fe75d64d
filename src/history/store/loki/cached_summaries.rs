//! A cache of summaries that hardly change any more, in little memory, so that numbers that are
//! queried every few seconds cost Loki the newest records alone.
//!
//! They are those of one span, without gaps. Other taps write to the same Loki, some of them late,
//! and Loki deletes the oldest: the number of entries in a span shows whether it changed.

use std::collections::BTreeMap;

use super::time::{MINUTE, Span, nanos};
use crate::history::record::RecordSummary;
use crate::history::store::summary_cache::Rows;

/// The precision to which a change is located (nanoseconds).
pub const QUARTER: i64 = 15 * MINUTE;

/// The summaries of every record of a span.
pub struct CachedSummaries {
    /// Whole quarters.
    pub span: Span,
    rows: Rows,
    /// Entries of a quarter, by its start: records, or the number that Loki counted if those were
    /// not all.
    entries: BTreeMap<i64, u64>,
    /// There is no room for older ones.
    pub is_full: bool,
}

impl CachedSummaries {
    /// Makes an empty cache that ends at this time (nanoseconds).
    pub fn empty_at(end: i64) -> CachedSummaries {
        CachedSummaries::empty(Span { start: end, end })
    }

    /// Makes an empty cache of a span that is about to be read.
    pub fn empty(span: Span) -> CachedSummaries {
        CachedSummaries {
            span,
            rows: Rows::default(),
            entries: BTreeMap::new(),
            is_full: false,
        }
    }

    /// Adds the summary of an entry of this time (nanoseconds).
    pub fn add(&mut self, time: i64, summary: &RecordSummary) {
        *self.entries.entry(quarter(time)).or_default() += 1;
        self.rows.add(summary);
    }

    pub fn for_each(&self, visit: &mut dyn FnMut(&RecordSummary)) {
        self.rows.for_each(f64::MIN, visit);
    }

    /// Counts the known entries in a span of whole quarters.
    pub fn count(&self, span: Span) -> u64 {
        self.entries
            .range(span.start..span.end)
            .map(|(_, count)| count)
            .sum()
    }

    /// Replaces a part of the span, of which Loki has this many entries.
    pub fn replace(&mut self, part: CachedSummaries, entries: u64) {
        self.forget(part.span);
        self.rows.absorb(part.rows);
        if entries > 0 {
            self.entries.insert(part.span.start, entries);
        }
    }

    /// Removes the records of a part of the span.
    pub fn forget(&mut self, part: Span) {
        self.rows.remove(|time| part.contains(nanos(time)));
        self.entries.retain(|start, _| !part.contains(*start));
    }

    /// Appends the span that follows. If there is no room for both, the older half is removed.
    pub fn append(&mut self, newer: CachedSummaries) {
        self.span.end = newer.span.end;
        self.absorb(newer);
        if let Some(since) = self.rows.trim() {
            let start = quarter(nanos(since)).saturating_add(QUARTER);
            self.forget(self.span.with_end(start));
            (self.span.start, self.is_full) = (start, true);
        }
        if self.rows.has_too_many_names() {
            *self = CachedSummaries::empty_at(self.span.end);
        }
    }

    /// Prepends the span before, if there is room for it.
    pub fn prepend(&mut self, older: CachedSummaries) {
        self.is_full |= !self.rows.has_room_for(&older.rows);
        if !self.is_full {
            self.span.start = older.span.start;
            self.absorb(older);
        }
    }

    fn absorb(&mut self, other: CachedSummaries) {
        self.rows.absorb(other.rows);
        self.entries.extend(other.entries);
    }
}

/// Returns the start of the quarter of an hour with this time.
pub fn quarter(time: i64) -> i64 {
    time - time.rem_euclid(QUARTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_SECONDS: i64 = 86_400;

    fn summary(time: i64) -> RecordSummary<'static> {
        RecordSummary {
            timestamp: time as f64 / 1e9,
            ..RecordSummary::default()
        }
    }

    fn of(span: Span, apart: i64) -> CachedSummaries {
        let mut cached = CachedSummaries::empty(span);
        for time in (span.start..span.end).step_by(apart as usize) {
            cached.add(time, &summary(time));
        }
        cached
    }

    fn times(cached: &CachedSummaries) -> usize {
        let mut times = 0;
        cached.for_each(&mut |_| times += 1);
        times
    }

    #[test]
    fn what_changed_is_replaced_and_the_rest_stays() {
        let span = |from, to| Span {
            start: from * QUARTER,
            end: to * QUARTER,
        };
        let mut cached = CachedSummaries::empty_at(4 * QUARTER);
        cached.prepend(of(span(0, 4), MINUTE));
        cached.append(of(span(4, 6), MINUTE));
        assert_eq!(
            (cached.span, cached.count(cached.span), times(&cached)),
            (span(0, 6), 90, 90)
        );
        cached.replace(of(span(2, 3), MINUTE / 2), 31);
        assert_eq!(
            (
                cached.count(span(2, 3)),
                cached.count(span(0, 6)),
                times(&cached)
            ),
            (31, 106, 105),
            "one is no record"
        );
        cached.forget(span(0, 2));
        assert_eq!((cached.count(span(0, 2)), times(&cached)), (0, 75));
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let day = |n: i64| Span {
            start: n * DAY_SECONDS * 1_000_000_000,
            end: (n + 1) * DAY_SECONDS * 1_000_000_000,
        };
        let mut cached = CachedSummaries::empty_at(day(10).start);
        for n in 10..13 {
            cached.append(of(day(n), 1_000_000_000));
        }
        assert!(
            cached.is_full && cached.span.start > day(10).start && cached.span.end == day(12).end
        );
        assert_eq!(
            cached.count(cached.span),
            times(&cached) as u64,
            "what is kept is whole"
        );
        let before = times(&cached);
        cached.prepend(of(day(9), 1_000_000_000));
        assert_eq!(times(&cached), before);
    }
}
