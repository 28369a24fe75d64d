//! Anthropic's messages: content blocks, opened, filled and closed one after another.

use std::time::Duration;

use serde_json::{Value, json};

use super::{event, json as to_json};
use crate::demo::generation::{Delta, FinishReason, Generation, TimedChunk};
use crate::demo::prompt::tokens;
use crate::demo::request::{PlannedCall, PromptRequest};

pub fn whole(request: &PromptRequest, generation: &Generation) -> String {
    let thinking = generation
        .thinking()
        .map(|thinking| json!({ "type": "thinking", "thinking": thinking }));
    let text = Some(generation.text())
        .filter(|text| !text.is_empty())
        .map(|text| json!({ "type": "text", "text": text }));
    let call = generation
        .call()
        .map(|call| tool_use(call, &call.arguments));
    let mut message = message(
        request,
        [thinking, text, call].into_iter().flatten().collect(),
    );
    message["stop_reason"] = json!(stop_reason(generation));
    message["usage"] = usage(generation.prompt_tokens, generation.tokens);
    to_json(&message)
}

pub fn stream(request: &PromptRequest, generation: &Generation) -> Vec<TimedChunk> {
    let mut events = Events {
        chunks: Vec::new(),
        delay: generation.after(1),
        open: None,
        index: 0,
    };
    let mut start = message(request, Vec::new());
    // Ollama estimates here, and reports the exact number at the end.
    start["usage"] = usage(tokens(&request.prompt), 0);
    events.put("message_start", json!({ "message": start }));
    for (i, delta) in generation.deltas.iter().enumerate() {
        events.delay = generation.after(i + 1);
        events.delta(delta);
    }
    // Ollama ends the stream without a word when its model crashes.
    if generation.finish_reason != FinishReason::Crash {
        events.delay = generation.total();
        events.close();
        let delta = json!({ "stop_reason": stop_reason(generation) });
        events.put(
            "message_delta",
            json!({ "delta": delta, "usage": usage(generation.prompt_tokens, generation.tokens) }),
        );
        events.put("message_stop", json!({}));
    }
    events.chunks
}

/// The events of a stream so far.
struct Events {
    chunks: Vec<TimedChunk>,
    delay: Duration,
    /// The type of the open block.
    open: Option<&'static str>,
    index: u32,
}

impl Events {
    /// Writes a delta into a block of its type.
    fn delta(&mut self, delta: &Delta) {
        let (kind, block, delta) = match delta {
            Delta::Thinking(text) => (
                "thinking",
                json!({ "type": "thinking", "thinking": "" }),
                json!({ "type": "thinking_delta", "thinking": text }),
            ),
            Delta::Text(text) => (
                "text",
                json!({ "type": "text", "text": "" }),
                json!({ "type": "text_delta", "text": text }),
            ),
            Delta::Call(call) => {
                let piece = json!({ "type": "input_json_delta", "partial_json": call.arguments.to_string() });
                ("tool_use", tool_use(call, &json!({})), piece)
            }
        };
        if self.open != Some(kind) {
            self.close();
            self.put(
                "content_block_start",
                json!({ "index": self.index, "content_block": block }),
            );
            self.open = Some(kind);
        }
        self.put(
            "content_block_delta",
            json!({ "index": self.index, "delta": delta }),
        );
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.put("content_block_stop", json!({ "index": self.index }));
            self.index += 1;
        }
    }

    fn put(&mut self, name: &str, mut object: Value) {
        object["type"] = json!(name);
        self.chunks.push(TimedChunk {
            delay: self.delay,
            text: event(name, &object),
        });
    }
}

fn message(request: &PromptRequest, content: Vec<Value>) -> Value {
    let id = format!("msg_{:024x}", fastrand::u128(..) >> 32);
    json!({ "id": id, "type": "message", "role": "assistant", "model": request.name, "content": content })
}

fn tool_use(call: &PlannedCall, input: &Value) -> Value {
    json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input })
}

fn usage(input_tokens: u64, output_tokens: u64) -> Value {
    json!({ "input_tokens": input_tokens, "output_tokens": output_tokens })
}

fn stop_reason(generation: &Generation) -> &'static str {
    match generation.finish_reason {
        FinishReason::Length => "max_tokens",
        FinishReason::Stop | FinishReason::Crash if generation.call().is_some() => "tool_use",
        FinishReason::Stop | FinishReason::Crash => "end_turn",
    }
}
