//! `Record`: what the history keeps of one request, under the names that every backend has.

pub mod client_name;
mod context_cut;
mod exchange;
mod joined;
mod lossy;
mod seconds_spent;
mod summary;

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

pub use context_cut::ContextCut;
pub use exchange::text_bytes;
pub use joined::{JOINED_RECORDS_MAX, Predecessors, reply};
pub use seconds_spent::SecondsSpent;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
pub use summary::{RecordSummary, SHORT_DIGEST_CHARS, client_ip, short_digest};

use crate::diagnose::Finding;
use crate::diagnose::finding::EXCERPT;
use crate::observe::conversation::KeptMessage;
use crate::observe::exchange::ToolCall;
use crate::observe::model_name::normalize;
use crate::observe::request::parameters::{RequestParameters, TOOLS};

/// Characters of a prompt or a reply in its preview.
const PREVIEW_CHARS: usize = 100;

/// The key of `metadata` for the name of the model as it was sent.
const MODEL_SENT: &str = "model_sent";

/// Declares `Record`, and what follows its fields: `FIELDS`, and `record_fields!`, which hands
/// their names to another macro. So no list of them can be in another order.
macro_rules! declare_record {
    (
        $(#[$attribute:meta])*
        pub struct Record {
            $($(#[$field_attribute:meta])* pub $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$attribute])*
        pub struct Record {
            $($(#[$field_attribute])* pub $field: $type,)*
        }

        /// The names of all fields, in order: the columns of a table and of a CSV file.
        pub const FIELDS: [&str; [$(stringify!($field)),*].len()] = [$(stringify!($field)),*];

        /// Calls the macro `callback` with the names of all fields, in order.
        macro_rules! record_fields {
            ($callback:ident) => {
                $callback! { $($field)* }
            };
        }
        pub(in crate::history) use record_fields;
    };
}

declare_record! {
    /// One line of the history. Unknown is `None` (null), never 0. Lines from before the tap are
    /// read too; they call durations otherwise.
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Record {
        /// 16 hex digits; in a history taken over from elsewhere any text.
        pub interaction_id: String,
        /// Arrival, Unix seconds.
        pub timestamp: f64,
        /// Folded (`model_name`); older histories have names as they were sent, see
        /// `Record::folded`.
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
        /// `client_ip`, `user_agent`, `queue_wait_seconds`, `upload_seconds`; `client_version` where
        /// the user agent tells it, and `model_sent` where the name was spelled otherwise than in
        /// `model`; in a history taken over from elsewhere anything.
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
        /// `generated_tokens` counts pieces of the reply, or `prompt_tokens` is a guess of
        /// Ollama's, because no counter came.
        pub tokens_estimated: Option<bool>,
        pub request_bytes: Option<u64>,
        pub response_bytes: Option<u64>,
        /// A text was cut to its bound.
        pub truncated: Option<bool>,
        /// The name of the machine of the tap that wrote it.
        pub host: Option<String>,
        /// The port that this tap listens on.
        pub tap: Option<u16>,
        /// Of `prompt_tokens`, those from Ollama's cache.
        pub prompt_cached_tokens: Option<u64>,
        /// Tokens of context that the model had for it, where Ollama told them in time.
        pub context_length: Option<u64>,
        /// The context that it asked for.
        pub num_ctx: Option<u64>,
        /// What the request set beside its texts, under the names that it used; `tools` are names
        /// alone.
        pub parameters: Option<RequestParameters>,
        pub context_cut: Option<ContextCut>,
        /// Why the model was loaded for it: one of `ReloadCause`.
        pub reload_cause: Option<String>,
        /// The part of the model that lay in VRAM, from 0 to 1.
        pub vram_share: Option<f64>,
        /// The version of the Ollama that answered.
        pub ollama_version: Option<String>,
        /// Of the model's manifest: another one is another model of the same name.
        pub digest: Option<String>,
        /// Such as `Q4_K_M`.
        pub quantization: Option<String>,
        /// What its time went into; `None` where nobody looked.
        pub time_spent: Option<SecondsSpent>,
        /// The product of its client, without the version (`observe::client_product`).
        pub client: Option<String>,
        /// The conversation that it belongs to: the client's own id of it, else 16 hex digits.
        pub session_id: Option<String>,
        /// The client did not say which; `None` where there is no session.
        pub session_guessed: Option<bool>,
        /// The record that this conversation goes on from: it has the messages before
        /// `messages_from`, or its own predecessors do, and `system` where that is null here.
        pub previous_id: Option<String>,
        /// The system's text, as it stands before all other messages.
        pub system: Option<String>,
        /// The messages of the request that `previous_id` does not have.
        pub messages: Option<Vec<KeptMessage>>,
        /// The place of the first of `messages` in the whole conversation.
        pub messages_from: Option<u64>,
        /// What went wrong, if anything.
        pub findings: Vec<Finding>,
    }
}

impl Record {
    /// Reads the record on a line of the history, as much of it as can be read. `None` where it is
    /// not a record.
    pub fn read(line: &[u8]) -> Option<Record> {
        serde_json::from_slice(line)
            .ok()
            .or_else(|| lossy::read(line))
    }

    /// Returns the record with these fields; `None` where one of them cannot be read. They take the
    /// way of a line: for another source all that reads a record would be in the executable again,
    /// which is 50 KB.
    pub fn of_fields(fields: &Map<String, Value>) -> Option<Record> {
        serde_json::from_slice(&serde_json::to_vec(fields).ok()?).ok()
    }

    /// Returns the text that `prompt_search` looks at: the prompt, or as much of it as was kept.
    pub fn searchable(&self) -> Option<&str> {
        self.prompt_full
            .as_deref()
            .or(self.prompt_preview.as_deref())
    }

    /// Returns the texts that `q` looks at: the prompt, the reply and its thinking, as much of them
    /// as was kept, the error, and the conversation.
    pub fn all_texts(&self) -> impl Iterator<Item = &str> {
        let reply = self.response_full.as_deref();
        [
            self.searchable(),
            reply.or(self.response_preview.as_deref()),
            self.thinking_full.as_deref(),
            self.error.as_deref(),
            self.system.as_deref(),
        ]
        .into_iter()
        .flatten()
        .chain(self.messages.iter().flatten().flat_map(KeptMessage::texts))
    }

    /// Returns the texts that may be long.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.prompt_full, &self.response_full, &self.thinking_full]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// Returns the record without its long texts, as lists show it.
    pub fn without_long_text(mut self) -> Record {
        self.prompt_preview = self
            .prompt_preview
            .or_else(|| self.prompt_full.as_deref().map(preview));
        self.prompt_full = None;
        self.response_full = None;
        self.thinking_full = None;
        self.tool_calls = None;
        if let Some(parameters) = &mut self.parameters {
            parameters.remove(TOOLS);
        }
        self.without_conversation().without_excerpts()
    }

    /// Returns the record without what was said before, as lists show it.
    pub fn without_conversation(mut self) -> Record {
        self.system = None;
        self.messages = None;
        self
    }

    /// Returns the record without the text of a prompt that findings have.
    pub fn without_excerpts(mut self) -> Record {
        for finding in &mut self.findings {
            finding.fields.remove(EXCERPT);
        }
        self
    }

    /// Returns the record with its model under the name that it has now: older records have it as
    /// it was sent.
    pub fn folded(mut self) -> Record {
        let Some(sent) = self.model.take() else {
            return self;
        };
        let folded = normalize(&sent).into_owned();
        if let Some(metadata) = self.metadata.as_object_mut().filter(|_| folded != sent) {
            metadata.entry(MODEL_SENT).or_insert_with(|| sent.into());
        }
        self.model = Some(folded);
        self
    }

    /// Returns the position of the record in the history: by time, and among equals by id.
    pub fn position(&self) -> Position {
        Position {
            timestamp: self.timestamp,
            id: self.interaction_id.clone(),
        }
    }

    /// Returns the fields that filters and statistics ask for.
    pub fn summary(&self) -> RecordSummary<'_> {
        RecordSummary {
            interaction_id: Cow::Borrowed(&self.interaction_id),
            timestamp: self.timestamp,
            model: self.model.as_deref().map(normalize),
            endpoint: Cow::Borrowed(&self.endpoint),
            prompt_category: Cow::Borrowed(&self.prompt_category),
            status: Cow::Borrowed(&self.status),
            prompt_tokens: self.prompt_tokens,
            generated_tokens: self.generated_tokens,
            tokens_per_second: self.tokens_per_second,
            duration_seconds: self.duration_seconds,
            time_to_first_token_seconds: self.time_to_first_token_seconds,
            prompt_cached_tokens: self.prompt_cached_tokens,
            load_duration_seconds: self.load_duration_seconds,
            prompt_eval_duration_seconds: self.prompt_eval_duration_seconds,
            eval_duration_seconds: self.eval_duration_seconds,
            time_spent: self.time_spent,
            reload_cause: self.reload_cause.as_deref().map(Cow::Borrowed),
            error: self.error.as_deref().map(Cow::Borrowed),
            client: self.client.as_deref().map(Cow::Borrowed),
            client_ip: self.metadata["client_ip"].as_str().map(Cow::Borrowed),
            host: self.host.as_deref().map(Cow::Borrowed),
            tap: self.tap,
            vram_share: self.vram_share,
            ollama_version: self.ollama_version.as_deref().map(Cow::Borrowed),
            digest: self
                .digest
                .as_deref()
                .map(|digest| short_digest(digest.into())),
            quantization: self.quantization.as_deref().map(Cow::Borrowed),
        }
    }
}

/// A position in the order of the history: older first, among equals the smaller id first.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    pub timestamp: f64,
    pub id: String,
}

impl Eq for Position {}

impl Ord for Position {
    fn cmp(&self, other: &Position) -> std::cmp::Ordering {
        self.timestamp
            .total_cmp(&other.timestamp)
            .then_with(|| self.id.cmp(&other.id))
    }
}

impl PartialOrd for Position {
    fn partial_cmp(&self, other: &Position) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The tap that writes a record: several may share a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapIdentity {
    /// The name of its machine.
    pub host: String,
    /// The port that it listens on.
    pub tap: u16,
}

/// Returns the time as records have it (Unix seconds).
pub fn now() -> f64 {
    unix_seconds(SystemTime::now())
}

pub fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

fn preview(text: &str) -> String {
    text.chars().take(PREVIEW_CHARS).collect()
}

#[cfg(test)]
mod tests;
