//! OpenAI's chat completions, completions, embeddings, images and transcriptions, as Ollama,
//! llama.cpp, vLLM and LM Studio send them. A stream ends with `[DONE]`, which is not JSON and is
//! handled where objects are split.
//!
//! Usage comes in the last event, if it was asked for; completions then put zeros on every event
//! before it. `timings` come there as well, from llama.cpp and since 0.35.1 from Ollama.

use serde::Deserialize;

use super::timings::Timings;
use crate::observe::lenient::{List, MessageContent, Number, Object, Presence, Raw, Str, object};
use crate::observe::reply::facts::ReplyFacts;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reply<'a> {
    #[serde(borrow)]
    object: Str<'a>,
    /// The type of an event about an image.
    #[serde(rename = "type", borrow)]
    kind: Str<'a>,
    #[serde(borrow)]
    model: Str<'a>,
    #[serde(borrow)]
    choices: Option<List<Choice<'a>>>,
    data: Presence,
    usage: Object<Usage>,
    timings: Object<Timings>,
    #[serde(borrow)]
    error: Raw<'a>,
    /// The message of an `object` that is "error", as vLLM sends it.
    #[serde(borrow)]
    message: Raw<'a>,
    /// A transcription.
    #[serde(borrow)]
    text: Option<Str<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice<'a> {
    index: Number,
    #[serde(borrow)]
    delta: Object<Message<'a>>,
    #[serde(borrow)]
    message: Object<Message<'a>>,
    #[serde(borrow)]
    text: MessageContent<'a>,
    #[serde(borrow)]
    finish_reason: Str<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    content: MessageContent<'a>,
    #[serde(borrow)]
    refusal: Str<'a>,
    #[serde(borrow)]
    reasoning: MessageContent<'a>,
    /// The same under its older name; vLLM sends both.
    #[serde(borrow)]
    reasoning_content: MessageContent<'a>,
    #[serde(borrow)]
    tool_calls: List<ToolCall<'a>>,
    /// The only tool call, from before there could be several.
    #[serde(borrow)]
    function_call: Object<Function<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToolCall<'a> {
    index: Number,
    #[serde(borrow)]
    function: Object<Function<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    #[serde(borrow)]
    name: Str<'a>,
    #[serde(borrow)]
    arguments: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Usage {
    prompt_tokens: Number,
    completion_tokens: Number,
    prompt_tokens_details: Object<Details>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Number,
}

pub fn read(json: &[u8], facts: &mut ReplyFacts) -> serde_json::Result<()> {
    let reply: Reply<'_> = object(json)?;
    facts.recognised |= is_openai(&reply);
    facts.set_model(&reply.model);
    facts.push_content(&reply.text.unwrap_or_default());
    facts.set_error(reply.error);
    if &*reply.object == "error" {
        facts.set_error(reply.message);
    }
    facts.done |=
        &*reply.kind == "image_generation.completed" || &*reply.kind == "image_edit.completed";
    facts.is_empty_embedding |= reply.data == Presence::Empty;
    for choice in reply.choices.unwrap_or_default().0 {
        add_choice(choice, facts);
    }
    if let Some(timings) = &reply.timings.0 {
        timings.add_to(facts);
    }
    if let Some(usage) = &reply.usage.0 {
        add_usage(usage, facts);
    }
    Ok(())
}

fn is_openai(reply: &Reply<'_>) -> bool {
    let has_content = reply.choices.is_some()
        || reply.usage.0.is_some()
        || reply.text.is_some()
        || reply.error.0.is_some();
    has_content || reply.data.is_present() || !reply.object.is_empty() || !reply.kind.is_empty()
}

fn add_choice(choice: Choice<'_>, facts: &mut ReplyFacts) {
    let index = choice.index.count().unwrap_or_default();
    facts
        .choices
        .record(index, !choice.finish_reason.is_empty());
    if index != 0 {
        return;
    }
    facts.push_message(&choice.text);
    for message in choice.delta.0.into_iter().chain(choice.message.0) {
        add_message(message, facts);
    }
    facts.set_done_reason(&choice.finish_reason);
}

fn add_message(message: Message<'_>, facts: &mut ReplyFacts) {
    let reasoning = if message.reasoning.text.is_empty() {
        message.reasoning_content
    } else {
        message.reasoning
    };
    facts.push_thinking(&reasoning.text);
    facts.push_message(&message.content);
    facts.push_content(&message.refusal);
    for (at, call) in (0..).zip(message.tool_calls.0) {
        add_function(call.index.count().unwrap_or(at), call.function, facts);
    }
    add_function(0, message.function_call, facts);
}

fn add_function(index: u64, function: Object<Function<'_>>, facts: &mut ReplyFacts) {
    if let Some(function) = function.0 {
        facts.push_tool_name(index, &function.name);
        facts.push_tool_arguments(index, &function.arguments.json());
    }
}

/// Takes the usage, unless it is all zeros, as on events that do not know it yet.
fn add_usage(usage: &Usage, facts: &mut ReplyFacts) {
    let (prompt, generated) = (usage.prompt_tokens.count(), usage.completion_tokens.count());
    if prompt.max(generated) > Some(0) {
        let cached = usage
            .prompt_tokens_details
            .0
            .as_ref()
            .and_then(|details| details.cached_tokens.count());
        facts.set_counts(prompt, cached, generated);
        facts.has_usage = true;
    }
}
