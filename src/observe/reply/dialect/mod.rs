//! The dialects: each adds one object of a reply, whole or an event of a stream, to the facts.
//!
//! Each deserializes into types, borrows where it can and skips what no record keeps (contexts, log
//! probabilities, vectors, images), because it runs once per token.

mod anthropic;
mod native;
mod openai;
mod responses;
mod timings;

use serde::de::Error;
use serde_json::value::RawValue;
use serde_json::{Deserializer, Value};

use super::facts::ReplyFacts;
use crate::http::route::Dialect;
use crate::observe::json::repair;

type ReadObject = fn(&[u8], &mut ReplyFacts) -> serde_json::Result<()>;

/// Adds one object to the facts. Fails if it cannot be read even with its strings repaired.
pub fn read(dialect: Dialect, json: &[u8], facts: &mut ReplyFacts) -> serde_json::Result<()> {
    let read: ReadObject = match dialect {
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

/// Adds objects that follow one another, and objects that have a key twice, whose last value
/// counts.
fn read_each(read: ReadObject, json: &[u8], facts: &mut ReplyFacts) -> serde_json::Result<()> {
    for object in Deserializer::from_slice(json).into_iter::<&RawValue>() {
        let object = object?.get();
        if read(object.as_bytes(), facts).is_err() {
            let without_doubles: Value = serde_json::from_str(object)?;
            if !without_doubles.is_object() {
                return Err(serde_json::Error::custom("not an object"));
            }
            read(without_doubles.to_string().as_bytes(), facts)?;
        }
    }
    Ok(())
}

/// Returns what ends a stream of this dialect, as an error about its absence calls it.
pub fn end_marker(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Native => "done:true",
        Dialect::OpenAi => "[DONE]",
        Dialect::Responses => "response.completed",
        Dialect::Anthropic => "message_stop",
    }
}
