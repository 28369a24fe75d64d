//! Facts from a request's body: the model and the prompt. Never an error: what cannot be read is unknown.
//!
//! Read as Ollama reads it: by path and not by Content-Type, keys in any case, the last duplicate wins, and only the first JSON value
//! counts. Of a body that was too long to keep, all that its head says is taken. (`name` for `model` is taken by /api/pull and its
//! kin only, none of which makes a model work.)

use std::borrow::Cow;

use serde::de::DeserializeSeed;

use super::facts::MAX_NAME;
use super::multipart;
use super::prompt::{Body, Draft};
use super::text::{BoundedText, prefix};
use super::{RequestBody, decode, json};
use crate::route::Inference;

#[derive(Debug, Default)]
pub struct Request {
    pub model: Option<String>,
    pub prompt: Option<BoundedText>,
    /// The prompt may go on beyond what was kept of the body.
    pub truncated: bool,
    /// The body, or a part of it, could not be read.
    pub failed: bool,
}

pub fn read(endpoint: Inference, body: &RequestBody<'_>) -> Request {
    let (bytes, cut, readable) = decoded(body);
    let mut request = match endpoint {
        Inference::V1Transcriptions => multipart::read(&bytes, body.content_type.unwrap_or_default()),
        _ => read_json(endpoint, &bytes, cut),
    };
    request.failed |= !readable;
    request.model = request.model.filter(|model| !model.is_empty()).map(|model| prefix(&model, MAX_NAME).to_owned());
    request
}

/// The body with its encoding undone, whether it is only a head, and whether the encoding could be read.
pub fn decoded<'a>(body: &RequestBody<'a>) -> (Cow<'a, [u8]>, bool, bool) {
    match body.encoding.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "identity" => (Cow::Borrowed(body.bytes), body.cut, true),
        "zstd" => {
            let (bytes, whole) = decode::zstd(body.bytes);
            let readable = whole || body.cut || !bytes.is_empty();
            (Cow::Owned(bytes), body.cut || !whole, readable)
        }
        _ => (Cow::Borrowed(&[]), true, false),
    }
}

/// Reads as it stands what Go would read as well, and repairs only the rest.
fn read_json(endpoint: Inference, body: &[u8], cut: bool) -> Request {
    let mut draft = Draft::default();
    let mut ok = !cut && parse(endpoint, body, &mut draft).is_ok();
    if !ok {
        draft = Draft::default();
        let end = parse(endpoint, &json::repair(body), &mut draft);
        ok = end.as_ref().err().is_none_or(|error| cut && error.is_eof());
        draft.end(cut && end.is_err());
    }
    Request { model: draft.model, prompt: draft.prompt, truncated: draft.truncated, failed: !ok }
}

fn parse(endpoint: Inference, body: &[u8], draft: &mut Draft) -> serde_json::Result<()> {
    Body { prompt_key: prompt_key(endpoint), draft }.deserialize(&mut serde_json::Deserializer::from_slice(body))
}

/// Where the prompt stands.
fn prompt_key(endpoint: Inference) -> &'static str {
    match endpoint {
        Inference::Chat | Inference::V1ChatCompletions | Inference::V1Messages => "messages",
        Inference::Embed | Inference::V1Embeddings | Inference::V1Responses => "input",
        Inference::Generate | Inference::Embeddings | Inference::V1Completions | Inference::V1Transcriptions => "prompt",
    }
}
