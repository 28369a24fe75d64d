//! When another Ollama or another file of a model answered for the first time, for the marks of a
//! timeline.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::history::record::RecordSummary;
use crate::history::store::query::UNKNOWN_NAME;

/// The most changes that are listed: of more, the newest.
const CHANGES_MAX: usize = 50;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// The version of Ollama.
    Version,
    /// The file of a model.
    Digest,
}

/// The first request that another one answered, after others had been answered by the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionChange {
    /// Unix seconds.
    pub timestamp: f64,
    pub changed: Changed,
    /// `None` where it is Ollama itself.
    pub model: Option<String>,
    /// The version, or the beginning of the digest.
    pub to: String,
}

/// What can change: of one tap, since several may stand before several Ollamas.
type Subject = (String, Changed, Option<String>);

/// When each value answered first.
#[derive(Default)]
pub struct FirstAnswers(BTreeMap<Subject, BTreeMap<String, f64>>);

impl FirstAnswers {
    /// Notes that this value answered (Unix seconds).
    pub fn note(&mut self, tap: &str, changed: Changed, model: Option<&str>, to: &str, at: f64) {
        if to.is_empty() {
            return;
        }
        let subject = (tap.to_owned(), changed, model.map(str::to_owned));
        let values = self.0.entry(subject).or_default();
        let first = values.entry(to.to_owned()).or_insert(at);
        *first = first.min(at);
    }

    /// The changes, oldest first.
    pub fn changes(self) -> Vec<VersionChange> {
        let mut changes = Vec::new();
        for ((_, changed, model), values) in self.0 {
            let earliest = values.values().copied().fold(f64::INFINITY, f64::min);
            let later = values.into_iter().filter(|(_, first)| *first > earliest);
            changes.extend(later.map(|(to, timestamp)| VersionChange {
                timestamp,
                changed,
                model: model.clone(),
                to,
            }));
        }
        changes.sort_by(|a, b| a.timestamp.total_cmp(&b.timestamp));
        changes.split_off(changes.len().saturating_sub(CHANGES_MAX))
    }
}

/// The most sets of tap, model, version and file whose first answers are kept.
const SETS_MAX: usize = 5000;

/// The first answers of each set of tap, model, version and file, so that a record that is like
/// others costs one look.
#[derive(Default)]
pub struct Answers {
    numbers: HashMap<Box<[u8]>, usize>,
    sets: Vec<AnswerSet>,
    key: Vec<u8>,
    /// The set of the record before, and its key.
    last: (Vec<u8>, usize),
}

struct AnswerSet {
    tap: String,
    model: String,
    version: String,
    digest: String,
    /// Unix seconds.
    first: f64,
}

impl Answers {
    pub fn add(&mut self, summary: &RecordSummary) {
        let text = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
        self.key.clear();
        for part in [
            &summary.host,
            &summary.model,
            &summary.ollama_version,
            &summary.digest,
        ] {
            self.key.extend(part.as_deref().unwrap_or_default().bytes());
            self.key.push(0);
        }
        self.key.extend(summary.tap.unwrap_or(0).to_be_bytes());
        if self.last.0 != self.key {
            let number = match self.numbers.get(&*self.key) {
                Some(number) => *number,
                None if self.sets.len() == SETS_MAX => return,
                None => {
                    self.numbers
                        .insert(self.key.as_slice().into(), self.sets.len());
                    self.sets.push(AnswerSet {
                        tap: format!("{:?}:{:?}", summary.host, summary.tap),
                        model: summary.model.as_deref().unwrap_or(UNKNOWN_NAME).to_owned(),
                        version: text(&summary.ollama_version),
                        digest: text(&summary.digest),
                        first: f64::INFINITY,
                    });
                    self.sets.len() - 1
                }
            };
            self.last.1 = number;
            self.last.0.clone_from(&self.key);
        }
        let set = &mut self.sets[self.last.1];
        set.first = set.first.min(summary.timestamp);
    }

    /// The changes, oldest first.
    pub fn changes(self) -> Vec<VersionChange> {
        let mut first = FirstAnswers::default();
        for set in self.sets {
            first.note(&set.tap, Changed::Version, None, &set.version, set.first);
            let model = Some(&*set.model);
            first.note(&set.tap, Changed::Digest, model, &set.digest, set.first);
        }
        first.changes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(answers: &[(&str, &str, f64)]) -> Vec<(f64, String)> {
        let mut first = FirstAnswers::default();
        for (tap, version, at) in answers {
            first.note(tap, Changed::Version, None, version, *at);
        }
        let changes = first.changes().into_iter();
        changes
            .map(|change| (change.timestamp, change.to))
            .collect()
    }

    #[test]
    fn a_version_is_a_change_where_another_one_answered_before() {
        let answers = [
            ("a", "2", 20.0),
            ("a", "1", 10.0),
            ("a", "2", 15.0),
            ("a", "", 1.0),
        ];
        assert_eq!(changes(&answers), [(15.0, "2".to_owned())]);
        assert_eq!(changes(&[("a", "1", 10.0)]), []);
    }

    #[test]
    fn another_tap_with_another_version_is_no_change() {
        assert_eq!(changes(&[("a", "1", 10.0), ("b", "2", 20.0)]), []);
    }

    #[test]
    fn of_many_changes_the_newest_are_listed() {
        let versions: Vec<String> = (0..200).map(|n| format!("0.{n}")).collect();
        let answers: Vec<_> = versions
            .iter()
            .enumerate()
            .map(|(n, version)| ("a", version.as_str(), n as f64))
            .collect();
        let changes = changes(&answers);
        assert_eq!((changes.len(), changes[49].0), (CHANGES_MAX, 199.0));
    }
}
