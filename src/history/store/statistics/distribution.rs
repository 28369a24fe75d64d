//! Percentiles of values, by nearest rank.

use std::mem;

use super::answer::Distribution;
use super::measurement::{Measurement, rounded};

/// The least values of which a percentile is told: with fewer, it would be their largest.
const P90_VALUES_MIN: usize = 10;
const P95_VALUES_MIN: usize = 20;
const P99_VALUES_MIN: usize = 100;

impl Distribution {
    /// Computes the distribution; reorders the values.
    pub fn of(values: &mut [Measurement]) -> Distribution {
        let max = values.iter().copied().max_by(Measurement::total_cmp);
        let (count, mean, max) = (values.len(), mean(values), max.map(rounded));
        let mut ranks = Ranks {
            count,
            rest: values,
        };
        Distribution {
            count: count as u64,
            mean,
            max,
            ..Distribution::with_percentiles(count, |rank| ranks.find(rank))
        }
    }

    /// Returns the percentiles of `count` values; `at` returns the value of a rank, from 0 on, and
    /// is asked for ascending ones.
    pub fn with_percentiles(
        count: usize,
        mut at: impl FnMut(usize) -> Measurement,
    ) -> Distribution {
        // The smallest value that at least this share of all does not exceed.
        let mut percentile = |share: f64, least: usize| {
            let rank = (count as f64 * share).ceil() as usize;
            (count >= least).then(|| rounded(at(rank.max(1) - 1)))
        };
        Distribution {
            p50: percentile(0.5, 1),
            p90: percentile(0.9, P90_VALUES_MIN),
            p95: percentile(0.95, P95_VALUES_MIN),
            p99: percentile(0.99, P99_VALUES_MIN),
            ..Distribution::default()
        }
    }
}

/// Finds one rank after the other, each among the values that are not below the one before, without
/// sorting them all.
struct Ranks<'a> {
    count: usize,
    rest: &'a mut [Measurement],
}

impl Ranks<'_> {
    /// Returns the value of a rank that there is. Ranks must ascend from call to call.
    fn find(&mut self, rank: usize) -> Measurement {
        let rest = mem::take(&mut self.rest);
        let at = rank - (self.count - rest.len());
        let value = *rest.select_nth_unstable_by(at, Measurement::total_cmp).1;
        self.rest = &mut rest[at..];
        value
    }
}

fn mean(values: &[Measurement]) -> Option<f64> {
    let sum: f64 = values.iter().copied().map(f64::from).sum();
    (!values.is_empty()).then(|| rounded((sum / values.len() as f64) as Measurement))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut values: Vec<Measurement> = (1..=200u8).rev().map(Measurement::from).collect();
        let spread = Distribution::of(&mut values);
        assert_eq!(
            (spread.p50, spread.p90, spread.p95, spread.p99),
            (Some(100.0), Some(180.0), Some(190.0), Some(198.0))
        );
        assert_eq!(
            (spread.mean, spread.max, spread.count),
            (Some(100.5), Some(200.0), 200)
        );
        let (times, speeds) = (
            [0.000_000_001, 0.1, 12.345_67, 1800.25],
            [41.7, 99.999_9, 1e6],
        );
        for value in times.into_iter().chain(speeds) {
            assert_eq!(
                Distribution::of(&mut [value as Measurement; 3]).max,
                Some(value),
                "as it was written"
            );
        }
        assert_eq!(Distribution::of(&mut []), Distribution::default());
    }

    #[test]
    fn a_percentile_of_too_few_values_is_not_told() {
        let told = |count| {
            let spread = Distribution::of(&mut vec![1.0; count]);
            [spread.p50, spread.p90, spread.p95, spread.p99].map(|value| value.is_some())
        };
        assert_eq!(told(1), [true, false, false, false]);
        assert_eq!(told(19), [true, true, false, false]);
        assert_eq!(told(20), [true, true, true, false]);
        assert_eq!(told(99), [true, true, true, false]);
        assert_eq!(told(100), [true; 4]);
    }
}
