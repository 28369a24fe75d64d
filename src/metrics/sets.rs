//! SETS: how many series a family may have. Labels of which each has few values may have many sets of values together: 200 models,
//! a dozen endpoints, three outcomes and a dozen categories are 90,000.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{PoisonError, RwLock};

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::labels::{ALL, OTHER};

/// Sets of label values that one family tells apart; a histogram has a dozen series for each.
pub const SETS_MAX: usize = 2000;

/// A family with labels.
pub trait Family {
    type Series;

    fn series(&self, values: &[&str]) -> Self::Series;
}

impl Family for IntCounterVec {
    type Series = IntCounter;

    fn series(&self, values: &[&str]) -> IntCounter {
        self.with_label_values(values)
    }
}

impl Family for HistogramVec {
    type Series = Histogram;

    fn series(&self, values: &[&str]) -> Histogram {
        self.with_label_values(values)
    }
}

/// A family with a bound. A set that finds no room counts under `other`: its model and its category, or, in a family without a
/// model, all its values.
pub struct Bounded<F> {
    family: F,
    /// For each label, whether its value may become `other`.
    foldable: Vec<bool>,
    /// Hashes of the sets that are told apart.
    sets: RwLock<HashSet<u64>>,
    hasher: RandomState,
    /// Counts how often there was no room; `None` with a single label, whose values are fewer than the bound.
    folded: Option<IntCounter>,
}

impl<F: Family> Bounded<F> {
    pub fn new(family: F, labels: &[&str], folded: Option<IntCounter>) -> Bounded<F> {
        let has_model = labels.contains(&"model");
        let foldable = labels
            .iter()
            .map(|label| !has_model || matches!(*label, "model" | "prompt_category"))
            .collect();
        Bounded {
            family,
            foldable,
            sets: RwLock::default(),
            hasher: RandomState::new(),
            folded,
        }
    }

    /// The series for these values, or the one that they are folded into.
    pub fn with_label_values(&self, values: &[&str]) -> F::Series {
        if self.has_room_for(values) {
            return self.family.series(values);
        }
        let folded: Vec<&str> = values
            .iter()
            .zip(&self.foldable)
            .map(|(value, foldable)| folded(value, *foldable))
            .collect();
        if folded != values {
            self.folded.iter().for_each(IntCounter::inc);
        }
        self.family.series(&folded)
    }

    /// Gives the series for these values its 0, where it has one of its own.
    pub fn start_at_zero(&self, values: &[&str]) {
        if self.has_room_for(values) {
            self.family.series(values);
        }
    }

    fn has_room_for(&self, values: &[&str]) -> bool {
        if self.folded.is_none() {
            return true;
        }
        let set = self.hasher.hash_one(values);
        if self
            .sets
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&set)
        {
            return true;
        }
        let mut sets = self.sets.write().unwrap_or_else(PoisonError::into_inner);
        sets.contains(&set) || sets.len() < SETS_MAX && sets.insert(set)
    }
}

/// Where categories are not told apart, there is nothing to fold.
fn folded(value: &str, foldable: bool) -> &str {
    if foldable && value != ALL {
        OTHER
    } else {
        value
    }
}
