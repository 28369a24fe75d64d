//! Numbers over the summaries of many records, the same on every backend. Percentiles are computed
//! over the records themselves, by nearest rank: the smallest value that at least this share of
//! them does not exceed.

mod accumulator;
mod answer;
mod buckets;
mod changes;
mod group_by;
mod measurement;
#[cfg(test)]
mod tests;

use std::cmp::Ordering::Equal;
use std::collections::HashMap;

use super::query::UNKNOWN_NAME;
use crate::history::record::RecordSummary;
use crate::util::name_table::NameTable;
use accumulator::Accumulator;
pub use answer::{Distribution, EnhancedStats, Group, Slot};
pub use changes::VersionChange;
use changes::{Changed, FirstAnswers};
pub use group_by::GroupBy;

/// The most slots that a timeline has.
const SLOTS_MAX: f64 = 120.0;

/// The most clients that are listed: a client may call itself anything.
const CLIENTS_MAX: usize = 100;

/// The most groups of a grouping that was asked for.
const GROUPS_MAX: usize = 500;

/// Lengths of a slot, in seconds: the shortest is taken that fits.
const STEP_SECONDS: [f64; 17] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 10_800.0, 21_600.0,
    86_400.0, 604_800.0, 2.592e6, 3.1536e7,
];

/// Adds up summaries, then makes numbers of them: 20 bytes a record.
pub struct Statistics {
    start: f64,
    end: f64,
    step: f64,
    names: NameTable,
    groups: HashMap<GroupKey, Accumulator>,
    slots: Vec<Accumulator>,
}

/// Adds up by model alone, without durations: 4 bytes a record.
#[derive(Default)]
pub struct ModelStatistics {
    groups: HashMap<String, Accumulator>,
}

/// The values that records are grouped by, as the numbers of their names; each record counts in one
/// group of this kind only.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct GroupKey {
    model: u32,
    category: u32,
    endpoint: u32,
    status: u32,
    client: u32,
    host: u32,
    tap: Option<u16>,
    version: u32,
    digest: u32,
}

impl Statistics {
    /// Begins statistics of the time from `start` to `end` (Unix seconds). What arrived later, by a
    /// clock that was set back, counts at the end.
    pub fn new(start: f64, end: f64) -> Statistics {
        let step = STEP_SECONDS
            .into_iter()
            .find(|step| (end - start) / step < SLOTS_MAX)
            .unwrap_or((end - start) / SLOTS_MAX);
        let begin = (start / step).floor() * step;
        let slots = vec![Accumulator::default(); ((end - begin) / step).max(0.0) as usize + 1];
        Statistics {
            start,
            end,
            step,
            names: NameTable::default(),
            groups: HashMap::new(),
            slots,
        }
    }

    pub fn add(&mut self, summary: &RecordSummary) {
        // Times before the first slot count in it.
        let slot = ((summary.timestamp - self.first_slot()) / self.step) as usize;
        let last = self.slots.len() - 1;
        self.slots[slot.min(last)].add_to_timeline(summary);
        let names = &mut self.names;
        let key = GroupKey {
            model: names.number(summary.model.as_deref().unwrap_or(UNKNOWN_NAME)),
            category: names.number(&summary.prompt_category),
            endpoint: names.number(&summary.endpoint),
            status: names.number(&summary.status),
            client: names.number(summary.client.as_deref().unwrap_or(UNKNOWN_NAME)),
            host: names.number(summary.host.as_deref().unwrap_or(UNKNOWN_NAME)),
            tap: summary.tap,
            version: names.number(summary.ollama_version.as_deref().unwrap_or_default()),
            digest: names.number(summary.digest.as_deref().unwrap_or_default()),
        };
        self.groups.entry(key).or_default().add(summary);
    }

    fn first_slot(&self) -> f64 {
        (self.start / self.step).floor() * self.step
    }

    /// Returns the numbers, with the groups that are asked for.
    pub fn enhanced(self, by: Option<GroupBy>) -> EnhancedStats {
        let mut all = Accumulator::default();
        for accumulator in self.groups.values() {
            all.merge(accumulator);
        }
        let first = self.first_slot();
        let slots = self.slots.iter().enumerate();
        EnhancedStats {
            hours: (self.end - self.start) / 3600.0,
            start_time: self.start,
            end_time: self.end,
            duration_buckets: all.duration_buckets(),
            time_to_first_token_buckets: all.first_token_buckets(),
            totals: all.group("all"),
            by_model: self.by(|key| key.model),
            by_category: self.by(|key| key.category),
            by_endpoint: self.by(|key| key.endpoint),
            by_status: self.by(|key| key.status),
            by_client: self
                .by(|key| key.client)
                .into_iter()
                .take(CLIENTS_MAX)
                .collect(),
            by_host: self.by_host(),
            groups: by.map(|by| self.groups_by(by)),
            changes: self.changes(),
            timeline_step_seconds: self.step,
            timeline: slots
                .map(|(i, accumulator)| accumulator.slot(first + i as f64 * self.step))
                .collect(),
        }
    }

    /// Returns the groups, the busiest first; of versions the newest first.
    fn groups_by(&self, by: GroupBy) -> Vec<Group> {
        let mut groups = match by {
            GroupBy::Model => self.by(|key| key.model),
            GroupBy::Client => self.by(|key| key.client),
            GroupBy::Endpoint => self.by(|key| key.endpoint),
            GroupBy::Category => self.by(|key| key.category),
            GroupBy::Status => self.by(|key| key.status),
            GroupBy::Version => self.by(|key| key.version),
            GroupBy::Host => self.by_host(),
        };
        if by == GroupBy::Version {
            groups.sort_by(|a, b| b.first_seen.partial_cmp(&a.first_seen).unwrap_or(Equal));
            let unknown = groups.iter_mut().filter(|group| group.name.is_empty());
            unknown.for_each(|group| group.name = UNKNOWN_NAME.to_owned());
        }
        groups.truncate(GROUPS_MAX);
        groups
    }

    fn changes(&self) -> Vec<VersionChange> {
        let mut first = FirstAnswers::default();
        for (key, accumulator) in &self.groups {
            let tap = self.tap_name(key.host, key.tap);
            let at = accumulator.first_seen().unwrap_or(f64::INFINITY);
            let name = |number| self.names.text(number);
            first.note(&tap, Changed::Version, None, name(key.version), at);
            let model = name(key.model);
            first.note(&tap, Changed::Digest, Some(model), name(key.digest), at);
        }
        first.changes()
    }

    fn by_host(&self) -> Vec<Group> {
        let mut merged: HashMap<(u32, Option<u16>), Accumulator> = HashMap::new();
        for (key, accumulator) in &self.groups {
            let tap = (key.host, key.tap);
            merged.entry(tap).or_default().merge(accumulator);
        }
        let groups = merged
            .into_iter()
            .map(|((host, tap), accumulator)| accumulator.group(&self.tap_name(host, tap)));
        let mut groups = busiest_first(groups);
        groups.truncate(CLIENTS_MAX);
        groups
    }

    /// Returns the name of a tap, as `HOST:PORT`.
    fn tap_name(&self, host: u32, tap: Option<u16>) -> String {
        let host = self.names.text(host);
        match tap {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    fn by(&self, part: fn(&GroupKey) -> u32) -> Vec<Group> {
        let mut merged: HashMap<u32, Accumulator> = HashMap::new();
        for (key, accumulator) in &self.groups {
            merged.entry(part(key)).or_default().merge(accumulator);
        }
        busiest_first(
            merged
                .into_iter()
                .map(|(number, accumulator)| accumulator.group(self.names.text(number))),
        )
    }
}

impl ModelStatistics {
    pub fn add(&mut self, summary: &RecordSummary) {
        let name = summary.model.as_deref().unwrap_or(UNKNOWN_NAME);
        let accumulator = match self.groups.get_mut(name) {
            Some(accumulator) => accumulator,
            None => self.groups.entry(name.to_owned()).or_default(),
        };
        accumulator.add_without_times(summary);
    }

    /// Returns the groups, the most used first, without durations.
    pub fn groups(self) -> Vec<Group> {
        busiest_first(
            self.groups
                .into_iter()
                .map(|(name, accumulator)| accumulator.group(&name)),
        )
    }
}

fn busiest_first(groups: impl Iterator<Item = Group>) -> Vec<Group> {
    let mut groups: Vec<Group> = groups.collect();
    groups.sort_by(|a, b| {
        b.requests
            .cmp(&a.requests)
            .then_with(|| a.name.cmp(&b.name))
    });
    groups
}
