//! Bounds the number of series of a family. Labels that have few values each may have many sets of
//! values together: 200 models, a dozen endpoints, three outcomes and a dozen categories make
//! 90,000.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{PoisonError, RwLock};

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::labels::{ALL_CATEGORIES, OTHER};

/// The most sets of label values that one family keeps apart; a histogram has a dozen series for
/// each.
pub const MAX_LABEL_SETS: usize = 2000;

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

/// A family with a bound. A set of label values beyond it is folded: its model and its category
/// become `other`, or, in a family without a model, all its values.
pub struct BoundedFamily<F> {
    family: F,
    /// For each label, whether its value may become `other`.
    foldable: Vec<bool>,
    /// Hashes of the sets that are kept apart.
    sets: RwLock<HashSet<u64>>,
    hasher: RandomState,
    /// Counts the folded sets; `None` for a single label, whose values are fewer than the bound.
    folded: Option<IntCounter>,
}

impl<F: Family> BoundedFamily<F> {
    pub fn new(family: F, labels: &[&str], folded: Option<IntCounter>) -> BoundedFamily<F> {
        let has_model = labels.contains(&"model");
        let foldable = labels
            .iter()
            .map(|label| !has_model || matches!(*label, "model" | "prompt_category"))
            .collect();
        BoundedFamily {
            family,
            foldable,
            sets: RwLock::default(),
            hasher: RandomState::new(),
            folded,
        }
    }

    /// Returns the series for these values, or the one that they are folded into.
    pub fn with_label_values(&self, values: &[&str]) -> F::Series {
        if self.has_room_for(values) {
            return self.family.series(values);
        }
        let folded: Vec<&str> = values
            .iter()
            .zip(&self.foldable)
            .map(|(value, foldable)| fold(value, *foldable))
            .collect();
        if folded != values
            && let Some(counter) = &self.folded
        {
            counter.inc();
        }
        self.family.series(&folded)
    }

    /// Begins the series for these values at 0, unless they are folded.
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
        sets.contains(&set) || sets.len() < MAX_LABEL_SETS && sets.insert(set)
    }
}

/// Folds one value, except for the category of a tap that does not keep categories apart.
fn fold(value: &str, foldable: bool) -> &str {
    if foldable && value != ALL_CATEGORIES {
        OTHER
    } else {
        value
    }
}
