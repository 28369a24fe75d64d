//! Reads the bytes of a reply, however they are split, into `ReplyFacts`.
//!
//! The reply's own status, its Content-Type and its first bytes choose how it is read, never the
//! request: a load is answered with one object even where a stream was asked for, and an error may
//! come in any dialect. The dialects interpret the objects.

mod body_format;
mod bounded_body;
pub mod dialect;
pub mod facts;
mod lines;
mod objects;
mod partial_json;
mod sse;
mod tool_calls;

use std::io::{self, Write};
use std::time::Instant;

use super::content_encoding::ReplyDecoder;
use super::event::BodyEnd;
use super::limits::{MAX_ERROR_BODY, MAX_SINGLE_BODY, MAX_VECTORS_BODY};
use super::progress::TokensSoFar;
use crate::http::route::{Dialect, Inference};
use body_format::{BodyFormat, trim_start};
use bounded_body::BoundedBody;
use facts::ReplyFacts;
use lines::{LineEnding, LineSplitter};
use sse::SseParser;

/// Parses one reply.
pub struct ReplyParser {
    decoder: ReplyDecoder<ObjectReader>,
    /// The encoding is broken: nothing more can be read.
    is_broken: bool,
}

/// A reply that was read to its end.
#[derive(Default)]
pub struct ParsedReply {
    pub facts: ReplyFacts,
    /// The first part of the body, if the status is not 2xx.
    pub error_body: Vec<u8>,
}

impl ReplyParser {
    pub fn new(
        endpoint: Inference,
        status: u16,
        content_type: Option<&str>,
        content_encoding: Option<&str>,
    ) -> ReplyParser {
        let body = match status {
            200..300 if endpoint == Inference::V1Transcriptions => {
                BodyReader::Transcription(BoundedBody::new(MAX_SINGLE_BODY))
            }
            200..300 => {
                BodyReader::Undetected(Vec::new(), BodyFormat::from_content_type(content_type))
            }
            _ => BodyReader::Error(BoundedBody::new(MAX_ERROR_BODY)),
        };
        let decoder = match ReplyDecoder::new(content_encoding, ObjectReader::new(endpoint, body)) {
            Ok(decoder) => decoder,
            Err(mut reader) => {
                reader.body = BodyReader::Unreadable;
                ReplyDecoder::Identity(reader)
            }
        };
        ReplyParser {
            decoder,
            is_broken: false,
        }
    }

    /// Reads the next bytes, which arrived at `at`.
    pub fn feed(&mut self, bytes: &[u8], at: Instant) {
        self.decoder.get_mut().at = at;
        if !self.is_broken {
            self.is_broken = self.decoder.feed(bytes).is_err();
        }
    }

    /// Returns how many tokens it has had so far.
    pub fn tokens_so_far(&mut self) -> TokensSoFar {
        let facts = &self.decoder.get_mut().facts;
        TokensSoFar::of(facts.generated_tokens, facts.deltas)
    }

    /// Returns how much memory its buffers and texts take, in bytes.
    pub fn buffered_bytes(&mut self) -> usize {
        let reader = self.decoder.get_mut();
        reader.body.buffered_bytes() + reader.facts.buffered_bytes()
    }

    /// Buffers no more text, because there is no memory for it: the rest is only counted.
    pub fn stop_buffering(&mut self) {
        let reader = self.decoder.get_mut();
        reader.facts.stop_buffering();
        reader.body.stop_buffering();
    }

    /// Ends the reply and returns its facts.
    pub fn finish(mut self, end: BodyEnd) -> ParsedReply {
        let is_cut = end == BodyEnd::Complete && !self.is_broken && self.decoder.finish().is_err();
        let reader = self.decoder.get_mut();
        reader.finish(end);
        reader.facts.parse_failed |= self.is_broken || is_cut;
        reader.facts.ended_mid_object |= is_cut;
        let error_body = match &mut reader.body {
            BodyReader::Error(body) => std::mem::take(&mut body.head),
            BodyReader::Unreadable => b"its text cannot be read".to_vec(),
            _ => Vec::new(),
        };
        ParsedReply {
            facts: std::mem::take(&mut reader.facts),
            error_body,
        }
    }
}

/// The body, read in the way that its format asks for.
enum BodyReader {
    /// The first bytes, which do not show the format yet, and the format that Content-Type
    /// declares.
    Undetected(Vec<u8>, BodyFormat),
    /// One object per line.
    Lines(LineSplitter),
    EventStream(SseParser),
    /// One object, as far as is known.
    Single(BoundedBody),
    /// A transcription: one JSON object or plain text, whatever the Content-Type says.
    Transcription(BoundedBody),
    /// The body of a status other than 2xx.
    Error(BoundedBody),
    /// A format or an encoding that is not known.
    Unreadable,
}

impl BodyReader {
    fn of_format(format: BodyFormat, endpoint: Inference) -> BodyReader {
        let has_text = !endpoint.is_embedding() && !endpoint.is_image();
        let max = if has_text {
            MAX_SINGLE_BODY
        } else {
            MAX_VECTORS_BODY
        };
        match format {
            BodyFormat::Lines => BodyReader::Lines(LineSplitter::new(LineEnding::LineFeed)),
            BodyFormat::EventStream => BodyReader::EventStream(SseParser::new()),
            BodyFormat::Object => BodyReader::Single(BoundedBody::new(max)),
            BodyFormat::Unknown => BodyReader::Unreadable,
        }
    }

    fn buffered_bytes(&self) -> usize {
        match self {
            BodyReader::Undetected(head, _) => head.len(),
            BodyReader::Lines(lines) => lines.buffered_bytes(),
            BodyReader::EventStream(events) => events.buffered_bytes(),
            BodyReader::Single(body)
            | BodyReader::Transcription(body)
            | BodyReader::Error(body) => body.head.len(),
            BodyReader::Unreadable => 0,
        }
    }

    fn stop_buffering(&mut self) {
        match self {
            BodyReader::Lines(lines) => lines.stop_buffering(),
            BodyReader::EventStream(events) => events.stop_buffering(),
            BodyReader::Single(body)
            | BodyReader::Transcription(body)
            | BodyReader::Error(body) => {
                body.limit = body.head.len();
            }
            BodyReader::Undetected(..) | BodyReader::Unreadable => {}
        }
    }
}

/// Finds the objects in decoded bytes and adds each to the facts.
struct ObjectReader {
    endpoint: Inference,
    body: BodyReader,
    facts: ReplyFacts,
    /// The arrival of the bytes that are being read.
    at: Instant,
}

impl ObjectReader {
    fn new(endpoint: Inference, body: BodyReader) -> ObjectReader {
        let stream = matches!(
            body,
            BodyReader::Undetected(_, BodyFormat::Lines | BodyFormat::EventStream)
        );
        ObjectReader {
            endpoint,
            body,
            facts: ReplyFacts {
                stream,
                ..ReplyFacts::default()
            },
            at: Instant::now(),
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        let (dialect, at, facts) = (self.endpoint.dialect(), self.at, &mut self.facts);
        match &mut self.body {
            BodyReader::Undetected(head, declared) => {
                head.extend_from_slice(bytes);
                *head = trim_start(head).to_vec();
                if let Some(format) = declared.detect(head) {
                    let head = std::mem::take(head);
                    self.begin(format, &head);
                }
            }
            BodyReader::Lines(lines) => {
                lines.feed(bytes, |line| objects::read_line(dialect, line, facts, at));
            }
            BodyReader::EventStream(events) => {
                events.feed(bytes, at, |event, at| {
                    objects::read_event(dialect, event, facts, at)
                });
            }
            BodyReader::Single(body) => {
                body.push(bytes);
                if let Some(head) = body.take_if_lines(bytes.len()) {
                    self.begin(BodyFormat::Lines, &head);
                }
            }
            BodyReader::Transcription(body) | BodyReader::Error(body) => body.push(bytes),
            BodyReader::Unreadable => {}
        }
    }

    /// Reads `head`, all that has come so far, in the format that it turned out to have.
    fn begin(&mut self, format: BodyFormat, head: &[u8]) {
        self.body = BodyReader::of_format(format, self.endpoint);
        self.facts.stream |= format == BodyFormat::EventStream;
        self.read(head);
    }

    fn finish(&mut self, end: BodyEnd) {
        if let BodyReader::Undetected(head, declared) = &mut self.body {
            let (head, declared) = (std::mem::take(head), *declared);
            self.begin(declared, &head);
        }
        let failed_before_end = self.facts.parse_failed;
        self.finish_body(end);
        let (dialect, facts) = (self.endpoint.dialect(), &mut self.facts);
        facts.done |= dialect == Dialect::OpenAi && facts.choices.all_finished();
        facts.parse_failed |= facts.objects > 0 && !facts.recognised;
        if end == BodyEnd::Cut {
            facts.parse_failed = failed_before_end;
        }
    }

    fn finish_body(&mut self, end: BodyEnd) {
        let (dialect, at, facts) = (self.endpoint.dialect(), self.at, &mut self.facts);
        match &mut self.body {
            BodyReader::Lines(lines) => {
                lines.finish(|line| objects::read_line(dialect, line, facts, at));
                objects::finish_lines(facts);
            }
            BodyReader::EventStream(events) => {
                events.finish(at, |event, at| {
                    objects::read_event(dialect, event, facts, at)
                });
            }
            BodyReader::Single(body) => objects::read_single(dialect, body, facts),
            BodyReader::Transcription(body) => objects::read_transcription(body, end, facts),
            BodyReader::Error(_) | BodyReader::Undetected(..) => {}
            BodyReader::Unreadable => (facts.unreadable, facts.parse_failed) = (true, true),
        }
    }
}

impl Write for ObjectReader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.read(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
