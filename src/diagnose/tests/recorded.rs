//! RECORDED: an exchange of the recordings, as the tap would have seen it.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::diagnose::context::said::{Line, Said};
use crate::diagnose::prompt::{Keys, MessageRole, Prompt, PromptReader, hash_of_reply};
use crate::diagnose::seen::{Loaded, Options, Reply, Seen, Times};
use crate::diagnose::{Certainty, measure};
use crate::http::route::Inference;

/// One recorded exchange.
pub struct Case {
    pub name: String,
    pub label: Value,
    pub request: String,
    pub seen: Seen,
}

impl Case {
    /// The prompt was cut, or refused for its length.
    pub fn is_cut(&self) -> bool {
        self.label["prompt_cut"] == true || self.label["refused"] == true
    }

    pub fn number(&self, name: &str) -> u64 {
        self.label[name].as_u64().unwrap_or_default()
    }

    /// What Ollama logged meanwhile.
    pub fn said(&self) -> Vec<Said> {
        let lines = self.label["log"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        lines
            .filter_map(Line::read)
            .map(|line| Said {
                line,
                certainty: Certainty::Sure,
            })
            .collect()
    }
}

/// The cases of a folder; chats in the order of their turns.
pub fn cases(folder: &str, keys: &Keys) -> Vec<Case> {
    names(folder).iter().map(|path| case(path, keys)).collect()
}

/// The labels of a folder.
pub fn names(folder: &str) -> Vec<PathBuf> {
    let folder = data().join(folder);
    let mut names: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.retain(|path| path.extension().is_some_and(|end| end == "json"));
    names.sort();
    assert!(!names.is_empty());
    names
}

pub fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/context")
}

pub fn case(path: &PathBuf, keys: &Keys) -> Case {
    let label: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let request = fs::read_to_string(path.with_extension("request")).unwrap();
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let reply = fs::read(path.with_extension("reply")).unwrap();
    let seen = Seen {
        interaction_id: String::new(),
        endpoint: endpoint(&label),
        model: label["model"].as_str().unwrap().to_owned(),
        client: None,
        arrived: SystemTime::UNIX_EPOCH,
        prompt: prompt(&body, keys),
        options: options(&body),
        reply: self::reply(&label, &String::from_utf8_lossy(&reply), keys),
        times: Times {
            duration: Duration::ZERO,
            ..Times::default()
        },
        loaded: loaded(&label),
    };
    Case {
        name: label["name"].as_str().unwrap().to_owned(),
        label,
        request,
        seen,
    }
}

pub fn endpoint(label: &Value) -> Inference {
    let path = label["endpoint"].as_str().unwrap().trim_start_matches('/');
    Inference::ALL
        .into_iter()
        .find(|endpoint| endpoint.as_str() == path)
        .unwrap()
}

/// A model that was asked for by another name of its file is not in the list.
fn loaded(label: &Value) -> Option<Loaded> {
    let model = label["model"].as_str().unwrap();
    let name = if model.contains(':') {
        model.to_owned()
    } else {
        format!("{model}:latest")
    };
    let listed = label["ps_after"]
        .as_array()
        .unwrap()
        .iter()
        .find(|listed| listed["name"] == name);
    let context_length = listed?["context_length"].as_u64();
    Some(Loaded {
        context_length,
        ..Loaded::default()
    })
}

fn options(body: &Value) -> Options {
    let of = |name: &str| body["options"][name].as_i64();
    let limits = ["max_tokens", "max_output_tokens"];
    Options {
        num_ctx: of("num_ctx"),
        num_keep: of("num_keep"),
        num_predict: of("num_predict")
            .or_else(|| limits.iter().find_map(|name| body[*name].as_i64())),
        shift: body["shift"].as_bool(),
        truncate: body["truncate"].as_bool(),
        raw: body["raw"] == true,
        ..Options::default()
    }
}

/// The texts of a request, of whatever route.
pub fn prompt(body: &Value, keys: &Keys) -> Prompt {
    let mut prompt = Prompt::default();
    for name in ["system", "instructions"] {
        if !body[name].is_null() {
            prompt.push(message(MessageRole::System, &body[name], &Map::new(), keys));
        }
    }
    for name in ["prompt", "input", "messages"] {
        match &body[name] {
            Value::Array(items) => {
                items
                    .iter()
                    .for_each(|item| prompt.push(item_of_list(item, keys)));
            }
            Value::Null => {}
            text => prompt.push(message(
                MessageRole::User,
                text,
                body.as_object().unwrap(),
                keys,
            )),
        }
    }
    if let Some(tools) = body["tools"].as_array().filter(|tools| !tools.is_empty()) {
        let tools = serde_json::to_string(tools).unwrap();
        (prompt.tools, prompt.tools_bytes) = (hash_of_reply(&tools, keys), tools.len() as u64);
    }
    prompt
}

fn item_of_list(item: &Value, keys: &Keys) -> crate::diagnose::prompt::Message {
    match item.as_object() {
        Some(object) => {
            let role = MessageRole::of(item["role"].as_str().unwrap_or_default());
            message(role, &item["content"], object, keys)
        }
        None => message(MessageRole::User, item, &Map::new(), keys),
    }
}

fn message(
    role: MessageRole,
    content: &Value,
    beside: &Map<String, Value>,
    keys: &Keys,
) -> crate::diagnose::prompt::Message {
    let mut reader = PromptReader::new(keys);
    reader.role(role);
    text(content, &mut reader);
    let images = beside
        .get("images")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    (0..images).for_each(|_| reader.image());
    if beside.contains_key("tool_calls") {
        reader.tool_call();
    }
    if beside.contains_key("thinking") {
        reader.thinking();
    }
    reader.end()
}

fn text(content: &Value, reader: &mut PromptReader) {
    match content {
        Value::String(text) => reader.text(text),
        Value::Array(parts) => parts.iter().for_each(|part| text(part, reader)),
        Value::Object(part) => {
            let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
            if kind.contains("image") {
                reader.image();
            }
            text(part.get("text").unwrap_or(&Value::Null), reader);
        }
        _ => {}
    }
}

fn reply(label: &Value, raw: &str, keys: &Keys) -> Reply {
    let of = &label["reply"];
    let text = said(raw);
    let is_kept = !text.is_empty() && text.trim() == text;
    Reply {
        status: of["status"].as_u64().map(|status| status as u16),
        error: of["error"].as_str().map(str::to_owned),
        done_reason: of["done_reason"].as_str().map(str::to_owned),
        prompt_tokens: of["prompt_tokens"].as_u64(),
        generated_tokens: of["reply_tokens"].as_u64(),
        context_array: of["context_array"].as_u64(),
        text: is_kept.then(|| hash_of_reply(&text, keys)),
        ..Reply::default()
    }
}

/// The visible text of a reply of any dialect, out of all that stands on its lines.
fn said(raw: &str) -> String {
    let body = raw.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let lines = body
        .lines()
        .map(|line| line.strip_prefix("data: ").unwrap_or(line));
    let objects = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    objects
        .filter(|object| object["type"] != "response.output_text.done")
        .map(text_of)
        .collect()
}

fn text_of(object: Value) -> String {
    let places = [
        "/message/content",
        "/response",
        "/choices/0/delta/content",
        "/choices/0/message/content",
        "/choices/0/text",
        "/delta/text",
        "/delta",
        "/content/0/text",
        "/output/0/content/0/text",
    ];
    let found = places
        .iter()
        .find_map(|place| object.pointer(place)?.as_str());
    found.unwrap_or_default().to_owned()
}

/// The sizes that a case without text was labelled with.
pub fn measures(seen: &Value, part: f64) -> measure::Measures {
    let of = |name: &str| seen[name].as_f64().unwrap();
    measure::Measures {
        bytes: (of("B") * part) as u64,
        words: (of("W") * part).round() as u64,
        runs: (of("R") * part).round() as u64,
        guess: of("E") * part,
    }
}
