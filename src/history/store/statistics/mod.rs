//! Numbers over the summaries of many records, the same on every backend. Percentiles are computed
//! over the records themselves, by nearest rank: the smallest value that at least this share of
//! them does not exceed. Of very many records sketches are kept, which are less than 2 % off, and
//! `rollup` has them ready.

mod accumulator;
mod answer;
mod buckets;
mod causes;
mod changes;
mod distribution;
mod facet;
mod group_by;
mod group_set;
mod grouping;
mod measurement;
mod question;
mod rollup;
mod sketch;
mod slots;
#[cfg(test)]
mod tests;
mod visit;
mod zone;

use crate::history::record::RecordSummary;
use accumulator::{Accumulator, Contribution};
pub use answer::{
    Distribution, Embeddings, EnhancedStats, ErrorGroup, Group, LoadGroup, Previous, Slot,
};
use causes::{Errors, Loads};
use changes::Answers;
use facet::{FACETS, Facet};
pub use group_by::GroupBy;
use group_set::{GroupName, GroupSet};
use grouping::{Grouped, find_model};
pub use question::StatsQuestion;
pub use rollup::Rollups;
pub use zone::local_zone;

/// The most records of which every value is kept, about 100 bytes each: 20 MB.
const EXACT_RECORDS_MAX: u64 = 200_000;

/// The most clients and taps that are listed: a client may call itself anything.
const LISTED_MAX: usize = 100;

/// The most groups that `by` lists.
const GROUPS_LISTED_MAX: usize = 500;

/// Adds up summaries, then makes numbers of them.
pub struct Statistics<'a> {
    question: &'a StatsQuestion,
    all: Accumulator,
    /// One for each slot.
    timeline: Vec<Accumulator>,
    facets: [Facet; FACETS.len()],
    grouped: Option<Grouped>,
    errors: Errors,
    loads: Loads,
    answers: Answers,
}

/// Adds up by model alone.
#[derive(Default)]
pub struct ModelStatistics {
    groups: GroupSet,
    records: u64,
}

impl<'a> Statistics<'a> {
    pub fn new(question: &'a StatsQuestion) -> Statistics<'a> {
        Statistics {
            question,
            all: Accumulator::default(),
            timeline: vec![Accumulator::default(); question.slots.len()],
            facets: FACETS.map(|kind| Facet::new(question, &kind)),
            grouped: (question.by).map(|by| Grouped::new(by, question.zone.clone())),
            errors: Errors::default(),
            loads: Loads::default(),
            answers: Answers::default(),
        }
    }

    /// Adds a record of the question's span that its text, findings and session let pass.
    pub fn add(&mut self, summary: &RecordSummary, session: Option<&str>) {
        let is_meant = self.question.query.matches_summary(summary);
        let request = Contribution::of(summary);
        for facet in &mut self.facets {
            if let Some(number) = facet.group(summary, is_meant) {
                facet.groups.at(number).add(&request);
            }
        }
        if !is_meant {
            return;
        }
        self.all.add(&request);
        // Times before the first slot count in it.
        self.timeline[self.question.slots.index(summary.timestamp)].add(&request);
        if let Some(grouped) = &mut self.grouped {
            grouped.find(summary, session).add(&request);
        }
        self.answers.add(summary);
        if summary.status == "error" {
            self.errors.add(summary);
        }
        if let Some(cause) = summary.cold_start() {
            self.loads.add(cause, summary);
        }
        if self.all.requests() == self.question.exact_max + 1 {
            self.blur();
        }
    }

    fn blur(&mut self) {
        self.all.blur();
        self.timeline.iter_mut().for_each(Accumulator::blur);
        self.facets.iter_mut().for_each(|facet| facet.groups.blur());
        self.grouped.iter_mut().for_each(Grouped::blur);
    }

    pub fn enhanced(mut self, previous: Option<Previous>) -> EnhancedStats {
        let question = self.question;
        let totals = self.all.group(named("all"));
        let [models, categories, endpoints, statuses, clients, hosts] =
            self.facets.map(|facet| facet.groups);
        let slots = self.timeline.iter_mut().enumerate();
        EnhancedStats {
            hours: (question.end - question.start) / 3600.0,
            start_time: question.start,
            end_time: question.end,
            tz: question.zone.name().to_owned(),
            approximate: totals.requests > question.exact_max,
            previous,
            time_spent: totals.time_spent,
            embeddings: totals.embeddings.clone(),
            time_to_first_token_warm_seconds: totals.time_to_first_token_warm_seconds.clone(),
            totals,
            by_model: models.groups(usize::MAX),
            by_category: categories.groups(usize::MAX),
            by_endpoint: endpoints.groups(usize::MAX),
            by_status: statuses.groups(usize::MAX),
            by_client: clients.groups(LISTED_MAX),
            by_host: hosts.groups(LISTED_MAX),
            by_error: self.errors.groups(),
            by_reload_cause: self.loads.groups(),
            groups: (self.grouped).map(|grouped| grouped.into_groups(GROUPS_LISTED_MAX)),
            changes: self.answers.changes(),
            duration_buckets: self.all.duration_buckets(),
            time_to_first_token_buckets: self.all.first_token_buckets(),
            timeline_step_seconds: question.slots.step,
            timeline: slots
                .map(|(index, accumulator)| accumulator.slot(question.slots.interval(index)))
                .collect(),
        }
    }
}

impl ModelStatistics {
    pub fn add(&mut self, summary: &RecordSummary) {
        let number = find_model(&mut self.groups, summary);
        self.groups.at(number).add(&Contribution::of(summary));
        self.records += 1;
        if self.records == EXACT_RECORDS_MAX + 1 {
            self.groups.blur();
        }
    }

    /// Returns the groups, the most used first.
    pub fn groups(self) -> Vec<Group> {
        self.groups.groups(usize::MAX)
    }
}

fn named(name: &str) -> GroupName {
    GroupName {
        name: name.to_owned(),
        ..GroupName::default()
    }
}
