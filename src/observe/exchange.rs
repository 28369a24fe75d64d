//! `Exchange`: plain data, all that metrics, log and store see of one inference request.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::diagnose::bad_reply::{Answer, ReplyEnd};
use crate::diagnose::diagnosis::Report;
use crate::diagnose::evidence::Evidence;
use crate::diagnose::seen::{Loaded, Reply, Seen, Times};
use crate::diagnose::session::Session;
use crate::http::route::Inference;
use crate::observe::conversation::Conversation;
use crate::observe::request::parameters::RequestParameters;

/// The outcome of a request: the label `status` of its metrics.
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

/// A tool call of a reply: the function's name and its arguments as JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ToolCall {
    pub name: String,
    pub arguments: String,
}

/// What answered: the version of Ollama, and the file of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelVersion {
    pub ollama: Option<String>,
    /// Of the model's manifest, by /api/ps.
    pub digest: Option<String>,
    /// Such as `Q4_K_M`, by /api/ps.
    pub quantization: Option<String>,
}

/// One inference request and its reply, and how long each part took. Unknown is `None`, never 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// 16 hex digits.
    pub interaction_id: String,
    pub arrived: SystemTime,
    pub endpoint: Inference,
    pub client_ip: Option<IpAddr>,
    pub user_agent: Option<String>,
    /// The name of its product, and the version of that.
    pub client: Option<String>,
    pub client_version: Option<String>,

    /// The request's model, normalized (`model_name`); the reply's only if the request could not be
    /// read.
    pub model: Option<String>,
    /// The same as it was spelled, if that differs.
    pub model_sent: Option<String>,
    /// A chat's last user message, else the prompt or the input. At most 1 MiB.
    pub prompt: Option<String>,
    /// `None` where they were not read.
    pub parameters: Option<RequestParameters>,
    pub conversation: Box<Conversation>,
    pub prompt_category: &'static str,
    pub request_bytes: u64,

    pub outcome: Outcome,
    /// Always there if `outcome` is `Error`.
    pub error: Option<String>,
    pub http_status: Option<u16>,
    /// No model ran for it: it loaded or unloaded one, embedded nothing, or only rendered a prompt.
    /// It is not counted anywhere.
    pub load_only: bool,
    /// One of too many for a record each, or a line in the log: metrics alone count it.
    pub is_unrecorded: bool,
    pub stream: bool,
    pub done_reason: Option<String>,
    /// The visible text only. At most 1 MiB.
    pub response: String,
    pub thinking: String,
    pub tool_calls: Vec<ToolCall>,
    /// A text was cut to its limit.
    pub truncated: bool,
    pub response_bytes: u64,

    /// Tokens of the whole prompt, those from the cache included.
    pub prompt_tokens: Option<u64>,
    /// Those of them that came from Ollama's cache, never more than all.
    pub prompt_cached_tokens: Option<u64>,
    pub generated_tokens: Option<u64>,
    /// `generated_tokens` counts deltas, or `prompt_tokens` is Ollama's estimate, because no
    /// counter came.
    pub tokens_estimated: bool,
    pub tokens_per_second: Option<f64>,
    /// Prompt tokens that were evaluated, so without the cached ones, per second.
    pub prompt_tokens_per_second: Option<f64>,

    /// Wall clock from arrival to end.
    pub duration: Duration,
    /// Time between arrival and the moment a worker took the request.
    pub queue_wait: Duration,
    /// From the last byte of the request's head to that of its body, if that came.
    pub upload: Option<Duration>,
    /// By Ollama's own clock, if the reply reports it.
    pub total_duration: Option<Duration>,
    pub load_duration: Option<Duration>,
    pub prompt_eval_duration: Option<Duration>,
    pub eval_duration: Option<Duration>,
    /// From arrival to the first content, thinking or tool-call delta of a stream.
    pub time_to_first_token: Option<Duration>,
    /// (last token - first token) / (tokens - 1), of streams of two tokens and more.
    pub time_per_output_token: Option<Duration>,

    /// Parts of the request or the reply that could not be read.
    pub parse_failures: u64,

    /// What answered; the observer does not know it.
    pub version: ModelVersion,
    /// The conversation that it belongs to; the observer does not know it.
    pub session: Option<Session>,

    /// The rest of what `diagnose` needs; of text, only the beginning of the prompt.
    pub evidence: Box<Evidence>,
    /// What `diagnose` says of it; nothing before it was asked.
    pub report: Box<Report>,
}

impl Exchange {
    /// Returns what `diagnose` is told of it, and takes the prompt out of `evidence`. `loaded`
    /// is what /api/ps told of the model.
    pub fn seen(&mut self, loaded: Option<Loaded>) -> Seen {
        Seen {
            interaction_id: self.interaction_id.clone(),
            endpoint: self.endpoint,
            model: self.model.clone().unwrap_or_default(),
            client: self.client.clone(),
            arrived: self.arrived,
            prompt: std::mem::take(&mut self.evidence.prompt),
            options: self.evidence.options.clone(),
            reply: self.reply(),
            times: self.times(),
            loaded,
        }
    }

    /// Returns the texts of the reply that `diagnose` looks at; `None` where Ollama refused.
    pub fn answer(&self) -> Option<Answer<'_>> {
        let is_accepted = matches!(self.http_status, Some(200..300));
        is_accepted.then(|| Answer {
            model: self.model.as_deref().unwrap_or("the model"),
            response: &self.response,
            thinking: &self.thinking,
            arguments: self
                .tool_calls
                .iter()
                .map(|call| call.arguments.as_str())
                .collect(),
            wants_json: self.evidence.options.wants_json,
            ended: self.reply_end(),
            generated_tokens: self.generated_tokens,
            num_predict: self.evidence.options.num_predict,
            is_truncated: self.truncated,
        })
    }

    fn reply_end(&self) -> ReplyEnd {
        match self.outcome {
            Outcome::Error | Outcome::Cancelled => ReplyEnd::Broken,
            Outcome::Success if self.ended_by_length() => ReplyEnd::Length,
            Outcome::Success => ReplyEnd::Stop,
        }
    }

    /// Returns whether a limit of tokens ended the reply, in the words of any dialect.
    pub fn ended_by_length(&self) -> bool {
        matches!(
            self.done_reason.as_deref(),
            Some("length" | "max_tokens" | "max_output_tokens" | "incomplete")
        )
    }

    /// Returns what the reply said of itself.
    pub fn reply(&self) -> Reply {
        Reply {
            status: self.http_status,
            error: self.error.clone(),
            done_reason: self.done_reason.clone(),
            prompt_tokens: self.prompt_tokens,
            cached_tokens: self.prompt_cached_tokens,
            generated_tokens: self.generated_tokens,
            estimated: self.tokens_estimated,
            context_array: self.evidence.context_array,
            text: self.evidence.reply_text,
            thinks: !self.thinking.is_empty(),
        }
    }

    fn times(&self) -> Times {
        Times {
            duration: self.duration,
            first_byte: self.evidence.first_byte,
            queue_wait: self.queue_wait,
            total: self.total_duration,
            load: self.load_duration,
            prompt: self.prompt_eval_duration,
            generation: self.eval_duration,
        }
    }
}
