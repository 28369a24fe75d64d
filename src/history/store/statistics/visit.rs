//! Which records statistics need, and reading them.

use std::ops::ControlFlow;

use super::accumulator::{Accumulator, Contribution};
use super::facet::FACETS;
use super::{
    EXACT_RECORDS_MAX, EnhancedStats, GroupBy, Previous, Statistics, StatsQuestion, named,
};
use crate::history::record::{RecordSummary, now};
use crate::history::store::{Extent, Query, Result, Store, StoreError, until_now};

/// Takes the records of two spans.
struct Spans<'a> {
    question: &'a StatsQuestion,
    statistics: Statistics<'a>,
    /// Unix seconds; the end is no part of it.
    before: (f64, f64),
    previous: Accumulator,
}

impl Store {
    /// Returns the numbers that a question asks for.
    pub fn enhanced(&self, question: &StatsQuestion) -> Result<EnhancedStats> {
        self.enhanced_at(question, now())
    }

    /// Returns the numbers as of `now` (Unix seconds): of very many records from roll-ups.
    pub(super) fn enhanced_at(&self, question: &StatsQuestion, now: f64) -> Result<EnhancedStats> {
        let extent = self.extent()?;
        match self.rolled_up_large(question, &extent, now)? {
            Some(statistics) => Ok(statistics.enhanced(self.previous(question, &extent, now)?)),
            None => self.of_records(question, &extent),
        }
    }

    /// Counts the records whose summaries match, findings aside: in a history that is too large to be
    /// kept in memory, by roll-ups.
    pub fn count_summaries(&self, query: &Query) -> Result<u64> {
        // Measured only where there may be roll-ups: in a Loki it is several questions.
        if self.rollups.is_open() {
            let extent = self.extent()?;
            if extent.records > EXACT_RECORDS_MAX
                && let Some(count) = self.count_rolled_up(query, &extent, now())?
            {
                return Ok(count);
            }
        }
        let mut count = 0;
        self.for_each_summary(&until_now(query), &mut |_| count += 1)?;
        Ok(count)
    }

    /// Counts as roll-ups tell; `None` where these do not.
    pub(super) fn count_rolled_up(
        &self,
        query: &Query,
        extent: &Extent,
        now: f64,
    ) -> Result<Option<u64>> {
        let question = StatsQuestion::of_totals(query, now);
        let statistics = self.rolled_up_if_possible(&question, extent, now)?;
        Ok(statistics.map(|statistics| statistics.all.requests()))
    }

    /// Reads roll-ups, where more records match than are looked at one by one.
    fn rolled_up_large<'a>(
        &self,
        question: &'a StatsQuestion,
        extent: &Extent,
        now: f64,
    ) -> Result<Option<Statistics<'a>>> {
        let statistics = self.rolled_up_if_possible(question, extent, now)?;
        Ok(statistics.filter(|statistics| statistics.all.requests() > question.exact_max))
    }

    /// Reads roll-ups; where none can be made, as on a full disk, records have to do.
    fn rolled_up_if_possible<'a>(
        &self,
        question: &'a StatsQuestion,
        extent: &Extent,
        now: f64,
    ) -> Result<Option<Statistics<'a>>> {
        match self.rolled_up(question, extent, now) {
            Err(StoreError::Unwanted) => Err(StoreError::Unwanted),
            Err(why) => {
                log::warn!("{why}; so numbers are read from all records");
                Ok(None)
            }
            statistics => statistics,
        }
    }

    /// Returns the totals of the span that a question is compared with; `None` where the history
    /// does not have it whole.
    fn previous(
        &self,
        question: &StatsQuestion,
        extent: &Extent,
        now: f64,
    ) -> Result<Option<Previous>> {
        let before = question.previous();
        if extent.oldest.is_none_or(|oldest| oldest > before.0) {
            return self.expired_totals(question, before, extent);
        }
        let question = question.totals_of(before);
        let statistics = match self.rolled_up_large(&question, extent, now)? {
            Some(statistics) => statistics,
            None => {
                let mut statistics = Statistics::new(&question);
                self.visit_past_cache(&question.query, &question, &mut |summary| {
                    statistics.add(summary, None)
                })?;
                statistics
            }
        };
        let EnhancedStats {
            totals,
            approximate,
            ..
        } = statistics.enhanced(None);
        Ok(Some(Previous {
            start_time: before.0,
            end_time: before.1,
            approximate,
            totals,
        }))
    }

    /// Returns the numbers as all records tell them.
    fn of_records(&self, question: &StatsQuestion, extent: &Extent) -> Result<EnhancedStats> {
        let before = question.previous();
        let is_covered = extent.oldest.is_some_and(|oldest| oldest <= before.0);
        let mut spans = Spans {
            question,
            statistics: Statistics::new(question),
            before,
            previous: Accumulator::default(),
        };
        let whole = until_now(&widest(question));
        let span = question.end - question.start;
        if is_covered && question.start - before.1 <= span {
            // The cache has both in one piece.
            let both = Query {
                start_time: Some(before.0),
                ..whole
            };
            self.visit(&both, question, &mut |summary, session| {
                spans.add(summary, session)
            })?;
        } else {
            self.visit(&whole, question, &mut |summary, session| {
                spans.add(summary, session)
            })?;
            if is_covered {
                let far = Query {
                    start_time: Some(before.0),
                    end_time: Some(before.1.next_down()),
                    ..whole
                };
                self.visit_past_cache(&far, question, &mut |summary| spans.add(summary, None))?;
            }
        }
        let previous = match is_covered {
            true => Some(spans.previous()),
            false => self.expired_totals(question, before, extent)?,
        };
        Ok(spans.statistics.enhanced(previous))
    }

    /// Reads a span that may be far from now past the cache: what lies between would fill it.
    fn visit_past_cache(
        &self,
        query: &Query,
        question: &StatsQuestion,
        add: &mut dyn FnMut(&RecordSummary),
    ) -> Result<()> {
        if needs_records(question) {
            return self.visit(query, question, &mut |summary, _| add(summary));
        }
        self.engine.for_each_summary(query, add)
    }

    fn visit(
        &self,
        query: &Query,
        question: &StatsQuestion,
        add: &mut dyn FnMut(&RecordSummary, Option<&str>),
    ) -> Result<()> {
        if !needs_records(question) {
            return self.for_each_summary(query, &mut |summary| add(summary, None));
        }
        self.for_each_unordered(query, &mut |record| {
            add(&record.summary(), record.session_id.as_deref());
            ControlFlow::Continue(())
        })
    }
}

/// Whether summaries do not tell all that is needed.
fn needs_records(question: &StatsQuestion) -> bool {
    !question.query.is_of_summaries()
        || question.query.finding.is_some()
        || question.by == Some(GroupBy::Session)
}

/// Returns the query of all records that count in any group.
pub fn widest(question: &StatsQuestion) -> Query {
    let mut query = question.query.clone();
    if question.has_facets {
        FACETS.iter().for_each(|kind| (kind.remove)(&mut query));
    }
    query
}

impl Spans<'_> {
    fn add(&mut self, summary: &RecordSummary, session: Option<&str>) {
        let time = summary.timestamp;
        if time >= self.question.start {
            self.statistics.add(summary, session);
        } else if time >= self.before.0 && time < self.before.1 {
            self.add_previous(summary);
        }
    }

    fn add_previous(&mut self, summary: &RecordSummary) {
        let is_meant = self.question.query.matches_at_any_time(summary);
        if !is_meant {
            return;
        }
        self.previous.add(&Contribution::of(summary));
        if self.previous.requests() == self.question.exact_max + 1 {
            self.previous.blur();
        }
    }

    /// Returns the totals of the span before; its samples are given up.
    fn previous(&mut self) -> Previous {
        let totals = self.previous.group(named("all"));
        Previous {
            start_time: self.before.0,
            end_time: self.before.1,
            approximate: totals.requests > self.question.exact_max,
            totals,
        }
    }
}
