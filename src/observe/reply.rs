//! The bytes of a reply, split anywhere, into facts.
//!
//! The reply's own status, its Content-Type and its first bytes choose how it is read, never the request: a load answers with one
//! object even where a stream was asked for, and an error may come in any dialect. What an object means is the dialects' business.

use std::io::{self, Write};
use std::time::Instant;

use super::decode::Decoder;
use super::events::Events;
use super::facts::Facts;
use super::kept::Kept;
use super::lines::{Ends, Lines};
use super::objects;
use super::shape::{Shape, without_blanks};
use crate::http::route::{Dialect, Inference};

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
    pub fn new(
        endpoint: Inference,
        status: u16,
        content_type: Option<&str>,
        content_encoding: Option<&str>,
    ) -> Reply {
        let form = match status {
            200..300 if endpoint == Inference::V1Transcriptions => {
                Form::Transcription(Kept::new(MAX_SINGLE))
            }
            200..300 => Form::Begun(Vec::new(), Shape::declared(content_type)),
            _ => Form::Error(Kept::new(MAX_ERROR_BODY)),
        };
        let decoder = Decoder::new(content_encoding, Reader::new(endpoint, form)).unwrap_or_else(
            |mut reader| {
                reader.form = Form::Opaque;
                Decoder::Identity(reader)
            },
        );
        Reply {
            decoder,
            broken: false,
        }
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
            Form::Begun(head, _) => head.len(),
            Form::Lines(lines) => lines.kept(),
            Form::Events(events) => events.kept(),
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
            Form::Events(events) => events.stop_keeping(),
            Form::Single(kept) | Form::Transcription(kept) | Form::Error(kept) => {
                kept.limit = kept.head.len()
            }
            Form::Begun(..) | Form::Opaque => {}
        }
    }

    /// All that was said. `clean` tells that the body ended by itself: what is half read is then Ollama's failure.
    pub fn end(mut self, clean: bool) -> Read {
        let is_cut = clean && !self.broken && self.decoder.end().is_err();
        let reader = self.decoder.get_mut();
        reader.end(clean);
        reader.facts.failed |= self.broken || is_cut;
        reader.facts.cut_off |= is_cut;
        let error_body = match &mut reader.form {
            Form::Error(kept) => std::mem::take(&mut kept.head),
            Form::Opaque => b"its text cannot be read".to_vec(),
            _ => Vec::new(),
        };
        Read {
            facts: std::mem::take(&mut reader.facts),
            error_body,
        }
    }
}

/// How the body is read.
enum Form {
    /// Its first bytes, which do not tell yet, and what the Content-Type says
    Begun(Vec<u8>, Shape),
    /// One object a line
    Lines(Lines),
    /// An event stream
    Events(Events),
    /// One object, as far as is known
    Single(Kept),
    /// A transcription: one JSON object or plain text, whatever the Content-Type says
    Transcription(Kept),
    /// A status that is not 2xx
    Error(Kept),
    /// Not known to us
    Opaque,
}

impl Form {
    fn of(shape: Shape, endpoint: Inference) -> Form {
        let has_text = !endpoint.is_embedding() && !endpoint.is_image();
        match shape {
            Shape::Lines => Form::Lines(Lines::new(Ends::LineFeed)),
            Shape::Events => Form::Events(Events::new()),
            Shape::Object => {
                Form::Single(Kept::new(if has_text { MAX_SINGLE } else { MAX_VECTORS }))
            }
            Shape::Unknown => Form::Opaque,
        }
    }
}

/// Splits decoded bytes into objects.
struct Reader {
    endpoint: Inference,
    form: Form,
    facts: Facts,
    at: Instant,
}

impl Reader {
    fn new(endpoint: Inference, form: Form) -> Reader {
        let stream = matches!(form, Form::Begun(_, Shape::Lines | Shape::Events));
        Reader {
            endpoint,
            form,
            facts: Facts {
                stream,
                ..Facts::default()
            },
            at: Instant::now(),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let (dialect, at, facts) = (self.endpoint.dialect(), self.at, &mut self.facts);
        match &mut self.form {
            Form::Begun(head, declared) => {
                head.extend_from_slice(bytes);
                *head = without_blanks(head).to_vec();
                if let Some(shape) = declared.seen(head) {
                    let head = std::mem::take(head);
                    self.begin(shape, &head);
                }
            }
            Form::Lines(lines) => {
                lines.feed(bytes, |line| objects::take_line(dialect, line, facts, at))
            }
            Form::Events(events) => events.feed(bytes, at, |frame, at| {
                objects::take_frame(dialect, frame, facts, at)
            }),
            Form::Single(kept) => {
                kept.push(bytes);
                if let Some(head) = kept.take_lines(bytes.len()) {
                    self.begin(Shape::Lines, &head);
                }
            }
            Form::Transcription(kept) | Form::Error(kept) => kept.push(bytes),
            Form::Opaque => {}
        }
    }

    /// Reads `head`, all that came so far, as what it turned out to be.
    fn begin(&mut self, shape: Shape, head: &[u8]) {
        self.form = Form::of(shape, self.endpoint);
        self.facts.stream |= shape == Shape::Events;
        self.take(head);
    }

    fn end(&mut self, clean: bool) {
        if let Form::Begun(head, declared) = &mut self.form {
            let (head, declared) = (std::mem::take(head), *declared);
            self.begin(declared, &head);
        }
        let (dialect, at, facts) = (self.endpoint.dialect(), self.at, &mut self.facts);
        let failed = facts.failed;
        match &mut self.form {
            Form::Lines(lines) => {
                lines.end(|line| objects::take_line(dialect, line, facts, at));
                objects::end_lines(facts);
            }
            Form::Events(events) => events.end(at, |frame, at| {
                objects::take_frame(dialect, frame, facts, at)
            }),
            Form::Single(kept) => objects::take_single(dialect, kept, facts),
            Form::Transcription(kept) => objects::take_transcription(kept, clean, facts),
            Form::Error(_) | Form::Begun(..) => {}
            Form::Opaque => (facts.opaque, facts.failed) = (true, true),
        }
        facts.done |= dialect == Dialect::OpenAi && facts.choices.all_finished();
        facts.failed |= facts.objects > 0 && !facts.recognised;
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
