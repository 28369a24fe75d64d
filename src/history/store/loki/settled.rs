//! SETTLED: facts that were read and hardly change any more, in little room, so that numbers that are asked for every few seconds
//! cost Loki the newest records alone.
//!
//! They are those of one span, without gaps. Other taps write to the same Loki, some of them late, and Loki forgets what is old: how
//! many entries it has of a span tells whether anything changed there.

use std::collections::BTreeMap;

use super::time::{MINUTE, Span, nanos};
use crate::history::record::RecordSummary;
use crate::history::store::summary_cache::Rows;

/// How exactly it is known where something changed (nanoseconds).
pub const QUARTER: i64 = 15 * MINUTE;

/// The facts of every record of a span.
pub struct Settled {
    /// Whole quarters.
    pub span: Span,
    rows: Rows,
    /// Entries of a quarter, by its start: records, or as many as Loki counted where those were not all.
    entries: BTreeMap<i64, u64>,
    /// There is no room for what is older.
    pub is_full: bool,
}

impl Settled {
    /// Of nothing, up to a moment (nanoseconds).
    pub fn until(end: i64) -> Settled {
        Settled::of(Span { start: end, end })
    }

    /// Of a span that is about to be read.
    pub fn of(span: Span) -> Settled {
        Settled {
            span,
            rows: Rows::default(),
            entries: BTreeMap::new(),
            is_full: false,
        }
    }

    /// Adds what an entry of this time (nanoseconds) says.
    pub fn add(&mut self, time: i64, facts: &RecordSummary) {
        *self.entries.entry(quarter(time)).or_default() += 1;
        self.rows.add(facts);
    }

    pub fn for_each(&self, visit: &mut dyn FnMut(&RecordSummary)) {
        self.rows.for_each(f64::MIN, visit);
    }

    /// Entries that are known of a span of whole quarters.
    pub fn count(&self, span: Span) -> u64 {
        self.entries
            .range(span.start..span.end)
            .map(|(_, count)| count)
            .sum()
    }

    /// Replaces what is known of a part of the span, of which Loki has so many entries.
    pub fn replace(&mut self, part: Settled, entries: u64) {
        self.forget(part.span);
        self.rows.absorb(part.rows);
        if entries > 0 {
            self.entries.insert(part.span.start, entries);
        }
    }

    /// Forgets the records of a part of the span.
    pub fn forget(&mut self, part: Span) {
        self.rows.remove(|time| part.contains(nanos(time)));
        self.entries.retain(|start, _| !part.contains(*start));
    }

    /// Takes what follows. Where there is no room for all, the older half goes.
    pub fn take_newer(&mut self, newer: Settled) {
        self.span.end = newer.span.end;
        self.absorb(newer);
        if let Some(since) = self.rows.trim() {
            let start = quarter(nanos(since)).saturating_add(QUARTER);
            self.forget(Span {
                end: start,
                ..self.span
            });
            (self.span.start, self.is_full) = (start, true);
        }
        if self.rows.has_too_many_names() {
            *self = Settled::until(self.span.end);
        }
    }

    /// Takes what comes before, where there is room for it.
    pub fn take_older(&mut self, older: Settled) {
        self.is_full |= !self.rows.has_room_for(&older.rows);
        if !self.is_full {
            self.span.start = older.span.start;
            self.absorb(older);
        }
    }

    fn absorb(&mut self, other: Settled) {
        self.rows.absorb(other.rows);
        self.entries.extend(other.entries);
    }
}

/// When the quarter of a moment began.
pub fn quarter(time: i64) -> i64 {
    time - time.rem_euclid(QUARTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_SECONDS: i64 = 86_400;

    fn facts(time: i64) -> RecordSummary<'static> {
        RecordSummary {
            timestamp: time as f64 / 1e9,
            ..RecordSummary::default()
        }
    }

    fn of(span: Span, apart: i64) -> Settled {
        let mut settled = Settled::of(span);
        for time in (span.start..span.end).step_by(apart as usize) {
            settled.add(time, &facts(time));
        }
        settled
    }

    fn times(settled: &Settled) -> usize {
        let mut times = 0;
        settled.for_each(&mut |_| times += 1);
        times
    }

    #[test]
    fn what_changed_is_replaced_and_the_rest_stays() {
        let span = |from, to| Span {
            start: from * QUARTER,
            end: to * QUARTER,
        };
        let mut settled = Settled::until(4 * QUARTER);
        settled.take_older(of(span(0, 4), MINUTE));
        settled.take_newer(of(span(4, 6), MINUTE));
        assert_eq!(
            (settled.span, settled.count(settled.span), times(&settled)),
            (span(0, 6), 90, 90)
        );
        settled.replace(of(span(2, 3), MINUTE / 2), 31);
        assert_eq!(
            (
                settled.count(span(2, 3)),
                settled.count(span(0, 6)),
                times(&settled)
            ),
            (31, 106, 105),
            "one is no record"
        );
        settled.forget(span(0, 2));
        assert_eq!((settled.count(span(0, 2)), times(&settled)), (0, 75));
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let day = |n: i64| Span {
            start: n * DAY_SECONDS * 1_000_000_000,
            end: (n + 1) * DAY_SECONDS * 1_000_000_000,
        };
        let mut settled = Settled::until(day(10).start);
        for n in 10..13 {
            settled.take_newer(of(day(n), 1_000_000_000));
        }
        assert!(
            settled.is_full
                && settled.span.start > day(10).start
                && settled.span.end == day(12).end
        );
        assert_eq!(
            settled.count(settled.span),
            times(&settled) as u64,
            "what is kept is whole"
        );
        let before = times(&settled);
        settled.take_older(of(day(9), 1_000_000_000));
        assert_eq!(times(&settled), before);
    }
}
