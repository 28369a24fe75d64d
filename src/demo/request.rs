//! Reads a request in any dialect: what it asks for, or the error that Ollama would answer.

use std::borrow::Cow;
use std::io::Read;

use serde_json::{Value, json};

use super::error_reply::ErrorReply;
use super::models::Model;
use crate::diagnose::keep_alive::KeepAlive;
use crate::http::route::{Dialect, Inference};
use crate::observe::RequestBody;
use crate::observe::content_encoding::ContentEncoding;
use crate::observe::request;
use crate::util::budget::{Budget, Reservation};

/// A request that one of the models answers.
pub struct PromptRequest {
    pub endpoint: Inference,
    pub model: &'static Model,
    /// The model as the client spells it; replies echo it.
    pub name: String,
    pub prompt: String,
    pub stream: bool,
    /// A stream of OpenAI's API ends with its counters.
    pub include_usage: bool,
    /// The context that it gets, in tokens.
    pub context_length: u64,
    pub keep_alive: Option<KeepAlive>,
    /// Tokens that are generated at most.
    pub limit: Option<usize>,
    pub thinking: bool,
    pub has_image: bool,
    /// The tool call that a model with tools answers with.
    pub call: Option<PlannedCall>,
    /// The request as it was sent.
    pub body: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PlannedCall {
    pub id: String,
    pub name: String,
    pub arguments: Value,
}

/// The action that a request asks for.
pub enum Action {
    Generate(PromptRequest),
    Load(PromptRequest),
    Unload(PromptRequest),
}

impl Action {
    pub fn read(endpoint: Inference, raw: &RequestBody) -> Result<Action, ErrorReply> {
        let observed = request::parse(endpoint, raw, &mut Reservation::new(&Budget::of(None)));
        let body = parse(endpoint, &decode(raw))?;
        validate(endpoint, &body)?;
        let name = observed.model.unwrap_or_default();
        let model = find_model(endpoint, &name)?;
        let prompt = observed
            .prompt
            .map(|prompt| prompt.into_string())
            .unwrap_or_default();
        let request = PromptRequest {
            endpoint,
            model,
            name,
            prompt,
            stream: is_streamed(endpoint, &body),
            include_usage: body["stream_options"]["include_usage"] == true,
            context_length: context_length(endpoint, model, &body),
            keep_alive: KeepAlive::read(&body["keep_alive"]),
            limit: limit(endpoint, &body),
            thinking: thinks(endpoint, model, &body)?,
            has_image: has_image(&body),
            call: call(model, &body),
            body,
        };
        Ok(request.action())
    }
}

/// Decodes the body, as far as possible.
fn decode<'a>(raw: &RequestBody<'a>) -> Cow<'a, [u8]> {
    match ContentEncoding::of(raw.encoding) {
        ContentEncoding::Identity => Cow::Borrowed(raw.bytes),
        ContentEncoding::Coded(coding) => {
            let mut body = Vec::new();
            let _ = coding.decode(raw.bytes).read_to_end(&mut body);
            Cow::Owned(body)
        }
        ContentEncoding::Unknown => Cow::Borrowed(&[]),
    }
}

impl PromptRequest {
    /// A native request with nothing to answer only loads or unloads its model.
    fn action(self) -> Action {
        let is_empty = match self.endpoint {
            Inference::Generate => self.prompt.is_empty(),
            Inference::Chat => items(&self.body["messages"]).is_empty(),
            _ => false,
        };
        match is_empty {
            true if self.keep_alive.is_some_and(KeepAlive::unloads) => Action::Unload(self),
            true => Action::Load(self),
            false => Action::Generate(self),
        }
    }

    /// Returns the texts to embed.
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
fn parse(endpoint: Inference, bytes: &[u8]) -> Result<Value, ErrorReply> {
    let native = endpoint.as_str().starts_with("api/");
    match serde_json::Deserializer::from_slice(bytes)
        .into_iter()
        .next()
    {
        Some(Ok(body @ Value::Object(_))) => Ok(body),
        Some(Ok(_)) => Err(ErrorReply::new(
            400,
            "json: cannot unmarshal a value that is not an object into a request",
        )),
        Some(Err(e)) if e.is_eof() => Err(ErrorReply::new(400, "unexpected EOF")),
        Some(Err(e)) => Err(ErrorReply::new(
            400,
            format!("invalid character in the request: {e}"),
        )),
        None => Err(ErrorReply::new(
            400,
            if native {
                "missing request body"
            } else {
                "EOF"
            },
        )),
    }
}

fn validate(endpoint: Inference, body: &Value) -> Result<(), ErrorReply> {
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
    Err(ErrorReply::new(400, lacks))
}

/// Returns the model, if it exists and can do what this endpoint is for.
fn find_model(endpoint: Inference, name: &str) -> Result<&'static Model, ErrorReply> {
    let Some(model) = Model::named(name) else {
        return Err(ErrorReply::new(
            404,
            match endpoint {
                Inference::Embed => format!("model {name:?} not found, try pulling it first"),
                _ => format!("model '{name}' not found"),
            },
        ));
    };
    match (endpoint.is_embedding(), model.can("embedding")) {
        (true, false) => Err(ErrorReply::new(
            501,
            "This server does not support embeddings. Start it with `--embeddings`",
        )),
        (false, true) if endpoint == Inference::Generate => Err(ErrorReply::new(
            400,
            format!("{name:?} does not support generate"),
        )),
        (false, true) => Err(ErrorReply::new(
            400,
            format!("{name:?} does not support chat"),
        )),
        _ => Ok(model),
    }
}

/// Native endpoints stream unless told not to, all others only when told to.
fn is_streamed(endpoint: Inference, body: &Value) -> bool {
    let default = matches!(endpoint, Inference::Generate | Inference::Chat);
    body["stream"].as_bool().unwrap_or(default) && !endpoint.is_embedding()
}

/// Only Ollama's own endpoints take a `num_ctx`.
fn context_length(endpoint: Inference, model: &Model, body: &Value) -> u64 {
    let is_native = endpoint.dialect() == Dialect::Native;
    let asked = body["options"]["num_ctx"].as_u64().filter(|_| is_native);
    model.context_length(asked)
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

fn thinks(endpoint: Inference, model: &Model, body: &Value) -> Result<bool, ErrorReply> {
    let able = model.can("thinking");
    let native = matches!(endpoint, Inference::Generate | Inference::Chat);
    match endpoint {
        _ if native && !able && body["think"] == true => Err(ErrorReply::new(
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

/// Returns whether the request has an image, in any dialect.
fn has_image(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(has_image),
        Value::Object(fields) => {
            let is_image = value["type"]
                .as_str()
                .is_some_and(|kind| kind.contains("image"));
            is_image || !items(&value["images"]).is_empty() || fields.values().any(has_image)
        }
        _ => false,
    }
}

/// Returns a call of the first tool, unless the last message is the result of one.
fn call(model: &Model, body: &Value) -> Option<PlannedCall> {
    let tool = items(&body["tools"])
        .first()
        .filter(|_| model.can("tools"))?;
    let turns = [items(&body["messages"]), items(&body["input"])].concat();
    if turns.last().is_some_and(is_tool_result) {
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
            sample_value(&schema["properties"][name.as_str()?]["type"]),
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
    Some(PlannedCall {
        id: format!("call_{id}"),
        name: function["name"].as_str()?.to_owned(),
        arguments: Value::Object(arguments),
    })
}

fn is_tool_result(turn: &Value) -> bool {
    let parts = items(&turn["content"]);
    turn["role"] == "tool"
        || turn["type"] == "function_call_output"
        || parts.iter().any(|part| part["type"] == "tool_result")
}

/// Returns a value of this JSON schema type.
fn sample_value(kind: &Value) -> Value {
    match kind.as_str().unwrap_or_default() {
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        "array" => json!([]),
        "object" => json!({}),
        _ => json!("demo"),
    }
}

pub fn items(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}
