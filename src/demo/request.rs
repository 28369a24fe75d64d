//! What a request asks of the stand-in, in whichever dialect; or why it gets no answer, in Ollama's words.

use std::borrow::Cow;
use std::io::Read;

use serde_json::{Value, json};

use super::models::Model;
use super::refusal::Refusal;
use crate::http::route::Inference;
use crate::observe::RequestBody;
use crate::observe::request::{Encoding, read};
use crate::util::budget::{Budget, Reservation};

/// A request that a model of ours answers.
pub struct Ask {
    pub endpoint: Inference,
    pub model: &'static Model,
    /// The model as it was asked for; replies echo it.
    pub name: String,
    pub prompt: String,
    pub stream: bool,
    /// A stream of OpenAI's ends with its counters.
    pub include_usage: bool,
    /// Tokens that are said at most.
    pub limit: Option<usize>,
    pub thinks: bool,
    pub has_picture: bool,
    /// The call that a model with tools answers with.
    pub call: Option<Call>,
    /// The request as it came.
    pub body: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub id: String,
    pub name: String,
    pub arguments: Value,
}

/// What a request is about.
pub enum Wish {
    Answer(Ask),
    Load(Ask),
    Unload(Ask),
}

impl Wish {
    pub fn read(endpoint: Inference, raw: &RequestBody) -> Result<Wish, Refusal> {
        let request = read(endpoint, raw, &mut Reservation::new(&Budget::of(None)));
        let body = parse(endpoint, &decoded(raw))?;
        check(endpoint, &body)?;
        let name = request.model.unwrap_or_default();
        let model = find(endpoint, &name)?;
        let prompt = request
            .prompt
            .map(|prompt| prompt.into_string())
            .unwrap_or_default();
        let ask = Ask {
            endpoint,
            model,
            name,
            prompt,
            stream: streams(endpoint, &body),
            include_usage: body["stream_options"]["include_usage"] == true,
            limit: limit(endpoint, &body),
            thinks: thinks(endpoint, model, &body)?,
            has_picture: has_picture(&body),
            call: call(model, &body),
            body,
        };
        Ok(ask.wish())
    }
}

/// The body with its encoding undone, as far as it can be.
fn decoded<'a>(raw: &RequestBody<'a>) -> Cow<'a, [u8]> {
    match Encoding::of(raw) {
        Encoding::Identity => Cow::Borrowed(raw.bytes),
        Encoding::Coded(coding) => {
            let mut body = Vec::new();
            let _ = coding.decode(raw.bytes).read_to_end(&mut body);
            Cow::Owned(body)
        }
        Encoding::Unknown => Cow::Borrowed(&[]),
    }
}

impl Ask {
    /// A native request with nothing to answer only loads or unloads its model.
    fn wish(self) -> Wish {
        let is_empty = match self.endpoint {
            Inference::Generate => self.prompt.is_empty(),
            Inference::Chat => items(&self.body["messages"]).is_empty(),
            _ => false,
        };
        match is_empty {
            true if is_zero(&self.body["keep_alive"]) => Wish::Unload(self),
            true => Wish::Load(self),
            false => Wish::Answer(self),
        }
    }

    /// The texts to embed.
    pub fn inputs(&self) -> Vec<String> {
        let key = if self.endpoint == Inference::Embeddings {
            "prompt"
        } else {
            "input"
        };
        match &self.body[key] {
            Value::Array(texts) => texts
                .iter()
                .map(|text| {
                    text.as_str()
                        .map_or_else(|| text.to_string(), str::to_owned)
                })
                .collect(),
            text => vec![text.as_str().unwrap_or_default().to_owned()],
        }
    }
}

/// Only the first JSON value of a body counts, as in Ollama.
fn parse(endpoint: Inference, bytes: &[u8]) -> Result<Value, Refusal> {
    let native = endpoint.as_str().starts_with("api/");
    match serde_json::Deserializer::from_slice(bytes)
        .into_iter()
        .next()
    {
        Some(Ok(body @ Value::Object(_))) => Ok(body),
        Some(Ok(_)) => Err(Refusal::new(
            400,
            "json: cannot unmarshal what is no object into a request",
        )),
        Some(Err(e)) if e.is_eof() => Err(Refusal::new(400, "unexpected EOF")),
        Some(Err(e)) => Err(Refusal::new(
            400,
            format!("invalid character in the request: {e}"),
        )),
        None => Err(Refusal::new(
            400,
            if native {
                "missing request body"
            } else {
                "EOF"
            },
        )),
    }
}

fn check(endpoint: Inference, body: &Value) -> Result<(), Refusal> {
    let no_model = body["model"].as_str().unwrap_or_default().is_empty();
    let lacks = match endpoint {
        Inference::Chat | Inference::Embeddings if no_model => "model is required",
        Inference::V1ChatCompletions if items(&body["messages"]).is_empty() => {
            "[] is too short - 'messages'"
        }
        Inference::V1Messages if body["max_tokens"].as_u64().unwrap_or_default() == 0 => {
            "max_tokens is required and must be positive"
        }
        _ => return Ok(()),
    };
    Err(Refusal::new(400, lacks))
}

/// The model, if there is one and it can do what this endpoint is for.
fn find(endpoint: Inference, name: &str) -> Result<&'static Model, Refusal> {
    let Some(model) = Model::named(name) else {
        return Err(Refusal::new(
            404,
            match endpoint {
                Inference::Embed => format!("model {name:?} not found, try pulling it first"),
                _ => format!("model '{name}' not found"),
            },
        ));
    };
    match (endpoint.is_embedding(), model.can("embedding")) {
        (true, false) => Err(Refusal::new(
            501,
            "This server does not support embeddings. Start it with `--embeddings`",
        )),
        (false, true) if endpoint == Inference::Generate => Err(Refusal::new(
            400,
            format!("{name:?} does not support generate"),
        )),
        (false, true) => Err(Refusal::new(400, format!("{name:?} does not support chat"))),
        _ => Ok(model),
    }
}

/// Native endpoints stream unless told not to, all others only when told to.
fn streams(endpoint: Inference, body: &Value) -> bool {
    let default = matches!(endpoint, Inference::Generate | Inference::Chat);
    body["stream"].as_bool().unwrap_or(default) && !endpoint.is_embedding()
}

/// Whether a time is none: a number, or as Go writes it (`0s`).
fn is_zero(time: &Value) -> bool {
    match time {
        Value::String(text) => text.trim_end_matches(char::is_alphabetic).parse() == Ok(0.0),
        time => time.as_f64() == Some(0.0),
    }
}

fn limit(endpoint: Inference, body: &Value) -> Option<usize> {
    let given = match endpoint {
        Inference::Generate | Inference::Chat => &body["options"]["num_predict"],
        Inference::V1Responses => &body["max_output_tokens"],
        _ if body["max_tokens"].is_null() => &body["max_completion_tokens"],
        _ => &body["max_tokens"],
    };
    given
        .as_u64()
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| *limit > 0)
}

fn thinks(endpoint: Inference, model: &Model, body: &Value) -> Result<bool, Refusal> {
    let able = model.can("thinking");
    let native = matches!(endpoint, Inference::Generate | Inference::Chat);
    match endpoint {
        _ if native && !able && body["think"] == true => Err(Refusal::new(
            400,
            format!(
                "{:?} does not support thinking",
                body["model"].as_str().unwrap_or_default()
            ),
        )),
        Inference::V1Messages => Ok(able && body["thinking"]["type"] == "enabled"),
        _ => Ok(able && body["think"] != false && body["reasoning_effort"] != "none"),
    }
}

/// Whether there is a picture anywhere, in whichever dialect.
fn has_picture(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(has_picture),
        Value::Object(fields) => {
            let is_picture = value["type"]
                .as_str()
                .is_some_and(|kind| kind.contains("image"));
            is_picture || !items(&value["images"]).is_empty() || fields.values().any(has_picture)
        }
        _ => false,
    }
}

/// A call of the first tool, unless the last message brings the result of one.
fn call(model: &Model, body: &Value) -> Option<Call> {
    let tool = items(&body["tools"])
        .first()
        .filter(|_| model.can("tools"))?;
    let turns = [items(&body["messages"]), items(&body["input"])].concat();
    if turns.last().is_some_and(brings_result) {
        return None;
    }
    let function = tool.get("function").unwrap_or(tool);
    let schema = function
        .get("parameters")
        .or(function.get("input_schema"))
        .unwrap_or(&Value::Null);
    let argument = |name: &Value| {
        Some((
            name.as_str()?.to_owned(),
            sample(&schema["properties"][name.as_str()?]["type"]),
        ))
    };
    let arguments = items(&schema["required"])
        .iter()
        .filter_map(argument)
        .collect();
    let id = std::iter::repeat_with(fastrand::alphanumeric)
        .take(8)
        .collect::<String>()
        .to_ascii_lowercase();
    Some(Call {
        id: format!("call_{id}"),
        name: function["name"].as_str()?.to_owned(),
        arguments: Value::Object(arguments),
    })
}

fn brings_result(turn: &Value) -> bool {
    let parts = items(&turn["content"]);
    turn["role"] == "tool"
        || turn["type"] == "function_call_output"
        || parts.iter().any(|part| part["type"] == "tool_result")
}

/// A value of this type of JSON schema.
fn sample(kind: &Value) -> Value {
    match kind.as_str().unwrap_or_default() {
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        "array" => json!([]),
        "object" => json!({}),
        _ => json!("demo"),
    }
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}
