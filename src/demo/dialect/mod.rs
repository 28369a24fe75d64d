//! How an answer is written in each dialect: whole, or as the chunks of a stream. Pure; `tests/` compares them with recordings.

mod anthropic;
pub mod embeddings;
pub mod native;
mod openai;
mod responses;

use serde::Serialize;

use super::answer::{Answer, Chunk};
use super::request::Ask;
use crate::http::route::{Dialect, Inference};

/// The body of a reply that is not streamed.
pub fn whole(ask: &Ask, answer: &Answer) -> String {
    match ask.endpoint.dialect() {
        Dialect::Native => native::whole(ask, answer),
        Dialect::OpenAi => openai::whole(ask, answer) + "\n",
        Dialect::Responses => responses::whole(ask, answer) + "\n",
        Dialect::Anthropic => anthropic::whole(ask, answer) + "\n",
    }
}

/// A streamed reply.
pub fn stream(ask: &Ask, answer: &Answer) -> Vec<Chunk> {
    match ask.endpoint.dialect() {
        Dialect::Native => native::stream(ask, answer),
        Dialect::OpenAi => openai::stream(ask, answer),
        Dialect::Responses => responses::stream(ask, answer),
        Dialect::Anthropic => anthropic::stream(ask, answer),
    }
}

/// Content-Type of a reply, with what stands beside it.
pub fn content_type(endpoint: Inference, is_stream: bool) -> &'static str {
    match (endpoint.dialect(), is_stream) {
        (Dialect::Native, true) => "application/x-ndjson",
        (Dialect::Native, false) => "application/json; charset=utf-8",
        (_, true) => "text/event-stream",
        (_, false) => "application/json",
    }
}

fn json(object: &impl Serialize) -> String {
    // Keys are strings and no value of ours can fail to be written.
    serde_json::to_string(object).unwrap_or_default()
}

/// A frame of server-sent events.
fn data(object: &impl Serialize) -> String {
    format!("data: {}\n\n", json(object))
}

/// A frame with a name.
fn event(name: &str, object: &impl Serialize) -> String {
    format!("event: {name}\n{}", data(object))
}
