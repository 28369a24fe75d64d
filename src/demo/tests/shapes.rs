//! Replies have the fields, types and events that recorded ones have.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::observe::tests::recorded::recording;

/// Pairs of our models and the recorded ones.
const MODELS: [(&str, &str); 4] = [
    ("talk", "demo-chat"),
    ("think", "demo-think"),
    ("tools", "demo-tools"),
    ("vec", "demo-embed"),
];

/// The parts that differ between values of the same kind, such as the names of arguments.
const OPAQUE: [&str; 3] = ["arguments", "input", "parameters"];

/// A path in an object and the type of what is there, for every path.
fn shape(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) if !OPAQUE.iter().any(|name| path.ends_with(name)) => {
            for (name, value) in fields.iter() {
                shape(value, &format!("{path}.{name}"), found);
            }
        }
        Value::Array(values) => {
            found.insert(format!("{path}: list"));
            for value in values.iter() {
                shape(value, &format!("{path}[]"), found);
            }
        }
        Value::Object(_) => _ = found.insert(format!("{path}: object")),
        Value::String(_) => _ = found.insert(format!("{path}: text")),
        Value::Number(_) => _ = found.insert(format!("{path}: number")),
        Value::Bool(value) => _ = found.insert(format!("{path}: {value}")),
        Value::Null => _ = found.insert(format!("{path}: null")),
    }
}

/// The shape of every object of a reply, by the event's name or the line's place, in their order, each run of equal ones once.
fn shapes(body: &str) -> Vec<String> {
    let mut shapes = Vec::new();
    let mut event = "";
    for line in body.lines().filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix("event: ") {
            event = name;
            continue;
        }
        let json = line.strip_prefix("data: ").unwrap_or(line);
        let mut found = BTreeSet::new();
        match serde_json::from_str(json) {
            Ok(value) => shape(&value, "", &mut found),
            Err(_) => _ = found.insert(json.to_owned()),
        }
        shapes.push(format!("{event} {found:?}"));
    }
    shapes.dedup();
    shapes
}

/// The shapes of a recorded reply, and those of ours to the same body.
fn both(name: &str, finish_reason: FinishReason) -> (Vec<String>, Vec<String>) {
    let recorded = recording(&format!("ollama-0.33.0/{name}"));
    let mut body: Value = serde_json::from_slice(&recorded.request.body).unwrap();
    let model = body["model"].as_str().unwrap();
    let ours = MODELS
        .iter()
        .find(|(theirs, _)| *theirs == model)
        .map_or("demo-chat", |(_, ours)| ours);
    body["model"] = ours.into();
    let request = prompt_request(recorded.endpoint, &body.to_string());
    let (reply, kind) = reply(&request, &plan(&request, finish_reason));
    assert_eq!(recorded.reply.header("content-type"), Some(kind), "{name}");
    (
        shapes(&String::from_utf8_lossy(&recorded.reply.body)),
        shapes(&reply),
    )
}

#[test]
fn replies_have_the_shape_of_recorded_ones() {
    for name in [
        "generate-block generate-stream",
        "chat-block chat-stream chat-think-block chat-think-stream",
        "v1-chat-block v1-chat-stream v1-chat-stream-usage v1-chat-think-block v1-chat-think-stream",
        "v1-completions-block v1-completions-stream v1-completions-stream-usage",
        "v1-messages-block v1-messages-stream v1-messages-think-stream",
        "v1-responses-block v1-responses-stream v1-responses-think-stream",
        "embed-one embed-many embeddings-legacy v1-embeddings v1-embeddings-base64",
    ]
    .into_iter()
    .flat_map(str::split_whitespace)
    {
        let (theirs, ours) = both(name, FinishReason::Stop);
        assert_eq!(theirs, ours, "{name}");
    }
}

#[test]
fn crashes_have_the_shape_of_recorded_ones() {
    for name in [
        "generate",
        "chat",
        "v1-chat",
        "v1-completions",
        "v1-messages",
        "v1-responses",
    ] {
        let (theirs, ours) = both(&format!("{name}-runner-dies"), FinishReason::Crash);
        assert_eq!(theirs, ours, "{name}");
    }
}

#[test]
fn a_reply_that_is_cut_at_its_limit_has_the_shape_of_a_recorded_one() {
    for name in ["generate-length", "v1-chat-length", "v1-messages-length"] {
        let (theirs, ours) = both(name, FinishReason::Length);
        assert_eq!(theirs, ours, "{name}");
    }
}

/// Ours also say in a text that they are a demo's.
#[test]
fn calls_have_the_shape_of_recorded_ones() {
    for name in [
        "chat-tools-stream v1-chat-tools-stream v1-chat-tools-block v1-messages-tools-stream v1-messages-tools-block",
        "v1-responses-tools-stream v1-responses-tools-block chat-tools-block",
    ]
    .into_iter()
    .flat_map(str::split_whitespace)
    {
        let parts = |shapes: Vec<String>| -> BTreeSet<String> {
            let words = shapes.iter().flat_map(|shape| shape.split('"').map(str::to_owned).collect::<Vec<_>>());
            words.filter(|word| word.contains(": ")).collect()
        };
        let (theirs, ours) = both(name, FinishReason::Stop);
        let (theirs, ours) = (parts(theirs), parts(ours));
        let missing: Vec<&String> = theirs.difference(&ours).collect();
        assert!(missing.is_empty(), "{name} lacks {missing:?}");
    }
}
