//! Answers that a client has already, or takes compressed. A page that is left open asks for the
//! same again and again: by the ETag it is told in a few bytes that nothing has changed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::mem;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::parameters::Parameters;
use super::request::PageRequest;
use super::response::{BodyWriter, GZIP_HEADERS, JSON, PageResponse};
use crate::history::History;
use crate::http::route::Page;

/// Returns the ETag of an answer that need not be made to know that it is the same as before: it is
/// made of the state of the history, and of what is asked for.
pub fn etag_of_state(
    page: Page,
    request: &PageRequest,
    history: &History,
    now: f64,
) -> Option<String> {
    let state = history.store.state()?;
    let asked = Parameters::of_target(&request.target());
    let bounds = match page {
        // Of a window that moves on, only the slots count: it is the same until the next begins.
        Page::Enhanced => {
            let (start, end) = asked.stats_question(now).ok()?.slots.bounds();
            Some([start, end].map(f64::to_bits))
        }
        // What is new since a cursor has a cursor of its own in its head.
        Page::Search | Page::Messages if asked.last("since").is_none() => None,
        Page::Export => None,
        _ => return None,
    };
    let rest = match bounds {
        Some(_) => WINDOW_PARAMETERS
            .into_iter()
            .fold(asked, Parameters::without),
        None => asked,
    };
    Some(etag(&(page.as_str(), state, bounds, rest)))
}

/// The parameters that say which window statistics are of.
const WINDOW_PARAMETERS: [&str; 3] = ["hours", "start_time", "end_time"];

/// Makes the answer to a client that has it already, with the other lines of its head: a list says
/// where it ends nevertheless.
pub fn not_modified(etag: &str, headers: &str) -> PageResponse {
    PageResponse {
        status: 304,
        content_type: JSON,
        body: None,
        headers: etag_line(etag) + headers,
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
    if response.status != 200 || !is_read {
        return response;
    }
    let of_body = || response.body.as_ref().map(etag);
    let Some(etag) = etag_of_state.or_else(of_body) else {
        return response;
    };
    if is_current(request, &etag) {
        return not_modified(&etag, &response.headers);
    }
    let response = PageResponse {
        headers: etag_line(&etag) + &response.headers,
        ..response
    };
    response.encoded_for(request)
}

/// Sends a long answer with its ETag, compressed where the client takes that.
pub struct EncodedWriter<'a> {
    writer: &'a mut dyn BodyWriter,
    /// Lines of the head.
    headers: String,
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl<'a> EncodedWriter<'a> {
    pub fn new(
        writer: &'a mut dyn BodyWriter,
        request: &PageRequest,
        etag: Option<&str>,
    ) -> EncodedWriter<'a> {
        let is_packed = request.accepts_gzip();
        let packing = if is_packed { GZIP_HEADERS } else { "" };
        EncodedWriter {
            writer,
            headers: etag.map(etag_line).unwrap_or_default() + packing,
            encoder: is_packed.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
        }
    }
}

impl BodyWriter for EncodedWriter<'_> {
    fn begin(&mut self, head: &dyn Fn(&str) -> Vec<u8>) {
        let headers = &self.headers;
        self.writer.begin(&|version| {
            let mut head = head(version);
            head.extend_from_slice(headers.as_bytes());
            head
        });
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(encoder) = &mut self.encoder else {
            return self.writer.send(bytes);
        };
        encoder.write_all(bytes)?;
        self.writer.send(&mem::take(encoder.get_mut()))
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some(encoder) = self.encoder.take() {
            self.writer.send(&encoder.finish()?)?;
        }
        self.writer.end()
    }

    fn abort(&mut self, why: &str) {
        self.writer.abort(why);
    }
}

pub fn etag_line(etag: &str) -> String {
    format!("ETag: {etag}\r\n")
}

/// It is weak: the same answer may be compressed, or not.
pub fn etag(of: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    (env!("CARGO_PKG_VERSION"), of).hash(&mut hasher);
    format!("W/\"{:016x}\"", hasher.finish())
}
