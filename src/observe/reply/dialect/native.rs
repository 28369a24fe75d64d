//! Ollama's own: one JSON object per line, or a single one; the last has `done: true` and all
//! counters.
//!
//! `prompt_eval_count` is the whole prompt; since 0.33.3 `prompt_eval_cached_count` tells how much
//! of it came from the cache, and `prompt_eval_duration` is the time of the rest. Ollama leaves
//! zeros out.

use serde::Deserialize;

use crate::observe::lenient::{
    Boolean, Length, List, MessageContent, Number, Object, Presence, Raw, Str, object,
};
use crate::observe::reply::facts::ReplyFacts;

/// /api/generate, /api/chat, /api/embed and /api/embeddings in one: the fields do not clash.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Reply<'a> {
    #[serde(borrow)]
    model: Str<'a>,
    created_at: Presence,
    #[serde(borrow)]
    response: Option<MessageContent<'a>>,
    #[serde(borrow)]
    thinking: MessageContent<'a>,
    #[serde(borrow)]
    tool_calls: List<ToolCall<'a>>,
    #[serde(borrow)]
    message: Object<Message<'a>>,
    context: Length,
    embedding: Presence,
    embeddings: Presence,
    done: Option<Boolean>,
    #[serde(borrow)]
    done_reason: Str<'a>,
    total_duration: Number,
    load_duration: Number,
    prompt_eval_count: Number,
    prompt_eval_cached_count: Number,
    prompt_eval_duration: Number,
    eval_count: Number,
    eval_duration: Number,
    #[serde(borrow)]
    error: Raw<'a>,
    _debug_info: Presence,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    content: MessageContent<'a>,
    #[serde(borrow)]
    thinking: MessageContent<'a>,
    #[serde(borrow)]
    tool_calls: List<ToolCall<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToolCall<'a> {
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

pub fn read(json: &[u8], facts: &mut ReplyFacts) -> serde_json::Result<()> {
    let reply: Reply<'_> = object(json)?;
    facts.recognised |= is_native(&reply);
    facts.set_model(&reply.model);
    facts.push_thinking(&reply.thinking.text);
    facts.push_message(&reply.response.unwrap_or_default());
    add_tool_calls(reply.tool_calls, facts);
    if let Some(message) = reply.message.0 {
        facts.push_thinking(&message.thinking.text);
        facts.push_message(&message.content);
        add_tool_calls(message.tool_calls, facts);
    }
    facts.context_array = reply.context.0.or(facts.context_array);
    facts.set_error(reply.error);
    facts.done |= reply.done.unwrap_or_default().0;
    facts.set_done_reason(&reply.done_reason);
    facts.is_render_only |= reply._debug_info.is_present();
    facts.is_empty_embedding |= [reply.embedding, reply.embeddings].contains(&Presence::Empty);
    facts.set_counts(
        reply.prompt_eval_count.count(),
        reply.prompt_eval_cached_count.count(),
        reply.eval_count.count(),
    );
    facts.total_duration = reply.total_duration.nanos().or(facts.total_duration);
    facts.load_duration = reply.load_duration.nanos().or(facts.load_duration);
    facts.prompt_eval_duration = reply
        .prompt_eval_duration
        .nanos()
        .or(facts.prompt_eval_duration);
    facts.eval_duration = reply.eval_duration.nanos().or(facts.eval_duration);
    Ok(())
}

fn is_native(reply: &Reply<'_>) -> bool {
    let text = reply.response.is_some()
        || reply.message.0.is_some()
        || reply.done.is_some()
        || reply.error.0.is_some();
    text || [reply.created_at, reply.embedding, reply.embeddings]
        .into_iter()
        .any(Presence::is_present)
}

fn add_tool_calls(calls: List<ToolCall<'_>>, facts: &mut ReplyFacts) {
    for function in calls.0.into_iter().filter_map(|call| call.function.0) {
        facts.push_tool_call(&function.name, &function.arguments.json());
    }
}
