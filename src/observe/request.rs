//! Facts from a request's body: the model and the prompt. Never an error: what cannot be read is unknown.
//!
//! Read as Ollama reads it: by path and not by Content-Type, keys in any case, the last duplicate wins, and only the first JSON value
//! counts. Of a body that was too long to keep, all that its head says is taken. (`name` for `model` is taken by /api/pull and its
//! kin only, none of which makes a model work.)

use std::io::{self, BufReader, Read as _};

use memchr::memchr;
use serde::de::DeserializeSeed;
use serde_json::Deserializer;
use serde_json::de::Read;

use super::decode::Coding;
use super::facts::MAX_NAME;
use super::multipart;
use super::prompt::{Body, Draft};
use super::text::{BoundedText, prefix};
use super::{RequestBody, json};
use crate::http::route::Inference;
use crate::util::budget::Reservation;

#[derive(Debug, Default)]
pub struct Request {
    pub model: Option<String>,
    pub prompt: Option<BoundedText>,
    /// The prompt may go on beyond what was kept of the body.
    pub truncated: bool,
    /// The body, or a part of it, could not be read.
    pub failed: bool,
}

impl Request {
    /// How much text is kept (bytes).
    pub fn kept(&self) -> usize {
        self.prompt
            .as_ref()
            .map_or(0, |prompt| prompt.as_str().len())
    }

    /// Keeps no text.
    pub fn cut(&mut self) {
        self.truncated |= self.prompt.take().is_some();
    }
}

/// Reads a body. Where `memory` has no room for what that takes, only its beginning is read.
pub fn read(endpoint: Inference, body: &RequestBody<'_>, memory: &mut Reservation) -> Request {
    let mut request = match Encoding::of(body) {
        Encoding::Identity => read_identity(endpoint, body, memory),
        Encoding::Coded(coding) => read_coded(coding, endpoint, body, memory),
        Encoding::Unknown => Request {
            failed: true,
            ..Request::default()
        },
    };
    request.model = request
        .model
        .filter(|model| !model.is_empty())
        .map(|model| prefix(&model, MAX_NAME).to_owned());
    request
}

/// So much of a body is read where there is no memory for more, or repaired where it has faults (bytes).
const HEAD_MAX: usize = 64 << 10;
const REPAIRED_MAX: usize = 4 << 20;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Coded(Coding),
    Unknown,
}

impl Encoding {
    pub fn of(body: &RequestBody<'_>) -> Encoding {
        match body
            .encoding
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "" | "identity" => Encoding::Identity,
            "gzip" | "x-gzip" => Encoding::Coded(Coding::Gzip),
            "deflate" => Encoding::Coded(Coding::Deflate),
            "zstd" => Encoding::Coded(Coding::Zstd),
            _ => Encoding::Unknown,
        }
    }
}

fn read_bytes(endpoint: Inference, bytes: &[u8], cut: bool, content_type: Option<&str>) -> Request {
    match is_form(endpoint, content_type) {
        true => multipart::read(bytes, content_type.unwrap_or_default()),
        false => read_json(endpoint, bytes, cut),
    }
}

/// Sound and pictures are sent as parts of a form; a picture that is to be edited may be a part of JSON as well.
fn is_form(endpoint: Inference, content_type: Option<&str>) -> bool {
    let is_multipart = || {
        content_type.is_some_and(|kind| {
            kind.trim_start()
                .to_ascii_lowercase()
                .starts_with("multipart/")
        })
    };
    endpoint == Inference::V1Transcriptions || endpoint == Inference::V1ImageEdits && is_multipart()
}

/// A string with escapes is copied while it is read, into a buffer that may be twice as long.
fn read_identity(endpoint: Inference, body: &RequestBody<'_>, memory: &mut Reservation) -> Request {
    let has_room = memory.cover(2 * body.bytes.len()) || memchr(b'\\', body.bytes).is_none();
    let bytes = if has_room {
        body.bytes
    } else {
        &body.bytes[..body.bytes.len().min(HEAD_MAX)]
    };
    read_bytes(
        endpoint,
        bytes,
        body.cut || bytes.len() < body.bytes.len(),
        body.content_type,
    )
}

/// Reads a body while it is decoded, so that the decoded one is never in memory; only of one that has faults the beginning is.
fn read_coded(
    coding: Coding,
    endpoint: Inference,
    body: &RequestBody<'_>,
    memory: &mut Reservation,
) -> Request {
    let window = coding.window();
    if !memory.cover(window + 2 * HEAD_MAX) {
        return Request {
            truncated: true,
            ..Request::default()
        };
    }
    if !is_form(endpoint, body.content_type) && !body.cut {
        let mut draft = Draft::default();
        let input = BufReader::new(Affordable {
            decoded: coding.decode(body.bytes),
            amount: window,
            memory,
        });
        if parse(endpoint, &mut Deserializer::from_reader(input), &mut draft).is_ok() {
            return Request {
                model: draft.model,
                prompt: draft.prompt,
                truncated: draft.truncated,
                failed: false,
            };
        }
    }
    let mut head = Vec::new();
    let max = if memory.cover(window + 2 * REPAIRED_MAX) {
        REPAIRED_MAX
    } else {
        HEAD_MAX
    };
    let decoded = coding
        .decode(body.bytes)
        .take(max as u64)
        .read_to_end(&mut head);
    let is_cut = body.cut || decoded.is_err() || head.len() == max;
    let request = read_bytes(endpoint, &head, is_cut, body.content_type);
    Request {
        failed: request.failed || decoded.is_err() && !body.cut && head.is_empty(),
        ..request
    }
}

/// A decoded body for as long as there is memory to read it.
struct Affordable<'a, R> {
    decoded: R,
    /// Bytes that are taken for it: the window, and all that was decoded twice.
    amount: usize,
    memory: &'a mut Reservation,
}

impl<R: io::Read> io::Read for Affordable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.decoded.read(buffer)?;
        // All of it may be one string, see `read_identity`.
        self.amount += 2 * amount;
        if self.memory.cover(self.amount) {
            Ok(amount)
        } else {
            Err(io::ErrorKind::OutOfMemory.into())
        }
    }
}

/// Reads as it stands what Go would read as well, and repairs only the rest.
fn read_json(endpoint: Inference, body: &[u8], cut: bool) -> Request {
    let mut draft = Draft::default();
    let mut ok = !cut && parse(endpoint, &mut Deserializer::from_slice(body), &mut draft).is_ok();
    if !ok {
        draft = Draft::default();
        let (head, cut) = (
            &body[..body.len().min(REPAIRED_MAX)],
            cut || body.len() > REPAIRED_MAX,
        );
        let end = parse(
            endpoint,
            &mut Deserializer::from_slice(&json::repair(head)),
            &mut draft,
        );
        ok = end.as_ref().err().is_none_or(|error| cut && error.is_eof());
        draft.end(cut && end.is_err());
    }
    Request {
        model: draft.model,
        prompt: draft.prompt,
        truncated: draft.truncated,
        failed: !ok,
    }
}

fn parse<'de, R: Read<'de>>(
    endpoint: Inference,
    json: &mut Deserializer<R>,
    draft: &mut Draft,
) -> serde_json::Result<()> {
    Body {
        prompt_keys: prompt_keys(endpoint),
        draft,
    }
    .deserialize(json)
}

/// Where the prompt may stand; the last of them that comes is it.
fn prompt_keys(endpoint: Inference) -> &'static [&'static str] {
    match endpoint {
        Inference::Chat | Inference::V1ChatCompletions | Inference::V1Messages => &["messages"],
        Inference::Embed | Inference::V1Embeddings | Inference::V1Responses => &["input"],
        Inference::Generate | Inference::Embeddings | Inference::V1Completions => &["prompt"],
        Inference::V1ImageGenerations | Inference::V1ImageEdits | Inference::V1Transcriptions => {
            &["prompt"]
        }
        Inference::V1Systemone => &["messages", "input", "prompt"],
    }
}
