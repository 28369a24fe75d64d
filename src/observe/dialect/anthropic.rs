//! Anthropic's messages: named events from `message_start` to `message_stop`, or a single message.
//!
//! `input_tokens` is the prompt without its cached part (since Ollama 0.33.3, too): the whole prompt is the sum of three numbers. The
//! first frame's are a guess of Ollama's from the length of the prompt; the true ones come in `message_delta`.

use serde::Deserialize;

use crate::observe::facts::Facts;
use crate::observe::lenient::{Content, List, Number, Object, Presence, Raw, Str, object};

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
    text: Content<'a>,
    #[serde(borrow)]
    thinking: Content<'a>,
    #[serde(borrow)]
    name: Str<'a>,
    #[serde(borrow)]
    input: Raw<'a>,
}

/// Of a block (`text`, `thinking`, `partial_json`) or of the message (`stop_reason`).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta<'a> {
    #[serde(borrow)]
    text: Content<'a>,
    #[serde(borrow)]
    thinking: Content<'a>,
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
    /// The whole prompt; none has no tokens.
    fn prompt(&self) -> Option<u64> {
        let cached = [
            self.cache_read_input_tokens,
            self.cache_creation_input_tokens,
        ];
        let whole = self
            .input_tokens
            .count()
            .map(|input| cached.into_iter().filter_map(Number::count).sum::<u64>() + input);
        whole.filter(|tokens| *tokens > 0)
    }
}

pub fn read(json: &[u8], facts: &mut Facts) -> serde_json::Result<()> {
    let event: Event<'_> = object(json)?;
    facts.fail(event.error);
    facts.recognised |= is_anthropic(&event);
    let index = event.index.count().unwrap_or_default();
    match &*event.kind {
        "message_start" => start(event.message, facts),
        "content_block_start" => event
            .content_block
            .0
            .iter()
            .for_each(|block| open(index, block, facts)),
        "content_block_delta" | "message_delta" => event
            .delta
            .0
            .iter()
            .for_each(|delta| add(index, delta, facts)),
        "message_stop" => facts.done = true,
        _ => {
            facts.model(&event.model);
            event.content.0.iter().for_each(|block| whole(block, facts));
            facts.reason(&event.stop_reason);
        }
    }
    if let Some(usage) = event.usage.0 {
        facts.count(
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
    is_event || event.role.is_there() || event.error.0.is_some()
}

fn start(message: Object<Message<'_>>, facts: &mut Facts) {
    let Some(message) = message.0 else { return };
    facts.model(&message.model);
    if let Some(usage) = message.usage.0 {
        facts.prompt_tokens_guess = usage.prompt();
        facts.count(None, usage.cache_read_input_tokens.count(), None);
    }
}

fn open(index: u64, block: &Block<'_>, facts: &mut Facts) {
    facts.message(&block.text);
    facts.thought(&block.thinking.text);
    if &*block.kind == "tool_use" {
        facts.tool_name(index, &block.name);
    }
}

fn add(index: u64, delta: &Delta<'_>, facts: &mut Facts) {
    facts.message(&delta.text);
    facts.thought(&delta.thinking.text);
    facts.tool_arguments(index, &delta.partial_json.json());
    facts.reason(&delta.stop_reason);
}

/// A block of a single message.
fn whole(block: &Block<'_>, facts: &mut Facts) {
    facts.message(&block.text);
    facts.thought(&block.thinking.text);
    if &*block.kind == "tool_use" {
        facts.tool_call(&block.name, &block.input.json());
    }
}
