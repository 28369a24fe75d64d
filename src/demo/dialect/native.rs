//! Ollama's own API: objects, one a line where they are streamed.

use std::time::Duration;

use serde::Serialize;

use super::json;
use crate::demo::answer::{Answer, Chunk, Delta, End};
use crate::demo::refusal::Refusal;
use crate::demo::request::{Ask, Call};
use crate::http::route::{Dialect, Inference};

/// One object of a reply; the order of fields is Ollama's.
#[derive(Serialize)]
struct Line<'a> {
    model: &'a str,
    created_at: String,
    #[serde(flatten)]
    said: Said<'a>,
    done: bool,
    #[serde(flatten)]
    last: Option<Last>,
}

/// What a line says, on each of the two endpoints.
#[derive(Serialize)]
#[serde(untagged)]
enum Said<'a> {
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

/// What only the last object has.
#[derive(Serialize)]
struct Last {
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
    prompt_eval_duration: u64,
    eval_count: u64,
    eval_duration: u64,
}

pub fn whole(ask: &Ask, answer: &Answer) -> String {
    let (text, thinking) = (answer.text(), answer.thinking());
    let said = said(ask.endpoint, &text, thinking.as_deref(), answer.call());
    json(&Line {
        said,
        last: Some(last(ask, answer)),
        done: true,
        ..line(ask, answer, answer.tokens as usize)
    })
}

pub fn stream(ask: &Ask, answer: &Answer) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = answer
        .deltas
        .iter()
        .enumerate()
        .map(|(i, delta)| delta_line(ask, answer, delta, i + 1))
        .collect();
    let text = match answer.end {
        End::Crash => Refusal::crash().body(Dialect::Native) + "\n",
        End::Stop | End::Length => {
            let line = line(ask, answer, answer.tokens as usize);
            json(&Line {
                done: true,
                last: Some(last(ask, answer)),
                ..line
            }) + "\n"
        }
    };
    chunks.push(Chunk {
        at: answer.total(),
        text,
    });
    chunks
}

/// The reply to a request that only loads or unloads its model.
pub fn load_only(ask: &Ask, reason: &'static str, created_at: String) -> String {
    let last = Last {
        done_reason: reason,
        context: None,
        counters: None,
    };
    json(&Line {
        model: &ask.name,
        created_at,
        said: said(ask.endpoint, "", None, None),
        done: true,
        last: Some(last),
    })
}

fn delta_line(ask: &Ask, answer: &Answer, delta: &Delta, tokens: usize) -> Chunk {
    let said = match delta {
        Delta::Thinking(thinking) => said(ask.endpoint, "", Some(thinking), None),
        Delta::Text(text) => said(ask.endpoint, text, None, None),
        Delta::Call(call) => said(ask.endpoint, "", None, Some(call)),
    };
    Chunk {
        at: answer.after(tokens),
        text: json(&Line {
            said,
            ..line(ask, answer, tokens)
        }) + "\n",
    }
}

/// A line that says nothing.
fn line<'a>(ask: &'a Ask, answer: &Answer, tokens: usize) -> Line<'a> {
    Line {
        model: &ask.name,
        created_at: answer.created_at(tokens),
        said: said(ask.endpoint, "", None, None),
        done: false,
        last: None,
    }
}

fn said<'a>(
    endpoint: Inference,
    text: &'a str,
    thinking: Option<&'a str>,
    call: Option<&'a Call>,
) -> Said<'a> {
    if endpoint == Inference::Generate {
        return Said::Generate {
            response: text,
            thinking,
        };
    }
    let tool_call = |call: &'a Call| {
        [ToolCall {
            id: &call.id,
            function: Function {
                index: 0,
                name: &call.name,
                arguments: &call.arguments,
            },
        }]
    };
    Said::Chat {
        message: Message {
            role: "assistant",
            content: text,
            thinking,
            tool_calls: call.map(tool_call),
        },
    }
}

fn last(ask: &Ask, answer: &Answer) -> Last {
    let context = (1..=answer.prompt_tokens + answer.tokens).collect();
    let counters = Counters {
        total_duration: nanoseconds(answer.total()),
        load_duration: nanoseconds(answer.load),
        prompt_eval_count: answer.prompt_tokens,
        prompt_eval_duration: nanoseconds(answer.prompt_eval),
        eval_count: answer.tokens,
        eval_duration: nanoseconds(answer.eval()),
    };
    Last {
        done_reason: if answer.end == End::Length {
            "length"
        } else {
            "stop"
        },
        context: Some(context).filter(|_| ask.endpoint == Inference::Generate),
        counters: Some(counters),
    }
}

/// The reply of /api/embed.
#[derive(Serialize)]
struct Embedded<'a> {
    model: &'a str,
    embeddings: Vec<Vec<f32>>,
    total_duration: u64,
    load_duration: u64,
    prompt_eval_count: u64,
}

pub fn embed(
    ask: &Ask,
    vectors: Vec<Vec<f32>>,
    prompt_tokens: u64,
    total: Duration,
    load: Duration,
) -> String {
    json(&Embedded {
        model: &ask.name,
        embeddings: vectors,
        total_duration: nanoseconds(total),
        load_duration: nanoseconds(load),
        prompt_eval_count: prompt_tokens,
    })
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
