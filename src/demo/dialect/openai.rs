//! OpenAI's chat and text completions, as Ollama 0.33 writes them.

use serde::Serialize;
use serde_json::{Value, json};

use super::{data, json as to_json};
use crate::demo::generation::{Delta, FinishReason, Generation, TimedChunk};
use crate::demo::request::{PlannedCall, PromptRequest};
use crate::http::route::Inference;

/// One frame of a stream, or a whole reply.
#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    system_fingerprint: &'static str,
    choices: Vec<Choice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

/// A choice; its fields differ between the two endpoints.
#[derive(Serialize)]
#[serde(untagged)]
enum Choice {
    Text {
        text: String,
        index: u32,
        finish_reason: Option<&'static str>,
    },
    Message {
        index: u32,
        message: Message,
        finish_reason: Option<&'static str>,
    },
    Delta {
        index: u32,
        delta: Message,
        finish_reason: Option<&'static str>,
    },
}

#[derive(Default, Serialize)]
struct Message {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Value; 1]>,
}

#[derive(Default, Serialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

pub fn whole(request: &PromptRequest, generation: &Generation) -> String {
    let finish_reason = Some(finish_reason(generation));
    let choice = if is_chat(request) {
        let (reasoning, tool_calls) = (generation.thinking(), generation.call().map(tool_calls));
        let message = Message {
            role: Some("assistant"),
            content: Some(generation.text()),
            reasoning,
            tool_calls,
        };
        Choice::Message {
            index: 0,
            message,
            finish_reason,
        }
    } else {
        Choice::Text {
            text: generation.text(),
            index: 0,
            finish_reason,
        }
    };
    let object = if is_chat(request) {
        "chat.completion"
    } else {
        "text_completion"
    };
    to_json(&Completion {
        object,
        usage: Some(usage(generation)),
        ..frame(request, generation, &id(request), vec![choice])
    })
}

pub fn stream(request: &PromptRequest, generation: &Generation) -> Vec<TimedChunk> {
    let id = id(request);
    let write = |delta: &Delta, tokens| {
        let choice = choice(request, delta, tokens == 1);
        data(&frame(request, generation, &id, vec![choice]))
    };
    generation.chunks(write, end(request, generation, &id))
}

/// Returns the last frames, which are sent together. After a crash that is an empty frame, without an end marker.
fn end(request: &PromptRequest, generation: &Generation, id: &str) -> String {
    if generation.finish_reason == FinishReason::Crash {
        let empty = choice(request, &Delta::Text(String::new()), false);
        return data(&Completion {
            model: "",
            ..frame(request, generation, id, vec![empty])
        });
    }
    let finish_reason = Some(finish_reason(generation));
    let last = if is_chat(request) {
        Choice::Delta {
            index: 0,
            delta: Message::default(),
            finish_reason,
        }
    } else {
        Choice::Text {
            text: String::new(),
            index: 0,
            finish_reason,
        }
    };
    let mut text = data(&frame(request, generation, id, vec![last]));
    if request.include_usage {
        text += &data(&Completion {
            usage: Some(usage(generation)),
            ..frame(request, generation, id, Vec::new())
        });
    }
    text + "data: [DONE]\n\n"
}

fn choice(request: &PromptRequest, delta: &Delta, is_first: bool) -> Choice {
    let mut message = Message {
        role: is_first.then_some("assistant"),
        content: Some(String::new()),
        ..Message::default()
    };
    match delta {
        Delta::Text(text) => message.content = Some(text.clone()),
        Delta::Thinking(text) => message.reasoning = Some(text.clone()),
        Delta::Call(call) => message.tool_calls = Some(tool_calls(call)),
    }
    if is_chat(request) {
        Choice::Delta {
            index: 0,
            delta: message,
            finish_reason: None,
        }
    } else {
        Choice::Text {
            text: message.content.unwrap_or_default(),
            index: 0,
            finish_reason: None,
        }
    }
}

/// Returns a frame of a stream. Where usage is requested, every frame of a text completion has it, at 0 until the last.
fn frame<'a>(
    request: &'a PromptRequest,
    generation: &Generation,
    id: &'a str,
    choices: Vec<Choice>,
) -> Completion<'a> {
    Completion {
        id,
        object: if is_chat(request) {
            "chat.completion.chunk"
        } else {
            "text_completion"
        },
        created: generation.created(),
        model: &request.name,
        system_fingerprint: "fp_ollama",
        choices,
        usage: (request.include_usage && !is_chat(request)).then(Usage::default),
    }
}

fn tool_calls(call: &PlannedCall) -> [Value; 1] {
    let function = json!({ "name": call.name, "arguments": call.arguments.to_string() });
    [json!({ "id": call.id, "index": 0, "type": "function", "function": function })]
}

fn usage(generation: &Generation) -> Usage {
    Usage {
        prompt_tokens: generation.prompt_tokens,
        completion_tokens: generation.tokens,
        total_tokens: generation.prompt_tokens + generation.tokens,
    }
}

fn finish_reason(generation: &Generation) -> &'static str {
    match generation.finish_reason {
        FinishReason::Length => "length",
        FinishReason::Stop | FinishReason::Crash if generation.call().is_some() => "tool_calls",
        FinishReason::Stop | FinishReason::Crash => "stop",
    }
}

fn is_chat(request: &PromptRequest) -> bool {
    request.endpoint == Inference::V1ChatCompletions
}

/// Returns an id as short as Ollama's.
fn id(request: &PromptRequest) -> String {
    format!(
        "{}-{}",
        if is_chat(request) { "chatcmpl" } else { "cmpl" },
        fastrand::u32(..1000)
    )
}
