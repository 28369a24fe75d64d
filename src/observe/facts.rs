//! What a reply has said so far: the common ground of all dialects, added to object by object.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::text::{BoundedText, prefix};
use super::tools::ToolCalls;

/// The most that is kept of an error's text, in bytes.
pub const MAX_ERROR: usize = 8 << 10;
/// The most that is kept of a name (a model's, a function's, a reason's), in bytes.
pub const MAX_NAME: usize = 512;

#[derive(Debug, Default)]
pub struct Facts {
    pub model: Option<String>,
    pub response: BoundedText,
    pub thinking: BoundedText,
    pub tools: ToolCalls,

    /// The end marker was seen, or a single reply was complete.
    pub done: bool,
    pub done_reason: Option<String>,
    /// What an `error` in the body said.
    pub error: Option<String>,

    pub prompt_tokens: Option<u64>,
    pub generated_tokens: Option<u64>,
    pub total_duration: Option<Duration>,
    pub load_duration: Option<Duration>,
    pub prompt_eval_duration: Option<Duration>,
    pub eval_duration: Option<Duration>,

    /// The reply came as a stream.
    pub stream: bool,
    /// Objects of a stream that brought text, thinking or a tool call.
    pub deltas: u64,
    pub first_token: Option<Instant>,
    pub last_token: Option<Instant>,
    /// The object that is being read brought a token.
    pub fresh: bool,

    /// Something of the reply could not be read.
    pub failed: bool,
    /// Nothing of the reply can be read: its encoding or its type is not known to us.
    pub opaque: bool,
    /// Text was lost to a bound other than that of the text itself.
    pub cut: bool,
}

impl Facts {
    pub fn model(&mut self, name: &str) {
        if self.model.is_none() && !name.is_empty() {
            self.model = Some(prefix(name, MAX_NAME).to_owned());
        }
    }

    /// How much text is kept (bytes).
    pub fn kept(&self) -> usize {
        self.response.as_str().len() + self.thinking.as_str().len() + self.tools.kept()
    }

    /// Keeps no more text than it has; everything else is read as before.
    pub fn stop_keeping(&mut self) {
        self.response.close();
        self.thinking.close();
        self.tools.close();
    }

    /// Visible text.
    pub fn content(&mut self, text: &str) {
        self.fresh |= !text.is_empty();
        self.response.push(text);
    }

    pub fn thought(&mut self, text: &str) {
        self.fresh |= !text.is_empty();
        self.thinking.push(text);
    }

    /// A tool call in one piece.
    pub fn tool_call(&mut self, name: &str, arguments: &str) {
        let index = self.tools.next_index();
        self.fresh = true;
        self.tools.name(index, name);
        self.tools.arguments(index, arguments);
    }

    /// The name of the tool call at `index`. By itself no token: the frame that opens a call may hold nothing else.
    pub fn tool_name(&mut self, index: u64, name: &str) {
        self.tools.name(index, name);
    }

    /// A piece of the arguments of the tool call at `index`, as JSON text.
    pub fn tool_arguments(&mut self, index: u64, piece: &str) {
        self.fresh |= !piece.is_empty();
        self.tools.arguments(index, piece);
    }

    pub fn truncated(&self) -> bool {
        self.response.truncated() || self.thinking.truncated() || self.tools.truncated() || self.cut
    }

    pub fn reason(&mut self, reason: &str) {
        if !reason.is_empty() {
            self.done_reason = Some(prefix(reason, MAX_NAME).to_owned());
        }
    }

    /// An error in the body; the first is kept, since what follows is its consequence.
    pub fn fail(&mut self, error: &Value) {
        if let Some(text) = error_text(error)
            && self.error.is_none()
        {
            self.error = Some(text);
        }
    }

    /// Counts what the last object brought as one token seen at `at`, if it brought any.
    pub fn tick(&mut self, at: Instant) {
        if std::mem::take(&mut self.fresh) {
            self.deltas += 1;
            self.first_token.get_or_insert(at);
            self.last_token = Some(at);
        }
    }
}

/// The text of an `error` value of any dialect: a string, or an object with a `message`.
pub fn error_text(error: &Value) -> Option<String> {
    let text = match error {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Object(fields) => match fields.get("message") {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            _ => error.to_string(),
        },
        other => other.to_string(),
    };
    let text = if text.trim().is_empty() { "ollama gave an error without a text" } else { text.trim() };
    Some(prefix(text, MAX_ERROR).to_owned())
}
