//! What a model of ours answers, planned whole before the first byte goes out: every token, when it comes, and how it ends.
//!
//! The plan is a pure function of the request and a generator of numbers, so that a seed gives the same demo again.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use fastrand::Rng;

use super::request::{Ask, Call};
use super::words;

/// One request in this many meets a model that crashes.
const CRASH_EVERY: u32 = 25;

/// Tokens that the model's template puts around a prompt.
const TEMPLATE: u64 = 10;

/// Characters of a prompt that make one token.
const CHARACTERS: usize = 4;

/// Prompt tokens that are read in the time that one is generated in.
const READING: f64 = 25.0;

pub struct Answer {
    pub deltas: Vec<Delta>,
    pub end: End,
    pub prompt_tokens: u64,
    /// Tokens generated, the one that ends the text among them.
    pub tokens: u64,
    pub began: SystemTime,
    pub load: Duration,
    pub prompt_eval: Duration,
    pub per_token: Duration,
}

/// What one token, or one call, adds to a reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    Thinking(String),
    Text(String),
    Call(Call),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Stop,
    /// At the limit that the request set.
    Length,
    /// The model's process died after the last of the deltas.
    Crash,
}

/// A piece of a streamed reply, and when it is sent, counted from the request's arrival.
#[derive(Debug)]
pub struct Chunk {
    pub at: Duration,
    pub text: String,
}

/// What is known of a request's circumstances.
pub struct Circumstances {
    pub began: SystemTime,
    /// Until the model is loaded.
    pub load: Duration,
    /// How many times faster than a real model everything goes.
    pub haste: f64,
    pub may_crash: bool,
}

impl Answer {
    pub fn plan(ask: &Ask, circumstances: &Circumstances, rng: &mut Rng) -> Answer {
        let mut deltas = deltas(ask, rng);
        let crashes = circumstances.may_crash && rng.u32(..CRASH_EVERY) == 0;
        let (kept, end) = match ask.limit {
            _ if crashes => (rng.usize(..deltas.len()), End::Crash),
            Some(limit) if limit < deltas.len() => (limit, End::Length),
            _ => (deltas.len(), End::Stop),
        };
        deltas.truncate(kept);
        let prompt_tokens = prompt_tokens(&ask.prompt) + TEMPLATE;
        let pace =
            1.0 / (ask.model.tokens_per_second * circumstances.haste * between(rng, 0.85, 1.15));
        Answer {
            tokens: deltas.len() as u64 + u64::from(end == End::Stop),
            deltas,
            end,
            prompt_tokens,
            began: circumstances.began,
            load: circumstances.load,
            prompt_eval: Duration::from_secs_f64(prompt_tokens as f64 * pace / READING),
            per_token: Duration::from_secs_f64(pace),
        }
    }

    pub fn eval(&self) -> Duration {
        self.per_token * self.tokens as u32
    }

    /// From the request's arrival to the end of the reply.
    pub fn total(&self) -> Duration {
        self.after(self.tokens as usize)
    }

    /// From the request's arrival until the first so many tokens were generated.
    pub fn after(&self, tokens: usize) -> Duration {
        self.load + self.prompt_eval + self.per_token * tokens as u32
    }

    /// That time of day, as Ollama writes it.
    pub fn created_at(&self, tokens: usize) -> String {
        rfc3339(self.began + self.after(tokens))
    }

    /// Unix seconds of the reply's beginning.
    pub fn created(&self) -> u64 {
        unix(self.began)
    }

    pub fn text(&self) -> String {
        let text = |delta: &Delta| {
            if let Delta::Text(text) = delta {
                Some(text.clone())
            } else {
                None
            }
        };
        self.deltas.iter().filter_map(text).collect()
    }

    pub fn thinking(&self) -> Option<String> {
        let thinking = |delta: &Delta| {
            if let Delta::Thinking(text) = delta {
                Some(text.clone())
            } else {
                None
            }
        };
        Some(self.deltas.iter().filter_map(thinking).collect())
            .filter(|text: &String| !text.is_empty())
    }

    pub fn call(&self) -> Option<&Call> {
        self.deltas.iter().find_map(|delta| {
            if let Delta::Call(call) = delta {
                Some(call)
            } else {
                None
            }
        })
    }
}

/// All that would be said if nothing went wrong.
fn deltas(ask: &Ask, rng: &mut Rng) -> Vec<Delta> {
    let text = |text: String| words::tokens(&text).into_iter().map(Delta::Text);
    if let Some(call) = &ask.call {
        return text(words::MARK.to_owned())
            .chain([Delta::Call(call.clone())])
            .collect();
    }
    let sentence = if ask.has_picture {
        words::PICTURE
    } else {
        words::sentence(&ask.prompt)
    };
    let thought = if ask.thinks {
        words::tokens(&words::thought())
    } else {
        Vec::new()
    };
    thought
        .into_iter()
        .map(Delta::Thinking)
        .chain(text(words::text(sentence, rng.usize(..=4))))
        .collect()
}

/// The tokens that a text counts as.
pub fn prompt_tokens(text: &str) -> u64 {
    text.chars().count().div_ceil(CHARACTERS) as u64
}

/// A time, as Ollama writes it.
pub fn rfc3339(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Nanos, true)
}

pub fn unix(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

fn between(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + rng.f64() * (high - low)
}
