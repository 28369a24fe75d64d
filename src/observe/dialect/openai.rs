//! OpenAI's chat completions, completions, embeddings, images and transcriptions, as Ollama, llama.cpp, vLLM and LM Studio speak it.
//! A stream ends with `[DONE]`, which is no JSON and therefore the reader's.
//!
//! Usage comes in the last frame, if it was asked for; completions then put zeros on every frame before it. `timings` come there as
//! well, from llama.cpp and since 0.35.1 from Ollama.

use serde::Deserialize;

use super::Timings;
use crate::observe::facts::Facts;
use crate::observe::lenient::{Content, List, Number, Object, Presence, Raw, Str, object};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reply<'a> {
    #[serde(borrow)]
    object: Str<'a>,
    /// Of an image's event.
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
    /// Of an `object` that is "error", as vLLM has it.
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
    text: Content<'a>,
    #[serde(borrow)]
    finish_reason: Str<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    content: Content<'a>,
    #[serde(borrow)]
    refusal: Str<'a>,
    #[serde(borrow)]
    reasoning: Content<'a>,
    /// The same under its older name; vLLM gives both.
    #[serde(borrow)]
    reasoning_content: Content<'a>,
    #[serde(borrow)]
    tool_calls: List<ToolCall<'a>>,
    /// One tool call, as it was before there were several.
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

pub fn read(json: &[u8], facts: &mut Facts) -> serde_json::Result<()> {
    let reply: Reply<'_> = object(json)?;
    facts.recognised |= is_openai(&reply);
    facts.model(&reply.model);
    facts.content(&reply.text.unwrap_or_default());
    facts.fail(reply.error);
    if &*reply.object == "error" {
        facts.fail(reply.message);
    }
    facts.done |=
        &*reply.kind == "image_generation.completed" || &*reply.kind == "image_edit.completed";
    facts.no_vectors |= reply.data == Presence::Empty;
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
    let told = reply.choices.is_some()
        || reply.usage.0.is_some()
        || reply.text.is_some()
        || reply.error.0.is_some();
    told || reply.data.is_there() || !reply.object.is_empty() || !reply.kind.is_empty()
}

fn add_choice(choice: Choice<'_>, facts: &mut Facts) {
    let index = choice.index.count().unwrap_or_default();
    facts.choices.saw(index, !choice.finish_reason.is_empty());
    if index != 0 {
        return;
    }
    facts.message(&choice.text);
    for message in choice.delta.0.into_iter().chain(choice.message.0) {
        add_message(message, facts);
    }
    facts.reason(&choice.finish_reason);
}

fn add_message(message: Message<'_>, facts: &mut Facts) {
    let reasoning = if message.reasoning.text.is_empty() {
        message.reasoning_content
    } else {
        message.reasoning
    };
    facts.thought(&reasoning.text);
    facts.message(&message.content);
    facts.content(&message.refusal);
    for (at, call) in (0..).zip(message.tool_calls.0) {
        add_function(call.index.count().unwrap_or(at), call.function, facts);
    }
    add_function(0, message.function_call, facts);
}

fn add_function(index: u64, function: Object<Function<'_>>, facts: &mut Facts) {
    if let Some(function) = function.0 {
        facts.tool_name(index, &function.name);
        facts.tool_arguments(index, &function.arguments.json());
    }
}

/// All zeros is what stands on frames that do not know yet.
fn add_usage(usage: &Usage, facts: &mut Facts) {
    let (prompt, generated) = (usage.prompt_tokens.count(), usage.completion_tokens.count());
    if prompt.max(generated) > Some(0) {
        let cached = usage
            .prompt_tokens_details
            .0
            .as_ref()
            .and_then(|details| details.cached_tokens.count());
        facts.count(prompt, cached, generated);
        facts.has_usage = true;
    }
}
