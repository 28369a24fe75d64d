//! Adds one object of a reply to the facts, wherever it was in the body, and whatever can be read
//! of one that is too long or broken.

use std::time::Instant;

use super::bounded_body::BoundedBody;
use super::dialect;
use super::facts::ReplyFacts;
use super::lines::SplitLine;
use super::partial_json;
use super::sse::SseEvent;
use crate::http::route::Dialect;
use crate::observe::event::BodyEnd;
use crate::observe::lenient::Raw;
use crate::observe::limits::MAX_VECTORS_BODY;

/// Reads one line of a stream.
pub fn read_line(dialect: Dialect, line: SplitLine<'_>, facts: &mut ReplyFacts, at: Instant) {
    match line {
        SplitLine::Whole(json) => read_object(dialect, json, facts),
        SplitLine::Tail(tail) => read_tail(tail, facts),
    }
    facts.count_delta(at);
}

/// Reads one event of an event stream.
pub fn read_event(dialect: Dialect, event: SseEvent<'_>, facts: &mut ReplyFacts, at: Instant) {
    match event {
        SseEvent::Data(data) if data.trim_ascii() == b"[DONE]" => {
            facts.done |= dialect == Dialect::OpenAi;
            facts.recognised = true;
        }
        SseEvent::Data(json) => read_object(dialect, json, facts),
        SseEvent::Error(json) => read_error(dialect, json, facts),
        SseEvent::Tail(tail) => read_tail(tail, facts),
    }
    facts.count_delta(at);
}

fn read_object(dialect: Dialect, json: &[u8], facts: &mut ReplyFacts) {
    if json.trim_ascii().is_empty() {
        return;
    }
    facts.objects += 1;
    let read = dialect::read(dialect, json, facts);
    facts.parse_failed |= read.is_err();
    facts.ended_mid_object = read.is_err_and(|error| error.is_eof());
}

/// Reads an event named `error`, which may be in no shape of the dialect.
fn read_error(dialect: Dialect, json: &[u8], facts: &mut ReplyFacts) {
    read_object(dialect, json, facts);
    facts.set_error(Raw(serde_json::from_slice(json).unwrap_or_default()));
    let text = String::from_utf8_lossy(json);
    facts.set_error_text(match text.trim() {
        "" => "an error without a text",
        text => text,
    });
    facts.recognised = true;
}

/// Reads the end of an object that is too long to be kept.
fn read_tail(tail: &[u8], facts: &mut ReplyFacts) {
    partial_json::read_counters(tail, facts);
    facts.objects += 1;
    facts.parse_failed = true;
    facts.text_lost = true;
    facts.recognised = true;
    facts.ended_mid_object = !tail.trim_ascii_end().ends_with(b"}");
}

/// Ends a body of lines: a single line is a single reply, unless it was declared as a stream.
pub fn finish_lines(facts: &mut ReplyFacts) {
    facts.stream |= facts.objects > 1;
    facts.done |= !facts.stream && facts.objects == 1 && !facts.parse_failed;
}

/// Reads a body that is one object.
pub fn read_single(dialect: Dialect, body: &BoundedBody, facts: &mut ReplyFacts) {
    facts.objects = 1;
    if body.is_complete() {
        let read = dialect::read(dialect, &body.head, facts);
        facts.ended_mid_object = read.as_ref().is_err_and(|error| error.is_eof());
        facts.done = read.is_ok();
        facts.parse_failed |= !facts.done;
        return;
    }
    let tail = body.tail();
    partial_json::read_counters(&tail, facts);
    partial_json::read_model(&body.head, facts);
    facts.done = tail.trim_ascii_end().ends_with(b"}");
    facts.ended_mid_object = !facts.done;
    facts.recognised = true;
    facts.text_lost = body.limit != MAX_VECTORS_BODY;
}

/// Reads the body of a transcription.
pub fn read_transcription(body: &BoundedBody, end: BodyEnd, facts: &mut ReplyFacts) {
    facts.done = end == BodyEnd::Complete;
    facts.text_lost = !body.is_complete();
    if !body.head.trim_ascii_start().starts_with(b"{") {
        facts.push_content(&String::from_utf8_lossy(&body.head));
    } else if dialect::read(Dialect::OpenAi, &body.head, facts).is_ok() {
        facts.done = true;
    } else {
        facts.parse_failed = true;
    }
}
