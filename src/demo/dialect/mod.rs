//! Writes a generation in each dialect, whole or as the chunks of a stream. Pure; the tests compare the results with recordings.

mod anthropic;
pub mod embeddings;
pub mod native;
mod openai;
mod responses;

use serde::Serialize;

use super::generation::{Generation, TimedChunk};
use super::request::PromptRequest;
use crate::http::route::{Dialect, Inference};

/// Returns the body of a reply that is not streamed.
pub fn whole(request: &PromptRequest, generation: &Generation) -> String {
    match request.endpoint.dialect() {
        Dialect::Native => native::whole(request, generation),
        Dialect::OpenAi => openai::whole(request, generation) + "\n",
        Dialect::Responses => responses::whole(request, generation) + "\n",
        Dialect::Anthropic => anthropic::whole(request, generation) + "\n",
    }
}

/// Returns the chunks of a streamed reply.
pub fn stream(request: &PromptRequest, generation: &Generation) -> Vec<TimedChunk> {
    match request.endpoint.dialect() {
        Dialect::Native => native::stream(request, generation),
        Dialect::OpenAi => openai::stream(request, generation),
        Dialect::Responses => responses::stream(request, generation),
        Dialect::Anthropic => anthropic::stream(request, generation),
    }
}

/// Returns the Content-Type of a reply.
pub fn content_type(endpoint: Inference, is_stream: bool) -> &'static str {
    match (endpoint.dialect(), is_stream) {
        (Dialect::Native, true) => "application/x-ndjson",
        (Dialect::Native, false) => "application/json; charset=utf-8",
        (Dialect::OpenAi | Dialect::Responses | Dialect::Anthropic, true) => "text/event-stream",
        (Dialect::OpenAi | Dialect::Responses | Dialect::Anthropic, false) => "application/json",
    }
}

fn json(object: &impl Serialize) -> String {
    // Cannot fail: keys are strings, and every value can be written.
    serde_json::to_string(object).unwrap_or_default()
}

/// Writes a server-sent event.
fn data(object: &impl Serialize) -> String {
    format!("data: {}\n\n", json(object))
}

/// Writes a named server-sent event.
fn event(name: &str, object: &impl Serialize) -> String {
    format!("event: {name}\n{}", data(object))
}
