//! The pages that show records: a search, a list of messages, one message. Each is sent while it is
//! read.

use std::mem;
use std::sync::Mutex;

use super::parameters::{Parameters, message_id};
use super::request::PageRequest;
use super::response::{BodyWriter, JSON, PRIVATE_HEADERS, PageOutcome, PageResponse};
use super::response_stream::ResponseStream;
use crate::history::History;
use crate::history::export::push_json;
use crate::history::record::Record;
use crate::history::store::{Detail, Result, StoreError};

/// Answers with an array of the newest records that match.
pub fn list(
    long_response: &Mutex<()>,
    history: &History,
    detail: Detail,
    request: &PageRequest,
    writer: &mut dyn BodyWriter,
) -> PageOutcome {
    let query = match Parameters::of_target(&request.target()).query() {
        Ok(query) => query,
        Err(error) => return PageOutcome::Complete(PageResponse::store_error(&error)),
    };
    let headers = PRIVATE_HEADERS.to_owned();
    let mut stream = ResponseStream::new(long_response, request, writer, JSON, headers);
    if stream.is_head_only() {
        return stream.finish_with_head();
    }
    stream.buffer.push(b'[');
    let mut is_first = true;
    let read = history
        .store
        .for_each_newest(&query, detail, &mut |record| {
            if !mem::take(&mut is_first) {
                stream.buffer.push(b',');
            }
            push_json(&record, &mut stream.buffer);
            stream.flush_if_full()
        });
    stream.buffer.push(b']');
    stream.finish(read)
}

/// Answers with one whole record.
pub fn one(
    long_response: &Mutex<()>,
    history: &History,
    request: &PageRequest,
    writer: &mut dyn BodyWriter,
) -> PageOutcome {
    let record = find(&request.target(), history);
    let headers = PRIVATE_HEADERS.to_owned();
    let mut stream = ResponseStream::new(long_response, request, writer, JSON, headers);
    let read = record.map(|record| {
        push_json(&record, &mut stream.buffer);
        let _ = stream.flush_if_full();
    });
    stream.finish(read)
}

fn find(target: &str, history: &History) -> Result<Record> {
    let id = message_id(target);
    match history.store.get(&id)? {
        Some(record) => Ok(record),
        None => Err(StoreError::NotFound(format!(
            "there is no record `{id}` in the history"
        ))),
    }
}
