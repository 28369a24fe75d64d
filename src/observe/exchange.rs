//! `Exchange`: plain data, all that metrics, log and store ever see of one request that made a model work.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::http::route::Inference;

/// How a request ended (design.md section 5, label `status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Error,
    Cancelled,
}

impl Outcome {
    pub const ALL: [Outcome; 3] = [Outcome::Success, Outcome::Error, Outcome::Cancelled];

    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Error => "error",
            Outcome::Cancelled => "cancelled",
        }
    }
}

/// One tool call of a reply: the function's name and its arguments as JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    pub name: String,
    pub arguments: String,
}

/// What one inference request said, what came back, and how long each part took. Unknown is `None`, never 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// 16 hex digits.
    pub interaction_id: String,
    pub arrived: SystemTime,
    pub endpoint: Inference,
    pub client_ip: Option<IpAddr>,
    pub user_agent: Option<String>,

    /// What the request said, folded (`model_name`); the reply's only where the request could not be read.
    pub model: Option<String>,
    /// The same as it was spelled, where that differs.
    pub model_sent: Option<String>,
    /// A chat's last user message, else the prompt or the input. At most 1 MiB.
    pub prompt: Option<String>,
    pub prompt_category: &'static str,
    pub request_bytes: u64,

    pub outcome: Outcome,
    /// Never `None` when `outcome` is `Error`.
    pub error: Option<String>,
    pub http_status: Option<u16>,
    /// No model worked for it: it was loaded or unloaded, an embedding was of nothing, a prompt was only rendered. It counts nowhere.
    pub load_only: bool,
    /// It is one of too many to be worth a record, or a line of the log.
    pub only_counted: bool,
    pub stream: bool,
    pub done_reason: Option<String>,
    /// The visible text only. At most 1 MiB.
    pub response: String,
    pub thinking: String,
    pub tool_calls: Vec<ToolCall>,
    /// A text was cut to its bound.
    pub truncated: bool,
    pub response_bytes: u64,

    /// Of the whole prompt, those from the cache included.
    pub prompt_tokens: Option<u64>,
    /// Those of them that came from Ollama's cache, never more than all.
    pub prompt_cached_tokens: Option<u64>,
    pub generated_tokens: Option<u64>,
    /// `generated_tokens` counts deltas, or `prompt_tokens` is Ollama's guess, because no counter came.
    pub tokens_estimated: bool,
    pub tokens_per_second: Option<f64>,
    /// Prompt tokens that were evaluated, so not the cached ones, by the time that took.
    pub prompt_tokens_per_second: Option<f64>,

    /// Wall clock from arrival to end.
    pub duration: Duration,
    /// Time between arrival and the moment a worker took the request.
    pub queue_wait: Duration,
    /// From the last byte of the request's head to that of its body, where that came.
    pub upload: Option<Duration>,
    /// Ollama's own clock, where the reply has it.
    pub total_duration: Option<Duration>,
    pub load_duration: Option<Duration>,
    pub prompt_eval_duration: Option<Duration>,
    pub eval_duration: Option<Duration>,
    /// Arrival to the first content, thinking or tool-call delta of a stream.
    pub time_to_first_token: Option<Duration>,
    /// (last token - first token) / (tokens - 1), streams of two tokens and more.
    pub time_per_output_token: Option<Duration>,

    /// Parts of the request or the reply that could not be read.
    pub parse_failures: u64,
}
