//! STATISTICS: numbers over the facts of many records, the same on every backend. Percentiles are computed over the records
//! themselves, by nearest rank: the smallest value that at least so many of them do not exceed.

mod buckets;
mod cell;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::names::Names;
use super::query::UNKNOWN;
use crate::record::Facts;
use buckets::Bucket;
use cell::Cell;

/// The most slots that a timeline has.
const SLOTS_MAX: f64 = 120.0;

/// The most clients that are told apart: a name is whatever a client says of itself.
const CLIENTS_MAX: usize = 100;

/// Lengths of a slot, in seconds: the shortest is taken that fits.
const STEPS: [f64; 17] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 10_800.0, 21_600.0, 86_400.0, 604_800.0, 2.592e6, 3.1536e7];

/// Gathers facts one by one, then makes numbers of them: 20 bytes a record.
pub struct Statistics {
    start: f64,
    end: f64,
    step: f64,
    names: Names,
    cells: HashMap<Key, Cell>,
    slots: Vec<Cell>,
}

/// Gathers the facts of which there is something to say by model alone: 4 bytes a record.
#[derive(Default)]
pub struct Models {
    cells: HashMap<String, Cell>,
}

/// What records are grouped by, in the numbers of their names; each lies in one cell only, whatever they are shown by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    model: u32,
    category: u32,
    endpoint: u32,
    status: u32,
    client: u32,
    host: u32,
    tap: Option<u16>,
}

/// The answer of `/analytics/stats/enhanced`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Enhanced {
    pub hours: f64,
    /// Unix seconds.
    pub start_time: f64,
    pub end_time: f64,
    pub totals: Group,
    /// The busiest first.
    pub by_model: Vec<Group>,
    pub by_category: Vec<Group>,
    pub by_endpoint: Vec<Group>,
    pub by_status: Vec<Group>,
    /// At most `CLIENTS_MAX`, the busiest first.
    #[serde(default)]
    pub by_client: Vec<Group>,
    /// The taps that wrote them, as `HOST:PORT`; at most `CLIENTS_MAX`, the busiest first.
    #[serde(default)]
    pub by_host: Vec<Group>,
    /// How durations and times to the first token are spread.
    #[serde(default)]
    pub duration_buckets: Vec<Bucket>,
    #[serde(default)]
    pub time_to_first_token_buckets: Vec<Bucket>,
    pub timeline_step_seconds: f64,
    /// Oldest first, without gaps.
    pub timeline: Vec<Slot>,
}

/// Numbers of one group of requests.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub requests: u64,
    pub success: u64,
    pub error: u64,
    pub cancelled: u64,
    /// 0 to 1; `None` without requests.
    pub success_rate: Option<f64>,
    pub prompt_tokens: u64,
    pub generated_tokens: u64,
    pub first_seen: Option<f64>,
    pub last_seen: Option<f64>,
    pub duration_seconds: Spread,
    pub time_to_first_token_seconds: Spread,
    pub tokens_per_second: Spread,
    /// `None` where no request told it.
    #[serde(default)]
    pub prompt_cached_tokens: Option<u64>,
}

/// How values are spread; all `None` where there are none.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub mean: Option<f64>,
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

/// One piece of the timeline.
#[derive(Debug, Serialize, Deserialize)]
pub struct Slot {
    /// Where it begins, Unix seconds.
    pub timestamp: f64,
    pub requests: u64,
    pub error: u64,
    pub cancelled: u64,
    pub prompt_tokens: u64,
    pub generated_tokens: u64,
    pub duration_p50: Option<f64>,
    pub duration_p95: Option<f64>,
    #[serde(default)]
    pub time_to_first_token_p50: Option<f64>,
    pub tokens_per_second: Option<f64>,
    /// `None` where no request told it.
    #[serde(default)]
    pub prompt_cached_tokens: Option<u64>,
}

impl Statistics {
    /// Of the time from `start` to `end` (Unix seconds). What arrived later, by a clock that was set back, counts as the last moment's.
    pub fn new(start: f64, end: f64) -> Statistics {
        let step = STEPS.into_iter().find(|step| (end - start) / step < SLOTS_MAX).unwrap_or((end - start) / SLOTS_MAX);
        let begin = (start / step).floor() * step;
        let slots = vec![Cell::default(); ((end - begin) / step).max(0.0) as usize + 1];
        Statistics { start, end, step, names: Names::default(), cells: HashMap::new(), slots }
    }

    pub fn add(&mut self, facts: &Facts) {
        let slot = ((facts.timestamp - self.first_slot()) / self.step) as usize; // what is before the first falls into it
        let last = self.slots.len() - 1;
        self.slots[slot.min(last)].add_to_timeline(facts);
        let names = &mut self.names;
        let key = Key {
            model: names.number(facts.model.as_deref().unwrap_or(UNKNOWN)),
            category: names.number(&facts.prompt_category),
            endpoint: names.number(&facts.endpoint),
            status: names.number(&facts.status),
            client: names.number(facts.client.as_deref().unwrap_or(UNKNOWN)),
            host: names.number(facts.host.as_deref().unwrap_or(UNKNOWN)),
            tap: facts.tap,
        };
        self.cells.entry(key).or_default().add(facts);
    }

    fn first_slot(&self) -> f64 {
        (self.start / self.step).floor() * self.step
    }

    pub fn enhanced(self) -> Enhanced {
        let mut all = Cell::default();
        self.cells.values().for_each(|cell| all.merge(cell));
        let first = self.first_slot();
        let slots = self.slots.iter().enumerate();
        Enhanced {
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
            by_client: self.by(|key| key.client).into_iter().take(CLIENTS_MAX).collect(),
            by_host: self.by_host(),
            timeline_step_seconds: self.step,
            timeline: slots.map(|(i, cell)| cell.slot(first + i as f64 * self.step)).collect(),
        }
    }

    fn by_host(&self) -> Vec<Group> {
        let mut merged: HashMap<(u32, Option<u16>), Cell> = HashMap::new();
        self.cells.iter().for_each(|(key, cell)| merged.entry((key.host, key.tap)).or_default().merge(cell));
        let name = |host: u32, tap: Option<u16>| {
            let host = self.names.text(host);
            tap.map_or_else(|| host.to_owned(), |tap| format!("{host}:{tap}"))
        };
        busiest_first(merged.into_iter().map(|((host, tap), cell)| cell.group(&name(host, tap)))).into_iter().take(CLIENTS_MAX).collect()
    }

    fn by(&self, part: fn(&Key) -> u32) -> Vec<Group> {
        let mut merged: HashMap<u32, Cell> = HashMap::new();
        self.cells.iter().for_each(|(key, cell)| merged.entry(part(key)).or_default().merge(cell));
        busiest_first(merged.into_iter().map(|(number, cell)| cell.group(self.names.text(number))))
    }
}

impl Models {
    pub fn add(&mut self, facts: &Facts) {
        let name = facts.model.as_deref().unwrap_or(UNKNOWN);
        let cell = match self.cells.get_mut(name) {
            Some(cell) => cell,
            None => self.cells.entry(name.to_owned()).or_default(),
        };
        cell.add_without_times(facts);
    }

    /// The most used first. How long requests took is not among the numbers.
    pub fn groups(self) -> Vec<Group> {
        busiest_first(self.cells.into_iter().map(|(name, cell)| cell.group(&name)))
    }
}

fn busiest_first(groups: impl Iterator<Item = Group>) -> Vec<Group> {
    let mut groups: Vec<Group> = groups.collect();
    groups.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.name.cmp(&b.name)));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(timestamp: f64, model: Option<&'static str>, status: &'static str, duration: f64) -> Facts<'static> {
        let model = model.map(Into::into);
        Facts { timestamp, model, status: status.into(), duration_seconds: Some(duration), generated_tokens: Some(5), ..Facts::default() }
    }

    #[test]
    fn every_grouping_counts_every_record_once() {
        let mut statistics = Statistics::new(0.0, 7200.0);
        statistics.add(&facts(10.0, Some("a"), "success", 1.0));
        statistics.add(&facts(20.0, Some("a"), "error", 3.0));
        statistics.add(&facts(7199.0, None, "cancelled", 2.0));
        let all = statistics.enhanced();
        assert_eq!((all.totals.requests, all.totals.success, all.totals.error, all.totals.cancelled), (3, 1, 1, 1));
        assert_eq!((all.totals.success_rate, all.totals.generated_tokens), (Some(1.0 / 3.0), 15));
        let models: Vec<(&str, u64)> = all.by_model.iter().map(|group| (group.name.as_str(), group.requests)).collect();
        assert_eq!(models, [("a", 2), (UNKNOWN, 1)]);
        assert_eq!(all.by_status.len(), 3);
        assert_eq!(all.timeline.iter().map(|slot| slot.requests).sum::<u64>(), 3);
        assert_eq!((all.by_client[0].name.as_str(), all.by_client[0].requests), (UNKNOWN, 3));
        assert_eq!(all.duration_buckets.iter().map(|bucket| bucket.requests).sum::<u64>(), 3);
        assert_eq!((all.by_model[0].first_seen, all.by_model[0].last_seen), (Some(10.0), Some(20.0)));
    }

    #[test]
    fn clients_are_told_apart_up_to_a_bound() {
        let mut statistics = Statistics::new(0.0, 100.0);
        for n in 0..CLIENTS_MAX + 5 {
            let client = Some(format!("client-{n:03}").into());
            statistics.add(&Facts { client, ..facts(10.0, Some("a"), "success", 1.0) });
        }
        let busy = Facts { client: Some("busy".into()), time_to_first_token_seconds: Some(0.1), ..Facts::default() };
        for model in ["a", "b"] {
            statistics.add(&Facts { model: Some(model.into()), ..busy.clone() });
        }
        let all = statistics.enhanced();
        assert_eq!(all.by_client.len(), CLIENTS_MAX);
        assert_eq!((all.by_client[0].name.as_str(), all.by_client[0].requests), ("busy", 2));
        let first_tokens: Vec<_> = all.time_to_first_token_buckets.iter().filter(|bucket| bucket.requests > 0).collect();
        assert_eq!(first_tokens, [&Bucket { up_to: Some(0.1), requests: 2 }]);
        assert_eq!(all.timeline[0].time_to_first_token_p50, Some(0.1));
    }

    #[test]
    fn models_alone_have_the_same_numbers() {
        let (mut statistics, mut models) = (Statistics::new(0.0, 100.0), Models::default());
        for n in 0..50u8 {
            let speed = (n % 7 > 0).then_some(f64::from(n) * 1.3);
            let some = facts(f64::from(n), [Some("a"), None][usize::from(n) % 2], ["success", "error"][usize::from(n) % 3 / 2], 1.0);
            let some = Facts { tokens_per_second: speed, ..some };
            statistics.add(&some);
            models.add(&some);
        }
        let shown = |groups: Vec<Group>| groups.into_iter().map(|group| Group { duration_seconds: Spread::default(), ..group });
        let texts = |groups: Vec<Group>| shown(groups).map(|group| serde_json::to_string(&group).unwrap()).collect::<Vec<_>>();
        assert_eq!(texts(models.groups()), texts(statistics.enhanced().by_model));
    }

    #[test]
    fn a_timeline_has_no_gaps_and_at_most_so_many_slots() {
        for hours in [0.001, 0.1, 1.0, 24.0, 168.0, 8760.0, 87_600.0, 1e6] {
            let end = 1_795_252_622.5;
            let mut statistics = Statistics::new(end - hours * 3600.0, end);
            statistics.add(&facts(end + 3600.0, None, "success", 1.0));
            let all = statistics.enhanced();
            assert!((1..=122).contains(&all.timeline.len()), "{hours}: {}", all.timeline.len());
            assert_eq!(all.timeline.last().unwrap().requests, 1, "a record from the future is the last slot's");
            assert!(all.timeline[0].timestamp <= all.start_time && all.timeline.last().unwrap().timestamp <= all.end_time);
        }
    }
}
