//! A reply as it was recorded, read the plain way: all lines at once, every dialect in one function.

use serde_json::Value;

use crate::harness::recording::Message;

/// The facts of a reply's body.
#[derive(Default)]
pub struct ReplySummary {
    pub finished: bool,
    pub failed: bool,
    pub load: bool,
    /// Deltas with text, thinking or a tool call.
    pub deltas: u64,
    pub prompt_tokens: Option<u64>,
    pub cached_tokens: Option<u64>,
    pub tokens: Option<u64>,
    pub model: Option<String>,
    pub reason: Option<String>,
    /// It holds a tool call.
    pub called: bool,
    /// The last object with Ollama's own counters.
    pub last: Value,
}

pub fn is_stream(reply: &Message) -> bool {
    reply.head.get("content-type").is_some_and(|kind| {
        kind.starts_with("application/x-ndjson") || kind.starts_with("text/event-stream")
    })
}

pub fn summarize_reply(reply: &Message) -> ReplySummary {
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    let mut summary = ReplySummary::default();
    if !is_stream(reply) {
        summary.finished = true;
        object(
            &mut summary,
            &serde_json::from_str(&text).unwrap_or_default(),
        );
        summary.deltas = 0;
        return summary;
    }
    for line in text.lines() {
        match line.strip_prefix("data: ").unwrap_or(line) {
            "[DONE]" => summary.finished = true,
            line if line.starts_with('{') => object(
                &mut summary,
                &serde_json::from_str(line).expect("JSON in a recording"),
            ),
            _ => {}
        }
    }
    if summary.tokens.is_none() && summary.deltas > 0 {
        summary.tokens = Some(summary.deltas);
    }
    summary
}

/// One JSON object of a reply, whatever its dialect.
fn object(summary: &mut ReplySummary, value: &Value) {
    let has = |value: &Value| {
        value.as_str().is_some_and(|text| !text.is_empty())
            || value.as_array().is_some_and(|list| !list.is_empty())
    };
    summary.failed |= value.get("error").is_some_and(|error| !error.is_null());
    summary.finished |= value["done"] == true
        || matches!(
            value["type"].as_str(),
            Some("message_stop" | "response.completed")
        );
    summary.load |= matches!(value["done_reason"].as_str(), Some("load" | "unload"));
    summary.model = summary
        .model
        .take()
        .or_else(|| value["model"].as_str().map(str::to_owned));
    if value.get("total_duration").is_some() {
        summary.last = value.clone();
    }
    let delta = &value["choices"][0]["delta"];
    let fields = [
        &value["response"],
        &value["thinking"],
        &value["message"]["content"],
        &value["message"]["thinking"],
        &value["message"]["tool_calls"],
        &delta["content"],
        &delta["reasoning"],
        &delta["tool_calls"],
        &value["choices"][0]["text"],
        &value["delta"],
        &value["delta"]["text"],
        &value["delta"]["thinking"],
        &value["delta"]["partial_json"],
    ];
    summary.deltas += u64::from(fields.iter().any(|field| has(field)));
    // The usage of a `message_start` is a guess from the length of the prompt: it is no count.
    for usage in [&value["usage"], &value["response"]["usage"]] {
        let prompt = usage["prompt_tokens"]
            .as_u64()
            .or_else(|| usage["input_tokens"].as_u64());
        let tokens = usage["completion_tokens"]
            .as_u64()
            .or_else(|| usage["output_tokens"].as_u64());
        // Some streams carry zeros in every frame and the numbers in the last.
        summary.prompt_tokens = prompt.filter(|count| *count > 0).or(summary.prompt_tokens);
        summary.tokens = tokens.filter(|count| *count > 0).or(summary.tokens);
        let details = [
            &usage["prompt_tokens_details"],
            &usage["input_tokens_details"],
        ];
        summary.cached_tokens = details
            .iter()
            .find_map(|details| details["cached_tokens"].as_u64())
            .or(summary.cached_tokens);
    }
    let text = value.to_string();
    summary.called |= [
        "\"tool_calls\":[{",
        "\"type\":\"tool_use\"",
        "\"type\":\"function_call\"",
    ]
    .iter()
    .any(|call| text.contains(call));
    let choice = &value["choices"][0]["finish_reason"];
    let reasons = [
        &value["done_reason"],
        choice,
        &value["stop_reason"],
        &value["delta"]["stop_reason"],
        &value["status"],
    ];
    let ended = value["response"]["status"]
        .as_str()
        .filter(|_| value["type"] == "response.completed");
    summary.reason = reasons
        .iter()
        .find_map(|reason| reason.as_str())
        .or(ended)
        .map(str::to_owned)
        .or(summary.reason.take());
    summary.prompt_tokens = value["prompt_eval_count"]
        .as_u64()
        .or(summary.prompt_tokens);
    summary.cached_tokens = value["prompt_eval_cached_count"]
        .as_u64()
        .or(summary.cached_tokens);
    summary.tokens = value["eval_count"].as_u64().or(summary.tokens);
}
