//! Answers out of roll-ups, and of records where these do not reach.

use super::super::accumulator::{Accumulator, Contribution, SetKind};
use super::super::facet::FACETS;
use super::super::visit::widest;
use super::super::{Previous, Statistics, StatsQuestion, named};
use super::day::RollupHead;
use super::{
    DAYS_MAX, GRACE, QUARTER, RollupFile, SetSums, Sets, day_of, day_start, next_quarter,
    quarter_start,
};
use crate::history::record::RecordSummary;
use crate::history::store::{Extent, Query, Result, Store, until_now};

/// The quarters that are read from roll-ups, from a moment up to another (Unix seconds).
#[derive(Clone, Copy, Debug, PartialEq)]
struct QuarterSpan {
    from: f64,
    until: f64,
}

impl Store {
    /// Returns what roll-ups tell; `None` where they do not tell what is asked for, or where no more
    /// records may match than are looked at one by one.
    pub fn rolled_up<'a>(
        &self,
        question: &'a StatsQuestion,
        extent: &Extent,
        now: f64,
    ) -> Result<Option<Statistics<'a>>> {
        let Some(span) = self.span(question, extent, now)? else {
            return Ok(None);
        };
        let Some(span) = self.roll_up(span, extent, now)? else {
            return Ok(None);
        };
        let mut statistics = Statistics::new(question);
        statistics.blur();
        let whole = until_now(&widest(question));
        let add = &mut |summary: &RecordSummary| statistics.add(summary, None);
        let before = Query {
            end_time: Some(span.from.next_down()),
            ..whole.clone()
        };
        if extent.oldest < Some(span.from) && question.start < span.from {
            self.engine.for_each_summary(&before, add)?;
        }
        let after = Query {
            start_time: Some(span.until),
            ..whole
        };
        self.for_each_summary(&after, add)?;
        for day in day_of(span.from)..=day_of(span.until.next_down()) {
            let head = self.rollups.head(day);
            let sets = head.map_or(Sets::Quarters, |head| statistics.sets_of_slots(&head, span));
            let bytes = self.rollups.read_for(day, sets);
            let file = bytes.as_deref().and_then(RollupFile::decode);
            if let Some(file) = &file
                && file.lacks_names_of(&question.query)
            {
                return Ok(None);
            }
            let added = file.and_then(|file| statistics.add_day(&file, span, sets));
            if added.is_none() {
                // It was deleted meanwhile, or is damaged.
                self.rollups.remove(|head| head.day == day)?;
                return Ok(None);
            }
        }
        Ok(Some(statistics))
    }

    /// Returns the quarters of a question that have ended and have all of their records; `None`
    /// where records are to be read.
    fn span(
        &self,
        question: &StatsQuestion,
        extent: &Extent,
        now: f64,
    ) -> Result<Option<QuarterSpan>> {
        let oldest = match extent.oldest {
            Some(oldest) if self.rollups.is_open() && extent.records > question.exact_max => oldest,
            _ => return Ok(None),
        };
        if !question.is_of_sets(QUARTER) {
            return Ok(None);
        }
        let end = question.query.end_time.unwrap_or(f64::MAX).next_up();
        let is_all = question.start <= oldest && Some(end) > extent.latest;
        if !is_all && self.engine.count(question.start, end)? <= question.exact_max {
            return Ok(None);
        }
        let head = self.rollups.head(day_of(oldest));
        let has_expired = head.is_some_and(|head| head.first < oldest);
        let from = if question.start <= oldest && !has_expired {
            quarter_start(oldest)
        } else {
            next_quarter(question.start.max(oldest))
        };
        let until = quarter_start(end.min(now - GRACE));
        let is_usable = from < until && day_of(until) - day_of(from) < DAYS_MAX;
        Ok(is_usable.then_some(QuarterSpan { from, until }))
    }

    /// Makes the roll-ups of a span that are missing, or that do not agree with the records. Returns
    /// the part of the span that they have.
    fn roll_up(&self, span: QuarterSpan, extent: &Extent, now: f64) -> Result<Option<QuarterSpan>> {
        let days = day_of(span.from)..=day_of(span.until.next_down());
        let ended = quarter_start(now - GRACE);
        let make = |day: i64| {
            let until = day_start(day + 1).min(ended);
            self.rollups.make(&*self.engine, day, until)
        };
        let heads: Result<Vec<RollupHead>> = days.map(make).collect();
        let mut heads = heads?;
        if !self.agree(&heads, extent)? {
            for head in &mut heads {
                let counted = self.engine.count(day_start(head.day), head.until)?;
                if !has_expired(head, extent) && counted != head.records {
                    self.rollups.remove(|one| one.day == head.day)?;
                    *head = make(head.day)?;
                }
            }
        }
        let last = heads.last().map_or(span.from, |head| head.until);
        let until = span.until.min(last);
        Ok((span.from < until).then_some(QuarterSpan { until, ..span }))
    }

    /// Returns whether these roll-ups, of days that follow each other, are of as many records as
    /// there are.
    fn agree(&self, heads: &[RollupHead], extent: &Extent) -> Result<bool> {
        let whole = heads.iter().filter(|head| !has_expired(head, extent));
        let (mut first, mut last, mut records) = (f64::INFINITY, f64::INFINITY, 0);
        for head in whole {
            first = first.min(day_start(head.day));
            last = head.until;
            records += head.records;
        }
        let counted = if extent.oldest >= Some(first) {
            extent.records - self.engine.count(last, f64::INFINITY)?.min(extent.records)
        } else {
            self.engine.count(first, last)?
        };
        Ok(counted == records)
    }

    /// Returns the totals of a span of which some records have expired; `None` where roll-ups and
    /// records do not cover it. It begins and ends where quarters do.
    pub fn expired_totals(
        &self,
        question: &StatsQuestion,
        (start, end): (f64, f64),
        extent: &Extent,
    ) -> Result<Option<Previous>> {
        let question = question.totals_of((start, end));
        if question.query.client.is_some() || !question.is_of_sets(QUARTER) {
            return Ok(None);
        }
        let oldest = extent.oldest.unwrap_or(f64::INFINITY);
        let (start, is_over) = (quarter_start(start), end <= next_quarter(oldest));
        let end = if is_over { quarter_start(end) } else { end };
        let until = end.min(next_quarter(oldest));
        let span = QuarterSpan { from: start, until };
        let is_covered = self.rollups.began_before(question.start);
        if !is_covered || start >= until {
            return Ok(None);
        }
        let mut totals = Accumulator::default();
        totals.blur();
        for day in day_of(start)..=day_of(until.next_down()) {
            let bytes = self.rollups.read(day);
            let file = bytes.as_deref().and_then(RollupFile::decode);
            let needed = until.min(day_start(day + 1));
            let file = file
                .filter(|file| file.head.until >= needed && !file.lacks_names_of(&question.query));
            let added = file.and_then(|file| add_totals(&mut totals, &question, &file, span));
            if added.is_none() {
                return Ok(None);
            }
        }
        let rest = Query {
            start_time: Some(until),
            ..question.query.clone()
        };
        if until < end {
            self.engine
                .for_each_summary(&rest, &mut |summary| totals.add(&Contribution::of(summary)))?;
        }
        Ok(Some(Previous {
            start_time: start,
            end_time: end,
            approximate: true,
            totals: totals.group(named("all")),
        }))
    }
}

/// Returns whether records of a day have been deleted because of their age.
fn has_expired(head: &RollupHead, extent: &Extent) -> bool {
    extent.oldest.is_none_or(|oldest| head.first < oldest)
}

fn add_totals(
    totals: &mut Accumulator,
    question: &StatsQuestion,
    file: &RollupFile,
    span: QuarterSpan,
) -> Option<()> {
    let keys: Vec<RecordSummary> = file.keys().collect();
    let is_meant = |summary: &RecordSummary| question.query.matches_at_any_time(summary);
    let meant: Vec<bool> = keys.iter().map(is_meant).collect();
    file.for_each_wanted(
        Sets::WithoutClients,
        &mut |quarter, key| meant[key] && span.contains(file, quarter),
        &mut |_, key, set| totals.add_set(SetKind::of(&keys[key]), set),
    )
}

impl QuarterSpan {
    fn contains(self, file: &RollupFile, quarter: usize) -> bool {
        (self.from..self.until).contains(&file.quarter(quarter))
    }

    /// Returns whether all of a day's quarters are in it that have any requests.
    fn contains_all(self, head: &RollupHead) -> bool {
        let first = quarter_start(head.first);
        (self.from <= first || self.from <= day_start(head.day)) && self.until >= head.until
    }
}

/// The texts of a set, and where it counts.
struct SetKey<'a> {
    texts: RecordSummary<'a>,
    kind: SetKind,
    /// All filters let it pass.
    is_meant: bool,
    /// Of each facet, the number of its group, once it is known.
    groups: Option<[Option<usize>; FACETS.len()]>,
    /// When the first request of it arrived (Unix seconds).
    first: f64,
}

impl Statistics<'_> {
    /// Adds the requests of a day, where they are in the span; `None` where they cannot be read, and
    /// then some may have been added.
    fn add_day(&mut self, file: &RollupFile, span: QuarterSpan, sets: Sets) -> Option<()> {
        let question = self.question;
        let keys = file.keys().map(|texts| SetKey {
            kind: SetKind::of(&texts),
            is_meant: question.query.matches_at_any_time(&texts),
            groups: None,
            first: f64::INFINITY,
            texts,
        });
        let mut keys: Vec<SetKey> = keys.collect();
        let meant: Vec<bool> = keys.iter().map(|key| key.is_meant).collect();
        let counts: Vec<bool> = keys.iter().map(|key| self.counts_somewhere(key)).collect();
        if sets != Sets::Quarters {
            file.for_each_wanted(
                Sets::Whole,
                &mut |_, key| counts[key],
                &mut |_, key, set| self.add_to_groups(&mut keys[key], set),
            )?;
            file.for_each_wanted(sets, &mut |_, key| meant[key], &mut |quarter, key, set| {
                self.add_to_slots(&keys[key], file.quarter(quarter), set)
            })?;
        } else {
            file.for_each_wanted(
                Sets::Quarters,
                &mut |quarter, key| counts[key] && span.contains(file, quarter),
                &mut |quarter, key, set| {
                    self.add_to_groups(&mut keys[key], set);
                    if meant[key] {
                        self.add_to_slots(&keys[key], file.quarter(quarter), set);
                    }
                },
            )?;
        }
        for key in keys.into_iter().filter(|key| key.first.is_finite()) {
            self.answers.add(&RecordSummary {
                timestamp: key.first,
                ..key.texts
            });
        }
        Some(())
    }

    /// Returns which sets of a day tell what its slots have: with as few texts as filters need. With
    /// all texts, they tell what groups have, too.
    fn sets_of_slots(&self, head: &RollupHead, span: QuarterSpan) -> Sets {
        let query = &self.question.query;
        let names = [&query.model, &query.prompt_category, &query.host];
        if !span.contains_all(head) || query.client.is_some() {
            Sets::Quarters
        } else if names.iter().any(|name| name.is_some()) || query.tap.is_some() {
            Sets::WithoutClients
        } else {
            Sets::Totals
        }
    }

    fn counts_somewhere(&self, key: &SetKey) -> bool {
        let mut facets = self.facets.iter();
        key.is_meant || facets.any(|facet| facet.counts(&key.texts, false))
    }

    fn add_to_groups(&mut self, key: &mut SetKey, set: &SetSums) {
        let (texts, is_meant) = (&key.texts, key.is_meant);
        let groups = key.groups.get_or_insert_with(|| {
            let facets = self.facets.each_mut();
            facets.map(|facet| facet.group(texts, is_meant))
        });
        for (facet, group) in self.facets.iter_mut().zip(groups) {
            if let Some(group) = group {
                facet.groups.at(*group).add_set(key.kind, set);
            }
        }
        if !is_meant {
            return;
        }
        self.all.add_set(key.kind, set);
        key.first = key.first.min(set.first);
        if let Some(grouped) = self.grouped.as_mut().filter(|one| !one.is_of_time()) {
            grouped.find(texts, None).add_set(key.kind, set);
        }
        if key.kind.is_error() {
            self.errors.add_set(texts, set);
        }
        if let Some(cause) = texts.cold_start() {
            self.loads.add_set(cause, texts, set);
        }
    }

    fn add_to_slots(&mut self, key: &SetKey, time: f64, set: &SetSums) {
        let slot = self.question.slots.index(time);
        self.timeline[slot].add_set(key.kind, set);
        if let Some(grouped) = self.grouped.as_mut().filter(|one| one.is_of_time()) {
            grouped.find_time(time).add_set(key.kind, set);
        }
    }
}
