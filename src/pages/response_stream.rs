//! A response that is sent while it is made, so that however many records it shows, few are in
//! memory.
//!
//! A short one is buffered and sent whole. A long one holds one of the page workers until its
//! client has read it; so there is one at a time, and the next client gets a busy response,
//! while the other page worker goes on answering.

use std::fmt::Display;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, TryLockError};

use super::request::PageRequest;
use super::response::{BodyWriter, PRIVATE_HEADERS, PageOutcome, PageResponse};
use crate::history::store::{Result, StoreError};
use crate::server::error_response::response_head;

/// The longest short response, in bytes: more than that is not buffered.
const MAX_SHORT: usize = 1024 * 1024;

/// The size of the pieces in which a long response is sent, in bytes.
const PIECE_SIZE: usize = 32 * 1024;

/// The Retry-After of a busy response, in seconds.
const RETRY_AFTER: u32 = 5;

/// One response on its way to a client.
pub struct ResponseStream<'a> {
    /// Locked while a long response is sent.
    long_response: &'a Mutex<()>,
    writer: &'a mut dyn BodyWriter,
    content_type: &'static str,
    /// Lines of the head beyond the usual ones.
    headers: String,
    is_head_only: bool,
    /// The bytes that have yet to be sent. The maker of the response appends to it, and calls
    /// `flush_if_full` now and then.
    pub buffer: Vec<u8>,
    state: State<'a>,
}

enum State<'a> {
    /// Nothing was sent yet.
    Buffered,
    Streaming {
        _turn: MutexGuard<'a, ()>,
    },
    ClientGone,
    /// Another long response is being sent.
    Busy,
}

impl<'a> ResponseStream<'a> {
    pub fn new(
        long_response: &'a Mutex<()>,
        request: &PageRequest,
        writer: &'a mut dyn BodyWriter,
        content_type: &'static str,
        headers: String,
    ) -> ResponseStream<'a> {
        ResponseStream {
            long_response,
            writer,
            content_type,
            headers,
            is_head_only: request.head.is_head(),
            buffer: Vec::new(),
            state: State::Buffered,
        }
    }

    /// Returns whether the client wants the head alone, for which nothing need be read.
    pub fn is_head_only(&self) -> bool {
        self.is_head_only
    }

    /// Returns whether the head is not sent yet.
    pub fn can_add_header(&self) -> bool {
        matches!(self.state, State::Buffered)
    }

    /// Adds a line to the head.
    pub fn add_header(&mut self, name: &str, value: &dyn Display) {
        self.headers = format!("{name}: {value}\r\n{}", self.headers);
    }

    /// Sends the buffer if it holds enough. Returns `Stop` if no more of the response can be sent.
    pub fn flush_if_full(&mut self) -> ControlFlow<()> {
        let size = match self.state {
            State::Streaming { .. } => PIECE_SIZE,
            State::Buffered | State::ClientGone | State::Busy => MAX_SHORT,
        };
        if self.buffer.len() >= size && !self.is_head_only {
            self.flush();
        }
        match self.state {
            State::Buffered | State::Streaming { .. } => ControlFlow::Continue(()),
            State::ClientGone | State::Busy => ControlFlow::Break(()),
        }
    }

    /// Ends the response as the reading of the records ended.
    pub fn finish(mut self, read: Result<()>) -> PageOutcome {
        if let (State::Streaming { .. }, Ok(())) = (&self.state, &read) {
            self.flush();
        }
        match (self.state, read) {
            (State::Buffered, Ok(())) => PageOutcome::Complete(PageResponse {
                headers: self.headers,
                ..PageResponse::ok(self.content_type, self.buffer)
            }),
            (State::Buffered, Err(StoreError::Unwanted)) => PageOutcome::ClientGone,
            (State::Buffered, Err(error)) => {
                PageOutcome::Complete(PageResponse::store_error(&error))
            }
            (State::Streaming { .. }, Ok(())) => match self.writer.end() {
                Ok(()) => PageOutcome::Streamed,
                Err(_) => PageOutcome::ClientGone,
            },
            (State::Streaming { .. }, Err(error)) => {
                log::warn!("an answer broke off: {error}");
                self.writer.abort(&error.to_string());
                PageOutcome::Streamed
            }
            (State::ClientGone, _) => PageOutcome::ClientGone,
            (State::Busy, _) => PageOutcome::Busy(busy()),
        }
    }

    /// Ends the response with its head alone, which lacks the length of the body.
    pub fn finish_with_head(self) -> PageOutcome {
        PageOutcome::Complete(PageResponse {
            status: 200,
            content_type: self.content_type,
            body: None,
            headers: self.headers,
        })
    }

    fn flush(&mut self) {
        if let State::Buffered = self.state {
            self.begin();
        }
        if let State::Streaming { .. } = self.state
            && self.writer.send(&self.buffer).is_err()
        {
            self.state = State::ClientGone;
        }
        self.buffer.clear();
    }

    /// Begins a long response, unless another one is being sent.
    fn begin(&mut self) {
        let turn = match self.long_response.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.state = State::Busy;
                return;
            }
        };
        self.writer.begin(&|version| {
            let mut head = response_head(version, 200, self.content_type, None);
            head.extend_from_slice(self.headers.as_bytes());
            head
        });
        self.state = State::Streaming { _turn: turn };
    }
}

fn busy() -> PageResponse {
    let error = "another long answer of the history is being read, and there is one at a time; try again, or ask for less";
    PageResponse {
        headers: format!("Retry-After: {RETRY_AFTER}\r\n{PRIVATE_HEADERS}"),
        ..PageResponse::error(503, error)
    }
}
