//! The bytes of a reply, split anywhere, into facts.
//!
//! The reply's own status and Content-Type choose how it is read, never the request: a load answers with one object even where a
//! stream was asked for, and an error may come in any dialect. What an object means is the dialects' business.

use std::io::{self, Write};
use std::time::Instant;

use super::decode::Decoder;
use super::dialect;
use super::facts::Facts;
use super::lines::{Line, Lines, MAX_LINE};
use super::scraps::{self, TAIL};
use crate::route::{Dialect, Inference};

/// The longest single reply that is kept whole, in bytes.
pub const MAX_SINGLE: usize = 8 << 20;
/// The same for a reply of vectors, of which only the counters matter.
pub const MAX_VECTORS: usize = 64 << 10;
/// How much of an error's body is kept, in bytes.
pub const MAX_ERROR_BODY: usize = 64 << 10;

/// The reader of one reply.
pub struct Reply {
    decoder: Decoder<Reader>,
    /// The encoding is broken: nothing more can be read.
    broken: bool,
}

/// What a reply came to.
pub struct Read {
    pub facts: Facts,
    /// The beginning of the body of a reply that is not 2xx.
    pub error_body: Vec<u8>,
}

impl Reply {
    pub fn new(endpoint: Inference, status: u16, content_type: Option<&str>, content_encoding: Option<&str>) -> Reply {
        let form = if (200..300).contains(&status) { Form::of(endpoint, content_type) } else { Form::Error(Kept::new(MAX_ERROR_BODY)) };
        let decoder = Decoder::new(content_encoding, Reader::new(endpoint.dialect(), form)).unwrap_or_else(|mut reader| {
            reader.form = Form::Opaque;
            Decoder::Identity(reader)
        });
        Reply { decoder, broken: false }
    }

    /// The next bytes, which were read at `at`.
    pub fn feed(&mut self, bytes: &[u8], at: Instant) {
        self.decoder.get_mut().at = at;
        if !self.broken {
            self.broken = self.decoder.feed(bytes).is_err();
        }
    }

    /// How much of it is kept (bytes).
    pub fn kept(&mut self) -> usize {
        let reader = self.decoder.get_mut();
        let of_form = match &reader.form {
            Form::Lines(lines) => lines.kept(),
            Form::Events(lines, data) => lines.kept() + data.len(),
            Form::Single(kept) | Form::Transcription(kept) | Form::Error(kept) => kept.head.len(),
            Form::Opaque => 0,
        };
        of_form + reader.facts.kept()
    }

    /// There is no memory for more text: what follows is counted, and not kept.
    pub fn stop_keeping(&mut self) {
        let reader = self.decoder.get_mut();
        reader.facts.stop_keeping();
        match &mut reader.form {
            Form::Lines(lines) => lines.stop_keeping(),
            Form::Events(lines, data) => {
                lines.stop_keeping();
                data.truncate(TAIL);
            }
            Form::Single(kept) | Form::Transcription(kept) | Form::Error(kept) => kept.limit = kept.head.len(),
            Form::Opaque => {}
        }
    }

    /// All that was said. `clean` tells that the body ended by itself: what is half read is then Ollama's failure.
    pub fn end(mut self, clean: bool) -> Read {
        self.broken |= clean && self.decoder.end().is_err();
        let reader = self.decoder.get_mut();
        reader.end(clean);
        reader.facts.failed |= self.broken;
        let error_body = match &mut reader.form {
            Form::Error(kept) => std::mem::take(&mut kept.head),
            Form::Opaque => b"its text cannot be read".to_vec(),
            _ => Vec::new(),
        };
        Read { facts: std::mem::take(&mut reader.facts), error_body }
    }
}

/// How the objects lie in the body.
enum Form {
    /// application/x-ndjson
    Lines(Lines),
    /// text/event-stream, with the data of the frame that is being read
    Events(Lines, Vec<u8>),
    /// application/json
    Single(Kept),
    /// A transcription: one JSON object or plain text, whatever the Content-Type says
    Transcription(Kept),
    /// A status that is not 2xx
    Error(Kept),
    /// Not known to us
    Opaque,
}

impl Form {
    fn of(endpoint: Inference, content_type: Option<&str>) -> Form {
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            _ if endpoint == Inference::V1Transcriptions => Form::Transcription(Kept::new(MAX_SINGLE)),
            "application/x-ndjson" => Form::Lines(Lines::default()),
            "text/event-stream" => Form::Events(Lines::default(), Vec::new()),
            "application/json" if endpoint.is_embedding() => Form::Single(Kept::new(MAX_VECTORS)),
            "application/json" => Form::Single(Kept::new(MAX_SINGLE)),
            _ => Form::Opaque,
        }
    }
}

/// Splits decoded bytes into objects.
struct Reader {
    dialect: Dialect,
    form: Form,
    facts: Facts,
    at: Instant,
}

impl Reader {
    fn new(dialect: Dialect, form: Form) -> Reader {
        let facts = Facts { stream: matches!(form, Form::Lines(_) | Form::Events(..)), ..Facts::default() };
        Reader { dialect, form, facts, at: Instant::now() }
    }

    fn take(&mut self, bytes: &[u8]) {
        let (dialect, at, facts) = (self.dialect, self.at, &mut self.facts);
        match &mut self.form {
            Form::Lines(lines) => lines.feed(bytes, |line| object(dialect, line, facts, at)),
            Form::Events(lines, data) => lines.feed(bytes, |line| event_line(dialect, line, data, facts, at)),
            Form::Single(kept) | Form::Transcription(kept) | Form::Error(kept) => kept.push(bytes),
            Form::Opaque => {}
        }
    }

    fn end(&mut self, clean: bool) {
        let (dialect, at, facts) = (self.dialect, self.at, &mut self.facts);
        let failed = facts.failed;
        match &mut self.form {
            Form::Lines(lines) => lines.end(|line| object(dialect, line, facts, at)),
            Form::Events(lines, data) => {
                lines.end(|line| event_line(dialect, line, data, facts, at));
                frame(dialect, data, facts, at);
            }
            Form::Single(kept) => single(dialect, kept, facts),
            Form::Transcription(kept) => transcription(kept, clean, facts),
            Form::Error(_) => {}
            Form::Opaque => (facts.opaque, facts.failed) = (true, true),
        }
        if !clean {
            facts.failed = failed;
        }
    }
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One object of a stream.
fn object(dialect: Dialect, line: Line<'_>, facts: &mut Facts, at: Instant) {
    match line {
        Line::Whole(json) if json.iter().all(u8::is_ascii_whitespace) => {}
        Line::Whole(json) => facts.failed |= dialect::read(dialect, json, facts).is_err(),
        Line::Tail(tail) => {
            scraps::read(tail, facts);
            (facts.failed, facts.cut) = (true, true);
        }
    }
    facts.tick(at);
}

/// One line of an event stream: data is gathered until the empty line that ends the frame; names are not needed, since every
/// object says what it is.
fn event_line(dialect: Dialect, line: Line<'_>, data: &mut Vec<u8>, facts: &mut Facts, at: Instant) {
    match line {
        Line::Whole(b"") => frame(dialect, data, facts, at),
        Line::Whole(line) => {
            if let Some(more) = line.strip_prefix(b"data:")
                && data.len() + more.len() < MAX_LINE
            {
                if !data.is_empty() {
                    data.push(b'\n');
                }
                data.extend_from_slice(more.strip_prefix(b" ").unwrap_or(more));
            }
        }
        tail => object(dialect, tail, facts, at),
    }
}

fn frame(dialect: Dialect, data: &mut Vec<u8>, facts: &mut Facts, at: Instant) {
    match data.as_slice() {
        b"[DONE]" => facts.done |= dialect == Dialect::OpenAi,
        json => object(dialect, Line::Whole(json), facts, at),
    }
    data.clear();
}

fn single(dialect: Dialect, kept: &Kept, facts: &mut Facts) {
    if kept.whole() {
        facts.done = dialect::read(dialect, &kept.head, facts).is_ok();
        facts.failed |= !facts.done;
    } else {
        let end = kept.end();
        scraps::read(&end, facts);
        scraps::model(&kept.head, facts);
        facts.done = end.trim_ascii_end().ends_with(b"}");
        facts.cut = kept.limit != MAX_VECTORS;
    }
}

fn transcription(kept: &Kept, clean: bool, facts: &mut Facts) {
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

/// The head of a body, and its tail where the head is not all.
struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    limit: usize,
}

impl Kept {
    fn new(limit: usize) -> Kept {
        Kept { head: Vec::new(), tail: Vec::new(), limit }
    }

    fn push(&mut self, bytes: &[u8]) {
        let (head, tail) = bytes.split_at(bytes.len().min(self.limit - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(tail);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    fn whole(&self) -> bool {
        self.tail.is_empty()
    }

    /// The last bytes of the body, wherever the head ends.
    fn end(&self) -> Vec<u8> {
        let joined = [&self.head[self.head.len().saturating_sub(TAIL)..], &self.tail].concat();
        joined[joined.len().saturating_sub(TAIL)..].to_vec()
    }
}
