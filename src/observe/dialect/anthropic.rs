//! Anthropic's messages: named events from `message_start` to `message_stop`, or a single message.
//!
//! The first frame's token numbers are a guess of Ollama's from the length of the prompt; the true ones come in `message_delta`.

use serde::Deserialize;
use serde_json::Value;

use crate::observe::facts::Facts;
use crate::observe::json::{Str, json_text};

/// An event, or a single message: the fields do not clash.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Str<'a>,
    #[serde(default)]
    index: u64,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    content_block: Option<Block<'a>>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    usage: Option<Usage>,
    error: Option<Value>,
    #[serde(borrow, default)]
    model: Str<'a>,
    #[serde(borrow, default)]
    content: Option<Vec<Block<'a>>>,
    #[serde(borrow, default)]
    stop_reason: Str<'a>,
}

/// The message that `message_start` opens. Its usage is an estimate of Ollama's own (a quarter of the text's length), so it is left alone.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    model: Str<'a>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Str<'a>,
    #[serde(borrow, default)]
    text: Str<'a>,
    #[serde(borrow, default)]
    thinking: Str<'a>,
    #[serde(borrow, default)]
    name: Str<'a>,
    #[serde(default)]
    input: Value,
}

/// Of a block (`text`, `thinking`, `partial_json`) or of the message (`stop_reason`).
#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    text: Str<'a>,
    #[serde(borrow, default)]
    thinking: Str<'a>,
    #[serde(borrow, default)]
    partial_json: Str<'a>,
    #[serde(borrow, default)]
    stop_reason: Str<'a>,
}

#[derive(Deserialize)]
struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

pub fn read(json: &[u8], facts: &mut Facts) -> serde_json::Result<()> {
    let object: Object<'_> = serde_json::from_slice(json)?;
    if let Some(error) = &object.error {
        facts.fail(error);
    }
    match &*object.kind {
        "message_start" => start(object.message, facts),
        "content_block_start" => object.content_block.iter().for_each(|block| open(object.index, block, facts)),
        "content_block_delta" | "message_delta" => object.delta.iter().for_each(|delta| add(object.index, delta, facts)),
        "message_stop" => facts.done = true,
        _ => {
            facts.model(&object.model);
            object.content.iter().flatten().for_each(|block| whole(block, facts));
            facts.reason(&object.stop_reason);
        }
    }
    if let Some(usage) = object.usage {
        facts.prompt_tokens = usage.input_tokens.or(facts.prompt_tokens);
        facts.generated_tokens = usage.output_tokens.or(facts.generated_tokens);
    }
    Ok(())
}

fn start(message: Option<Message<'_>>, facts: &mut Facts) {
    if let Some(message) = message {
        facts.model(&message.model);
    }
}

fn open(index: u64, block: &Block<'_>, facts: &mut Facts) {
    facts.content(&block.text);
    facts.thought(&block.thinking);
    if &*block.kind == "tool_use" {
        facts.tool_name(index, &block.name);
    }
}

fn add(index: u64, delta: &Delta<'_>, facts: &mut Facts) {
    facts.content(&delta.text);
    facts.thought(&delta.thinking);
    if let Some(piece) = delta.partial_json.some() {
        facts.tool_arguments(index, piece);
    }
    facts.reason(&delta.stop_reason);
}

/// A block of a single message.
fn whole(block: &Block<'_>, facts: &mut Facts) {
    facts.content(&block.text);
    facts.thought(&block.thinking);
    if &*block.kind == "tool_use" {
        facts.tool_call(&block.name, &json_text(&block.input));
    }
}
