//! PARTIAL REQUEST: a request with a complete head, whose body is being buffered.

use std::time::{Duration, Instant};

use super::http1::{BodyDecoder, Decoded, Refusal, RequestHead};
use super::request::RequestArrival;
use crate::http::route::Route;
use crate::util::budget::Buffer;

/// A body that is buffered must bring `PROGRESS_BYTES`, or its rest, in every `PROGRESS_TIMEOUT`.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(10);
const PROGRESS_BYTES: usize = 1024;

pub struct PartialRequest {
    pub head: RequestHead,
    pub route: Route,
    pub arrival: RequestArrival,
    pub decoder: BodyDecoder,
    pub buffered: Buffer,
    /// At most this much is buffered (bytes); a longer body streams.
    pub buffered_max: usize,
    /// The length of the body, if the head has it.
    pub content_length: Option<u64>,
    /// The client was sent `100 Continue`.
    pub continue_sent: bool,
    pub progress_check: ProgressCheck,
}

/// The deadline by which more of a body must have come.
pub struct ProgressCheck {
    pub deadline: Instant,
    /// The length of the body when the check was set (bytes).
    bytes: usize,
}

impl ProgressCheck {
    /// Begins at `now`, when `bytes` of the body have come.
    pub fn at(now: Instant, bytes: usize) -> ProgressCheck {
        ProgressCheck {
            deadline: now + PROGRESS_TIMEOUT,
            bytes,
        }
    }

    /// Returns whether `bytes` are enough.
    pub fn is_met(&self, bytes: usize) -> bool {
        bytes >= self.bytes + PROGRESS_BYTES
    }
}

/// The progress of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyProgress {
    Incomplete,
    Complete,
    /// It does not fit: the rest streams.
    TooLarge,
}

impl PartialRequest {
    /// Returns whether the announced length is too large for buffering.
    pub fn is_too_large(&self) -> bool {
        self.content_length
            .is_some_and(|length| length > self.buffered_max as u64)
    }

    /// Moves the part of the body in the read buffer to the buffered body.
    pub fn take(&mut self, read_buffer: &mut Vec<u8>) -> Result<BodyProgress, Refusal> {
        if self.is_too_large() {
            return Ok(BodyProgress::TooLarge);
        }
        let mut input = &read_buffer[..];
        let progress = loop {
            let before = self.decoder.clone();
            let all = input;
            match self.decoder.next(&mut input)? {
                Decoded::NeedMore => break BodyProgress::Incomplete,
                Decoded::End => break BodyProgress::Complete,
                Decoded::Data(piece) => {
                    let fits = self.buffered.bytes().len() + piece.len() <= self.buffered_max;
                    if !fits || !self.buffered.push(piece, self.content_length) {
                        // It stays in the read buffer, and streams from there.
                        self.decoder = before;
                        input = all;
                        break BodyProgress::TooLarge;
                    }
                }
            }
        };
        let used = read_buffer.len() - input.len();
        read_buffer.drain(..used);
        Ok(progress)
    }
}
