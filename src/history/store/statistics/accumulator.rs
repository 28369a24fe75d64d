//! The sums and samples of one group of records, and the numbers that are made of them.

use std::mem;

use super::buckets::{Bucket, buckets};
use super::measurement::{Measurement, rounded};
use super::{Distribution, Group, Slot};
use crate::history::record::RecordSummary;
use crate::observe::Outcome;

#[derive(Clone, Default)]
pub struct Accumulator {
    requests: u64,
    success: u64,
    error: u64,
    cancelled: u64,
    prompt_tokens: u64,
    generated_tokens: u64,
    prompt_cached_tokens: Option<u64>,
    first_seen: Option<f64>,
    last_seen: Option<f64>,
    durations: Vec<Measurement>,
    first_tokens: Vec<Measurement>,
    speeds: Vec<Measurement>,
    /// Of all speeds, sampled or not.
    speed_sum: f64,
    speed_count: u64,
}

impl Accumulator {
    pub fn add(&mut self, summary: &RecordSummary) {
        self.add_without_times(summary);
        self.add_times(summary);
    }

    pub fn add_without_times(&mut self, summary: &RecordSummary) {
        self.count(summary);
        self.speeds
            .extend(summary.tokens_per_second.map(|speed| speed as Measurement));
    }

    /// Adds what a slot of the timeline shows, and no more.
    pub fn add_to_timeline(&mut self, summary: &RecordSummary) {
        self.count(summary);
        self.add_times(summary);
    }

    fn add_times(&mut self, summary: &RecordSummary) {
        self.durations
            .extend(summary.duration_seconds.map(|time| time as Measurement));
        self.first_tokens.extend(
            summary
                .time_to_first_token_seconds
                .map(|time| time as Measurement),
        );
    }

    fn count(&mut self, summary: &RecordSummary) {
        self.requests += 1;
        for (outcome, count) in
            Outcome::ALL
                .into_iter()
                .zip([&mut self.success, &mut self.error, &mut self.cancelled])
        {
            *count += u64::from(summary.status == outcome.as_str());
        }
        self.prompt_tokens += summary.prompt_tokens.unwrap_or(0);
        self.generated_tokens += summary.generated_tokens.unwrap_or(0);
        self.add_cached(summary.prompt_cached_tokens);
        self.extend_span(summary.timestamp, summary.timestamp);
        if let Some(speed) = summary.tokens_per_second {
            self.speed_sum += f64::from(speed as Measurement);
            self.speed_count += 1;
        }
    }

    pub fn merge(&mut self, other: &Accumulator) {
        self.requests += other.requests;
        self.success += other.success;
        self.error += other.error;
        self.cancelled += other.cancelled;
        self.prompt_tokens += other.prompt_tokens;
        self.generated_tokens += other.generated_tokens;
        self.add_cached(other.prompt_cached_tokens);
        if let (Some(first), Some(last)) = (other.first_seen, other.last_seen) {
            self.extend_span(first, last);
        }
        self.durations.extend(&other.durations);
        self.first_tokens.extend(&other.first_tokens);
        self.speeds.extend(&other.speeds);
    }

    /// Adds cached tokens; their sum is unknown until one is known.
    fn add_cached(&mut self, tokens: Option<u64>) {
        if let Some(tokens) = tokens {
            *self.prompt_cached_tokens.get_or_insert(0) += tokens;
        }
    }

    fn extend_span(&mut self, first: f64, last: f64) {
        self.first_seen = Some(self.first_seen.map_or(first, |seen| seen.min(first)));
        self.last_seen = Some(self.last_seen.map_or(last, |seen| seen.max(last)));
    }

    pub fn group(mut self, name: &str) -> Group {
        Group {
            name: name.to_owned(),
            requests: self.requests,
            success: self.success,
            error: self.error,
            cancelled: self.cancelled,
            success_rate: (self.requests > 0).then(|| self.success as f64 / self.requests as f64),
            prompt_tokens: self.prompt_tokens,
            generated_tokens: self.generated_tokens,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            duration_seconds: Distribution::of(&mut self.durations),
            time_to_first_token_seconds: Distribution::of(&mut self.first_tokens),
            tokens_per_second: Distribution::of(&mut self.speeds),
            prompt_cached_tokens: self.prompt_cached_tokens,
        }
    }

    /// Returns when the first record arrived (Unix seconds).
    pub fn first_seen(&self) -> Option<f64> {
        self.first_seen
    }

    pub fn duration_buckets(&self) -> Vec<Bucket> {
        buckets(&self.durations)
    }

    pub fn first_token_buckets(&self) -> Vec<Bucket> {
        buckets(&self.first_tokens)
    }

    pub fn slot(&self, timestamp: f64) -> Slot {
        let durations = Distribution::of(&mut self.durations.clone());
        Slot {
            timestamp,
            requests: self.requests,
            error: self.error,
            cancelled: self.cancelled,
            prompt_tokens: self.prompt_tokens,
            generated_tokens: self.generated_tokens,
            duration_p50: durations.p50,
            duration_p95: durations.p95,
            time_to_first_token_p50: Distribution::of(&mut self.first_tokens.clone()).p50,
            tokens_per_second: (self.speed_count > 0)
                .then(|| rounded((self.speed_sum / self.speed_count as f64) as Measurement)),
            prompt_cached_tokens: self.prompt_cached_tokens,
        }
    }
}

impl Distribution {
    /// Computes the distribution; reorders the values.
    pub fn of(values: &mut [Measurement]) -> Distribution {
        let (mean, max) = (
            mean(values),
            values
                .iter()
                .copied()
                .max_by(Measurement::total_cmp)
                .map(rounded),
        );
        let mut ranks = Ranks {
            count: values.len(),
            rest: values,
        };
        let [p50, p90, p95, p99] = [0.5, 0.9, 0.95, 0.99].map(|share| ranks.find(share));
        Distribution {
            mean,
            p50,
            p90,
            p95,
            p99,
            max,
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
    /// Returns the value that at least this share of all does not exceed. Shares must ascend from
    /// call to call.
    fn find(&mut self, share: f64) -> Option<f64> {
        let rest = mem::take(&mut self.rest);
        let below = self.count - rest.len();
        let at = ((self.count as f64 * share).ceil() as usize).max(1) - 1 - below;
        if at >= rest.len() {
            return None;
        }
        let value = *rest.select_nth_unstable_by(at, Measurement::total_cmp).1;
        self.rest = &mut rest[at..];
        Some(rounded(value))
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
        assert_eq!((spread.mean, spread.max), (Some(100.5), Some(200.0)));
        assert_eq!(Distribution::of(&mut [7.0]).p99, Some(7.0));
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
}
