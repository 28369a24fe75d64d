//! The facts of a reply, the same for all dialects, added object by object.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::tool_calls::ToolCalls;
use crate::observe::lenient::{MessageContent, Raw};
use crate::observe::limits::{MAX_ERROR_TEXT, MAX_NAME};
use crate::observe::text::{BoundedText, prefix};

/// The facts of one reply.
#[derive(Debug, Default)]
pub struct ReplyFacts {
    pub model: Option<String>,
    pub response: BoundedText,
    pub thinking: BoundedText,
    pub tool_calls: ToolCalls,

    /// The end marker was seen, or a single reply was complete.
    pub done: bool,
    pub choices: Choices,
    pub done_reason: Option<String>,
    /// The text of an `error` in the body.
    pub error: Option<String>,

    /// Of the whole prompt, its cached part included.
    pub prompt_tokens: Option<u64>,
    /// The estimate of a stream before its `prompt_tokens`.
    pub prompt_tokens_estimate: Option<u64>,
    pub prompt_cached_tokens: Option<u64>,
    pub generated_tokens: Option<u64>,
    /// The counts are the reply's own usage, which is better than those of `timings`.
    pub has_usage: bool,
    pub total_duration: Option<Duration>,
    pub load_duration: Option<Duration>,
    pub prompt_eval_duration: Option<Duration>,
    pub eval_duration: Option<Duration>,

    /// The reply came as a stream.
    pub stream: bool,
    /// Objects of a stream that held text, thinking or a part of a tool call.
    pub deltas: u64,
    pub first_token: Option<Instant>,
    pub last_token: Option<Instant>,
    /// The object that is being read holds text, thinking or a part of a tool call.
    pub has_delta: bool,

    /// `SessionHints::response`.
    pub response_id: Option<u64>,
    /// How many numbers the array `context` has.
    pub context_array: Option<u64>,
    /// A prompt was only rendered, and no model ran.
    pub is_render_only: bool,
    /// It is an embedding without vectors.
    pub is_empty_embedding: bool,

    /// Objects that were read.
    pub objects: u64,
    /// One of them was of the dialect.
    pub recognised: bool,
    /// The last of them broke off.
    pub ended_mid_object: bool,
    /// A part of the reply could not be read.
    pub parse_failed: bool,
    /// Nothing of the reply can be read: its encoding or its format is not known.
    pub unreadable: bool,
    /// Text was lost to a bound other than its own.
    pub text_lost: bool,
}

impl ReplyFacts {
    pub fn set_model(&mut self, name: &str) {
        if self.model.is_none() && !name.is_empty() {
            self.model = Some(prefix(name, MAX_NAME).to_owned());
        }
    }

    /// Returns the size of the texts, in bytes.
    pub fn buffered_bytes(&self) -> usize {
        self.response.as_str().len()
            + self.thinking.as_str().len()
            + self.tool_calls.buffered_bytes()
    }

    /// Takes no more text; everything else is read as before.
    pub fn stop_buffering(&mut self) {
        self.response.close();
        self.thinking.close();
        self.tool_calls.close();
    }

    /// Adds visible text.
    pub fn push_content(&mut self, text: &str) {
        self.has_delta |= !text.is_empty();
        self.response.push(text);
    }

    pub fn push_thinking(&mut self, text: &str) {
        self.has_delta |= !text.is_empty();
        self.thinking.push(text);
    }

    /// Adds the text of a message, and the thinking that it may contain.
    pub fn push_message(&mut self, content: &MessageContent<'_>) {
        self.push_thinking(&content.thinking);
        self.push_content(&content.text);
    }

    /// Adds a whole tool call.
    pub fn push_tool_call(&mut self, name: &str, arguments: &str) {
        let index = self.tool_calls.next_index();
        self.has_delta = true;
        self.tool_calls.push_name(index, name);
        self.tool_calls.push_arguments(index, arguments);
    }

    /// Adds to the name of the tool call at `index`. That is not a token: the event that opens a
    /// call may hold nothing else.
    pub fn push_tool_name(&mut self, index: u64, name: &str) {
        self.tool_calls.push_name(index, name);
    }

    /// Adds to the arguments of the tool call at `index`, which are JSON text.
    pub fn push_tool_arguments(&mut self, index: u64, piece: &str) {
        if !piece.is_empty() {
            self.has_delta = true;
            self.tool_calls.push_arguments(index, piece);
        }
    }

    pub fn truncated(&self) -> bool {
        self.response.truncated()
            || self.thinking.truncated()
            || self.tool_calls.truncated()
            || self.text_lost
    }

    pub fn set_done_reason(&mut self, reason: &str) {
        if !reason.is_empty() {
            self.done_reason = Some(prefix(reason, MAX_NAME).to_owned());
        }
    }

    /// Takes an error in the body; the first one stays, since what follows is its consequence.
    pub fn set_error(&mut self, error: Raw<'_>) {
        if let Some(error) = error.0 {
            // A value that is nested too deep to be parsed is its own text.
            let error = serde_json::from_str(error.get())
                .unwrap_or_else(|_| Value::String(error.get().to_owned()));
            self.error = self.error.take().or_else(|| error_text(&error));
        }
    }

    /// Takes the text of an error that has none of its own.
    pub fn set_error_text(&mut self, text: &str) {
        self.error.get_or_insert_with(|| text.to_owned());
    }

    /// Takes counts; one that is `None` leaves the one before.
    pub fn set_counts(&mut self, prompt: Option<u64>, cached: Option<u64>, generated: Option<u64>) {
        self.prompt_tokens = prompt.or(self.prompt_tokens);
        self.prompt_cached_tokens = cached.or(self.prompt_cached_tokens);
        self.generated_tokens = generated.or(self.generated_tokens);
    }

    /// Counts the last object as one token that arrived at `at`, if it held a delta.
    pub fn count_delta(&mut self, at: Instant) {
        if std::mem::take(&mut self.has_delta) {
            self.deltas += 1;
            self.first_token.get_or_insert(at);
            self.last_token = Some(at);
        }
    }
}

/// The choices of a reply of OpenAI's, by their index; those from the 128th on count as one.
#[derive(Debug, Default)]
pub struct Choices {
    seen: u128,
    finished: u128,
}

impl Choices {
    pub fn record(&mut self, index: u64, is_finished: bool) {
        let choice = 1 << index.min(u64::from(u128::BITS) - 1);
        self.seen |= choice;
        self.finished |= if is_finished { choice } else { 0 };
    }

    /// Returns whether there were choices and each had a finish reason.
    pub fn all_finished(&self) -> bool {
        self.seen != 0 && self.seen == self.finished
    }
}

/// Returns the text of an `error` value of any dialect: a string, or an object with a `message`.
pub fn error_text(error: &Value) -> Option<String> {
    let text = match error {
        Value::Null | Value::Bool(false) => return None,
        Value::String(text) => text.clone(),
        Value::Object(fields) => match fields.get("message") {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            _ => error.to_string(),
        },
        other => other.to_string(),
    };
    let text = if text.trim().is_empty() {
        "ollama gave an error without a text"
    } else {
        text.trim()
    };
    Some(prefix(text, MAX_ERROR_TEXT).to_owned())
}
