//! `Record`: what the history keeps of one request, under the names of design.md section 6 (the seed's names first).

mod facts;
mod lossy;

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use facts::Facts;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::StoreText;
use crate::model_name::fold;
use crate::observe::Exchange;
use crate::observe::exchange::ToolCall;
use crate::observe::text::prefix;
use crate::origin;

/// Characters of a prompt or a reply in its preview.
const PREVIEW: usize = 100;

/// Where `metadata` has the name of the model as it was sent.
const MODEL_SENT: &str = "model_sent";

/// Bytes of an error that are kept where no text of a prompt may be.
const ERROR_WITHOUT_TEXT: usize = 100;

/// From so many bytes on, a word of an error that is in the prompt or in the reply may have come from there.
const TOLD_MIN: usize = 4;

/// One line of the history. Unknown is `None` (null), never 0. Reads the seed's own lines too, which call durations otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// 16 hex digits; in a history taken over from elsewhere any text.
    pub interaction_id: String,
    /// Arrival, Unix seconds.
    pub timestamp: f64,
    /// Folded (`model_name`); older histories have names as they were sent, see `Record::folded`.
    pub model: Option<String>,
    /// The path without its first slash.
    pub endpoint: String,
    pub prompt_category: String,
    pub prompt_full: Option<String>,
    pub prompt_preview: Option<String>,
    pub prompt_tokens: Option<u64>,
    pub generated_tokens: Option<u64>,
    pub tokens_per_second: Option<f64>,
    #[serde(alias = "duration")]
    pub duration_seconds: Option<f64>,
    #[serde(alias = "eval_duration")]
    pub eval_duration_seconds: Option<f64>,
    #[serde(alias = "load_duration")]
    pub load_duration_seconds: Option<f64>,
    /// success, error or cancelled.
    pub status: String,
    /// Never `None` when `status` is error.
    pub error: Option<String>,
    /// `client_ip`, `user_agent`, `queue_wait_seconds`, `upload_seconds`, and `model_sent` where the name was spelled otherwise than
    /// in `model`; in a history taken over from elsewhere anything.
    pub metadata: Value,

    /// The visible text only.
    pub response_full: Option<String>,
    pub response_preview: Option<String>,
    pub thinking_full: Option<String>,
    /// `[{"name": …, "arguments": …}]`.
    pub tool_calls: Option<Vec<ToolCall>>,
    pub prompt_eval_duration_seconds: Option<f64>,
    pub total_duration_seconds: Option<f64>,
    pub time_to_first_token_seconds: Option<f64>,
    pub http_status: Option<u16>,
    pub stream: Option<bool>,
    pub done_reason: Option<String>,
    /// `generated_tokens` counts pieces of the reply, or `prompt_tokens` is a guess of Ollama's, because no counter came.
    pub tokens_estimated: Option<bool>,
    pub request_bytes: Option<u64>,
    pub response_bytes: Option<u64>,
    /// A text was cut to its bound.
    pub truncated: Option<bool>,
    /// What the machine of the tap is called that wrote it.
    pub host: Option<String>,
    /// The port that this tap listens on.
    pub tap: Option<u16>,
    /// Of `prompt_tokens`, those from Ollama's cache.
    pub prompt_cached_tokens: Option<u64>,
}

/// Every field of a record, in order: the columns of a table and of a CSV file.
pub const FIELDS: [&str; 33] = [
    "interaction_id",
    "timestamp",
    "model",
    "endpoint",
    "prompt_category",
    "prompt_full",
    "prompt_preview",
    "prompt_tokens",
    "generated_tokens",
    "tokens_per_second",
    "duration_seconds",
    "eval_duration_seconds",
    "load_duration_seconds",
    "status",
    "error",
    "metadata",
    "response_full",
    "response_preview",
    "thinking_full",
    "tool_calls",
    "prompt_eval_duration_seconds",
    "total_duration_seconds",
    "time_to_first_token_seconds",
    "http_status",
    "stream",
    "done_reason",
    "tokens_estimated",
    "request_bytes",
    "response_bytes",
    "truncated",
    "host",
    "tap",
    "prompt_cached_tokens",
];

impl Record {
    /// The record on a line of the history, or what can be made out of it. `None` where it is no record.
    pub fn read(line: &[u8]) -> Option<Record> {
        serde_json::from_slice(line).ok().or_else(|| lossy::read(line))
    }

    /// The record of `exchange`, with as much of its text as may be kept.
    pub fn new(exchange: Exchange, keep: StoreText, writer: &Writer) -> Record {
        let error = exchange.error.as_deref().map(|error| match keep {
            StoreText::Full => error.to_owned(),
            _ => without_text(error, &[exchange.prompt.as_deref().unwrap_or_default(), &exchange.response, &exchange.thinking]),
        });
        let mut metadata = json!({
            "client_ip": exchange.client_ip.map(|ip| ip.to_string()),
            "user_agent": exchange.user_agent,
            "queue_wait_seconds": exchange.queue_wait.as_secs_f64(),
            "upload_seconds": exchange.upload.map(|time| time.as_secs_f64()),
        });
        if let Some(sent) = exchange.model_sent {
            metadata[MODEL_SENT] = sent.into();
        }
        let mut record = Record {
            interaction_id: exchange.interaction_id,
            timestamp: unix_seconds(exchange.arrived),
            model: exchange.model,
            endpoint: exchange.endpoint.as_str().to_owned(),
            prompt_category: exchange.prompt_category.to_owned(),
            prompt_tokens: exchange.prompt_tokens,
            generated_tokens: exchange.generated_tokens,
            tokens_per_second: exchange.tokens_per_second.filter(|speed| speed.is_finite()),
            duration_seconds: seconds(Some(exchange.duration)),
            eval_duration_seconds: seconds(exchange.eval_duration),
            load_duration_seconds: seconds(exchange.load_duration),
            status: exchange.outcome.as_str().to_owned(),
            error,
            metadata,
            prompt_eval_duration_seconds: seconds(exchange.prompt_eval_duration),
            total_duration_seconds: seconds(exchange.total_duration),
            time_to_first_token_seconds: seconds(exchange.time_to_first_token),
            http_status: exchange.http_status,
            stream: Some(exchange.stream),
            done_reason: exchange.done_reason,
            tokens_estimated: Some(exchange.tokens_estimated),
            request_bytes: Some(exchange.request_bytes),
            response_bytes: Some(exchange.response_bytes),
            truncated: Some(exchange.truncated),
            prompt_cached_tokens: exchange.prompt_cached_tokens,
            host: Some(writer.host.clone()),
            tap: Some(writer.tap),
            ..Record::default()
        };
        let response = Some(exchange.response).filter(|text| !text.is_empty());
        if keep != StoreText::None {
            record.prompt_preview = exchange.prompt.as_deref().map(preview);
            record.response_preview = response.as_deref().map(preview);
        }
        if keep == StoreText::Full {
            record.prompt_full = exchange.prompt;
            record.response_full = response;
            record.thinking_full = Some(exchange.thinking).filter(|text| !text.is_empty());
            record.tool_calls = Some(exchange.tool_calls).filter(|calls| !calls.is_empty());
        }
        record
    }

    /// The text that `prompt_search` looks at: the prompt, or as much of it as was kept.
    pub fn searchable(&self) -> Option<&str> {
        self.prompt_full.as_deref().or(self.prompt_preview.as_deref())
    }

    /// The texts that may be long.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.prompt_full, &self.response_full, &self.thinking_full].into_iter().flatten().map(String::as_str)
    }

    /// The record without its long texts, as lists show it.
    pub fn without_long_text(mut self) -> Record {
        self.prompt_preview = self.prompt_preview.or_else(|| self.prompt_full.as_deref().map(preview));
        self.prompt_full = None;
        self.response_full = None;
        self.thinking_full = None;
        self.tool_calls = None;
        self
    }

    /// The record with its model under the name that it has now: older ones have it as it was sent.
    pub fn folded(mut self) -> Record {
        let Some(sent) = self.model.take() else { return self };
        let folded = fold(&sent).into_owned();
        if let Some(metadata) = self.metadata.as_object_mut().filter(|_| folded != sent) {
            metadata.entry(MODEL_SENT).or_insert_with(|| sent.into());
        }
        self.model = Some(folded);
        self
    }

    /// Where the record stands in the history: by time, and among equals by id.
    pub fn position(&self) -> Position {
        Position { timestamp: self.timestamp, id: self.interaction_id.clone() }
    }

    /// Shows the facts, with who asked in them.
    pub fn show_facts(&self, see: impl FnOnce(&Facts)) {
        let metadata = self.metadata.to_string();
        see(&Facts { client: origin::of_json(&metadata), ..self.facts() });
    }

    /// The part of the record that filters ask for; who asked is not in it.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            timestamp: self.timestamp,
            model: self.model.as_deref().map(fold),
            endpoint: Cow::Borrowed(&self.endpoint),
            prompt_category: Cow::Borrowed(&self.prompt_category),
            status: Cow::Borrowed(&self.status),
            prompt_tokens: self.prompt_tokens,
            generated_tokens: self.generated_tokens,
            tokens_per_second: self.tokens_per_second,
            duration_seconds: self.duration_seconds,
            time_to_first_token_seconds: self.time_to_first_token_seconds,
            prompt_cached_tokens: self.prompt_cached_tokens,
            client: None,
            host: self.host.as_deref().map(Cow::Borrowed),
            tap: self.tap,
        }
    }
}

/// The order of the history: older first, among equals the smaller id first.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    pub timestamp: f64,
    pub id: String,
}

impl Eq for Position {}

impl Ord for Position {
    fn cmp(&self, other: &Position) -> std::cmp::Ordering {
        self.timestamp.total_cmp(&other.timestamp).then_with(|| self.id.cmp(&other.id))
    }
}

impl PartialOrd for Position {
    fn partial_cmp(&self, other: &Position) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Which tap writes a history: several may share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// What its machine is called.
    pub host: String,
    /// The port that it listens on.
    pub tap: u16,
}

/// Bytes of text in an exchange: what the queue's bound counts.
pub fn text_bytes(exchange: &Exchange) -> usize {
    let calls: usize = exchange.tool_calls.iter().map(|call| call.name.len() + call.arguments.len()).sum();
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let texts = optional(&exchange.prompt)
        + optional(&exchange.error)
        + optional(&exchange.user_agent)
        + optional(&exchange.model)
        + optional(&exchange.model_sent);
    texts + exchange.response.len() + exchange.thinking.len() + calls
}

/// Now, as records have it (Unix seconds).
pub fn now() -> f64 {
    unix_seconds(SystemTime::now())
}

fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

fn preview(text: &str) -> String {
    text.chars().take(PREVIEW).collect()
}

/// The beginning of an error, up to where it begins to quote, in signs or without: errors of Ollama's tell what they could not read.
fn without_text(error: &str, texts: &[&str]) -> String {
    let unquoted = error.split(['"', '\'', '`', ':']).next().unwrap_or_default();
    let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
    let is_told = |word: &&str| word.len() >= TOLD_MIN && texts.iter().any(|text| text.contains(&word.to_lowercase()));
    let own: Vec<&str> = unquoted.split_whitespace().take_while(|word| !is_told(word)).collect();
    prefix(&own.join(" "), ERROR_WITHOUT_TEXT).to_owned()
}

#[cfg(test)]
mod tests;
