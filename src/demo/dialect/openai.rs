//! OpenAI's completions, of chats and of texts, as Ollama 0.33 writes them.

use serde::Serialize;
use serde_json::{Value, json};

use super::{data, json as to_json};
use crate::demo::answer::{Answer, Chunk, Delta, End};
use crate::demo::request::{Ask, Call};
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

/// What a choice holds differs most between the two endpoints.
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

pub fn whole(ask: &Ask, answer: &Answer) -> String {
    let finish_reason = Some(finish_reason(answer));
    let choice = if is_chat(ask) {
        let (reasoning, tool_calls) = (answer.thinking(), answer.call().map(tool_calls));
        let message = Message {
            role: Some("assistant"),
            content: Some(answer.text()),
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
            text: answer.text(),
            index: 0,
            finish_reason,
        }
    };
    let object = if is_chat(ask) {
        "chat.completion"
    } else {
        "text_completion"
    };
    to_json(&Completion {
        object,
        usage: Some(usage(answer)),
        ..frame(ask, answer, &id(ask), vec![choice])
    })
}

pub fn stream(ask: &Ask, answer: &Answer) -> Vec<Chunk> {
    let id = id(ask);
    let delta = |(i, delta): (usize, &Delta)| {
        let text = data(&frame(ask, answer, &id, vec![choice(ask, delta, i == 0)]));
        Chunk {
            at: answer.after(i + 1),
            text,
        }
    };
    let mut chunks: Vec<Chunk> = answer.deltas.iter().enumerate().map(delta).collect();
    chunks.push(Chunk {
        at: answer.total(),
        text: end(ask, answer, &id),
    });
    chunks
}

/// The last frames, which come in one piece. A crash is a frame that says nothing, and no end mark.
fn end(ask: &Ask, answer: &Answer, id: &str) -> String {
    if answer.end == End::Crash {
        let silence = choice(ask, &Delta::Text(String::new()), false);
        return data(&Completion {
            model: "",
            ..frame(ask, answer, id, vec![silence])
        });
    }
    let finish_reason = Some(finish_reason(answer));
    let last = if is_chat(ask) {
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
    let mut text = data(&frame(ask, answer, id, vec![last]));
    if ask.include_usage {
        text += &data(&Completion {
            usage: Some(usage(answer)),
            ..frame(ask, answer, id, Vec::new())
        });
    }
    text + "data: [DONE]\n\n"
}

fn choice(ask: &Ask, delta: &Delta, is_first: bool) -> Choice {
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
    if is_chat(ask) {
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

/// A frame of a stream. Where counters were asked for, every frame of a text has them, at 0 until the last.
fn frame<'a>(ask: &'a Ask, answer: &Answer, id: &'a str, choices: Vec<Choice>) -> Completion<'a> {
    Completion {
        id,
        object: if is_chat(ask) {
            "chat.completion.chunk"
        } else {
            "text_completion"
        },
        created: answer.created(),
        model: &ask.name,
        system_fingerprint: "fp_ollama",
        choices,
        usage: (ask.include_usage && !is_chat(ask)).then(Usage::default),
    }
}

fn tool_calls(call: &Call) -> [Value; 1] {
    let function = json!({ "name": call.name, "arguments": call.arguments.to_string() });
    [json!({ "id": call.id, "index": 0, "type": "function", "function": function })]
}

fn usage(answer: &Answer) -> Usage {
    Usage {
        prompt_tokens: answer.prompt_tokens,
        completion_tokens: answer.tokens,
        total_tokens: answer.prompt_tokens + answer.tokens,
    }
}

fn finish_reason(answer: &Answer) -> &'static str {
    match answer.end {
        End::Length => "length",
        _ if answer.call().is_some() => "tool_calls",
        _ => "stop",
    }
}

fn is_chat(ask: &Ask) -> bool {
    ask.endpoint == Inference::V1ChatCompletions
}

/// Ollama's own are as short, and no more unique.
fn id(ask: &Ask) -> String {
    format!(
        "{}-{}",
        if is_chat(ask) { "chatcmpl" } else { "cmpl" },
        fastrand::u32(..1000)
    )
}
