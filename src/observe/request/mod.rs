//! Reads the model and the prompt from a request's body. It never fails: what cannot be read is
//! unknown.
//!
//! It reads as Ollama does: by path and not by Content-Type, keys in any case, the last duplicate
//! wins, and only the first JSON value counts. From a body that was too long to keep, all that its
//! beginning says is taken. (`name` for `model` is accepted by /api/pull and its relatives only,
//! none of which makes a model work.)

/// Has a visitor read a value of any type, and returns nothing.
macro_rules! seed {
    ($seed:ident) => {
        impl<'de> DeserializeSeed<'de> for $seed<'_> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.deserialize_any(self)
            }
        }
    };
}

mod body;
mod content;
pub mod facts;
mod kept;
mod messages;
mod multipart;
mod options;
pub mod parameters;
mod prompt;
mod session;
mod tools;
mod values;

use std::io::{self, BufReader, Read as _};

use memchr::{memchr, memmem};
use serde::de::DeserializeSeed;
use serde_json::Deserializer;
use serde_json::de::Read;

use super::content_encoding::{ContentCoding, ContentEncoding};
use super::event::RequestBody;
use super::json;
use super::limits::MAX_NAME;
use super::text::prefix;
use crate::http::route::Inference;
use crate::util::budget::Reservation;
use body::BodySeed;
pub use facts::RequestFacts;
use prompt::RequestFields;

/// The part of a body that is read if there is no memory for more, in bytes.
const MAX_BEGINNING: usize = 64 << 10;
/// The part of a body that is repaired if it is not valid JSON, in bytes.
const MAX_REPAIRED: usize = 4 << 20;

/// Reads a body, or only its beginning if `memory` has no room for more.
pub fn parse(
    endpoint: Inference,
    body: &RequestBody<'_>,
    memory: &mut Reservation,
) -> RequestFacts {
    let mut facts = match ContentEncoding::of(body.encoding) {
        ContentEncoding::Identity => parse_plain(endpoint, body, memory),
        ContentEncoding::Coded(coding) => parse_coded(coding, endpoint, body, memory),
        ContentEncoding::Unknown => RequestFacts {
            parse_failed: true,
            ..RequestFacts::default()
        },
    };
    let model = facts.model.filter(|model| !model.is_empty());
    facts.model = model.map(|model| prefix(&model, MAX_NAME).to_owned());
    facts
}

/// Reads a body that is not compressed. A string with escapes is copied while it is read, into a
/// buffer that may be twice as long; so are a tool and a call of one.
fn parse_plain(
    endpoint: Inference,
    body: &RequestBody<'_>,
    memory: &mut Reservation,
) -> RequestFacts {
    let has_room = memory.cover(2 * body.bytes.len()) || !needs_copies(body.bytes);
    let bytes = if has_room {
        body.bytes
    } else {
        &body.bytes[..body.bytes.len().min(MAX_BEGINNING)]
    };
    let is_partial = body.is_partial || bytes.len() < body.bytes.len();
    parse_decoded(endpoint, bytes, is_partial, body.content_type)
}

fn needs_copies(json: &[u8]) -> bool {
    memchr(b'\\', json).is_some() || memmem::find(json, b"tool").is_some()
}

/// Reads a compressed body while it is decoded, so that the decoded one is never whole in memory.
/// If that fails, its beginning is decoded and repaired.
fn parse_coded(
    coding: ContentCoding,
    endpoint: Inference,
    body: &RequestBody<'_>,
    memory: &mut Reservation,
) -> RequestFacts {
    let window = coding.window();
    if !memory.cover(window + 2 * MAX_BEGINNING) {
        return RequestFacts {
            is_truncated: true,
            ..RequestFacts::default()
        };
    }
    if !is_form(endpoint, body.content_type) && !body.is_partial {
        let input = BufReader::new(BudgetedReader {
            decoded: coding.decode(body.bytes),
            reserved: window,
            memory,
        });
        let mut fields = RequestFields::default();
        if parse_fields(endpoint, &mut Deserializer::from_reader(input), &mut fields).is_ok() {
            return fields.into_facts(endpoint.dialect(), false);
        }
    }
    let has_room = memory.cover(window + 2 * MAX_REPAIRED);
    let max = if has_room {
        MAX_REPAIRED
    } else {
        MAX_BEGINNING
    };
    let mut beginning = Vec::new();
    let decoded = coding
        .decode(body.bytes)
        .take(max as u64)
        .read_to_end(&mut beginning);
    let is_partial = body.is_partial || decoded.is_err() || beginning.len() == max;
    let mut facts = parse_decoded(endpoint, &beginning, is_partial, body.content_type);
    facts.parse_failed |= decoded.is_err() && !body.is_partial && beginning.is_empty();
    facts
}

/// Reads from a decoded body for as long as there is memory for it.
struct BudgetedReader<'a, R> {
    decoded: R,
    /// The bytes reserved for it: the window, and twice all that was decoded.
    reserved: usize,
    memory: &'a mut Reservation,
}

impl<R: io::Read> io::Read for BudgetedReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.decoded.read(buffer)?;
        // All of it may be one string with escapes, as in `parse_plain`.
        self.reserved += 2 * amount;
        if self.memory.cover(self.reserved) {
            Ok(amount)
        } else {
            Err(io::ErrorKind::OutOfMemory.into())
        }
    }
}

fn parse_decoded(
    endpoint: Inference,
    bytes: &[u8],
    is_partial: bool,
    content_type: Option<&str>,
) -> RequestFacts {
    if is_form(endpoint, content_type) {
        multipart::parse(bytes, content_type.unwrap_or_default())
    } else {
        parse_json(endpoint, bytes, is_partial)
    }
}

/// Returns whether the body is multipart/form-data, as for audio and images. An image to be edited
/// may also come in JSON.
fn is_form(endpoint: Inference, content_type: Option<&str>) -> bool {
    endpoint == Inference::V1Transcriptions
        || endpoint == Inference::V1ImageEdits && content_type.is_some_and(is_multipart)
}

fn is_multipart(content_type: &str) -> bool {
    let media_type = content_type.trim_start().to_ascii_lowercase();
    media_type.starts_with("multipart/")
}

/// Reads valid JSON as it is, and repairs only the rest.
fn parse_json(endpoint: Inference, body: &[u8], is_partial: bool) -> RequestFacts {
    let mut fields = RequestFields::default();
    if !is_partial
        && parse_fields(endpoint, &mut Deserializer::from_slice(body), &mut fields).is_ok()
    {
        return fields.into_facts(endpoint.dialect(), false);
    }
    let beginning = &body[..body.len().min(MAX_REPAIRED)];
    let is_partial = is_partial || body.len() > MAX_REPAIRED;
    let repaired = match is_partial {
        true => json::repair_beginning(beginning),
        false => json::repair(beginning),
    };
    fields = RequestFields::default();
    let parsed = parse_fields(
        endpoint,
        &mut Deserializer::from_slice(&repaired),
        &mut fields,
    );
    let is_cut = is_partial || parsed.is_err();
    fields.finish(is_partial && parsed.is_err());
    RequestFacts {
        parse_failed: parsed.is_err_and(|error| !is_partial || !error.is_eof()),
        ..fields.into_facts(endpoint.dialect(), is_cut)
    }
}

fn parse_fields<'de, R: Read<'de>>(
    endpoint: Inference,
    json: &mut Deserializer<R>,
    fields: &mut RequestFields,
) -> serde_json::Result<()> {
    BodySeed { endpoint, fields }.deserialize(json)
}
