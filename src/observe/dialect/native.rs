//! Ollama's own: one JSON object a line, or a single one; the last has `done: true` and all counters.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::observe::facts::Facts;
use crate::observe::json::{Str, json_text};

/// /api/generate, /api/chat, /api/embed and /api/embeddings in one: the fields do not clash.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow, default)]
    model: Str<'a>,
    #[serde(borrow, default)]
    response: Str<'a>,
    #[serde(borrow, default)]
    thinking: Str<'a>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(default)]
    done: bool,
    #[serde(borrow, default)]
    done_reason: Str<'a>,
    total_duration: Option<i64>,
    load_duration: Option<i64>,
    prompt_eval_count: Option<i64>,
    prompt_eval_duration: Option<i64>,
    eval_count: Option<i64>,
    eval_duration: Option<i64>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Str<'a>,
    #[serde(borrow, default)]
    thinking: Str<'a>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow, default)]
    function: Function<'a>,
}

#[derive(Default, Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Str<'a>,
    #[serde(default)]
    arguments: Value,
}

pub fn read(json: &[u8], facts: &mut Facts) -> serde_json::Result<()> {
    let object: Object<'_> = serde_json::from_slice(json)?;
    facts.model(&object.model);
    facts.thought(&object.thinking);
    facts.content(&object.response);
    tool_calls(object.tool_calls, facts);
    if let Some(message) = object.message {
        facts.thought(&message.thinking);
        facts.content(&message.content);
        tool_calls(message.tool_calls, facts);
    }
    if let Some(error) = &object.error {
        facts.fail(error);
    }
    facts.done |= object.done;
    facts.reason(&object.done_reason);
    set(&mut facts.prompt_tokens, object.prompt_eval_count, |count| count);
    set(&mut facts.generated_tokens, object.eval_count, |count| count);
    set(&mut facts.total_duration, object.total_duration, Duration::from_nanos);
    set(&mut facts.load_duration, object.load_duration, Duration::from_nanos);
    set(&mut facts.prompt_eval_duration, object.prompt_eval_duration, Duration::from_nanos);
    set(&mut facts.eval_duration, object.eval_duration, Duration::from_nanos);
    Ok(())
}

fn tool_calls(calls: Option<Vec<ToolCall<'_>>>, facts: &mut Facts) {
    for call in calls.into_iter().flatten() {
        facts.tool_call(&call.function.name, &json_text(&call.function.arguments));
    }
}

/// Ollama leaves zeros out, and no counter is negative: what is neither is news.
fn set<T>(fact: &mut Option<T>, value: Option<i64>, convert: impl Fn(u64) -> T) {
    if let Some(value) = value.and_then(|value| u64::try_from(value).ok()) {
        *fact = Some(convert(value));
    }
}
