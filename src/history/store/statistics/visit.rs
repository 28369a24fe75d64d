//! Which records statistics need, and reading them.

use std::ops::ControlFlow;

use super::accumulator::Accumulator;
use super::{
    EXACT_RECORDS_MAX, EnhancedStats, GroupBy, Previous, Statistics, StatsQuestion, named,
};
use crate::history::record::RecordSummary;
use crate::history::store::{Query, Result, Store, until_now};

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
        let before = question.previous();
        let is_covered = self
            .extent()?
            .oldest
            .is_some_and(|oldest| oldest <= before.0);
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
            self.visit(&both, question, &mut spans)?;
        } else {
            self.visit(&whole, question, &mut spans)?;
            if is_covered {
                self.visit_far_away(&whole, question, &mut spans)?;
            }
        }
        Ok(spans.enhanced(is_covered))
    }

    /// Reads a span that is far from the question's, past the cache: what lies between would fill
    /// it.
    fn visit_far_away(
        &self,
        whole: &Query,
        question: &StatsQuestion,
        spans: &mut Spans,
    ) -> Result<()> {
        let before = Query {
            start_time: Some(spans.before.0),
            end_time: Some(spans.before.1.next_down()),
            ..whole.clone()
        };
        if needs_records(question) {
            return self.visit(&before, question, spans);
        }
        self.engine
            .for_each_summary(&before, &mut |summary| spans.add(summary, None))
    }

    fn visit(&self, query: &Query, question: &StatsQuestion, spans: &mut Spans) -> Result<()> {
        if !needs_records(question) {
            return self.for_each_summary(query, &mut |summary| spans.add(summary, None));
        }
        self.engine.for_each(query, &mut |record| {
            let record = record.folded();
            spans.add(&record.summary(), record.session_id.as_deref());
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
fn widest(question: &StatsQuestion) -> Query {
    let query = question.query.clone();
    if !question.has_facets {
        return query;
    }
    Query {
        model: None,
        prompt_category: None,
        endpoint: None,
        status: None,
        client: None,
        host: None,
        tap: None,
        ..query
    }
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
        self.previous.add(summary);
        if self.previous.requests() == EXACT_RECORDS_MAX + 1 {
            self.previous.blur();
        }
    }

    fn enhanced(mut self, is_covered: bool) -> EnhancedStats {
        let totals = self.previous.group(named("all"));
        let previous = is_covered.then_some(Previous {
            start_time: self.before.0,
            end_time: self.before.1,
            approximate: totals.requests > EXACT_RECORDS_MAX,
            totals,
        });
        self.statistics.enhanced(previous)
    }
}
