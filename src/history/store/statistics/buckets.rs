//! The numbers of values between fixed bounds, for drawing a distribution.

use serde::{Deserialize, Serialize};

use super::measurement::{Measurement, rounded};

/// Bounds of durations and of times to the first token, in seconds; finer than those of /metrics
/// where most requests end.
const BOUND_SECONDS: [Measurement; 16] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 60.0, 120.0, 300.0, 1800.0,
];

/// The values above the bound before, up to and with this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Seconds; `None` for the last, which has no bound.
    pub up_to: Option<f64>,
    pub requests: u64,
}

/// Counts values (seconds). Every bucket is there, also an empty one.
pub fn buckets(values: &[Measurement]) -> Vec<Bucket> {
    let mut counts = [0; BOUND_SECONDS.len() + 1];
    for value in values {
        counts[BOUND_SECONDS.partition_point(|bound| bound < value)] += 1;
    }
    let bounds = BOUND_SECONDS
        .into_iter()
        .map(|bound| Some(rounded(bound)))
        .chain([None]);
    bounds
        .zip(counts)
        .map(|(up_to, requests)| Bucket { up_to, requests })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_the_bucket_whose_bound_it_does_not_exceed() {
        let found = buckets(&[0.0, 0.05, 0.051, 1800.0, 1801.0, 1e9]);
        let filled: Vec<(Option<f64>, u64)> = found
            .iter()
            .map(|bucket| (bucket.up_to, bucket.requests))
            .filter(|(_, n)| *n > 0)
            .collect();
        assert_eq!(
            filled,
            [
                (Some(0.05), 2),
                (Some(0.1), 1),
                (Some(1800.0), 1),
                (None, 2)
            ]
        );
        assert_eq!(found.len(), BOUND_SECONDS.len() + 1);
        assert!(buckets(&[]).iter().all(|bucket| bucket.requests == 0));
    }
}
