//! Groups by a cause: of errors, and of loads.

use std::collections::{BTreeSet, HashMap};

use super::super::error_cause::{self, OTHER};
use super::super::query::UNKNOWN_NAME;
use super::accumulator::MICROSECONDS;
use super::rollup::SetSums;
use super::{ErrorGroup, LoadGroup};
use crate::history::record::RecordSummary;

/// The most causes that are told apart.
const CAUSES_MAX: usize = 200;

/// The most causes that are told, and models of each.
const LISTED_MAX: usize = 50;
const MODELS_MAX: usize = 20;

/// The most errors whose cause is known without looking for it.
const KNOWN_ERRORS_MAX: usize = 1000;

/// Failed requests by their causes.
#[derive(Default)]
pub struct Errors {
    causes: HashMap<String, Cause>,
    /// The causes of errors that came already.
    known: HashMap<Box<str>, String>,
}

/// Loads by their causes.
#[derive(Default)]
pub struct Loads {
    causes: HashMap<String, Cause>,
}

#[derive(Default)]
struct Cause {
    requests: u64,
    models: BTreeSet<String>,
    first_seen: f64,
    last_seen: f64,
    example: String,
    seconds: f64,
}

impl Errors {
    /// Adds a failed request.
    pub fn add(&mut self, summary: &RecordSummary) {
        self.find(summary).add(summary);
    }

    /// Adds the failed requests of a set.
    pub fn add_set(&mut self, summary: &RecordSummary, set: &SetSums) {
        let example = (set.example != 0).then(|| format!("{:016x}", set.example));
        let times = (set.first, set.last);
        self.find(summary)
            .count(summary, set.requests, times, example);
    }

    fn find(&mut self, summary: &RecordSummary) -> &mut Cause {
        let error = summary.error.as_deref().unwrap_or(UNKNOWN_NAME);
        let cause = match self.known.get(error) {
            Some(cause) => cause.clone(),
            None => self.learn(error, summary.model.as_deref()),
        };
        of(&mut self.causes, &cause)
    }

    fn learn(&mut self, error: &str, model: Option<&str>) -> String {
        let cause = error_cause::mask(error, model);
        if self.known.len() < KNOWN_ERRORS_MAX {
            self.known.insert(error.into(), cause.clone());
        }
        cause
    }

    /// Returns the causes, the most frequent first.
    pub fn groups(self) -> Vec<ErrorGroup> {
        let groups = self.causes.into_iter().map(|(name, cause)| ErrorGroup {
            cause: name,
            requests: cause.requests,
            models: cause.models.into_iter().collect(),
            first_seen: cause.first_seen,
            last_seen: cause.last_seen,
            example: Some(cause.example).filter(|id| !id.is_empty()),
        });
        let mut groups: Vec<ErrorGroup> = groups.collect();
        groups.sort_by(|one, other| {
            (other.requests.cmp(&one.requests)).then_with(|| one.cause.cmp(&other.cause))
        });
        groups.truncate(LISTED_MAX);
        groups
    }
}

impl Loads {
    /// Adds a request whose model was loaded for this reason.
    pub fn add(&mut self, cause: &str, summary: &RecordSummary) {
        let group = of(&mut self.causes, cause);
        group.add(summary);
        group.seconds += summary.seconds_spent().load;
    }

    /// Adds the requests of a set.
    pub fn add_set(&mut self, cause: &str, summary: &RecordSummary, set: &SetSums) {
        let group = of(&mut self.causes, cause);
        group.count(summary, set.requests, (set.first, set.last), None);
        group.seconds += set.sums().spent.load;
    }

    /// Returns the causes; what cost most first.
    pub fn groups(self) -> Vec<LoadGroup> {
        let groups = self.causes.into_iter().map(|(name, cause)| LoadGroup {
            cause: name,
            requests: cause.requests,
            models: cause.models.into_iter().collect(),
            seconds_lost: (cause.seconds * MICROSECONDS).round() / MICROSECONDS,
        });
        let mut groups: Vec<LoadGroup> = groups.collect();
        groups.sort_by(|one, other| {
            (other.seconds_lost.total_cmp(&one.seconds_lost))
                .then_with(|| one.cause.cmp(&other.cause))
        });
        groups.truncate(LISTED_MAX);
        groups
    }
}

fn of<'a>(causes: &'a mut HashMap<String, Cause>, cause: &str) -> &'a mut Cause {
    let is_room = causes.len() < CAUSES_MAX || causes.contains_key(cause);
    let name = if is_room { cause } else { OTHER };
    causes.entry(name.to_owned()).or_default()
}

impl Cause {
    fn add(&mut self, summary: &RecordSummary) {
        let time = summary.timestamp;
        let is_newest = self.requests == 0 || time >= self.last_seen;
        let example = is_newest.then(|| summary.interaction_id.to_string());
        self.count(summary, 1, (time, time), example);
    }

    /// Counts requests of one model that came from a first time to a last one.
    fn count(
        &mut self,
        summary: &RecordSummary,
        requests: u64,
        (first, last): (f64, f64),
        example: Option<String>,
    ) {
        let model = summary.model.as_deref().unwrap_or(UNKNOWN_NAME);
        if self.models.len() < MODELS_MAX && !self.models.contains(model) {
            self.models.insert(model.to_owned());
        }
        let is_first = self.requests == 0;
        self.requests += requests;
        if is_first || first < self.first_seen {
            self.first_seen = first;
        }
        if is_first || last >= self.last_seen {
            self.last_seen = last;
            self.example = example.unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(timestamp: f64, model: &'static str, error: &'static str) -> RecordSummary<'static> {
        RecordSummary {
            interaction_id: format!("{timestamp:016}").into(),
            timestamp,
            model: Some(model.into()),
            error: Some(error.into()),
            ..RecordSummary::default()
        }
    }

    #[test]
    fn errors_that_differ_in_numbers_and_names_are_one() {
        let mut errors = Errors::default();
        errors.add(&failed(3.0, "phi4", "model 'phi4' needs 9.3 GiB"));
        errors.add(&failed(5.0, "qwen3", "model 'qwen3' needs 12 GiB"));
        errors.add(&failed(1.0, "phi4", "model 'phi4' needs 9.3 GiB"));
        errors.add(&failed(4.0, "phi4", "connection reset"));
        let groups = errors.groups();
        let told: Vec<(&str, u64)> = groups
            .iter()
            .map(|group| (group.cause.as_str(), group.requests))
            .collect();
        assert_eq!(
            told,
            [("model '…' needs N GiB", 3), ("connection reset", 1),]
        );
        assert_eq!(groups[0].models, ["phi4", "qwen3"]);
        assert_eq!((groups[0].first_seen, groups[0].last_seen), (1.0, 5.0));
        assert_eq!(groups[0].example.as_deref(), Some("0000000000000005"));
    }

    #[test]
    fn causes_are_bounded() {
        let mut loads = Loads::default();
        for n in 0..CAUSES_MAX + 9 {
            loads.add(&n.to_string(), &RecordSummary::default());
        }
        let other = loads.causes.get(OTHER).map(|cause| cause.requests);
        assert_eq!(other, Some(9));
        assert_eq!(loads.groups().len(), LISTED_MAX);
    }
}
