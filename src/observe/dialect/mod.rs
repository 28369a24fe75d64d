//! The dialects: one object of a reply, whole or a frame of a stream, and what it adds to the facts.
//!
//! Each reads typed, borrows where it can and skips what no record keeps (contexts, log probabilities, vectors, images), because it
//! runs once per token.

mod anthropic;
mod native;
mod openai;
mod responses;
mod timings;

use serde::de::Error;
use serde_json::value::RawValue;
use serde_json::{Deserializer, Value};

use super::facts::Facts;
use super::json::repair;
use crate::http::route::Dialect;
use timings::Timings;

type Read = fn(&[u8], &mut Facts) -> serde_json::Result<()>;

/// Reads one object. An error means that it could not be read, even with its strings repaired.
pub fn read(dialect: Dialect, json: &[u8], facts: &mut Facts) -> serde_json::Result<()> {
    let read: Read = match dialect {
        Dialect::Native => native::read,
        Dialect::OpenAi => openai::read,
        Dialect::Responses => responses::read,
        Dialect::Anthropic => anthropic::read,
    };
    read(json, facts).or_else(|_| {
        let repaired = repair(json);
        read(&repaired, facts).or_else(|_| read_each(read, &repaired, facts))
    })
}

/// Reads objects that stand one after the other, and such as have a key twice, of which the last value counts.
fn read_each(read: Read, json: &[u8], facts: &mut Facts) -> serde_json::Result<()> {
    for object in Deserializer::from_slice(json).into_iter::<&RawValue>() {
        let object = object?.get();
        read(object.as_bytes(), facts).or_else(|_| {
            let once: Value = serde_json::from_str(object)?;
            let object = if once.is_object() {
                once.to_string()
            } else {
                return Err(serde_json::Error::custom("not an object"));
            };
            read(object.as_bytes(), facts)
        })?;
    }
    Ok(())
}

/// What ends a stream of this dialect, in the words of an error that misses it.
pub fn end_marker(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Native => "done:true",
        Dialect::OpenAi => "[DONE]",
        Dialect::Responses => "response.completed",
        Dialect::Anthropic => "message_stop",
    }
}
