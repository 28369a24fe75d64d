//! The dialects: one object of a reply, whole or a frame of a stream, and what it adds to the facts.
//!
//! Each reads typed, borrows where it can and skips what no record keeps (contexts, log probabilities, vectors), because it runs
//! once per token.

mod anthropic;
mod native;
mod openai;
mod responses;

use super::facts::Facts;
use super::json::repair;
use crate::route::Dialect;

type Read = fn(&[u8], &mut Facts) -> serde_json::Result<()>;

/// Reads one object. An error means that it could not be read, even with its strings repaired; `facts` are then as before.
pub fn read(dialect: Dialect, json: &[u8], facts: &mut Facts) -> serde_json::Result<()> {
    let read: Read = match dialect {
        Dialect::Native => native::read,
        Dialect::OpenAi => openai::read,
        Dialect::Responses => responses::read,
        Dialect::Anthropic => anthropic::read,
    };
    read(json, facts).or_else(|_| read(&repair(json), facts))
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
