//! The numbers as pages and commands read them.

use serde::{Deserialize, Serialize};

use super::buckets::Bucket;
use super::changes::VersionChange;
use crate::history::record::SecondsSpent;

/// The answer of `/analytics/stats/enhanced`. What an older tap does not tell is empty.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EnhancedStats {
    pub hours: f64,
    /// Unix seconds.
    pub start_time: f64,
    pub end_time: f64,
    /// The zone in whose days and hours the slots begin.
    pub tz: String,
    /// There are so many records that percentiles may be 2 % off.
    pub approximate: bool,
    pub totals: Group,
    /// The span before, or the same hours of another day; `None` where the history does not have it
    /// whole.
    pub previous: Option<Previous>,
    /// As in `totals`.
    pub time_spent: SecondsSpent,
    pub embeddings: Embeddings,
    pub time_to_first_token_warm_seconds: Distribution,
    /// The busiest first.
    pub by_model: Vec<Group>,
    pub by_category: Vec<Group>,
    pub by_endpoint: Vec<Group>,
    pub by_status: Vec<Group>,
    /// At most `LISTED_MAX`, the busiest first.
    pub by_client: Vec<Group>,
    /// The taps that wrote them, as `HOST:PORT`; at most `LISTED_MAX`, the busiest first.
    pub by_host: Vec<Group>,
    /// The most frequent first.
    pub by_error: Vec<ErrorGroup>,
    /// Loads of models; what cost most first.
    pub by_reload_cause: Vec<LoadGroup>,
    /// What was asked for by `by`: spans of time in their order, else the busiest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<Group>>,
    /// When another Ollama or another file of a model began to answer, oldest first.
    pub changes: Vec<VersionChange>,
    /// The distribution of durations and of times to the first token.
    pub duration_buckets: Vec<Bucket>,
    pub time_to_first_token_buckets: Vec<Bucket>,
    /// Of days, which may be shorter or longer, the usual length.
    pub timeline_step_seconds: f64,
    /// Oldest first, without gaps.
    pub timeline: Vec<Slot>,
}

/// The totals of another span.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Previous {
    /// Unix seconds.
    pub start_time: f64,
    pub end_time: f64,
    pub approximate: bool,
    #[serde(flatten)]
    pub totals: Group,
}

/// Numbers of one group of requests. Durations, first tokens and speeds are those of successes that
/// generate.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    pub name: String,
    /// Of a client, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    /// Of a span of time: where it begins (Unix seconds).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<f64>,
    pub requests: u64,
    pub success: u64,
    pub error: u64,
    pub cancelled: u64,
    /// Successes of all that were no client's wish to leave, 0 to 1; `None` without any.
    pub success_rate: Option<f64>,
    pub prompt_tokens: u64,
    pub generated_tokens: u64,
    pub first_seen: Option<f64>,
    pub last_seen: Option<f64>,
    pub duration_seconds: Distribution,
    pub time_to_first_token_seconds: Distribution,
    /// Where no model had to be loaded.
    pub time_to_first_token_warm_seconds: Distribution,
    pub tokens_per_second: Distribution,
    /// `None` where it is unknown of every request.
    pub prompt_cached_tokens: Option<u64>,
    /// Requests whose model was loaded for them.
    pub cold_starts: u64,
    /// Of all requests.
    pub time_spent: SecondsSpent,
    pub embeddings: Embeddings,
}

/// Requests that turn text into vectors, whatever became of them, and the durations of the
/// successful ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Embeddings {
    pub requests: u64,
    pub duration_seconds: Distribution,
}

/// The distribution of values; all `None` where there are none. A percentile is told where there are
/// enough values for it: 10 for p90, 20 for p95, 100 for p99.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Distribution {
    pub count: u64,
    pub mean: Option<f64>,
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

/// Failed requests with the same cause.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorGroup {
    /// The error, with numbers and names masked.
    pub cause: String,
    pub requests: u64,
    pub models: Vec<String>,
    pub first_seen: f64,
    pub last_seen: f64,
    /// The id of the newest of them; `None` where it has none of ours.
    pub example: Option<String>,
}

/// Loads of models for the same reason.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadGroup {
    /// As in `Record::reload_cause`.
    pub cause: String,
    pub requests: u64,
    pub models: Vec<String>,
    pub seconds_lost: f64,
}

/// One piece of the timeline.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Slot {
    /// Its beginning and its end (Unix seconds).
    pub timestamp: f64,
    pub end: f64,
    /// A part of it lies outside of the span that was asked for.
    pub partial: bool,
    pub requests: u64,
    pub error: u64,
    pub cancelled: u64,
    pub prompt_tokens: u64,
    pub generated_tokens: u64,
    pub duration_count: u64,
    pub duration_p50: Option<f64>,
    pub duration_p95: Option<f64>,
    pub duration_p99: Option<f64>,
    pub time_to_first_token_count: u64,
    pub time_to_first_token_p50: Option<f64>,
    pub time_to_first_token_p95: Option<f64>,
    pub time_to_first_token_p99: Option<f64>,
    /// The mean.
    pub tokens_per_second: Option<f64>,
    pub tokens_per_second_count: u64,
    pub tokens_per_second_p50: Option<f64>,
    pub tokens_per_second_p95: Option<f64>,
    pub tokens_per_second_p99: Option<f64>,
    /// `None` where it is unknown of every request.
    pub prompt_cached_tokens: Option<u64>,
    pub cold_starts: u64,
    pub time_spent: SecondsSpent,
}
