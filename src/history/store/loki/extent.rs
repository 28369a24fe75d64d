//! The number of records, and the times of the first and the last.

use std::ops::ControlFlow;

use super::Loki;
use super::limits::RANGE_MIN;
use super::logql;
use super::pages::{ENTRIES_MIN, QueryRefusal};
use super::push::Part;
use super::time::{self, DAY, Order, SECOND, Span, nanos};
use crate::history::record::Record;
use crate::history::store::{Detail, Extent, Query, Result, StoreError};

impl Loki {
    pub(super) fn record_extent(&self) -> Result<Extent> {
        let (Some(newest), Some(oldest)) = (
            self.first_time(Order::NewestFirst)?,
            self.first_time(Order::OldestFirst)?,
        ) else {
            return Ok(Extent::default());
        };
        let (coverage, now) = (self.coverage()?, self.now());
        // From the start of a day to the end of all time, so that the query stays the same, and its
        // response cached, while nothing is written.
        let oldest_day = nanos(oldest.floor()) - nanos(oldest.floor()).rem_euclid(DAY);
        let span = self.whole_span().with_start(oldest_day);
        let current = self.count(&logql::part(Part::Facts), coverage.current(span, now))?;
        let legacy = self.count(&logql::legacy(), coverage.legacy(span, now))?;
        Ok(Extent {
            records: current + legacy,
            bytes: None,
            oldest: Some(oldest),
            newest: Some(newest),
            latest: Some(newest),
        })
    }

    pub(super) fn whole_span(&self) -> Span {
        Span::of(&Query::default(), self.now())
    }

    /// Returns the time of the first record in this order (Unix seconds).
    fn first_time(&self, order: Order) -> Result<Option<f64>> {
        let mut found = None;
        let visit = &mut |record: Record| {
            found = Some(record.timestamp);
            ControlFlow::Break(())
        };
        self.read(
            &Query::default(),
            Detail::Brief,
            (self.whole_span(), order),
            ENTRIES_MIN,
            visit,
        )?;
        Ok(found)
    }

    /// Counts the entries of a selector in a span. Stable windows are counted apart, since their
    /// numbers are cached longer.
    pub(super) fn count(&self, selector: &str, mut span: Span) -> Result<u64> {
        let (stable_until, mut count) = (time::stable_until(self.now()), 0);
        while !span.is_empty() {
            let piece = span.first_counted(self.limits.range(), stable_until);
            match self.count_window(selector, piece, stable_until)? {
                Ok(number) => {
                    count += number as u64;
                    span.start = piece.end;
                }
                Err(refusal) if self.limits.learn(&refusal.exceeded) => {}
                Err(_) if piece.length() > RANGE_MIN => {
                    let middle = piece.start + piece.length() / 2 / SECOND * SECOND;
                    count += self.count(selector, piece.with_end(middle))?;
                    span.start = middle;
                }
                Err(refusal) => return Err(StoreError::Failed(refusal.message)),
            }
        }
        Ok(count)
    }

    /// Counts one window. A range in LogQL is whole seconds, excludes its start and includes its
    /// end.
    fn count_window(
        &self,
        selector: &str,
        piece: Span,
        stable_until: i64,
    ) -> Result<Result<f64, QueryRefusal>> {
        if let Some(number) = self.numbers.get(selector, piece) {
            return Ok(Ok(number));
        }
        let seconds = (piece.length() + SECOND - 1) / SECOND;
        let response = self
            .client
            .query_instant(&logql::count(selector, seconds), piece.end - 1)?;
        if let Ok(number) = &response {
            self.numbers.insert(
                selector,
                piece,
                stable_until,
                size_of::<f64>() + selector.len(),
                number,
            );
        }
        Ok(response)
    }
}
