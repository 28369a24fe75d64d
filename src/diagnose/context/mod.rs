//! CONTEXT: whether the model saw the whole prompt, and the reply all of the context that it needed.
//!
//! Ollama says so only when it refuses; what it cuts it answers with 200, as if nothing had happened:
//!
//! - The middle of a rendered prompt goes: its first tokens and its last stay, and their number is known beforehand (`View::is_signature`).
//! - Of a chat, the oldest messages go, but not those of the system, nor the last.
//! - Of a text to embed, the end goes.
//! - A reply that reaches the end of the context throws away half of what stood before, or ends there.
//!
//! `Sure` is what Ollama said, logged or counted; `Likely` is what a guess of the tokens, or the very number of tokens, shows.

pub mod conversation;
pub mod learned;
pub mod likely;
pub mod lines;
pub mod reply;
pub mod said;
pub mod sentence;
pub mod sure;
pub mod view;

use super::bounded::Bounded;
use super::finding::{Certainty, Finding};
use super::seen::Seen;
use crate::http::route::Inference;
use conversation::Turns;
use learned::Learned;
use said::Said;
use view::View;

/// Models of which something is remembered.
pub const MODELS_MAX: usize = 256;

/// What the requests before this one have taught.
pub struct Memory {
    models: Bounded<String, Learned>,
    turns: Turns,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory {
            models: Bounded::new(MODELS_MAX),
            turns: Turns::default(),
        }
    }
}

/// How a prompt was cut, by the first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutCause {
    Refused,
    Middle,
    Messages,
    End,
    Reply,
}

impl CutCause {
    pub const ALL: [CutCause; 5] = [
        CutCause::Refused,
        CutCause::Middle,
        CutCause::Messages,
        CutCause::End,
        CutCause::Reply,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            CutCause::Refused => "refused",
            CutCause::Middle => "middle",
            CutCause::Messages => "messages",
            CutCause::End => "end",
            CutCause::Reply => "reply",
        }
    }
}

/// A prompt that the model did not see whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    pub cause: CutCause,
    pub certainty: Certainty,
    /// What shows it: field `evidence`.
    pub evidence: &'static str,
    pub whole: Whole,
}

/// The tokens of the whole prompt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Whole {
    Unknown,
    About(u64),
    AtLeast(u64),
    Exactly(u64),
}

/// What happened to the prompt and to the reply of one exchange: at most one finding each. `said` are the lines of Ollama's log
/// that are about it.
pub fn findings(seen: &Seen, said: &[Said], memory: &mut Memory) -> Vec<Finding> {
    if !is_of_text(seen.endpoint) {
        return Vec::new();
    }
    let view = View::new(seen, said);
    let bound = memory.turns.bound(&view);
    let learned = memory.models.entry(seen.model.clone());
    let tokens = learned.tokens(&view);
    let cut = sure::cut(&view, bound.as_ref())
        .or_else(|| likely::cut(&view, bound.as_ref(), tokens.as_ref()));
    if cut.is_none() {
        learned.learn(&view);
    }
    memory.turns.note(&view, bound.as_ref());
    let reply = reply::cut(&view);
    let prompt = cut.map(|cut| sentence::of_prompt(&view, &cut));
    prompt
        .into_iter()
        .chain(reply.map(|reply| sentence::of_reply(&view, &reply)))
        .collect()
}

/// Whether a request of that kind brings texts before a language model.
fn is_of_text(endpoint: Inference) -> bool {
    match endpoint {
        Inference::Generate | Inference::Chat | Inference::Embed | Inference::Embeddings => true,
        Inference::V1ChatCompletions | Inference::V1Completions | Inference::V1Embeddings => true,
        Inference::V1Responses | Inference::V1Messages => true,
        Inference::V1Systemone | Inference::V1Transcriptions => false,
        Inference::V1ImageGenerations | Inference::V1ImageEdits => false,
    }
}
