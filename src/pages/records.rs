//! The pages that show records: a search, a list of messages, one message. Each is sent while it is read.

use std::mem;

use form_urlencoded::parse;

use super::analytics::{PRIVATE, pairs, query, refusal};
use super::stream::Stream;
use super::{Answered, Asked, BodyWriter, JSON, Pages};
use crate::history::Archive;
use crate::history::export::json;
use crate::history::record::Record;
use crate::history::store::{Detail, Result, StoreError};
use crate::http::route::message_of;

/// An array of the newest records that are meant.
pub fn list(
    pages: &Pages,
    archive: &Archive,
    detail: Detail,
    asked: &Asked,
    outlet: &mut dyn BodyWriter,
) -> Answered {
    let query = match query(&pairs(&asked.target())) {
        Ok(query) => query,
        Err(why) => return Answered::Whole(refusal(&why)),
    };
    let mut stream = Stream::new(pages, asked, outlet, JSON, PRIVATE.to_owned());
    if stream.is_head_only() {
        return stream.end_with_head();
    }
    stream.pending.push(b'[');
    let mut is_first = true;
    let read = archive.store.each_newest(&query, detail, &mut |record| {
        if !mem::take(&mut is_first) {
            stream.pending.push(b',');
        }
        json(&record, &mut stream.pending);
        stream.go_on()
    });
    stream.pending.push(b']');
    stream.end(read)
}

/// One record, whole.
pub fn one(
    pages: &Pages,
    archive: &Archive,
    asked: &Asked,
    outlet: &mut dyn BodyWriter,
) -> Answered {
    let found = record(&asked.target(), archive);
    let mut stream = Stream::new(pages, asked, outlet, JSON, PRIVATE.to_owned());
    let read = found.map(|record| {
        json(&record, &mut stream.pending);
        stream.go_on();
    });
    stream.end(read)
}

fn record(target: &str, archive: &Archive) -> Result<Record> {
    // An id is hex, but one of a history taken over from elsewhere may be anything.
    let sent = format!("id={}", message_of(target).replace('+', "%2B"));
    let id = parse(sent.as_bytes())
        .next()
        .map(|(_, id)| id.into_owned())
        .unwrap_or_default();
    let nothing = || StoreError::Nothing(format!("there is no record `{id}` in the history"));
    archive.store.get(&id)?.ok_or_else(nothing)
}
