//! SET: the sums and samples of requests that are alike in all that questions tell apart.

use super::super::accumulator::{SetKind, Sums};
use super::super::measurement::Measurement;
use super::super::sketch::interval;
use super::codec::{Decoder, Encoder};
use crate::history::record::{RecordSummary, SecondsSpent};

/// Sums of seconds are kept in this unit, exactly.
const NANOSECONDS: f64 = 1e9;

/// What is known of the requests of a set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetSums {
    pub requests: u64,
    pub prompt_tokens: u64,
    pub generated_tokens: u64,
    /// `None` where it is unknown of every request.
    pub prompt_cached_tokens: Option<u64>,
    /// When the first and the last arrived (Unix seconds).
    pub first: f64,
    pub last: f64,
    /// The parts of `SecondsSpent`, in nanoseconds.
    spent: [u64; 5],
    /// Of successes.
    pub durations: SetSamples,
    pub first_tokens: SetSamples,
    pub speeds: SetSamples,
    /// The id of the newest failure; 0 where there is none.
    pub example: u64,
}

/// The values of one measure: how many lie in each interval of a sketch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetSamples {
    /// Ascending.
    pub counts: Vec<(i16, u32)>,
    pub sum: f64,
    pub max: Measurement,
}

impl SetSums {
    pub fn add(&mut self, kind: SetKind, summary: &RecordSummary) {
        let one = SetSums {
            requests: 1,
            prompt_tokens: summary.prompt_tokens.unwrap_or(0),
            generated_tokens: summary.generated_tokens.unwrap_or(0),
            prompt_cached_tokens: summary.prompt_cached_tokens,
            first: summary.timestamp,
            last: summary.timestamp,
            spent: nanoseconds(summary.seconds_spent()),
            example: if kind.is_error() { example(summary) } else { 0 },
            ..SetSums::default()
        };
        self.merge(&one);
        if kind.is_success() {
            self.durations.add(summary.duration_seconds);
            if !kind.is_embedding {
                self.first_tokens.add(summary.time_to_first_token_seconds);
                self.speeds.add(summary.tokens_per_second);
            }
        }
    }

    /// Adds what is known of more requests. A reply may say any number of tokens and seconds: sums end at the largest number.
    pub fn merge(&mut self, more: &SetSums) {
        if self.requests == 0 || more.first < self.first {
            self.first = more.first;
        }
        if self.requests == 0 || more.last >= self.last {
            self.last = more.last;
            self.example = more.example;
        }
        self.requests += more.requests;
        self.prompt_tokens = self.prompt_tokens.saturating_add(more.prompt_tokens);
        self.generated_tokens = self.generated_tokens.saturating_add(more.generated_tokens);
        if let Some(tokens) = more.prompt_cached_tokens {
            let sum = self.prompt_cached_tokens.get_or_insert(0);
            *sum = sum.saturating_add(tokens);
        }
        for (sum, nanoseconds) in self.spent.iter_mut().zip(more.spent) {
            *sum = sum.saturating_add(nanoseconds);
        }
        self.durations.merge(&more.durations);
        self.first_tokens.merge(&more.first_tokens);
        self.speeds.merge(&more.speeds);
    }

    pub fn sums(&self) -> Sums {
        let [queue, load, prompt, generation, other] =
            self.spent.map(|part| part as f64 / NANOSECONDS);
        Sums {
            requests: self.requests,
            prompt_tokens: self.prompt_tokens,
            generated_tokens: self.generated_tokens,
            prompt_cached_tokens: self.prompt_cached_tokens,
            first: self.first,
            last: self.last,
            spent: SecondsSpent {
                queue,
                load,
                prompt,
                generation,
                other,
            },
        }
    }

    pub fn encode(&self, out: &mut Encoder) {
        for number in [self.requests, self.prompt_tokens, self.generated_tokens] {
            out.number(number);
        }
        out.number(self.prompt_cached_tokens.map_or(0, |tokens| tokens + 1));
        out.float(self.first);
        if self.requests > 1 {
            out.float(self.last);
        }
        self.spent.iter().for_each(|part| out.number(*part));
        out.number(self.example);
        for samples in [&self.durations, &self.first_tokens, &self.speeds] {
            samples.encode(out);
        }
    }

    /// Reads a set into this one, whose memory is used again.
    pub fn decode(&mut self, from: &mut Decoder) -> Option<()> {
        self.requests = from.number()?;
        self.prompt_tokens = from.number()?;
        self.generated_tokens = from.number()?;
        self.prompt_cached_tokens = from.number()?.checked_sub(1);
        self.first = from.float()?;
        self.last = match self.requests {
            1 => self.first,
            _ => from.float()?,
        };
        for part in &mut self.spent {
            *part = from.number()?;
        }
        self.example = from.number()?;
        self.durations.decode(from)?;
        self.first_tokens.decode(from)?;
        self.speeds.decode(from)
    }
}

impl SetSamples {
    fn add(&mut self, value: Option<f64>) {
        let Some(value) = value else { return };
        let value = value as Measurement;
        let is_first = self.counts.is_empty();
        self.count(interval(value), 1);
        self.sum += f64::from(value);
        self.max = if is_first { value } else { self.max.max(value) };
    }

    fn count(&mut self, interval: i16, times: u32) {
        match self.counts.binary_search_by_key(&interval, |(at, _)| *at) {
            Ok(at) => self.counts[at].1 += times,
            Err(at) => self.counts.insert(at, (interval, times)),
        }
    }

    fn merge(&mut self, more: &SetSamples) {
        if more.counts.is_empty() {
            return;
        }
        if self.counts.is_empty() {
            self.clone_from(more);
            return;
        }
        for (interval, times) in &more.counts {
            self.count(*interval, *times);
        }
        self.sum += more.sum;
        self.max = self.max.max(more.max);
    }

    /// A single value is written by itself: most sets have one.
    fn encode(&self, out: &mut Encoder) {
        let is_single = matches!(self.counts[..], [(_, 1)]);
        out.number((self.counts.len() as u64) << 1 | u64::from(is_single));
        if self.counts.is_empty() {
            return;
        }
        out.short_float(self.max);
        if is_single {
            return;
        }
        out.float(self.sum);
        let mut before = 0;
        for (interval, times) in &self.counts {
            out.signed(i64::from(*interval) - before);
            out.number(u64::from(*times));
            before = i64::from(*interval);
        }
    }

    fn decode(&mut self, from: &mut Decoder) -> Option<()> {
        self.counts.clear();
        let head = from.number()?;
        let (length, is_single) = (head >> 1, head & 1 == 1);
        if length == 0 {
            (self.sum, self.max) = (0.0, 0.0);
            return Some(());
        }
        self.max = from.short_float()?;
        if is_single {
            self.sum = f64::from(self.max);
            self.counts.push((interval(self.max), 1));
            return Some(());
        }
        self.sum = from.float()?;
        let mut before = 0;
        for _ in 0..length {
            before += from.signed()?;
            let interval = i16::try_from(before).ok()?;
            self.counts
                .push((interval, from.number()?.try_into().ok()?));
        }
        Some(())
    }
}

fn nanoseconds(spent: SecondsSpent) -> [u64; 5] {
    let parts = [
        spent.queue,
        spent.load,
        spent.prompt,
        spent.generation,
        spent.other,
    ];
    parts.map(|seconds| (seconds * NANOSECONDS).round() as u64)
}

/// Returns the number of an id; 0 where it is not one of ours.
fn example(summary: &RecordSummary) -> u64 {
    let id = &*summary.interaction_id;
    let number = u64::from_str_radix(id, 16).ok();
    number.filter(|_| id.len() == 16).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn success(time: f64, duration: f64, speed: Option<f64>) -> RecordSummary<'static> {
        RecordSummary {
            timestamp: time,
            status: "success".into(),
            prompt_tokens: Some(3),
            duration_seconds: Some(duration),
            time_to_first_token_seconds: Some(0.0),
            tokens_per_second: speed,
            ..RecordSummary::default()
        }
    }

    proptest! {
        #[test]
        fn a_set_is_read_as_it_was_written_and_parts_make_the_whole(
            values in proptest::collection::vec((0.0_f64..1e9, 0.0_f64..1e5, proptest::option::of(0.0_f64..1e4)), 1..30),
            cut in 0_usize..30,
        ) {
            let records: Vec<RecordSummary> = values.iter().map(|(time, duration, speed)| success(*time, *duration, *speed)).collect();
            let sums = |records: &[RecordSummary]| {
                let mut sums = SetSums::default();
                records.iter().for_each(|record| sums.add(SetKind::of(record), record));
                sums
            };
            let whole = sums(&records);
            let (one, other) = records.split_at(cut.min(records.len()));
            let mut merged = sums(one);
            if !other.is_empty() {
                merged.merge(&sums(other));
            }
            prop_assert_eq!(&merged.durations.counts, &whole.durations.counts);
            prop_assert_eq!((merged.requests, merged.first, merged.last, merged.spent), (whole.requests, whole.first, whole.last, whole.spent));
            let mut encoder = Encoder::default();
            whole.encode(&mut encoder);
            let mut read = merged;
            let mut decoder = Decoder(&encoder.0);
            prop_assert!(read.decode(&mut decoder).is_some() && decoder.is_empty());
            prop_assert_eq!(read, whole);
        }
    }

    #[test]
    fn sums_of_any_numbers_end_at_the_largest() {
        let record = RecordSummary {
            prompt_tokens: Some(u64::MAX),
            generated_tokens: Some(u64::MAX),
            prompt_cached_tokens: Some(u64::MAX),
            ..success(1.0, 1e77, None)
        };
        let mut sums = SetSums::default();
        (0..2).for_each(|_| sums.add(SetKind::of(&record), &record));
        assert_eq!(sums.requests, 2);
        assert_eq!(
            (
                sums.prompt_tokens,
                sums.generated_tokens,
                sums.prompt_cached_tokens
            ),
            (u64::MAX, u64::MAX, Some(u64::MAX))
        );
        assert!(sums.spent.contains(&u64::MAX), "{:?}", sums.spent);
    }
}
