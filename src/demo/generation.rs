//! Plans a reply before its first byte is sent: every token, its time, and how the reply ends.
//!
//! The plan is a pure function of the request and a random number generator, so that a seed gives the same demo again.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use fastrand::Rng;

use super::loaded_models::ModelTurn;
use super::prompt::SeenPrompt;
use super::request::{PlannedCall, PromptRequest};
use super::texts;

/// One request in this many meets a model that crashes.
const REQUESTS_PER_CRASH: u32 = 25;

/// The factor by which reading prompt tokens is faster than generating tokens.
const PROMPT_SPEED_FACTOR: f64 = 25.0;

/// A reply as it will be generated.
pub struct Generation {
    pub deltas: Vec<Delta>,
    pub finish_reason: FinishReason,
    /// Tokens of the prompt that the model saw, and those of all that was sent.
    pub prompt_tokens: u64,
    pub whole_prompt_tokens: u64,
    /// Of those that it saw, the ones that it had read before.
    pub cached_tokens: u64,
    /// Tokens generated, including the one that ends the text.
    pub tokens: u64,
    pub started_at: SystemTime,
    pub load: Duration,
    /// Behind other requests, once the model is loaded.
    pub queue: Duration,
    pub prompt_eval: Duration,
    pub per_token: Duration,
}

/// One token, or one call, of a reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    Thinking(String),
    Text(String),
    Call(PlannedCall),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    Stop,
    /// At the limit that the request set.
    Length,
    /// The model's process died after the last of the deltas.
    Crash,
}

/// A piece of a streamed reply.
#[derive(Debug)]
pub struct TimedChunk {
    /// From the request's arrival until it is sent.
    pub delay: Duration,
    pub text: String,
}

/// The conditions that a request meets.
pub struct Conditions<'a> {
    pub started_at: SystemTime,
    pub turn: ModelTurn,
    pub prompt: &'a SeenPrompt,
    /// The factor by which everything is faster than a real model.
    pub speed_up: f64,
    pub may_crash: bool,
}

impl Generation {
    /// Decides everything about the reply to a request.
    pub fn plan(request: &PromptRequest, conditions: &Conditions, rng: &mut Rng) -> Generation {
        let mut deltas = deltas(request, rng);
        let crashes = conditions.may_crash && rng.u32(..REQUESTS_PER_CRASH) == 0;
        let (length, finish_reason) = match request.limit {
            _ if crashes => (rng.usize(..deltas.len()), FinishReason::Crash),
            Some(limit) if limit < deltas.len() => (limit, FinishReason::Length),
            _ => (deltas.len(), FinishReason::Stop),
        };
        deltas.truncate(length);
        let (turn, prompt) = (conditions.turn, conditions.prompt);
        let variation = random_between(rng, 0.85, 1.15);
        let speed = conditions.speed_up * turn.speed * variation;
        let seconds_per_token = 1.0 / (request.model.tokens_per_second * speed);
        let cached_tokens = turn.cached_tokens.min(prompt.tokens - 1);
        let read_tokens = prompt.tokens - cached_tokens;
        Generation {
            tokens: deltas.len() as u64 + u64::from(finish_reason == FinishReason::Stop),
            deltas,
            finish_reason,
            prompt_tokens: prompt.tokens,
            whole_prompt_tokens: prompt.whole_tokens,
            cached_tokens,
            started_at: conditions.started_at,
            load: turn.load,
            queue: turn.queue,
            prompt_eval: Duration::from_secs_f64(
                read_tokens as f64 * seconds_per_token / PROMPT_SPEED_FACTOR,
            ),
            per_token: Duration::from_secs_f64(seconds_per_token),
        }
    }

    /// Returns how long the tokens take to generate.
    pub fn eval(&self) -> Duration {
        self.per_token * self.tokens as u32
    }

    /// Returns how long the model works for it.
    pub fn work(&self) -> Duration {
        self.prompt_eval + self.eval()
    }

    /// Returns the time from the request's arrival to the end of the reply.
    pub fn total(&self) -> Duration {
        self.after(self.tokens as usize)
    }

    /// Returns the time from the request's arrival until that many tokens are generated.
    pub fn after(&self, tokens: usize) -> Duration {
        self.load + self.queue + self.prompt_eval + self.per_token * tokens as u32
    }

    /// Returns the time of that token, as Ollama formats it.
    pub fn created_at(&self, tokens: usize) -> String {
        rfc3339(self.started_at + self.after(tokens))
    }

    /// Returns the start of the reply in Unix seconds.
    pub fn created(&self) -> u64 {
        unix(self.started_at)
    }

    /// Returns a chunk for each delta, written by `write` with the number of tokens so far, and one for the end.
    pub fn chunks(&self, write: impl Fn(&Delta, usize) -> String, end: String) -> Vec<TimedChunk> {
        let mut chunks = Vec::with_capacity(self.deltas.len() + 1);
        for (delta, tokens) in self.deltas.iter().zip(1..) {
            chunks.push(TimedChunk {
                delay: self.after(tokens),
                text: write(delta, tokens),
            });
        }
        chunks.push(TimedChunk {
            delay: self.total(),
            text: end,
        });
        chunks
    }

    pub fn text(&self) -> String {
        let texts = self.deltas.iter().map(|delta| {
            if let Delta::Text(text) = delta {
                text
            } else {
                ""
            }
        });
        texts.collect()
    }

    pub fn thinking(&self) -> Option<String> {
        let texts = self.deltas.iter().map(|delta| {
            if let Delta::Thinking(text) = delta {
                text
            } else {
                ""
            }
        });
        Some(texts.collect()).filter(|text: &String| !text.is_empty())
    }

    pub fn call(&self) -> Option<&PlannedCall> {
        self.deltas.iter().find_map(|delta| {
            if let Delta::Call(call) = delta {
                Some(call)
            } else {
                None
            }
        })
    }
}

/// Returns all that a model would generate if nothing went wrong.
fn deltas(request: &PromptRequest, rng: &mut Rng) -> Vec<Delta> {
    if let Some(call) = &request.call {
        let mut deltas = text_deltas(texts::DEMO_MARK);
        deltas.push(Delta::Call(call.clone()));
        return deltas;
    }
    let sentence = if request.has_image {
        texts::IMAGE_SENTENCE
    } else {
        texts::sentence(&request.prompt)
    };
    let mut deltas = Vec::new();
    if request.thinking {
        deltas.extend(
            texts::tokens(&texts::thinking_text())
                .into_iter()
                .map(Delta::Thinking),
        );
    }
    deltas.extend(text_deltas(&texts::text(sentence, rng.usize(..=4))));
    deltas
}

fn text_deltas(text: &str) -> Vec<Delta> {
    texts::tokens(text).into_iter().map(Delta::Text).collect()
}

/// Formats a time as Ollama does.
pub fn rfc3339(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// Returns a time in Unix seconds.
pub fn unix(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

fn random_between(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + rng.f64() * (high - low)
}
