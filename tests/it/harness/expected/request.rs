//! A request as it was recorded: its JSON, its prompt, and the category of that prompt.

use serde_json::Value;

use crate::harness::recording::{Message, unzstd};

/// The request's JSON; null where it cannot be read.
pub fn asked(request: &Message) -> Value {
    let body = body(request);
    let text = String::from_utf8_lossy(&body);
    // Of JSON that was cut, what stands before the cut counts.
    serde_json::from_str(&text).unwrap_or_else(|_| {
        let model = text
            .split("\"model\": \"")
            .nth(1)
            .and_then(|rest| rest.split_once('"'));
        model.map_or(
            Value::Null,
            |(model, _)| serde_json::json!({ "model": model }),
        )
    })
}

/// Whether the request is JSON to its end.
pub fn is_whole(request: &Message) -> bool {
    serde_json::from_slice::<Value>(&body(request)).is_ok()
}

fn body(request: &Message) -> Vec<u8> {
    match request.head.get("content-encoding") {
        Some("zstd") => unzstd(&request.body),
        _ => request.body.clone(),
    }
}

/// A chat's last user message, else the prompt or the input.
pub fn prompt(asked: &Value) -> String {
    let turns = asked["messages"]
        .as_array()
        .or_else(|| asked["input"].as_array());
    let last = turns
        .into_iter()
        .flatten()
        .rfind(|turn| turn["role"] == "user");
    if let Some(last) = last {
        return plain(&last["content"]);
    }
    [&asked["prompt"], &asked["input"]]
        .into_iter()
        .map(plain)
        .collect()
}

fn plain(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .map(|part| plain(part.get("text").unwrap_or(part)))
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}

/// The categories that the recorded prompts fall into.
pub fn category(prompt: &str) -> &'static str {
    let prompt = prompt.to_lowercase();
    let holds = |words: &[&str]| words.iter().any(|word| prompt.contains(word));
    match () {
        () if prompt.is_empty() => "empty",
        () if holds(&["summar"]) => "summarize",
        () if holds(&["translat"]) => "translate",
        () if holds(&["explain"]) => "explain",
        () if prompt.lines().any(|line| {
            line.find("write")
                .is_some_and(|at| line[at..].contains("code"))
        }) =>
        {
            "code_write"
        }
        () if holds(&["debug", "fix"]) => "code_debug",
        () if holds(&["question", "what", "how", "why", "when"]) => "question",
        () if holds(&["creat", "generat"]) => "creative",
        () if holds(&["analy"]) => "analyze",
        () if holds(&["help"]) => "help",
        () if holds(&["list", "enumerate"]) => "list",
        () => "other",
    }
}
