//! The sums and samples of one group of records, and the numbers that are made of them.

use super::buckets::Bucket;
use super::group_set::GroupName;
use super::rollup::SetSums;
use super::sketch::ValueSamples;
use super::slots::Interval;
use super::{Embeddings, Group, Slot};
use crate::history::record::{RecordSummary, SecondsSpent};
use crate::http::route::Inference;
use crate::observe::Outcome;

/// The digits of sums of seconds that are told.
pub const MICROSECONDS: f64 = 1e6;

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
    cold_starts: u64,
    time_spent: SecondsSpent,
    durations: ValueSamples,
    /// Where no model was loaded, and where one was.
    warm_first_tokens: ValueSamples,
    cold_first_tokens: ValueSamples,
    speeds: ValueSamples,
    embeddings: u64,
    embedding_durations: ValueSamples,
}

/// What a request adds to the numbers of each of its groups.
pub struct Contribution {
    kind: SetKind,
    sums: Sums,
    /// Seconds.
    duration: Option<f64>,
    first_token: Option<f64>,
    /// Tokens a second.
    speed: Option<f64>,
}

/// What decides in which of its numbers a request counts.
#[derive(Clone, Copy)]
pub struct SetKind {
    outcome: Option<Outcome>,
    pub is_embedding: bool,
    is_cold: bool,
}

/// The sums of some requests.
pub struct Sums {
    pub requests: u64,
    pub prompt_tokens: u64,
    pub generated_tokens: u64,
    pub prompt_cached_tokens: Option<u64>,
    /// When the first and the last arrived (Unix seconds).
    pub first: f64,
    pub last: f64,
    pub spent: SecondsSpent,
}

impl SetKind {
    pub fn of(summary: &RecordSummary) -> SetKind {
        let mut outcomes = Outcome::ALL.into_iter();
        SetKind {
            outcome: outcomes.find(|outcome| summary.status == outcome.as_str()),
            is_embedding: is_embedding(&summary.endpoint),
            is_cold: summary.cold_start().is_some(),
        }
    }

    pub fn is_success(self) -> bool {
        self.outcome == Some(Outcome::Success)
    }

    pub fn is_error(self) -> bool {
        self.outcome == Some(Outcome::Error)
    }
}

impl Contribution {
    pub fn of(summary: &RecordSummary) -> Contribution {
        let kind = SetKind::of(summary);
        let is_generation = kind.is_success() && !kind.is_embedding;
        Contribution {
            kind,
            sums: Sums::of(summary),
            duration: (summary.duration_seconds).filter(|_| kind.is_success()),
            first_token: (summary.time_to_first_token_seconds).filter(|_| is_generation),
            speed: (summary.tokens_per_second).filter(|_| is_generation),
        }
    }
}

impl Accumulator {
    pub fn add(&mut self, request: &Contribution) {
        self.add_sums(request.kind, &request.sums);
        let [durations, first_tokens, speeds] = self.samples(request.kind);
        add(durations, request.duration);
        add(first_tokens, request.first_token);
        add(speeds, request.speed);
    }

    /// Adds all requests of a set. Only sketches are kept from then on.
    pub fn add_set(&mut self, kind: SetKind, set: &SetSums) {
        self.add_sums(kind, &set.sums());
        let [durations, first_tokens, speeds] = self.samples(kind);
        durations.add_set(&set.durations);
        first_tokens.add_set(&set.first_tokens);
        speeds.add_set(&set.speeds);
    }

    fn add_sums(&mut self, kind: SetKind, sums: &Sums) {
        self.requests += sums.requests;
        match kind.outcome {
            Some(Outcome::Success) => self.success += sums.requests,
            Some(Outcome::Error) => self.error += sums.requests,
            Some(Outcome::Cancelled) => self.cancelled += sums.requests,
            None => {}
        }
        // A reply may say any number of tokens.
        self.prompt_tokens = self.prompt_tokens.saturating_add(sums.prompt_tokens);
        self.generated_tokens = self.generated_tokens.saturating_add(sums.generated_tokens);
        // Their sum is unknown until one is known.
        if let Some(tokens) = sums.prompt_cached_tokens {
            let sum = self.prompt_cached_tokens.get_or_insert(0);
            *sum = sum.saturating_add(tokens);
        }
        let (first, last) = (self.first_seen, self.last_seen);
        self.first_seen = Some(first.map_or(sums.first, |seen| seen.min(sums.first)));
        self.last_seen = Some(last.map_or(sums.last, |seen| seen.max(sums.last)));
        if kind.is_cold {
            self.cold_starts += sums.requests;
        }
        self.time_spent.add(sums.spent);
        if kind.is_embedding {
            self.embeddings += sums.requests;
        }
    }

    /// Returns where durations, first tokens and speeds of such requests belong.
    fn samples(&mut self, kind: SetKind) -> [&mut ValueSamples; 3] {
        let durations = match kind.is_embedding {
            true => &mut self.embedding_durations,
            false => &mut self.durations,
        };
        let first_tokens = match kind.is_cold {
            true => &mut self.cold_first_tokens,
            false => &mut self.warm_first_tokens,
        };
        [durations, first_tokens, &mut self.speeds]
    }

    /// Keeps sketches of its samples alone, from now on.
    pub fn blur(&mut self) {
        let all = [
            &mut self.durations,
            &mut self.warm_first_tokens,
            &mut self.cold_first_tokens,
            &mut self.speeds,
            &mut self.embedding_durations,
        ];
        all.into_iter().for_each(ValueSamples::blur);
    }

    /// Returns its numbers; reorders its samples.
    pub fn group(&mut self, name: GroupName) -> Group {
        let ended = self.success + self.error;
        let warm = self.warm_first_tokens.distribution();
        Group {
            name: name.name,
            client_ip: name.client_ip,
            timestamp: name.start,
            requests: self.requests,
            success: self.success,
            error: self.error,
            cancelled: self.cancelled,
            success_rate: (ended > 0).then(|| self.success as f64 / ended as f64),
            prompt_tokens: self.prompt_tokens,
            generated_tokens: self.generated_tokens,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            duration_seconds: self.durations.distribution(),
            time_to_first_token_seconds: self.first_tokens().distribution(),
            time_to_first_token_warm_seconds: warm,
            tokens_per_second: self.speeds.distribution(),
            prompt_cached_tokens: self.prompt_cached_tokens,
            cold_starts: self.cold_starts,
            time_spent: shown(self.time_spent),
            embeddings: Embeddings {
                requests: self.embeddings,
                duration_seconds: self.embedding_durations.distribution(),
            },
        }
    }

    pub fn requests(&self) -> u64 {
        self.requests
    }

    fn first_tokens(&self) -> ValueSamples {
        let mut all = self.warm_first_tokens.clone();
        all.merge(self.cold_first_tokens.clone());
        all
    }

    pub fn duration_buckets(&self) -> Vec<Bucket> {
        self.durations.buckets()
    }

    pub fn first_token_buckets(&self) -> Vec<Bucket> {
        self.first_tokens().buckets()
    }

    /// Returns its numbers as those of a slot; reorders its samples.
    pub fn slot(&mut self, interval: Interval) -> Slot {
        let durations = self.durations.distribution();
        let first_tokens = self.first_tokens().distribution();
        let speeds = self.speeds.distribution();
        Slot {
            timestamp: interval.start,
            end: interval.end,
            partial: interval.is_partial,
            requests: self.requests,
            error: self.error,
            cancelled: self.cancelled,
            prompt_tokens: self.prompt_tokens,
            generated_tokens: self.generated_tokens,
            duration_count: durations.count,
            duration_p50: durations.p50,
            duration_p95: durations.p95,
            duration_p99: durations.p99,
            time_to_first_token_count: first_tokens.count,
            time_to_first_token_p50: first_tokens.p50,
            time_to_first_token_p95: first_tokens.p95,
            time_to_first_token_p99: first_tokens.p99,
            tokens_per_second: speeds.mean,
            tokens_per_second_count: speeds.count,
            tokens_per_second_p50: speeds.p50,
            tokens_per_second_p95: speeds.p95,
            tokens_per_second_p99: speeds.p99,
            prompt_cached_tokens: self.prompt_cached_tokens,
            cold_starts: self.cold_starts,
            time_spent: shown(self.time_spent),
        }
    }
}

impl Sums {
    fn of(summary: &RecordSummary) -> Sums {
        Sums {
            requests: 1,
            prompt_tokens: summary.prompt_tokens.unwrap_or(0),
            generated_tokens: summary.generated_tokens.unwrap_or(0),
            prompt_cached_tokens: summary.prompt_cached_tokens,
            first: summary.timestamp,
            last: summary.timestamp,
            spent: summary.seconds_spent(),
        }
    }
}

fn add(samples: &mut ValueSamples, value: Option<f64>) {
    if let Some(value) = value {
        samples.add(value);
    }
}

/// Returns whether an endpoint turns text into vectors: it generates nothing.
fn is_embedding(endpoint: &str) -> bool {
    let mut all = Inference::ALL.into_iter();
    endpoint.contains("embed") && all.any(|one| one.is_embedding() && one.as_str() == endpoint)
}

/// Rounds sums to what the clock is good for.
fn shown(spent: SecondsSpent) -> SecondsSpent {
    let rounded = |seconds: f64| (seconds * MICROSECONDS).round() / MICROSECONDS;
    SecondsSpent {
        queue: rounded(spent.queue),
        load: rounded(spent.load),
        prompt: rounded(spent.prompt),
        generation: rounded(spent.generation),
        other: rounded(spent.other),
    }
}
