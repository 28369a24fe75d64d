//! The numbers as pages and commands read them.

use serde::{Deserialize, Serialize};

use super::buckets::Bucket;
use super::changes::VersionChange;

/// The answer of `/analytics/stats/enhanced`.
#[derive(Debug, Serialize, Deserialize)]
pub struct EnhancedStats {
    pub hours: f64,
    /// Unix seconds.
    pub start_time: f64,
    pub end_time: f64,
    pub totals: Group,
    /// The busiest first.
    pub by_model: Vec<Group>,
    pub by_category: Vec<Group>,
    pub by_endpoint: Vec<Group>,
    pub by_status: Vec<Group>,
    /// At most `CLIENTS_MAX`, the busiest first.
    #[serde(default)]
    pub by_client: Vec<Group>,
    /// The taps that wrote them, as `HOST:PORT`; at most `CLIENTS_MAX`, the busiest first.
    #[serde(default)]
    pub by_host: Vec<Group>,
    /// By the field that was asked for, if one was; at most `GROUPS_MAX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<Group>>,
    /// When another Ollama or another file of a model began to answer, oldest first.
    #[serde(default)]
    pub changes: Vec<VersionChange>,
    /// The distribution of durations and of times to the first token.
    #[serde(default)]
    pub duration_buckets: Vec<Bucket>,
    #[serde(default)]
    pub time_to_first_token_buckets: Vec<Bucket>,
    pub timeline_step_seconds: f64,
    /// Oldest first, without gaps.
    pub timeline: Vec<Slot>,
}

/// Numbers of one group of requests.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub requests: u64,
    pub success: u64,
    pub error: u64,
    pub cancelled: u64,
    /// 0 to 1; `None` without requests.
    pub success_rate: Option<f64>,
    pub prompt_tokens: u64,
    pub generated_tokens: u64,
    pub first_seen: Option<f64>,
    pub last_seen: Option<f64>,
    pub duration_seconds: Distribution,
    pub time_to_first_token_seconds: Distribution,
    pub tokens_per_second: Distribution,
    /// `None` where it is unknown of every request.
    #[serde(default)]
    pub prompt_cached_tokens: Option<u64>,
}

/// The distribution of values; all `None` where there are none.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    pub mean: Option<f64>,
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

/// One piece of the timeline.
#[derive(Debug, Serialize, Deserialize)]
pub struct Slot {
    /// Its beginning (Unix seconds).
    pub timestamp: f64,
    pub requests: u64,
    pub error: u64,
    pub cancelled: u64,
    pub prompt_tokens: u64,
    pub generated_tokens: u64,
    pub duration_p50: Option<f64>,
    pub duration_p95: Option<f64>,
    #[serde(default)]
    pub time_to_first_token_p50: Option<f64>,
    pub tokens_per_second: Option<f64>,
    /// `None` where it is unknown of every request.
    #[serde(default)]
    pub prompt_cached_tokens: Option<u64>,
}
