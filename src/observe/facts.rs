//! What a reply has said so far: the common ground of all dialects, added to object by object.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::lenient::{Content, Raw};
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
    pub choices: Choices,
    pub done_reason: Option<String>,
    /// What an `error` in the body said.
    pub error: Option<String>,

    /// Of the whole prompt, whether its tokens came from the cache or not.
    pub prompt_tokens: Option<u64>,
    /// What a stream said before it knew `prompt_tokens`.
    pub prompt_tokens_guess: Option<u64>,
    pub prompt_cached_tokens: Option<u64>,
    pub generated_tokens: Option<u64>,
    /// They are the reply's own usage, which is better than what `timings` count.
    pub has_usage: bool,
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

    /// No model worked for it: a prompt was only rendered.
    pub rendered_only: bool,
    /// It is an embedding of nothing.
    pub no_vectors: bool,

    /// Objects that were looked at.
    pub objects: u64,
    /// One of them was of the dialect.
    pub recognised: bool,
    /// The last of them ended in the middle.
    pub cut_off: bool,
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

    /// Text of a message, with the thinking that may stand among it.
    pub fn message(&mut self, content: &Content<'_>) {
        self.thought(&content.thinking);
        self.content(&content.text);
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
        if !piece.is_empty() {
            self.fresh = true;
            self.tools.arguments(index, piece);
        }
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
    pub fn fail(&mut self, error: Raw<'_>) {
        if let Some(error) = error.0 {
            // What is too deep to be looked into is its own text.
            let error = serde_json::from_str(error.get())
                .unwrap_or_else(|_| Value::String(error.get().to_owned()));
            self.error = self.error.take().or_else(|| error_text(&error));
        }
    }

    /// An error that has no words of its own.
    pub fn fail_with(&mut self, text: &str) {
        self.error.get_or_insert_with(|| text.to_owned());
    }

    /// Counters of a reply; what is not told leaves what was told before.
    pub fn count(&mut self, prompt: Option<u64>, cached: Option<u64>, generated: Option<u64>) {
        self.prompt_tokens = prompt.or(self.prompt_tokens);
        self.prompt_cached_tokens = cached.or(self.prompt_cached_tokens);
        self.generated_tokens = generated.or(self.generated_tokens);
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

/// The choices of a reply of OpenAI's, by their index; all from the last on that is counted are one.
#[derive(Debug, Default)]
pub struct Choices {
    seen: u128,
    finished: u128,
}

impl Choices {
    pub fn saw(&mut self, index: u64, finished: bool) {
        let choice = 1 << index.min(u64::from(u128::BITS) - 1);
        self.seen |= choice;
        self.finished |= if finished { choice } else { 0 };
    }

    /// There were some, and each said why it ended.
    pub fn all_finished(&self) -> bool {
        self.seen != 0 && self.seen == self.finished
    }
}

/// The text of an `error` value of any dialect: a string, or an object with a `message`.
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
    Some(prefix(text, MAX_ERROR).to_owned())
}
