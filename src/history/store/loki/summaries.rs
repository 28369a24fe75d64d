//! Summaries for statistics. Stable ones are cached, fresh ones are read each time, and none with
//! its texts.

use super::Loki;
use super::cached_summaries::{CachedSummaries, QUARTER, quarter};
use super::pages::PageReader;
use super::summary_line::{self, RecordFormat};
use super::time::{DAY, Order, Span, nanos};
use crate::history::record::RecordSummary;
use crate::history::store::{Query, Result};
use crate::util::threads::lock;

/// Entries of a first page: with lines as long as possible it is one that a default Loki gives.
const FIRST_PAGE_ENTRIES: usize = 1000;

/// Records younger than this are read each time (nanoseconds): a record is written when its request
/// has ended, and has the time of its beginning.
const FRESH_AGE: i64 = QUARTER;

impl Loki {
    /// Visits the summary of every record that matches `query`.
    pub(super) fn visit_summaries(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(&RecordSummary),
    ) -> Result<()> {
        let (coverage, now) = (self.coverage()?, self.now());
        let span = Span::of(query, now);
        let query = &Query {
            prompt_search: None,
            q: None,
            finding: None,
            session: None,
            ..query.clone()
        };
        let visit = &mut |summary: &RecordSummary| {
            if query.matches_summary(summary) {
                visit(summary);
            }
        };
        let ends_now = query.end_time.is_none_or(|end| end >= now);
        let times_only = Query {
            start_time: query.start_time,
            end_time: query.end_time,
            limit: query.limit,
            sort: query.sort,
            before: query.before.clone(),
            ..Query::default()
        };
        for format in RecordFormat::ALL {
            let span = match format {
                RecordFormat::Current => coverage.current(span, now),
                RecordFormat::Legacy => coverage.legacy(span, now),
            };
            if span.is_empty() {
                continue;
            }
            if ends_now && *query == times_only {
                self.visit_cached(format, span, visit)?;
            } else {
                self.read_summaries(format, query, span, &mut |_, summary| visit(summary))?;
            }
        }
        Ok(())
    }

    /// Visits the summaries of a span that ends now: those in the cache, then newer ones, then
    /// older ones.
    fn visit_cached(
        &self,
        format: RecordFormat,
        span: Span,
        visit: &mut dyn FnMut(&RecordSummary),
    ) -> Result<()> {
        let until = quarter(span.end.min(nanos(self.now()).saturating_sub(FRESH_AGE)));
        let mut cached = lock(&self.cached_summaries[format as usize]);
        if cached
            .as_ref()
            .is_none_or(|cached| cached.span.end < span.start)
        {
            *cached = Some(CachedSummaries::empty_at(until));
        }
        let Some(cached) = cached.as_mut() else {
            return Ok(());
        };
        let known = Span {
            start: cached.span.start.max(span.start),
            end: cached.span.end.min(quarter(span.end)),
        };
        self.revalidate(format, cached, known)?;
        if cached.span.end < until {
            let newer = self.load(
                format,
                Span {
                    start: cached.span.end,
                    end: until,
                },
                &mut |_| {},
            )?;
            cached.append(newer);
        }
        cached.for_each(visit);
        let fresh = span.with_start(cached.span.end.max(span.start));
        // The pages of one refresh all ask for it: the answer is cached for a moment.
        let every = summary_line::query(format, &Query::default());
        let fresh = self.summary_entries(every, (fresh, Order::NewestFirst), FIRST_PAGE_ENTRIES);
        visit_lines(fresh, &mut |_, summary| visit(summary))?;
        self.visit_older(format, cached, span.start, visit)
    }

    /// Visits summaries that are older than the cache, and adds them to it while it has room.
    fn visit_older(
        &self,
        format: RecordFormat,
        cached: &mut CachedSummaries,
        start: i64,
        visit: &mut dyn FnMut(&RecordSummary),
    ) -> Result<()> {
        let mut end = cached.span.start;
        while start < end {
            if cached.is_full {
                return self.read_summaries(
                    format,
                    &Query::default(),
                    Span { start, end },
                    &mut |_, summary| visit(summary),
                );
            }
            let stride = DAY.max(cached.span.length()); // twice as far each time
            let older = self.load(
                format,
                Span {
                    start: start.max(end - stride),
                    end,
                },
                visit,
            )?;
            end = older.span.start;
            cached.prepend(older);
        }
        Ok(())
    }

    /// Reads those parts of the cache again for which Loki counts another number of entries.
    fn revalidate(
        &self,
        format: RecordFormat,
        cached: &mut CachedSummaries,
        span: Span,
    ) -> Result<()> {
        if span.is_empty() {
            return Ok(());
        }
        let count = self.count(&format.selector(), span)?;
        if count == cached.count(span) {
            return Ok(());
        }
        if count == 0 {
            cached.forget(span);
        } else if span.length() <= QUARTER {
            let part = self.load(format, span, &mut |_| {})?;
            cached.replace(part, count);
        } else {
            let middle = quarter(span.start + span.length() / 2);
            self.revalidate(format, cached, span.with_end(middle))?;
            self.revalidate(format, cached, span.with_start(middle))?;
        }
        Ok(())
    }

    /// Loads the summaries of a span, and visits them on the way.
    fn load(
        &self,
        format: RecordFormat,
        span: Span,
        visit: &mut dyn FnMut(&RecordSummary),
    ) -> Result<CachedSummaries> {
        let mut cached = CachedSummaries::empty(span);
        self.read_summaries(format, &Query::default(), span, &mut |time, summary| {
            cached.add(time, summary);
            visit(summary);
        })?;
        Ok(cached)
    }

    /// Reads the summaries of a span, with the times of their entries (nanoseconds).
    fn read_summaries(
        &self,
        format: RecordFormat,
        query: &Query,
        span: Span,
        visit: &mut dyn FnMut(i64, &RecordSummary),
    ) -> Result<()> {
        let lines = self.entries(
            summary_line::query(format, query),
            (span, Order::NewestFirst),
            FIRST_PAGE_ENTRIES,
        );
        visit_lines(lines, visit)
    }
}

/// Visits the summaries in lines, with the times of their entries (nanoseconds).
fn visit_lines(mut lines: PageReader, visit: &mut dyn FnMut(i64, &RecordSummary)) -> Result<()> {
    while let Some(entry) = lines.next()? {
        summary_line::parse(&entry.line, |summary| visit(entry.time, summary));
    }
    Ok(())
}
