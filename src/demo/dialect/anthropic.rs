//! Anthropic's messages: blocks of one kind each, opened, filled and closed one after another.

use serde_json::{Value, json};

use super::{event, json as to_json};
use crate::demo::answer::{Answer, Chunk, Delta, End, prompt_tokens};
use crate::demo::request::{Ask, Call};

pub fn whole(ask: &Ask, answer: &Answer) -> String {
    let thinking = answer
        .thinking()
        .map(|thinking| json!({ "type": "thinking", "thinking": thinking }));
    let text = Some(answer.text())
        .filter(|text| !text.is_empty())
        .map(|text| json!({ "type": "text", "text": text }));
    let call = answer.call().map(|call| tool_use(call, &call.arguments));
    let mut message = message(ask, [thinking, text, call].into_iter().flatten().collect());
    message["stop_reason"] = json!(stop_reason(answer));
    message["usage"] = usage(answer.prompt_tokens, answer.tokens);
    to_json(&message)
}

pub fn stream(ask: &Ask, answer: &Answer) -> Vec<Chunk> {
    let mut blocks = Blocks {
        chunks: Vec::new(),
        at: answer.after(1),
        open: None,
        index: 0,
    };
    let mut start = message(ask, Vec::new());
    // Ollama guesses here, and tells the true number at the end.
    start["usage"] = usage(prompt_tokens(&ask.prompt), 0);
    blocks.put("message_start", json!({ "message": start }));
    for (i, delta) in answer.deltas.iter().enumerate() {
        blocks.at = answer.after(i + 1);
        blocks.delta(delta);
    }
    // When its model dies, Ollama says no more.
    if answer.end != End::Crash {
        blocks.at = answer.total();
        blocks.close();
        let delta = json!({ "stop_reason": stop_reason(answer) });
        blocks.put(
            "message_delta",
            json!({ "delta": delta, "usage": usage(answer.prompt_tokens, answer.tokens) }),
        );
        blocks.put("message_stop", json!({}));
    }
    blocks.chunks
}

/// A stream that is being written.
struct Blocks {
    chunks: Vec<Chunk>,
    at: std::time::Duration,
    /// The type of the block that is open.
    open: Option<&'static str>,
    index: u32,
}

impl Blocks {
    /// Writes a delta into a block of its kind.
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
        self.chunks.push(Chunk {
            at: self.at,
            text: event(name, &object),
        });
    }
}

fn message(ask: &Ask, content: Vec<Value>) -> Value {
    let id = format!("msg_{:024x}", fastrand::u128(..) >> 32);
    json!({ "id": id, "type": "message", "role": "assistant", "model": ask.name, "content": content })
}

fn tool_use(call: &Call, input: &Value) -> Value {
    json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input })
}

fn usage(input_tokens: u64, output_tokens: u64) -> Value {
    json!({ "input_tokens": input_tokens, "output_tokens": output_tokens })
}

fn stop_reason(answer: &Answer) -> &'static str {
    match answer.end {
        End::Length => "max_tokens",
        _ if answer.call().is_some() => "tool_use",
        _ => "end_turn",
    }
}
