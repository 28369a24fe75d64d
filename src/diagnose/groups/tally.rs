//! What is counted of one group while findings are added.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{CLIENTS_MAX, EXAMPLES_MAX, FindingGroup, Told, sentence};
use crate::diagnose::Finding;

/// How many values of an option, and how many options and models are told apart.
const VALUES_MAX: usize = 8;

#[derive(Debug)]
pub struct Tally {
    pub model: String,
    /// The newest finding.
    pub newest: Finding,
    pub requests: u64,
    pub seconds_lost: f64,
    first: f64,
    last: f64,
    /// Who asked, each with the number of requests.
    pub clients: BTreeMap<String, f64>,
    /// Who loaded the model otherwise, each with the number of times.
    pub others: BTreeMap<String, f64>,
    pub other_models: BTreeMap<String, f64>,
    /// Who was waited for, each with the seconds.
    pub waited_for: BTreeMap<String, f64>,
    /// Options that changed, each with the values that it had.
    pub options: BTreeMap<String, BTreeMap<String, f64>>,
    /// The newest requests, the newest last.
    examples: Vec<(f64, String)>,
}

impl Tally {
    pub fn new(told: &Told<'_>, finding: &Finding) -> Tally {
        let mut tally = Tally {
            model: told.model.unwrap_or("unknown").to_owned(),
            newest: finding.clone(),
            requests: 0,
            seconds_lost: 0.0,
            first: told.timestamp,
            last: told.timestamp,
            clients: BTreeMap::new(),
            others: BTreeMap::new(),
            other_models: BTreeMap::new(),
            waited_for: BTreeMap::new(),
            options: BTreeMap::new(),
            examples: Vec::new(),
        };
        tally.add(told, finding);
        tally
    }

    pub fn add(&mut self, told: &Told<'_>, finding: &Finding) {
        self.requests += 1;
        let lost = finding
            .fields
            .get("seconds_lost")
            .and_then(Value::as_f64)
            .unwrap_or_default();
        self.seconds_lost += lost.max(0.0);
        if told.timestamp >= self.last {
            self.newest = finding.clone();
        }
        self.first = self.first.min(told.timestamp);
        self.last = self.last.max(told.timestamp);
        count(&mut self.clients, told.client, 1.0, CLIENTS_MAX);
        let text = |name: &str| finding.fields.get(name).and_then(Value::as_str);
        count(&mut self.others, text("other_client"), 1.0, CLIENTS_MAX);
        count(&mut self.other_models, text("other_model"), 1.0, VALUES_MAX);
        for waited in list(finding, "waited_for") {
            let seconds = waited["seconds"].as_f64().unwrap_or_default();
            let client = waited["client"].as_str().unwrap_or("a client");
            count(&mut self.waited_for, Some(client), seconds, CLIENTS_MAX);
        }
        for change in list(finding, "changed") {
            self.add_change(change);
        }
        self.add_example(told);
    }

    fn add_change(&mut self, change: &Value) {
        let Some(option) = change["option"].as_str() else {
            return;
        };
        if self.options.len() >= VALUES_MAX && !self.options.contains_key(option) {
            return;
        }
        let values = self.options.entry(option.to_owned()).or_default();
        for value in [&change["from"], &change["to"]] {
            let said = if value.is_null() {
                "none".to_owned()
            } else {
                value.to_string()
            };
            count(values, Some(&said), 1.0, VALUES_MAX);
        }
    }

    fn add_example(&mut self, told: &Told<'_>) {
        let at = self
            .examples
            .partition_point(|(time, _)| *time <= told.timestamp);
        self.examples
            .insert(at, (told.timestamp, told.id.to_owned()));
        if self.examples.len() > EXAMPLES_MAX {
            self.examples.remove(0);
        }
    }

    pub fn group(self, key: String) -> FindingGroup {
        FindingGroup {
            key,
            kind: self.newest.kind,
            certainty: self.newest.certainty,
            sentence: sentence::of(&self),
            cause: self.newest.cause,
            way_out: self.newest.way_out,
            model: self.model,
            clients: most(&self.clients).into_iter().map(str::to_owned).collect(),
            requests: self.requests,
            seconds_lost: self.seconds_lost,
            first: self.first,
            last: self.last,
            examples: self.examples.into_iter().rev().map(|(_, id)| id).collect(),
            hidden_until: None,
        }
    }
}

/// The names of which there is most, first.
pub fn most(counts: &BTreeMap<String, f64>) -> Vec<&str> {
    let mut counts: Vec<(&String, &f64)> = counts.iter().collect();
    counts.sort_by(|a, b| b.1.total_cmp(a.1));
    counts.into_iter().map(|(name, _)| name.as_str()).collect()
}

fn count(counts: &mut BTreeMap<String, f64>, name: Option<&str>, amount: f64, max: usize) {
    let Some(name) = name else { return };
    let is_full = counts.len() >= max;
    match counts.get_mut(name) {
        Some(count) => *count += amount,
        None if is_full => {}
        None => drop(counts.insert(name.to_owned(), amount)),
    }
}

fn list<'f>(finding: &'f Finding, name: &str) -> impl Iterator<Item = &'f Value> + use<'f> {
    finding
        .fields
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}
