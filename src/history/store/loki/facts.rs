//! FACTS: what statistics are made of. What is settled is kept, what is new is read each time, and nothing with its texts.

use super::Loki;
use super::compact::{self, Kind};
use super::settled::{QUARTER, Settled, quarter};
use super::time::{DAY, Order, Span, nanos};
use crate::history::record::RecordSummary;
use crate::history::store::{Query, Result};
use crate::util::threads::lock;

/// Entries of a first page: with lines as long as they may be it is one that a default Loki gives.
const FIRST: usize = 1000;

/// What is younger is read each time (nanoseconds): a record comes once its request has ended, and has the time of its beginning.
const YOUNG: i64 = QUARTER;

impl Loki {
    /// Shows the facts of every record that `query` means.
    pub(super) fn show_facts(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(&RecordSummary),
    ) -> Result<()> {
        let (reach, now) = (self.reach()?, self.now());
        let span = Span::of(query, now);
        let query = &Query {
            prompt_search: None,
            ..query.clone()
        };
        let visit = &mut |facts: &RecordSummary| {
            if query.matches_summary(facts) {
                visit(facts);
            }
        };
        let is_of_now = query.end_time.is_none_or(|end| end >= now);
        let times_alone = Query {
            start_time: query.start_time,
            end_time: query.end_time,
            limit: query.limit,
            before: query.before.clone(),
            ..Query::default()
        };
        for kind in Kind::ALL {
            let span = match kind {
                Kind::Ours => reach.ours(span, now),
                Kind::Old => reach.old(span, now),
            };
            if span.is_empty() {
                continue;
            }
            if is_of_now && *query == times_alone {
                self.show_settled(kind, span, visit)?;
            } else {
                self.read_facts(kind, query, span, &mut |_, facts| visit(facts))?;
            }
        }
        Ok(())
    }

    /// Shows the facts of every record of a span that ends now: those that are kept, those that came after them, those before.
    fn show_settled(
        &self,
        kind: Kind,
        span: Span,
        visit: &mut dyn FnMut(&RecordSummary),
    ) -> Result<()> {
        let until = quarter(span.end.min(nanos(self.now()).saturating_sub(YOUNG)));
        let mut settled = lock(&self.settled[kind as usize]);
        if settled
            .as_ref()
            .is_none_or(|settled| settled.span.end < span.start)
        {
            *settled = Some(Settled::until(until));
        }
        let Some(settled) = settled.as_mut() else {
            return Ok(());
        };
        let known = Span {
            start: settled.span.start.max(span.start),
            end: settled.span.end.min(quarter(span.end)),
        };
        self.check(kind, settled, known)?;
        if settled.span.end < until {
            let newer = self.settled_in(
                kind,
                Span {
                    start: settled.span.end,
                    end: until,
                },
                &mut |_| {},
            )?;
            settled.take_newer(newer);
        }
        settled.for_each(visit);
        self.read_facts(
            kind,
            &Query::default(),
            Span {
                start: settled.span.end.max(span.start),
                ..span
            },
            &mut |_, facts| visit(facts),
        )?;
        self.show_older(kind, settled, span.start, visit)
    }

    /// Shows what is older than what is kept, and keeps it where there is room.
    fn show_older(
        &self,
        kind: Kind,
        settled: &mut Settled,
        start: i64,
        visit: &mut dyn FnMut(&RecordSummary),
    ) -> Result<()> {
        let mut end = settled.span.start;
        while start < end {
            if settled.is_full {
                return self.read_facts(
                    kind,
                    &Query::default(),
                    Span { start, end },
                    &mut |_, facts| visit(facts),
                );
            }
            let stride = DAY.max(settled.span.length()); // twice as far each time
            let older = self.settled_in(
                kind,
                Span {
                    start: start.max(end - stride),
                    end,
                },
                visit,
            )?;
            end = older.span.start;
            settled.take_older(older);
        }
        Ok(())
    }

    /// Reads anew where Loki has not as many entries as are known.
    fn check(&self, kind: Kind, settled: &mut Settled, span: Span) -> Result<()> {
        if span.is_empty() {
            return Ok(());
        }
        let count = self.count(&kind.selector(), span)?;
        if count == settled.count(span) {
            return Ok(());
        }
        if count == 0 {
            settled.forget(span);
        } else if span.length() <= QUARTER {
            let part = self.settled_in(kind, span, &mut |_| {})?;
            settled.replace(part, count);
        } else {
            let middle = quarter(span.start + span.length() / 2);
            self.check(
                kind,
                settled,
                Span {
                    end: middle,
                    ..span
                },
            )?;
            self.check(
                kind,
                settled,
                Span {
                    start: middle,
                    ..span
                },
            )?;
        }
        Ok(())
    }

    /// What Loki has of a span, shown on the way.
    fn settled_in(
        &self,
        kind: Kind,
        span: Span,
        visit: &mut dyn FnMut(&RecordSummary),
    ) -> Result<Settled> {
        let mut settled = Settled::of(span);
        self.read_facts(kind, &Query::default(), span, &mut |time, facts| {
            settled.add(time, facts);
            visit(facts);
        })?;
        Ok(settled)
    }

    /// Shows the facts that Loki has of a span, with the times of their entries (nanoseconds).
    fn read_facts(
        &self,
        kind: Kind,
        query: &Query,
        span: Span,
        see: &mut dyn FnMut(i64, &RecordSummary),
    ) -> Result<()> {
        let mut lines = self.lines(
            compact::facts(kind, query),
            (span, Order::NewestFirst),
            FIRST,
        );
        while let Some(entry) = lines.next()? {
            compact::read(&entry.line, |facts| see(entry.time, facts));
        }
        Ok(())
    }
}
