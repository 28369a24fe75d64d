//! Anthropic's messages: named events from `message_start` to `message_stop`, or a single message.
//!
//! `input_tokens` is the prompt without its cached part (since Ollama 0.33.3, too): the whole
//! prompt is the sum of three numbers. Those of the first event are estimated by Ollama from the
//! length of the prompt; the true ones come in `message_delta`.

use serde::Deserialize;

use crate::observe::lenient::{List, MessageContent, Number, Object, Presence, Raw, Str, object};
use crate::observe::reply::facts::ReplyFacts;

/// An event, or a single message: the fields do not clash.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Str<'a>,
    index: Number,
    #[serde(borrow)]
    message: Object<Message<'a>>,
    #[serde(borrow)]
    content_block: Object<Block<'a>>,
    #[serde(borrow)]
    delta: Object<Delta<'a>>,
    usage: Object<Usage>,
    #[serde(borrow)]
    error: Raw<'a>,
    role: Presence,
    #[serde(borrow)]
    model: Str<'a>,
    #[serde(borrow)]
    content: List<Block<'a>>,
    #[serde(borrow)]
    stop_reason: Str<'a>,
}

/// The message that `message_start` opens.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    model: Str<'a>,
    usage: Object<Usage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Block<'a> {
    #[serde(rename = "type", borrow)]
    kind: Str<'a>,
    #[serde(borrow)]
    text: MessageContent<'a>,
    #[serde(borrow)]
    thinking: MessageContent<'a>,
    #[serde(borrow)]
    name: Str<'a>,
    #[serde(borrow)]
    input: Raw<'a>,
}

/// The change of a block (`text`, `thinking`, `partial_json`) or of the message (`stop_reason`).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta<'a> {
    #[serde(borrow)]
    text: MessageContent<'a>,
    #[serde(borrow)]
    thinking: MessageContent<'a>,
    #[serde(borrow)]
    partial_json: Raw<'a>,
    #[serde(borrow)]
    stop_reason: Str<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Usage {
    input_tokens: Number,
    cache_read_input_tokens: Number,
    cache_creation_input_tokens: Number,
    output_tokens: Number,
}

impl Usage {
    /// Returns the tokens of the whole prompt, unless they are unknown or 0.
    fn prompt(&self) -> Option<u64> {
        let cached = [
            self.cache_read_input_tokens,
            self.cache_creation_input_tokens,
        ];
        let cached: u64 = cached.into_iter().filter_map(Number::count).sum();
        Some(self.input_tokens.count()? + cached).filter(|tokens| *tokens > 0)
    }
}

pub fn read(json: &[u8], facts: &mut ReplyFacts) -> serde_json::Result<()> {
    let event: Event<'_> = object(json)?;
    facts.set_error(event.error);
    facts.recognised |= is_anthropic(&event);
    let index = event.index.count().unwrap_or_default();
    match &*event.kind {
        "message_start" => start_message(event.message, facts),
        "content_block_start" => start_block(index, event.content_block, facts),
        "content_block_delta" | "message_delta" => add_delta(index, event.delta, facts),
        "message_stop" => facts.done = true,
        _ => {
            facts.set_model(&event.model);
            for block in &event.content.0 {
                add_block(block, facts);
            }
            facts.set_done_reason(&event.stop_reason);
        }
    }
    if let Some(usage) = event.usage.0 {
        facts.set_counts(
            usage.prompt(),
            usage.cache_read_input_tokens.count(),
            usage.output_tokens.count(),
        );
    }
    Ok(())
}

fn is_anthropic(event: &Event<'_>) -> bool {
    let is_event = event.kind.starts_with("message")
        || event.kind.starts_with("content_block")
        || &*event.kind == "ping";
    is_event || event.role.is_present() || event.error.0.is_some()
}

fn start_message(message: Object<Message<'_>>, facts: &mut ReplyFacts) {
    let Some(message) = message.0 else { return };
    facts.set_model(&message.model);
    if let Some(usage) = message.usage.0 {
        facts.prompt_tokens_estimate = usage.prompt();
        facts.set_counts(None, usage.cache_read_input_tokens.count(), None);
    }
}

fn start_block(index: u64, block: Object<Block<'_>>, facts: &mut ReplyFacts) {
    let Some(block) = block.0 else { return };
    facts.push_message(&block.text);
    facts.push_thinking(&block.thinking.text);
    if &*block.kind == "tool_use" {
        facts.push_tool_name(index, &block.name);
    }
}

fn add_delta(index: u64, delta: Object<Delta<'_>>, facts: &mut ReplyFacts) {
    let Some(delta) = delta.0 else { return };
    facts.push_message(&delta.text);
    facts.push_thinking(&delta.thinking.text);
    facts.push_tool_arguments(index, &delta.partial_json.json());
    facts.set_done_reason(&delta.stop_reason);
}

/// Adds a block of a single message.
fn add_block(block: &Block<'_>, facts: &mut ReplyFacts) {
    facts.push_message(&block.text);
    facts.push_thinking(&block.thinking.text);
    if &*block.kind == "tool_use" {
        facts.push_tool_call(&block.name, &block.input.json());
    }
}
