//! The responses of the tap's own pages.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::request::PageRequest;
use crate::history::store::StoreError;
use crate::server::error_response::response_head;

/// Content-Type of JSON.
pub const JSON: &str = "application/json; charset=utf-8";

/// The headers that keep records out of caches and of other sites.
pub const PRIVATE_HEADERS: &str = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n";

pub const GZIP_HEADERS: &str = "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n";

/// Bodies below this length are not worth compressing.
const GZIP_MIN: usize = 256;

/// The outcome of a request for a page.
pub enum PageOutcome {
    /// A response that has yet to be sent.
    Complete(PageResponse),
    /// The same, which says that another long response is being sent.
    Busy(PageResponse),
    /// The request with this id is to be cancelled, and `cancelled` the answer.
    Cancel(String),
    /// A long response that was sent while it was made.
    Streamed,
    /// The same, but the client did not take all of it.
    ClientGone,
}

/// A response of a page.
pub struct PageResponse {
    pub status: u16,
    pub content_type: &'static str,
    /// `None` for a head alone that lacks the length of the body.
    pub body: Option<Vec<u8>>,
    /// Lines of the head beyond the usual ones.
    pub headers: String,
}

/// Sends a response that is too long for memory: a head, which depends on the HTTP version, and
/// pieces.
pub trait BodyWriter {
    fn begin(&mut self, head: &dyn Fn(&str) -> Vec<u8>);
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn end(&mut self) -> io::Result<()>;
    /// Ends the response so that the client sees that it is broken, because of `why`.
    fn abort(&mut self, why: &str);
}

impl PageResponse {
    pub fn ok(content_type: &'static str, body: Vec<u8>) -> PageResponse {
        PageResponse {
            status: 200,
            content_type,
            body: Some(body),
            headers: String::new(),
        }
    }

    pub fn json(status: u16, body: &Value) -> PageResponse {
        PageResponse {
            status,
            ..PageResponse::ok(JSON, body.to_string().into_bytes())
        }
    }

    /// Returns an error in the shape that all pages have.
    pub fn error(status: u16, error: &str) -> PageResponse {
        PageResponse::json(status, &json!({ "error": error }))
    }

    /// Returns the response to a query that the store cannot answer.
    pub fn store_error(error: &StoreError) -> PageResponse {
        let status = match error {
            StoreError::InvalidParameter(_) => 400,
            StoreError::NotFound(_) => 404,
            StoreError::Ambiguous(_) => 409,
            StoreError::CursorEnded(_) => 410,
            StoreError::Unsupported(_) => 501,
            StoreError::Failed(_) | StoreError::DiskFull(_) | StoreError::Unwanted => 503,
        };
        PageResponse::error(status, &error.to_string()).private()
    }

    /// Keeps the response out of caches and of other sites.
    pub fn private(self) -> PageResponse {
        PageResponse {
            headers: PRIVATE_HEADERS.to_owned(),
            ..self
        }
    }

    /// Compresses the body where that is worth it and the client takes it.
    pub fn encoded_for(self, request: &PageRequest) -> PageResponse {
        if self.body().len() < GZIP_MIN || !request.accepts_gzip() {
            return self;
        }
        match gzip(self.body(), Compression::fast()) {
            Ok(body) => PageResponse {
                body: Some(body),
                headers: self.headers + GZIP_HEADERS,
                ..self
            },
            Err(_) => self,
        }
    }

    /// Returns the head without its empty line and the hop-by-hop headers.
    pub fn head(&self, version: &str) -> Vec<u8> {
        let length = self.body.as_ref().map(Vec::len);
        let mut head = response_head(version, self.status, self.content_type, length);
        head.extend_from_slice(self.headers.as_bytes());
        head
    }

    pub fn body(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }
}

pub fn gzip(bytes: &[u8], level: Compression) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), level);
    encoder.write_all(bytes)?;
    encoder.finish()
}
