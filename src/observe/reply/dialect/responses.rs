//! OpenAI's responses: named events with a sequence number, or a single `response` object.
//! `response.completed` ends a stream and repeats the whole output, which is skipped there: the
//! deltas have brought it.

use serde::Deserialize;

use super::timings::Timings;
use crate::diagnose::session::hints::response_hash;
use crate::observe::lenient::{List, MessageContent, Number, Object, Presence, Raw, Str, object};
use crate::observe::reply::facts::ReplyFacts;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    /// The type of an event.
    #[serde(rename = "type", borrow)]
    kind: Str<'a>,
    output_index: Number,
    #[serde(borrow)]
    delta: Str<'a>,
    #[serde(borrow)]
    item: Object<Item<'a>>,
    #[serde(borrow)]
    response: Object<Response<'a>>,
    /// The message of an event of type `error`.
    #[serde(borrow)]
    message: Raw<'a>,
    #[serde(borrow)]
    error: Raw<'a>,
}

/// The part of a `response` object that both forms share.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Response<'a> {
    #[serde(borrow)]
    id: Str<'a>,
    object: Presence,
    #[serde(borrow)]
    model: Str<'a>,
    #[serde(borrow)]
    status: Str<'a>,
    #[serde(borrow)]
    error: Raw<'a>,
    #[serde(borrow)]
    incomplete_details: Object<Incomplete<'a>>,
    usage: Object<Usage>,
    timings: Object<Timings>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Incomplete<'a> {
    #[serde(borrow)]
    reason: Str<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Usage {
    input_tokens: Number,
    output_tokens: Number,
    input_tokens_details: Object<Details>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Number,
}

/// The output of a single reply.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Output<'a> {
    #[serde(borrow)]
    output: Option<List<Item<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Item<'a> {
    #[serde(rename = "type", borrow)]
    kind: Str<'a>,
    #[serde(borrow)]
    name: Str<'a>,
    #[serde(borrow)]
    arguments: Raw<'a>,
    #[serde(borrow)]
    content: MessageContent<'a>,
    #[serde(borrow)]
    summary: MessageContent<'a>,
}

pub fn read(json: &[u8], facts: &mut ReplyFacts) -> serde_json::Result<()> {
    let event: Event<'_> = object(json)?;
    if event.kind.is_empty() {
        return read_single(json, facts);
    }
    facts.recognised |= &*event.kind == "error" || event.kind.starts_with("response.");
    let index = event.output_index.count().unwrap_or_default();
    match &*event.kind {
        "response.output_text.delta" | "response.refusal.delta" => facts.push_content(&event.delta),
        "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
            facts.push_thinking(&event.delta)
        }
        "response.function_call_arguments.delta" => facts.push_tool_arguments(index, &event.delta),
        "response.output_item.added" => start_item(index, event.item, facts),
        "response.output_item.done" => finish_item(index, event.item, facts),
        "response.completed" | "response.incomplete" | "response.failed" => facts.done = true,
        "error" => {
            facts.set_error(event.error);
            facts.set_error(event.message);
        }
        _ => {}
    }
    facts.set_error(event.error);
    if let Some(response) = event.response.0 {
        add_response(response, facts);
    }
    Ok(())
}

fn read_single(json: &[u8], facts: &mut ReplyFacts) -> serde_json::Result<()> {
    let response: Response<'_> = object(json)?;
    let output: Output<'_> = object(json)?;
    facts.recognised |=
        output.output.is_some() || response.object.is_present() || response.error.0.is_some();
    for item in output.output.unwrap_or_default().0 {
        add_item(&item, facts);
    }
    add_response(response, facts);
    Ok(())
}

/// Adds an item of a single reply: a call, a message, or reasoning with its summary or its text.
fn add_item(item: &Item<'_>, facts: &mut ReplyFacts) {
    match &*item.kind {
        "function_call" => facts.push_tool_call(&item.name, &item.arguments.json()),
        "reasoning" => facts.push_thinking(&item.content.text),
        _ => facts.push_content(&item.content.text),
    }
    facts.push_thinking(&item.summary.text);
}

/// Begins a function call; its arguments follow as deltas.
fn start_item(index: u64, item: Object<Item<'_>>, facts: &mut ReplyFacts) {
    if let Some(item) = item.0.filter(|item| &*item.kind == "function_call") {
        facts.push_tool_name(index, &item.name);
    }
}

/// Ends a function call; its arguments are taken from here only if no delta brought them.
fn finish_item(index: u64, item: Object<Item<'_>>, facts: &mut ReplyFacts) {
    if let Some(item) = item
        .0
        .filter(|item| &*item.kind == "function_call" && !facts.tool_calls.has_arguments(index))
    {
        facts.push_tool_arguments(index, &item.arguments.json());
    }
}

fn add_response(response: Response<'_>, facts: &mut ReplyFacts) {
    facts.set_model(&response.model);
    facts.response_id = facts.response_id.or_else(|| response_hash(&response.id));
    facts.set_error(response.error);
    let incomplete = response.incomplete_details.0.unwrap_or_default();
    match &*response.status {
        "in_progress" | "queued" => return,
        "failed" => facts.set_error_text("the response failed"),
        status => facts.set_done_reason(incomplete.reason.non_empty().unwrap_or(status)),
    }
    if let Some(timings) = &response.timings.0 {
        timings.add_to(facts);
    }
    if let Some(usage) = response.usage.0 {
        let cached = usage
            .input_tokens_details
            .0
            .and_then(|details| details.cached_tokens.count());
        facts.set_counts(
            usage.input_tokens.count(),
            cached,
            usage.output_tokens.count(),
        );
        facts.has_usage = true;
    }
}
