//! The order of a list: by time, or by a number, the greatest first.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::str::FromStr;

use crate::history::record::{Position, RecordSummary};

/// What a list is sorted by, always the newest or the greatest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    #[default]
    Time,
    Duration,
    /// Generated ones.
    Tokens,
}

impl Sort {
    pub const ALL: [Sort; 3] = [Sort::Time, Sort::Duration, Sort::Tokens];

    pub fn as_str(self) -> &'static str {
        match self {
            Sort::Time => "time",
            Sort::Duration => "duration",
            Sort::Tokens => "tokens",
        }
    }

    pub fn accepted() -> String {
        Sort::ALL.map(Sort::as_str).join(", ")
    }

    /// Returns the number that it sorts by; records without it come last.
    pub fn number(self, summary: &RecordSummary) -> f64 {
        let number = match self {
            Sort::Time => Some(0.0),
            Sort::Duration => summary.duration_seconds,
            Sort::Tokens => summary.generated_tokens.map(|tokens| tokens as f64),
        };
        number.unwrap_or(f64::NEG_INFINITY)
    }
}

impl FromStr for Sort {
    type Err = ();

    fn from_str(text: &str) -> Result<Sort, ()> {
        let mut all = Sort::ALL.into_iter();
        all.find(|sort| sort.as_str() == text).ok_or(())
    }
}

/// The place of a record in a list, where the greatest comes first: by a number, then by its
/// position.
#[derive(Clone, Debug, PartialEq)]
pub struct Rank {
    pub number: f64,
    pub position: Position,
}

impl Rank {
    pub fn of(sort: Sort, summary: &RecordSummary) -> Rank {
        Rank {
            number: sort.number(summary),
            position: Position {
                timestamp: summary.timestamp,
                id: summary.interaction_id.clone().into_owned(),
            },
        }
    }

    /// Returns the order of a place with these first two numbers, compared with this one.
    pub fn cmp_numbers(&self, number: f64, timestamp: f64) -> Ordering {
        number
            .total_cmp(&self.number)
            .then_with(|| timestamp.total_cmp(&self.position.timestamp))
    }
}

/// What comes first in a list so far.
pub struct Best<T> {
    limit: usize,
    /// Only what follows this place is in the list.
    before: Option<Rank>,
    /// At most `limit` of them.
    found: BTreeMap<Rank, T>,
}

impl<T> Best<T> {
    pub fn new(limit: usize, before: Option<Rank>) -> Best<T> {
        Best {
            limit,
            before,
            found: BTreeMap::new(),
        }
    }

    /// Returns when the record arrived that the list follows (Unix seconds).
    pub fn before(&self) -> Option<f64> {
        let before = self.before.as_ref();
        before.map(|before| before.position.timestamp)
    }

    /// Returns whether a record with this number and of this time may be one of them.
    pub fn may_have(&self, number: f64, timestamp: f64) -> bool {
        let worst = self.found.first_key_value().map(|(worst, _)| worst);
        let before = self.before.as_ref();
        before.is_none_or(|before| before.cmp_numbers(number, timestamp).is_le())
            && (self.found.len() < self.limit
                || worst.is_none_or(|worst| worst.cmp_numbers(number, timestamp).is_ge()))
    }

    /// Returns whether a record of this place is in the list, should there be room for it.
    pub fn follows(&self, rank: &Rank) -> bool {
        self.before.as_ref().is_none_or(|before| rank < before)
    }

    /// Takes one that follows.
    pub fn insert(&mut self, rank: Rank, one: T) {
        self.found.insert(rank, one);
        if self.found.len() > self.limit {
            self.found.pop_first();
        }
    }

    /// Returns them in the order of the list.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.found.values_mut().rev()
    }

    /// Returns them with their places, in the order of the list.
    pub fn into_ranked(self) -> impl Iterator<Item = (Rank, T)> {
        self.found.into_iter().rev()
    }
}

impl Eq for Rank {}

impl Ord for Rank {
    fn cmp(&self, other: &Rank) -> Ordering {
        self.number
            .total_cmp(&other.number)
            .then_with(|| self.position.cmp(&other.position))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Rank) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
