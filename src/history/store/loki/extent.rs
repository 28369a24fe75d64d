//! EXTENT: how many records there are, and from when to when.

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
    pub(super) fn whole_extent(&self) -> Result<Extent> {
        let (Some(newest), Some(oldest)) = (
            self.first(Order::NewestFirst)?,
            self.first(Order::OldestFirst)?,
        ) else {
            return Ok(Extent::default());
        };
        let (reach, now) = (self.reach()?, self.now());
        // A whole day, and to the end of what can be, so that it is the same question as long as nothing comes.
        let oldest_day = nanos(oldest.floor()) - nanos(oldest.floor()).rem_euclid(DAY);
        let span = Span {
            start: oldest_day,
            ..self.everywhen()
        };
        let ours = self.count(&logql::part(Part::Facts), reach.ours(span, now))?;
        let old = self.count(&logql::old(), reach.old(span, now))?;
        Ok(Extent {
            records: ours + old,
            bytes: None,
            oldest: Some(oldest),
            newest: Some(newest),
            latest: Some(newest),
        })
    }

    pub(super) fn everywhen(&self) -> Span {
        Span::of(&Query::default(), self.now())
    }

    /// The time of the first record in this order (Unix seconds).
    fn first(&self, order: Order) -> Result<Option<f64>> {
        let mut found = None;
        let visit = &mut |record: Record| {
            found = Some(record.timestamp);
            ControlFlow::Break(())
        };
        self.read(
            &Query::default(),
            Detail::Brief,
            (self.everywhen(), order),
            ENTRIES_MIN,
            visit,
        )?;
        Ok(found)
    }

    /// How many entries a selector has in a span. What is settled is counted apart, for it is remembered longer.
    pub(super) fn count(&self, selector: &str, mut span: Span) -> Result<u64> {
        let (edge, mut count) = (time::edge(self.now()), 0);
        while !span.is_empty() {
            let piece = span.first_counted(self.limits.range(), edge);
            match self.count_piece(selector, piece, edge)? {
                Ok(number) => {
                    count += number as u64;
                    span.start = piece.end;
                }
                Err(refusal) if self.limits.learn(&refusal.excess) => {}
                Err(_) if piece.length() > RANGE_MIN => {
                    let middle = piece.start + piece.length() / 2 / SECOND * SECOND;
                    count += self.count(
                        selector,
                        Span {
                            end: middle,
                            ..piece
                        },
                    )?;
                    span.start = middle;
                }
                Err(refusal) => return Err(StoreError::Failed(refusal.words)),
            }
        }
        Ok(count)
    }

    /// A range of LogQL's is whole seconds, excludes its start and includes its end.
    fn count_piece(
        &self,
        selector: &str,
        piece: Span,
        edge: i64,
    ) -> Result<Result<f64, QueryRefusal>> {
        if let Some(number) = self.numbers.get(selector, piece) {
            return Ok(Ok(number));
        }
        let seconds = (piece.length() + SECOND - 1) / SECOND;
        let answer = self
            .client
            .number(&logql::count(selector, seconds), piece.end - 1)?;
        if let Ok(number) = &answer {
            self.numbers.keep(
                selector,
                piece,
                edge,
                size_of::<f64>() + selector.len(),
                number,
            );
        }
        Ok(answer)
    }
}
