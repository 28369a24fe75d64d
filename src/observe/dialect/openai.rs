//! OpenAI's chat completions, completions, embeddings and transcriptions. A stream ends with `[DONE]`, which is no JSON and
//! therefore the reader's.
//!
//! Usage comes in the last frame, if it was asked for; completions then put zeros on every frame before it.

use serde::Deserialize;
use serde_json::Value;

use crate::observe::facts::Facts;
use crate::observe::json::Str;

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow, default)]
    model: Str<'a>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    usage: Option<Usage>,
    error: Option<Value>,
    /// A transcription.
    #[serde(borrow, default)]
    text: Str<'a>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: u64,
    #[serde(borrow, default)]
    delta: Option<Message<'a>>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    text: Str<'a>,
    #[serde(borrow, default)]
    finish_reason: Str<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Str<'a>,
    #[serde(borrow, default)]
    reasoning: Str<'a>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    index: Option<u64>,
    #[serde(borrow, default)]
    function: Function<'a>,
}

#[derive(Default, Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Str<'a>,
    #[serde(borrow, default)]
    arguments: Str<'a>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

pub fn read(json: &[u8], facts: &mut Facts) -> serde_json::Result<()> {
    let object: Object<'_> = serde_json::from_slice(json)?;
    facts.model(&object.model);
    facts.content(&object.text);
    if let Some(error) = &object.error {
        facts.fail(error);
    }
    for choice in object.choices.into_iter().flatten().filter(|choice| choice.index == 0) {
        facts.content(&choice.text);
        for message in choice.delta.into_iter().chain(choice.message) {
            add(message, facts);
        }
        facts.reason(&choice.finish_reason);
    }
    if let Some(usage) = object.usage.filter(|usage| usage.prompt_tokens.max(usage.completion_tokens) > Some(0)) {
        facts.prompt_tokens = usage.prompt_tokens;
        facts.generated_tokens = usage.completion_tokens;
    }
    Ok(())
}

fn add(message: Message<'_>, facts: &mut Facts) {
    facts.thought(&message.reasoning);
    facts.content(&message.content);
    for (at, call) in (0..).zip(message.tool_calls.into_iter().flatten()) {
        let index = call.index.unwrap_or(at);
        facts.tool_name(index, &call.function.name);
        facts.tool_arguments(index, &call.function.arguments);
    }
}
