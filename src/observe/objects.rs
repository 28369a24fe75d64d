//! OBJECTS: what one object of a reply adds to the facts, wherever it lay in the body, and what it says if it cannot be read.

use std::time::Instant;

use super::dialect;
use super::events::Frame;
use super::facts::Facts;
use super::kept::Kept;
use super::lenient::Raw;
use super::lines::Line;
use super::reply::MAX_VECTORS;
use super::scraps;
use crate::http::route::Dialect;

/// One object of a stream.
pub fn take_line(dialect: Dialect, line: Line<'_>, facts: &mut Facts, at: Instant) {
    match line {
        Line::Whole(json) => take_object(dialect, json, facts),
        Line::Tail(tail) => take_tail(tail, facts),
    }
    facts.tick(at);
}

/// One frame of an event stream.
pub fn take_frame(dialect: Dialect, frame: Frame<'_>, facts: &mut Facts, at: Instant) {
    match frame {
        Frame::Data(data) if data.trim_ascii() == b"[DONE]" => {
            facts.done |= dialect == Dialect::OpenAi;
            facts.recognised = true;
        }
        Frame::Data(json) => take_object(dialect, json, facts),
        Frame::Error(json) => take_error(dialect, json, facts),
        Frame::Tail(tail) => take_tail(tail, facts),
    }
    facts.tick(at);
}

fn take_object(dialect: Dialect, json: &[u8], facts: &mut Facts) {
    if json.trim_ascii().is_empty() {
        return;
    }
    facts.objects += 1;
    let read = dialect::read(dialect, json, facts);
    facts.failed |= read.is_err();
    facts.cut_off = read.is_err_and(|error| error.is_eof());
}

/// What an event named `error` says, where it is no error of the dialect.
fn take_error(dialect: Dialect, json: &[u8], facts: &mut Facts) {
    take_object(dialect, json, facts);
    let raw = serde_json::from_slice(json).map(Some).unwrap_or_default();
    facts.fail(Raw(raw));
    facts.fail_with(
        Some(String::from_utf8_lossy(json).trim())
            .filter(|text| !text.is_empty())
            .unwrap_or("an error without a text"),
    );
    facts.recognised = true;
}

/// The end of an object that is too long to be kept.
fn take_tail(tail: &[u8], facts: &mut Facts) {
    scraps::read(tail, facts);
    facts.objects += 1;
    (facts.failed, facts.cut, facts.recognised) = (true, true, true);
    facts.cut_off = !tail.trim_ascii_end().ends_with(b"}");
}

/// Lines of which there was but one are a single reply, unless they were to be a stream.
pub fn end_lines(facts: &mut Facts) {
    facts.stream |= facts.objects > 1;
    facts.done |= !facts.stream && facts.objects == 1 && !facts.failed;
}

pub fn take_single(dialect: Dialect, kept: &Kept, facts: &mut Facts) {
    facts.objects = 1;
    if kept.whole() {
        let read = dialect::read(dialect, &kept.head, facts);
        facts.cut_off = read.as_ref().is_err_and(|error| error.is_eof());
        facts.done = read.is_ok();
        facts.failed |= !facts.done;
    } else {
        let end = kept.end();
        scraps::read(&end, facts);
        scraps::model(&kept.head, facts);
        facts.done = end.trim_ascii_end().ends_with(b"}");
        facts.cut_off = !facts.done;
        facts.recognised = true;
        facts.cut = kept.limit != MAX_VECTORS;
    }
}

pub fn take_transcription(kept: &Kept, clean: bool, facts: &mut Facts) {
    facts.done = clean;
    facts.cut = !kept.whole();
    if !kept.head.trim_ascii_start().starts_with(b"{") {
        facts.content(&String::from_utf8_lossy(&kept.head));
    } else if dialect::read(Dialect::OpenAi, &kept.head, facts).is_ok() {
        facts.done = true;
    } else {
        facts.failed = true;
    }
}
