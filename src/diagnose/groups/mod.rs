//! GROUPS: the findings of many requests as few sentences, those that cost most first.

mod sentence;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tally::Tally;

use super::slower::Slower;
use super::{Certainty, Finding, Kind};

/// How many groups there are at most; findings of further ones are counted as left out.
pub const GROUPS_MAX: usize = 500;

/// How many clients of a group are named.
pub const CLIENTS_MAX: usize = 20;

/// How many requests are shown as examples, the newest first.
pub const EXAMPLES_MAX: usize = 5;

/// A request of the history that has findings.
#[derive(Clone, Copy, Debug)]
pub struct Told<'r> {
    pub id: &'r str,
    /// Unix seconds.
    pub timestamp: f64,
    pub model: Option<&'r str>,
    pub client: Option<&'r str>,
    pub findings: &'r [Finding],
}

/// Findings of one kind, cause and certainty, about one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingGroup {
    /// The same for the same findings at any time: a group is hidden by it.
    pub key: String,
    pub kind: Kind,
    pub cause: String,
    pub certainty: Certainty,
    pub sentence: String,
    pub way_out: String,
    pub model: String,
    pub clients: Vec<String>,
    pub requests: u64,
    pub seconds_lost: f64,
    /// Unix seconds.
    pub first: f64,
    pub last: f64,
    /// Ids of requests, the newest first.
    pub examples: Vec<String>,
    /// Until when people have hidden the group (Unix seconds).
    #[serde(default)]
    pub hidden_until: Option<f64>,
}

/// Gathers findings in any order.
#[derive(Debug, Default)]
pub struct Groups {
    tallies: HashMap<String, Tally>,
    slower: Vec<FindingGroup>,
    /// Requests that were added, with findings or without.
    pub requests: u64,
    /// Findings that found no room in `GROUPS_MAX`.
    pub left_out: u64,
}

impl Groups {
    /// Adds a request.
    pub fn add(&mut self, told: &Told<'_>) {
        self.requests += 1;
        for finding in told.findings {
            let key = key(finding, told.model.unwrap_or("unknown"));
            let is_full = self.tallies.len() >= GROUPS_MAX;
            match self.tallies.get_mut(&key) {
                Some(tally) => tally.add(told, finding),
                None if is_full => self.left_out += 1,
                None => drop(self.tallies.insert(key, Tally::new(told, finding))),
            }
        }
    }

    /// Adds a model that became slower, with the ids of requests since then.
    pub fn add_slower(&mut self, slower: &Slower, examples: Vec<String>) {
        let finding = slower.finding();
        self.slower.push(FindingGroup {
            key: key(&finding, &slower.model),
            kind: finding.kind,
            cause: finding.cause,
            certainty: finding.certainty,
            sentence: finding.sentence,
            way_out: finding.way_out,
            model: slower.model.clone(),
            clients: Vec::new(),
            requests: slower.requests.1 as u64,
            seconds_lost: 0.0,
            first: slower.since,
            last: slower.last,
            examples,
            hidden_until: None,
        });
    }

    /// The groups: what went wrong first, by the requests that it hit, then what was slow, by the
    /// time that it cost.
    pub fn finish(self) -> Vec<FindingGroup> {
        let tallies = self
            .tallies
            .into_iter()
            .map(|(key, tally)| tally.group(key));
        let mut groups: Vec<FindingGroup> = tallies.chain(self.slower).collect();
        groups.sort_by(|a, b| {
            let is_slow = |group: &FindingGroup| !is_wrong(group.kind);
            let cost = |group: &FindingGroup| {
                if is_slow(group) {
                    group.seconds_lost
                } else {
                    0.0
                }
            };
            is_slow(a)
                .cmp(&is_slow(b))
                .then(cost(b).total_cmp(&cost(a)))
                .then(b.requests.cmp(&a.requests))
                .then_with(|| a.key.cmp(&b.key))
        });
        groups
    }
}

/// Whether the reply suffered, and not only the time that it took.
fn is_wrong(kind: Kind) -> bool {
    matches!(kind, Kind::ContextCut | Kind::BadReply)
}

/// How a key is made, for people.
pub const KEY_FORMAT: &str =
    "a key that /analytics/why tells, such as context_cut.middle.sure.llama3.2";

/// The longest key (bytes).
const KEY_MAX: usize = 1000;

/// Whether this may be the key of a group.
pub fn is_key(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(4, '.').collect();
    let &[kind, _, certainty, model] = parts.as_slice() else {
        return false;
    };
    let is_certainty = [Certainty::Likely, Certainty::Sure].map(Certainty::as_str);
    text.len() <= KEY_MAX
        && Kind::ALL.iter().any(|known| known.as_str() == kind)
        && is_certainty.contains(&certainty)
        && !model.is_empty()
}

/// The key of the group that a finding belongs to, and by which people hide it.
pub fn key(finding: &Finding, model: &str) -> String {
    let (kind, certainty) = (finding.kind.as_str(), finding.certainty.as_str());
    format!("{kind}.{}.{certainty}.{model}", finding.cause)
}
