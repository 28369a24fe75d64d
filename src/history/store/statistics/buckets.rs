//! The numbers of values between fixed bounds, for drawing a distribution.

use std::array;
use std::f32::consts::SQRT_2;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::measurement::Measurement;

/// How many bounds there are.
const BOUNDS: usize = 35;

/// Bounds of durations and of times to the first token, from 1/64 s to 2048 s. Each is √2 times the
/// one before, so that columns of equal width show the shape of a distribution on a logarithmic
/// scale.
static BOUND_SECONDS: LazyLock<[Measurement; BOUNDS]> = LazyLock::new(|| {
    // By multiplication alone, which gives the same on every system.
    array::from_fn(|n| [1.0, SQRT_2][n % 2] * 2_f32.powi(n as i32 / 2 - 6))
});

/// The values above the bound before, up to and with this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Seconds; `None` for the last, which has no bound.
    pub up_to: Option<f64>,
    pub requests: u64,
}

/// How many values lie in each bucket.
pub struct Counts([u64; BOUNDS + 1]);

impl Default for Counts {
    fn default() -> Counts {
        Counts([0; BOUNDS + 1])
    }
}

impl Counts {
    /// Counts a value (seconds) so many times.
    pub fn add(&mut self, value: Measurement, times: u64) {
        self.0[BOUND_SECONDS.partition_point(|bound| *bound < value)] += times;
    }

    /// Returns every bucket, also an empty one.
    pub fn buckets(self) -> Vec<Bucket> {
        let bounds = BOUND_SECONDS.map(|bound| Some(shown(f64::from(bound))));
        let counts = bounds.into_iter().chain([None]).zip(self.0);
        counts
            .map(|(up_to, requests)| Bucket { up_to, requests })
            .collect()
    }
}

/// Rounds a bound to four digits.
fn shown(bound: f64) -> f64 {
    let digits = format!("{bound:.3e}");
    digits.parse().unwrap_or(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_the_bucket_whose_bound_it_does_not_exceed() {
        let mut counts = Counts::default();
        for value in [0.0, 0.0625, 0.063, 2048.0, 2049.0, 1e9] {
            counts.add(value, 1);
        }
        let found = counts.buckets();
        let filled: Vec<(Option<f64>, u64)> = found
            .iter()
            .map(|bucket| (bucket.up_to, bucket.requests))
            .filter(|(_, n)| *n > 0)
            .collect();
        assert_eq!(
            filled,
            [
                (Some(0.01562), 1),
                (Some(0.0625), 1),
                (Some(0.08839), 1),
                (Some(2048.0), 1),
                (None, 2)
            ]
        );
        assert_eq!(found.len(), BOUNDS + 1);
    }

    #[test]
    fn the_bounds_have_equal_ratios() {
        for pair in BOUND_SECONDS.windows(2) {
            let ratio = f64::from(pair[1] / pair[0]);
            assert!((ratio - std::f64::consts::SQRT_2).abs() < 1e-4, "{pair:?}");
        }
    }
}
