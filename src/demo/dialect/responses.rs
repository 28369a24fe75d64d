//! OpenAI's responses: output items one after another, and numbered events.

use std::time::Duration;

use serde_json::{Value, json};

use super::{event, json as to_json};
use crate::demo::generation::{Delta, FinishReason, Generation, TimedChunk};
use crate::demo::request::{PlannedCall, PromptRequest};

pub fn whole(request: &PromptRequest, generation: &Generation) -> String {
    let mut response = response(request, generation, &new_id("resp"));
    complete(&mut response, generation, items(generation));
    to_json(&response)
}

pub fn stream(request: &PromptRequest, generation: &Generation) -> Vec<TimedChunk> {
    let mut response = response(request, generation, &new_id("resp"));
    let mut events = Events {
        chunks: Vec::new(),
        delay: generation.after(1),
        open: None,
        done: Vec::new(),
    };
    events.put("response.created", json!({ "response": response }));
    events.put("response.in_progress", json!({ "response": response }));
    for (i, delta) in generation.deltas.iter().enumerate() {
        events.delay = generation.after(i + 1);
        events.delta(delta);
    }
    // Ollama ends the stream without a word when its model crashes.
    if generation.finish_reason != FinishReason::Crash {
        events.delay = generation.total();
        events.close();
        complete(&mut response, generation, std::mem::take(&mut events.done));
        events.put("response.completed", json!({ "response": response }));
    }
    events.chunks
}

/// The events of a stream so far.
struct Events {
    chunks: Vec<TimedChunk>,
    delay: Duration,
    open: Option<Item>,
    /// The completed items.
    done: Vec<Value>,
}

/// The open item, with its text so far.
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
                id: new_id("rs"),
                text: piece.clone(),
            }),
            (Delta::Text(piece), _) => self.open(Item::Message {
                id: new_id("msg"),
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

    /// Writes a call, which comes in one piece.
    fn call(&mut self, call: &PlannedCall) {
        self.close();
        let (id, output) = (new_id("fc"), self.done.len());
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
        self.chunks.push(TimedChunk {
            delay: self.delay,
            text: event(name, &object),
        });
    }
}

/// Returns the items of a reply that is not streamed.
fn items(generation: &Generation) -> Vec<Value> {
    let reasoning = generation
        .thinking()
        .map(|thinking| reasoning_item(&new_id("rs"), &thinking));
    let message = Some(generation.text())
        .filter(|text| !text.is_empty())
        .map(|text| message_item(&new_id("msg"), &text));
    let call = generation.call().map(|call| {
        call_item(
            &new_id("fc"),
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

fn call_item(id: &str, call: &PlannedCall, arguments: &str, status: &str) -> Value {
    json!({ "arguments": arguments, "call_id": call.id, "id": id, "name": call.name, "status": status, "type": "function_call" })
}

fn part(text: &str) -> Value {
    json!({ "annotations": [], "logprobs": [], "text": text, "type": "output_text" })
}

/// Returns a response in progress.
fn response(request: &PromptRequest, generation: &Generation, id: &str) -> Value {
    let given = |name: &str, default: Value| {
        if request.body[name].is_null() {
            default
        } else {
            request.body[name].clone()
        }
    };
    json!({
        "background": false, "completed_at": null, "created_at": generation.created(), "error": null, "frequency_penalty": 0, "id": id,
        "incomplete_details": null, "instructions": request.body["instructions"], "max_output_tokens": request.body["max_output_tokens"],
        "max_tool_calls": null, "metadata": {}, "model": request.name, "object": "response", "output": [], "parallel_tool_calls": true,
        "presence_penalty": 0, "previous_response_id": null, "prompt_cache_key": null, "reasoning": request.body["reasoning"],
        "safety_identifier": null, "service_tier": "default", "status": "in_progress", "store": false,
        "temperature": given("temperature", json!(1)), "text": { "format": { "type": "text" } }, "tool_choice": "auto",
        "tools": tools(request), "top_logprobs": 0, "top_p": given("top_p", json!(1)), "truncation": "disabled", "usage": null
    })
}

/// Returns the tools of the request as replies echo them.
fn tools(request: &PromptRequest) -> Value {
    let mut tools = request.body["tools"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for tool in tools
        .iter_mut()
        .filter(|tool| tool.is_object() && tool.get("strict").is_none())
    {
        tool["strict"] = Value::Null;
    }
    Value::Array(tools)
}

fn complete(response: &mut Value, generation: &Generation, output: Vec<Value>) {
    response["output"] = Value::Array(output);
    response["status"] = json!("completed");
    response["completed_at"] = json!(generation.created() + generation.total().as_secs());
    response["usage"] = json!({
        "input_tokens": generation.prompt_tokens, "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": generation.tokens, "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": generation.prompt_tokens + generation.tokens
    });
}

/// Returns an id such as Ollama's.
fn new_id(kind: &str) -> String {
    format!("{kind}_{}", fastrand::u32(..1_000_000))
}
