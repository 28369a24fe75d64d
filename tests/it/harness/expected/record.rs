//! The record that the history must have of a recorded exchange, worked out from the recording alone.

use serde_json::{Value, json};

use super::{
    INFERENCE, ReplySummary, asked, category, is_stream, is_whole, prompt, summarize_reply,
};
use crate::harness::recording::Message;

/// Returns the fields of a record that a recording decides; `None` where nothing is recorded.
pub fn record(request: &Message, reply: &Message) -> Option<Value> {
    let endpoint = request.head.path().trim_start_matches('/');
    let summary = summarize_reply(reply);
    if request.head.method() != "POST"
        || !INFERENCE.contains(&endpoint)
        || request.head.path().starts_with("//")
        || summary.load
    {
        return None;
    }
    let asked = asked(request);
    let ok = reply.head.status() < 300 && summary.finished && !summary.failed;
    let seconds = |field: &str| {
        summary.last[field]
            .as_f64()
            .map(|nanoseconds| nanoseconds / 1e9)
    };
    let mut record = json!({
        "endpoint": endpoint,
        "model": model(&asked, &summary),
        "prompt_category": category(&prompt(&asked)),
        "status": if ok { "success" } else { "error" },
        "http_status": reply.head.status(),
        "stream": is_stream(reply),
        "prompt_tokens": summary.prompt_tokens,
        "generated_tokens": summary.tokens,
        "eval_duration_seconds": seconds("eval_duration"),
        "load_duration_seconds": seconds("load_duration"),
        "prompt_eval_duration_seconds": seconds("prompt_eval_duration"),
        "total_duration_seconds": seconds("total_duration"),
        "request_bytes": request.body.len(),
        "response_bytes": reply.body.len(),
        "truncated": false,
        "prompt_cached_tokens": summary.cached_tokens,
    });
    // Of a body that was cut, nobody knows what it set.
    if is_whole(request) {
        record["parameters"] = parameters(endpoint.starts_with("api/"), &asked);
    }
    Some(record)
}

/// What a request sets beside its texts, as far as recorded requests do.
fn parameters(is_native: bool, asked: &Value) -> Value {
    const OF_ROUTES: [&str; 12] = [
        "encoding_format",
        "keep_alive",
        "logprobs",
        "max_output_tokens",
        "max_tokens",
        "raw",
        "shift",
        "temperature",
        "think",
        "thinking",
        "top_logprobs",
        "truncate",
    ];
    const NO_OPTIONS: [&str; 2] = ["num_ctxx", "stop"];
    let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let (mut kept, mut options) = (fields(asked), fields(&asked["options"]));
    kept.retain(|name, value| OF_ROUTES.contains(&name.as_str()) && !value.is_null());
    options.retain(|name, value| !NO_OPTIONS.contains(&name.as_str()) && !value.is_null());
    match is_native {
        true => kept.extend(options),
        false if options.is_empty() => {}
        false => drop(kept.insert("options".to_owned(), options.into())),
    }
    let tools = asked["tools"].as_array().into_iter().flatten();
    let names: Vec<&Value> = tools
        .map(|tool| tool["function"].get("name").unwrap_or(&tool["name"]))
        .collect();
    if !names.is_empty() {
        kept.insert("tools".to_owned(), json!(names));
    }
    kept.into()
}

/// The name that the history knows a model by.
fn model(asked: &Value, reply: &ReplySummary) -> Option<String> {
    let name = asked["model"]
        .as_str()
        .map(str::to_owned)
        .or_else(|| reply.model.clone().filter(|_| asked.is_null()));
    name.map(|name| name.to_lowercase().trim_end_matches(":latest").to_owned())
        .filter(|name| !name.is_empty())
}

/// The prompt of a request, where it has one that is text.
pub fn prompt_of(request: &Message) -> Option<String> {
    Some(prompt(&asked(request))).filter(|prompt| !prompt.is_empty())
}

/// The visible text of a reply, whatever its dialect.
pub fn visible(reply: &Message) -> String {
    let text = String::from_utf8_lossy(&reply.body);
    if !is_stream(reply) {
        return whole(&serde_json::from_str(&text).unwrap_or_default());
    }
    let objects = text
        .lines()
        .map(|line| line.strip_prefix("data: ").unwrap_or(line))
        .filter(|line| line.starts_with('{'));
    objects
        .map(|line| piece(&serde_json::from_str(line).expect("JSON in a recording")))
        .collect()
}

fn piece(value: &Value) -> String {
    let is_text = |kind: &str| value["type"] == kind;
    let delta = match () {
        () if is_text("response.output_text.delta") => &value["delta"],
        () if is_text("content_block_delta") => &value["delta"]["text"],
        () => &value["choices"][0]["delta"]["content"],
    };
    let fields = [
        delta,
        &value["response"],
        &value["message"]["content"],
        &value["choices"][0]["text"],
    ];
    fields.iter().filter_map(|field| field.as_str()).collect()
}

fn whole(value: &Value) -> String {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let texts = |parts: Vec<Value>| {
        parts
            .iter()
            .filter_map(|part| part["text"].as_str().map(str::to_owned))
            .collect::<String>()
    };
    let outputs = list(&value["output"])
        .iter()
        .filter(|item| item["type"] == "message")
        .map(|item| texts(list(&item["content"])))
        .collect();
    let fields = [
        &value["response"],
        &value["message"]["content"],
        &value["choices"][0]["text"],
        &value["choices"][0]["message"]["content"],
    ];
    let plain: String = fields.iter().filter_map(|field| field.as_str()).collect();
    [plain, texts(list(&value["content"])), outputs].concat()
}
