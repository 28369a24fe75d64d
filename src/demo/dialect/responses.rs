//! OpenAI's responses: items of one kind each, every event with a number of its own.

use std::time::Duration;

use serde_json::{Value, json};

use super::{event, json as to_json};
use crate::demo::answer::{Answer, Chunk, Delta, End};
use crate::demo::request::{Ask, Call};

pub fn whole(ask: &Ask, answer: &Answer) -> String {
    let mut response = response(ask, answer, &number("resp"));
    complete(&mut response, answer, items(answer));
    to_json(&response)
}

pub fn stream(ask: &Ask, answer: &Answer) -> Vec<Chunk> {
    let mut response = response(ask, answer, &number("resp"));
    let mut events = Events {
        chunks: Vec::new(),
        at: answer.after(1),
        open: None,
        done: Vec::new(),
    };
    events.put("response.created", json!({ "response": response }));
    events.put("response.in_progress", json!({ "response": response }));
    for (i, delta) in answer.deltas.iter().enumerate() {
        events.at = answer.after(i + 1);
        events.delta(delta);
    }
    // When its model dies, Ollama says no more.
    if answer.end != End::Crash {
        events.at = answer.total();
        events.close();
        complete(&mut response, answer, std::mem::take(&mut events.done));
        events.put("response.completed", json!({ "response": response }));
    }
    events.chunks
}

/// A stream that is being written.
struct Events {
    chunks: Vec<Chunk>,
    at: Duration,
    open: Option<Item>,
    /// The items that are complete.
    done: Vec<Value>,
}

/// The item that is being written: what it is and what it holds so far.
enum Item {
    Reasoning { id: String, text: String },
    Message { id: String, text: String },
}

impl Events {
    fn delta(&mut self, delta: &Delta) {
        match (delta, &mut self.open) {
            (Delta::Thinking(piece), Some(Item::Reasoning { text, .. }))
            | (Delta::Text(piece), Some(Item::Message { text, .. })) => {
                text.push_str(piece);
            }
            (Delta::Thinking(piece), _) => self.open(Item::Reasoning {
                id: number("rs"),
                text: piece.clone(),
            }),
            (Delta::Text(piece), _) => self.open(Item::Message {
                id: number("msg"),
                text: piece.clone(),
            }),
            (Delta::Call(call), _) => return self.call(call),
        }
        let output = self.done.len();
        match (delta, &self.open) {
            (Delta::Thinking(piece), Some(Item::Reasoning { id, .. })) => {
                let delta = json!({ "delta": piece, "item_id": id, "output_index": output, "summary_index": 0 });
                self.put("response.reasoning_summary_text.delta", delta);
            }
            (Delta::Text(piece), Some(Item::Message { id, .. })) => {
                let delta = json!({ "content_index": 0, "delta": piece, "item_id": id, "logprobs": [], "output_index": output });
                self.put("response.output_text.delta", delta);
            }
            _ => {}
        }
    }

    fn open(&mut self, item: Item) {
        self.close();
        let output = self.done.len();
        let empty = match &item {
            Item::Reasoning { id, .. } => json!({ "id": id, "summary": [], "type": "reasoning" }),
            Item::Message { id, .. } => {
                json!({ "content": [], "id": id, "role": "assistant", "status": "in_progress", "type": "message" })
            }
        };
        self.put(
            "response.output_item.added",
            json!({ "item": empty, "output_index": output }),
        );
        if let Item::Message { id, .. } = &item {
            let added = json!({ "content_index": 0, "item_id": id, "output_index": output, "part": part("") });
            self.put("response.content_part.added", added);
        }
        self.open = Some(item);
    }

    /// A call comes in one piece.
    fn call(&mut self, call: &Call) {
        self.close();
        let (id, output) = (number("fc"), self.done.len());
        let arguments = call.arguments.to_string();
        self.put(
            "response.output_item.added",
            json!({ "item": call_item(&id, call, "", "in_progress"), "output_index": output }),
        );
        self.put(
            "response.function_call_arguments.delta",
            json!({ "delta": arguments, "item_id": id, "output_index": output }),
        );
        self.put(
            "response.function_call_arguments.done",
            json!({ "arguments": arguments, "item_id": id, "output_index": output }),
        );
        self.item_done(call_item(&id, call, &arguments, "completed"));
    }

    fn close(&mut self) {
        let output = self.done.len();
        match self.open.take() {
            Some(Item::Reasoning { id, text }) => {
                let done = json!({ "item_id": id, "output_index": output, "summary_index": 0, "text": text });
                self.put("response.reasoning_summary_text.done", done);
                self.item_done(reasoning_item(&id, &text));
            }
            Some(Item::Message { id, text }) => {
                let done = json!({ "content_index": 0, "item_id": id, "logprobs": [], "output_index": output, "text": text });
                self.put("response.output_text.done", done);
                let done = json!({ "content_index": 0, "item_id": id, "output_index": output, "part": part(&text) });
                self.put("response.content_part.done", done);
                self.item_done(message_item(&id, &text));
            }
            None => {}
        }
    }

    fn item_done(&mut self, item: Value) {
        self.put(
            "response.output_item.done",
            json!({ "item": item, "output_index": self.done.len() }),
        );
        self.done.push(item);
    }

    fn put(&mut self, name: &str, mut object: Value) {
        object["type"] = json!(name);
        object["sequence_number"] = json!(self.chunks.len());
        self.chunks.push(Chunk {
            at: self.at,
            text: event(name, &object),
        });
    }
}

/// The items of a reply that is not streamed.
fn items(answer: &Answer) -> Vec<Value> {
    let reasoning = answer
        .thinking()
        .map(|thinking| reasoning_item(&number("rs"), &thinking));
    let message = Some(answer.text())
        .filter(|text| !text.is_empty())
        .map(|text| message_item(&number("msg"), &text));
    let call = answer.call().map(|call| {
        call_item(
            &number("fc"),
            call,
            &call.arguments.to_string(),
            "completed",
        )
    });
    [reasoning, message, call].into_iter().flatten().collect()
}

fn reasoning_item(id: &str, text: &str) -> Value {
    json!({ "encrypted_content": text, "id": id, "summary": [{ "text": text, "type": "summary_text" }], "type": "reasoning" })
}

fn message_item(id: &str, text: &str) -> Value {
    json!({ "content": [part(text)], "id": id, "role": "assistant", "status": "completed", "type": "message" })
}

fn call_item(id: &str, call: &Call, arguments: &str, status: &str) -> Value {
    json!({ "arguments": arguments, "call_id": call.id, "id": id, "name": call.name, "status": status, "type": "function_call" })
}

fn part(text: &str) -> Value {
    json!({ "annotations": [], "logprobs": [], "text": text, "type": "output_text" })
}

/// A response that has just begun.
fn response(ask: &Ask, answer: &Answer, id: &str) -> Value {
    let given = |name: &str, default: Value| {
        if ask.body[name].is_null() {
            default
        } else {
            ask.body[name].clone()
        }
    };
    json!({
        "background": false, "completed_at": null, "created_at": answer.created(), "error": null, "frequency_penalty": 0, "id": id,
        "incomplete_details": null, "instructions": ask.body["instructions"], "max_output_tokens": ask.body["max_output_tokens"],
        "max_tool_calls": null, "metadata": {}, "model": ask.name, "object": "response", "output": [], "parallel_tool_calls": true,
        "presence_penalty": 0, "previous_response_id": null, "prompt_cache_key": null, "reasoning": ask.body["reasoning"],
        "safety_identifier": null, "service_tier": "default", "status": "in_progress", "store": false,
        "temperature": given("temperature", json!(1)), "text": { "format": { "type": "text" } }, "tool_choice": "auto",
        "tools": tools(ask), "top_logprobs": 0, "top_p": given("top_p", json!(1)), "truncation": "disabled", "usage": null
    })
}

/// The tools of the request, as they are echoed.
fn tools(ask: &Ask) -> Value {
    let mut tools = ask.body["tools"].as_array().cloned().unwrap_or_default();
    tools
        .iter_mut()
        .filter(|tool| tool.is_object() && tool.get("strict").is_none())
        .for_each(|tool| tool["strict"] = Value::Null);
    Value::Array(tools)
}

fn complete(response: &mut Value, answer: &Answer, output: Vec<Value>) {
    response["output"] = Value::Array(output);
    response["status"] = json!("completed");
    response["completed_at"] = json!(answer.created() + answer.total().as_secs());
    response["usage"] = json!({
        "input_tokens": answer.prompt_tokens, "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": answer.tokens, "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": answer.prompt_tokens + answer.tokens
    });
}

/// An id such as Ollama's own.
fn number(kind: &str) -> String {
    format!("{kind}_{}", fastrand::u32(..1_000_000))
}
