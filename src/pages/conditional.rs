//! Answers that a client has already, or takes compressed. A page that is left open asks for the
//! same again and again: by the ETag it is told in a few bytes that nothing has changed.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::request::PageRequest;
use super::response::{JSON, PRIVATE_HEADERS, PageResponse};
use crate::history::History;
use crate::http::route::Page;

/// Numbers of a span that ends now move on in steps of this length, as long as nothing happens
/// (seconds).
const MOVING_STEP: f64 = 60.0;

/// Bodies below this length are not worth compressing.
const GZIP_MIN: usize = 512;

/// Returns the ETag of an answer that need not be made to know that it is the same as before: it is
/// made of the state of the history alone.
pub fn etag_of_state(
    page: Page,
    request: &PageRequest,
    history: &History,
    now: f64,
) -> Option<String> {
    let target = request.target();
    let moment = match page {
        Page::Enhanced => (now / MOVING_STEP) as u64,
        // What is new since a cursor has a cursor of its own in its head.
        Page::Search | Page::Messages if !target.contains("since=") => 0,
        _ => return None,
    };
    Some(etag(&(history.store.state()?, moment, &*target)))
}

/// Makes the answer to a client that has it already. A list says where it ends nevertheless.
pub fn not_modified(etag: &str, headers: &str) -> PageResponse {
    PageResponse {
        status: 304,
        content_type: JSON,
        body: None,
        headers: format!("ETag: {etag}\r\n{headers}{PRIVATE_HEADERS}"),
    }
}

/// Returns whether the client has the answer with this ETag.
pub fn is_current(request: &PageRequest, etag: &str) -> bool {
    let is_it = |known: &str| known.trim() == "*" || known.trim() == etag;
    let known = request.values("if-none-match");
    known.iter().any(|list| list.split(',').any(is_it))
}

/// Adds the ETag, by default that of the body, and compresses the body where the client takes that.
pub fn finish(
    response: PageResponse,
    request: &PageRequest,
    etag_of_state: Option<String>,
) -> PageResponse {
    let is_read = request.head.is_head() || request.head.method() == "GET";
    let Some(body) = response
        .body
        .as_ref()
        .filter(|_| response.status == 200 && is_read)
    else {
        return response;
    };
    let etag = etag_of_state.unwrap_or_else(|| etag(body));
    if is_current(request, &etag) {
        let headers = response.headers.replace(PRIVATE_HEADERS, "");
        return not_modified(&etag, &headers);
    }
    let is_long = body.len() >= GZIP_MIN;
    let response = PageResponse {
        headers: format!("ETag: {etag}\r\n{}", response.headers),
        ..response
    };
    if is_long && request.accepts_gzip() {
        response.gzipped()
    } else {
        response
    }
}

/// It is weak: the same answer may be compressed, or not.
fn etag(of: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    (env!("CARGO_PKG_VERSION"), of).hash(&mut hasher);
    format!("W/\"{:016x}\"", hasher.finish())
}
