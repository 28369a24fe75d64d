//! The pages that show records: a search, a list of messages, one message. Each is sent while it is
//! read.

use std::ops::ControlFlow;
use std::sync::Mutex;

use super::analytics::respond;
use super::parameters::{ListQuestion, Parameters, message_id};
use super::request::PageRequest;
use super::response::{BodyWriter, JSON, PRIVATE_HEADERS, PageOutcome, PageResponse};
use super::response_stream::ResponseStream;
use crate::history::History;
use crate::history::export::push_json;
use crate::history::record::Record;
use crate::history::store::{Cursor, Detail, MatchCount, Result, Selection, StoreError};
use crate::http::route::Page;

/// The header of a list with the cursor behind which records are new.
const CURSOR_HEADER: &str = "Ollama-Tap-Cursor";

/// The header of a list with the number of all records that match, where that is asked for.
const MATCHES_HEADER: &str = "Ollama-Tap-Matches";

/// The longest answer about what is new but for its last record (bytes): the rest is asked for next.
const NEW_BYTES_MAX: usize = 256 * 1024;

/// Returns the line of a head that says where a list ends; empty for other pages.
pub fn cursor_header(page: Page, history: &History) -> String {
    match page {
        Page::Search | Page::Messages => {
            format!("{CURSOR_HEADER}: {}\r\n", history.store.cursor())
        }
        _ => String::new(),
    }
}

/// Answers with an array of the records that match and come first, or of those that are new.
pub fn list(
    long_response: &Mutex<()>,
    history: &History,
    detail: Detail,
    request: &PageRequest,
    writer: &mut dyn BodyWriter,
) -> PageOutcome {
    let question = match Parameters::of_target(&request.target()).list_question() {
        Ok(question) => question,
        Err(error) => return PageOutcome::Complete(PageResponse::store_error(&error)),
    };
    // Before anything is read, so that nothing is missed that enters meanwhile.
    let cursor = history.store.cursor();
    let mut stream = private_stream(long_response, request, writer);
    if question.since.is_none() {
        stream.add_header(CURSOR_HEADER, &cursor);
    }
    if stream.is_head_only() {
        return stream.finish_with_head();
    }
    let read = match question.since {
        Some(since) => news(history, since, detail, &question, &mut stream),
        None => array(history, detail, &question, &mut stream),
    };
    stream.finish(read)
}

/// Writes the records that come first, and counts all that match.
fn array(
    history: &History,
    detail: Detail,
    question: &ListQuestion,
    stream: &mut ResponseStream,
) -> Result<()> {
    let query = &question.query;
    let mut written = 0;
    history
        .store
        .for_each_newest(query, detail, &mut |record| {
            push_element(record, &mut written, stream);
            stream.flush_if_full()
        })?;
    end_array(written, stream);
    if question.counts && stream.can_add_header() {
        let is_all = query.before.is_none() && written < query.limit;
        let count = match is_all {
            true => MatchCount::Exact(written as u64),
            false => history.store.count_matches(query)?,
        };
        stream.add_header(MATCHES_HEADER, &count);
    }
    Ok(())
}

/// Writes what entered the history after `since`, in the order of entering, and the cursor behind it.
fn news(
    history: &History,
    since: Cursor,
    detail: Detail,
    question: &ListQuestion,
    stream: &mut ResponseStream,
) -> Result<()> {
    let mut written = 0;
    let mut visit = |record: Record| {
        push_element(record, &mut written, stream);
        if written == question.query.limit || stream.buffer.len() > NEW_BYTES_MAX {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let cursor = history
        .store
        .for_each_new(since, &question.query, detail, &mut visit)?;
    end_array(written, stream);
    stream.add_header(CURSOR_HEADER, &cursor);
    Ok(())
}

fn push_element(record: Record, written: &mut usize, stream: &mut ResponseStream) {
    stream.buffer.push(if *written == 0 { b'[' } else { b',' });
    *written += 1;
    push_json(&record.without_conversation(), &mut stream.buffer);
}

fn end_array(written: usize, stream: &mut ResponseStream) {
    if written == 0 {
        stream.buffer.push(b'[');
    }
    stream.buffer.push(b']');
}

/// Answers with one whole record and its conversation. Both have bounds: it takes the turn of no
/// long response.
pub fn one(target: &str, history: &History) -> Result<PageResponse> {
    let id = message_id(target);
    let record = history.store.find(&id)?.ok_or_else(|| nothing(&id))?;
    let record = history.store.with_conversation(record)?;
    let mut body = Vec::new();
    push_json(&record, &mut body);
    Ok(PageResponse::ok(JSON, body).private())
}

/// Deletes one record.
pub fn delete(target: &str, history: &History) -> Result<PageResponse> {
    Parameters::of_target(target).only(&[])?;
    let id = message_id(target);
    let mut deleted = history.delete(&Selection::Ids(vec![id.clone()]))?;
    if deleted.deleted == 0
        && let Some(whole) = history.store.whole_id(&id)?
    {
        deleted = history.delete(&Selection::Ids(vec![whole]))?;
    }
    if deleted.deleted == 0 {
        return Err(nothing(&id));
    }
    respond(deleted)
}

fn nothing(id: &str) -> StoreError {
    StoreError::NotFound(format!("there is no record `{id}` in the history"))
}

fn private_stream<'a>(
    long_response: &'a Mutex<()>,
    request: &PageRequest,
    writer: &'a mut dyn BodyWriter,
) -> ResponseStream<'a> {
    let headers = PRIVATE_HEADERS.to_owned();
    ResponseStream::new(long_response, request, writer, JSON, headers)
}
