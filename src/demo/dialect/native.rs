//! Ollama's own API: JSON objects, one per line in a stream.

use std::time::Duration;

use serde::Serialize;

use super::json;
use crate::demo::error_reply::ErrorReply;
use crate::demo::generation::{Delta, FinishReason, Generation, TimedChunk};
use crate::demo::request::{PlannedCall, PromptRequest};
use crate::http::route::{Dialect, Inference};

/// One object of a reply; the order of fields is Ollama's.
#[derive(Serialize)]
struct ReplyObject<'a> {
    model: &'a str,
    created_at: String,
    #[serde(flatten)]
    content: Content<'a>,
    done: bool,
    #[serde(flatten)]
    final_fields: Option<FinalFields>,
}

/// The text of an object, on each of the two endpoints.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Generate {
        response: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        thinking: Option<&'a str>,
    },
    Chat {
        message: Message<'a>,
    },
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall<'a>; 1]>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: &'a str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    index: u32,
    name: &'a str,
    arguments: &'a serde_json::Value,
}

/// The fields of the last object alone.
#[derive(Serialize)]
struct FinalFields {
    done_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Vec<u64>>,
    #[serde(flatten)]
    counters: Option<Counters>,
}

/// Durations in nanoseconds.
#[derive(Serialize)]
struct Counters {
    total_duration: u64,
    load_duration: u64,
    prompt_eval_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    prompt_eval_cached_count: u64,
    prompt_eval_duration: u64,
    eval_count: u64,
    eval_duration: u64,
}

pub fn whole(request: &PromptRequest, generation: &Generation) -> String {
    let (text, thinking) = (generation.text(), generation.thinking());
    let content = content(
        request.endpoint,
        &text,
        thinking.as_deref(),
        generation.call(),
    );
    json(&ReplyObject {
        content,
        final_fields: Some(final_fields(request, generation)),
        done: true,
        ..object(request, generation, generation.tokens as usize)
    })
}

pub fn stream(request: &PromptRequest, generation: &Generation) -> Vec<TimedChunk> {
    let end = match generation.finish_reason {
        FinishReason::Crash => ErrorReply::crash().body(Dialect::Native),
        FinishReason::Stop | FinishReason::Length => json(&ReplyObject {
            done: true,
            final_fields: Some(final_fields(request, generation)),
            ..object(request, generation, generation.tokens as usize)
        }),
    };
    let write = |delta: &Delta, tokens| delta_object(request, generation, delta, tokens) + "\n";
    generation.chunks(write, end + "\n")
}

/// Returns the reply to a request that only loads or unloads its model.
pub fn load_reply(request: &PromptRequest, reason: &'static str, created_at: String) -> String {
    let final_fields = FinalFields {
        done_reason: reason,
        context: None,
        counters: None,
    };
    json(&ReplyObject {
        model: &request.name,
        created_at,
        content: content(request.endpoint, "", None, None),
        done: true,
        final_fields: Some(final_fields),
    })
}

fn delta_object(
    request: &PromptRequest,
    generation: &Generation,
    delta: &Delta,
    tokens: usize,
) -> String {
    let content = match delta {
        Delta::Thinking(thinking) => content(request.endpoint, "", Some(thinking), None),
        Delta::Text(text) => content(request.endpoint, text, None, None),
        Delta::Call(call) => content(request.endpoint, "", None, Some(call)),
    };
    json(&ReplyObject {
        content,
        ..object(request, generation, tokens)
    })
}

/// Returns an object without text.
fn object<'a>(
    request: &'a PromptRequest,
    generation: &Generation,
    tokens: usize,
) -> ReplyObject<'a> {
    ReplyObject {
        model: &request.name,
        created_at: generation.created_at(tokens),
        content: content(request.endpoint, "", None, None),
        done: false,
        final_fields: None,
    }
}

fn content<'a>(
    endpoint: Inference,
    text: &'a str,
    thinking: Option<&'a str>,
    call: Option<&'a PlannedCall>,
) -> Content<'a> {
    if endpoint == Inference::Generate {
        return Content::Generate {
            response: text,
            thinking,
        };
    }
    let tool_call = |call: &'a PlannedCall| {
        [ToolCall {
            id: &call.id,
            function: Function {
                index: 0,
                name: &call.name,
                arguments: &call.arguments,
            },
        }]
    };
    Content::Chat {
        message: Message {
            role: "assistant",
            content: text,
            thinking,
            tool_calls: call.map(tool_call),
        },
    }
}

fn final_fields(request: &PromptRequest, generation: &Generation) -> FinalFields {
    // All of the prompt is in it, also what the model has not seen.
    let context = (1..=generation.whole_prompt_tokens + generation.tokens).collect();
    let counters = Counters {
        total_duration: nanoseconds(generation.total()),
        load_duration: nanoseconds(generation.load),
        prompt_eval_count: generation.prompt_tokens,
        prompt_eval_cached_count: generation.cached_tokens,
        prompt_eval_duration: nanoseconds(generation.prompt_eval),
        eval_count: generation.tokens,
        eval_duration: nanoseconds(generation.eval()),
    };
    FinalFields {
        done_reason: if generation.finish_reason == FinishReason::Length {
            "length"
        } else {
            "stop"
        },
        context: Some(context).filter(|_| request.endpoint == Inference::Generate),
        counters: Some(counters),
    }
}

/// The reply of /api/embed.
#[derive(Serialize)]
struct EmbedReply<'a> {
    model: &'a str,
    embeddings: Vec<Vec<f32>>,
    total_duration: u64,
    load_duration: u64,
    prompt_eval_count: u64,
}

pub fn embed(
    request: &PromptRequest,
    vectors: Vec<Vec<f32>>,
    prompt_tokens: u64,
    total: Duration,
    load: Duration,
) -> String {
    json(&EmbedReply {
        model: &request.name,
        embeddings: vectors,
        total_duration: nanoseconds(total),
        load_duration: nanoseconds(load),
        prompt_eval_count: prompt_tokens,
    })
}

/// Ollama leaves out such a count.
fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
