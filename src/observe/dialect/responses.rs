//! OpenAI's responses: named events with a running number, or a single `response` object. `response.completed` ends a stream and
//! repeats the whole output, which is skipped there: the deltas have brought it.

use serde::Deserialize;
use serde_json::Value;

use crate::observe::facts::Facts;
use crate::observe::json::Str;

#[derive(Deserialize)]
struct Object<'a> {
    /// Of an event.
    #[serde(rename = "type", borrow, default)]
    kind: Str<'a>,
    #[serde(default)]
    output_index: u64,
    #[serde(borrow, default)]
    delta: Str<'a>,
    #[serde(borrow, default)]
    item: Option<Item<'a>>,
    #[serde(borrow, default)]
    response: Option<Response<'a>>,
    /// Of an event of type `error`.
    #[serde(borrow, default)]
    message: Str<'a>,
    error: Option<Value>,
}

/// The part of a `response` object that both forms share.
#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    model: Str<'a>,
    #[serde(borrow, default)]
    status: Str<'a>,
    error: Option<Value>,
    #[serde(borrow, default)]
    incomplete_details: Option<Incomplete<'a>>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Incomplete<'a> {
    #[serde(borrow, default)]
    reason: Str<'a>,
}

#[derive(Deserialize)]
struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

/// The output of a single reply.
#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow, default)]
    output: Option<Vec<Item<'a>>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Str<'a>,
    #[serde(borrow, default)]
    name: Str<'a>,
    #[serde(borrow, default)]
    arguments: Str<'a>,
    #[serde(borrow, default)]
    content: Option<Vec<Part<'a>>>,
    #[serde(borrow, default)]
    summary: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Str<'a>,
}

pub fn read(json: &[u8], facts: &mut Facts) -> serde_json::Result<()> {
    let object: Object<'_> = serde_json::from_slice(json)?;
    if object.kind.is_empty() {
        return read_single(json, facts);
    }
    let index = object.output_index;
    match &*object.kind {
        "response.output_text.delta" | "response.refusal.delta" => facts.content(&object.delta),
        "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => facts.thought(&object.delta),
        "response.function_call_arguments.delta" => facts.tool_arguments(index, &object.delta),
        "response.output_item.added" => open(index, object.item, facts),
        "response.output_item.done" => close(index, object.item, facts),
        "response.completed" | "response.incomplete" | "response.failed" => facts.done = true,
        "error" => facts.fail(object.error.as_ref().unwrap_or(&Value::String(object.message.to_string()))),
        _ => {}
    }
    if let Some(response) = object.response {
        envelope(response, facts);
    }
    Ok(())
}

fn read_single(json: &[u8], facts: &mut Facts) -> serde_json::Result<()> {
    let response: Response<'_> = serde_json::from_slice(json)?;
    let output: Output<'_> = serde_json::from_slice(json)?;
    for item in output.output.into_iter().flatten() {
        if &*item.kind == "function_call" {
            facts.tool_call(&item.name, &item.arguments);
        }
        item.content.iter().flatten().for_each(|part| facts.content(&part.text));
        item.summary.iter().flatten().for_each(|part| facts.thought(&part.text));
    }
    envelope(response, facts);
    Ok(())
}

/// A function call begins; its arguments follow as deltas.
fn open(index: u64, item: Option<Item<'_>>, facts: &mut Facts) {
    if let Some(item) = item.filter(|item| &*item.kind == "function_call") {
        facts.tool_name(index, &item.name);
    }
}

/// A function call ends; its arguments are taken from here only if no delta brought them.
fn close(index: u64, item: Option<Item<'_>>, facts: &mut Facts) {
    if let Some(item) = item.filter(|item| &*item.kind == "function_call" && !facts.tools.has_arguments(index)) {
        facts.tool_arguments(index, &item.arguments);
    }
}

fn envelope(response: Response<'_>, facts: &mut Facts) {
    facts.model(&response.model);
    if let Some(error) = &response.error {
        facts.fail(error);
    }
    match &*response.status {
        "in_progress" | "queued" => return,
        "failed" => facts.fail(&Value::String("the response failed".into())),
        status => facts.reason(response.incomplete_details.as_ref().and_then(|details| details.reason.some()).unwrap_or(status)),
    }
    if let Some(usage) = response.usage {
        facts.prompt_tokens = usage.input_tokens;
        facts.generated_tokens = usage.output_tokens;
    }
}
