//! Reads the head of a request from bytes that come in any pieces.
//!
//! A head stays the bytes that came: what is forwarded is cut out of them, line by line. Beside them only the positions
//! in the request line are kept, and the decisions on the whole.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::fields::{Field, Fields, check_field};
use super::framing::{HeadSemantics, RequestFraming};
use super::hop_by_hop::HopByHop;
use super::line::{RequestLine, RequestLineParts, Version, method_ends};
use super::refusal::{Refusal, shown};

/// The longest head, from the request line to the empty line, both included.
pub const HEAD_MAX: usize = 1 << 20;

/// Finds the end of a head in bytes that come in pieces; looks at each byte once.
#[derive(Debug, Default)]
pub struct HeadReader {
    /// The empty line that may stand in front of a request was there.
    skipped: bool,
    /// The number of bytes that were searched and need no second look.
    scanned: usize,
    /// The start of the line that is being read.
    line_start: usize,
    method_ended: bool,
    parts: Option<RequestLineParts>,
}

impl HeadReader {
    /// Takes the head that `input` begins with out of it, once its last byte is there; what stays behind is its body or the
    /// next request. Call again whenever bytes were appended to `input`, which holds all that came since the last
    /// head and its body were taken.
    ///
    /// Bytes that cannot become a head are refused as soon as that is certain, and in the same way whatever pieces they came in. After a
    /// refusal the connection must end.
    pub fn take(&mut self, input: &mut Vec<u8>) -> Result<Option<RequestHead>, Refusal> {
        if !self.skipped && self.line_start == 0 && input.starts_with(b"\r\n") {
            input.drain(..2);
            *self = HeadReader {
                skipped: true,
                ..HeadReader::default()
            };
        }
        let Some(end) = self.scan(&input[..input.len().min(HEAD_MAX)])? else {
            return if input.len() < HEAD_MAX {
                Ok(None)
            } else {
                Err(Refusal::long_head(HEAD_MAX))
            };
        };
        let Some(parts) = &self.parts else {
            return Ok(None);
        };
        let fields = memchr(b'\n', input).map_or(end, |at| at + 1);
        // Nothing is taken before that, so that `line` still knows the request line of a refused request.
        let semantics = HeadSemantics::on(parts.line(input), Fields::of(&input[fields..end]))?;
        let parts = parts.clone();
        *self = HeadReader::default();
        let rest = input.split_off(end);
        Ok(Some(RequestHead {
            raw: std::mem::replace(input, rest),
            parts,
            fields,
            semantics,
        }))
    }

    /// The request line in `input`, once it was parsed: to count a request that is refused or comes too slowly.
    pub fn line<'a>(&self, input: &'a [u8]) -> Option<RequestLine<'a>> {
        self.parts.as_ref().map(|parts| parts.line(input))
    }

    /// Searches the new part of `input`. Returns the end of the head.
    fn scan(&mut self, input: &[u8]) -> Result<Option<usize>, Refusal> {
        while let Some(at) =
            memchr2(b'\r', b'\n', &input[self.scanned..]).map(|at| self.scanned + at)
        {
            self.check_method(&input[..at])?;
            self.scanned = at;
            match (input[at], input.get(at + 1)) {
                (b'\r', None) => return Ok(None),
                (b'\r', Some(b'\n')) => {}
                (b'\r', _) => return Err(bad_end("a lone CR", &input[self.line_start..at])),
                _ => return Err(bad_end("a bare LF", &input[self.line_start..at])),
            }
            let line = self.line_start..at + 2;
            (self.line_start, self.scanned) = (line.end, line.end);
            if self.ends_with(&input[line])? {
                return Ok(Some(self.scanned));
            }
        }
        self.check_method(input)?;
        self.scanned = input.len();
        Ok(None)
    }

    /// Checks the method before the request line is complete: a client of another protocol may never send its end.
    fn check_method(&mut self, line: &[u8]) -> Result<(), Refusal> {
        if !self.method_ended {
            self.method_ended = method_ends(line, self.scanned)?;
        }
        Ok(())
    }

    /// Checks a complete line. Returns whether it is the empty one.
    fn ends_with(&mut self, line: &[u8]) -> Result<bool, Refusal> {
        match (&self.parts, line) {
            (None, [line @ .., _, _]) => self.parts = Some(RequestLineParts::of(line)?),
            (Some(_), b"\r\n") => return Ok(true),
            _ => check_field(line)?,
        }
        Ok(false)
    }
}

fn bad_end(what: &str, line: &[u8]) -> Refusal {
    Refusal::framing(format!(
        "read request: {what} after {}; end each line with CR LF",
        shown(line)
    ))
}

/// The head of a request: the bytes as they came, and the decisions on them.
#[derive(Debug)]
pub struct RequestHead {
    raw: Vec<u8>,
    parts: RequestLineParts,
    /// The start of the header lines.
    fields: usize,
    semantics: HeadSemantics,
}

impl RequestHead {
    /// From the request line to the empty line, both included.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    pub fn line(&self) -> RequestLine<'_> {
        self.parts.line(&self.raw)
    }

    pub fn method(&self) -> &str {
        self.line().method
    }

    /// As it came: in any form (path, absolute, `*`), beyond ASCII too, perhaps not UTF-8.
    pub fn target(&self) -> &[u8] {
        self.line().target
    }

    /// The target as text; bytes that are not UTF-8 are replaced.
    pub fn target_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.target())
    }

    /// The host that an absolute target (`http://host/path`) names, which Go takes in place of `Host`.
    pub fn target_host(&self) -> Option<&[u8]> {
        self.parts.host(&self.raw)
    }

    pub fn version(&self) -> Version {
        self.line().version
    }

    /// The header lines in their order.
    pub fn fields(&self) -> Fields<'_> {
        Fields::of(&self.raw[self.fields..])
    }

    /// The values of the header `name` (in any letters) in their order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields()
            .filter(move |field| field.is(name))
            .map(|field| field.value)
    }

    /// The first value of a header, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields().text(name)
    }

    /// The header lines that go on to Ollama, in their order: all but those that belong to this connection, by their nature or
    /// because `Connection` names them. Transfer-Encoding, which is "chunked" wherever it is, stays in its place.
    pub fn end_to_end(&self) -> impl Iterator<Item = Field<'_>> {
        let hop_by_hop = HopByHop::among(&self.raw, self.fields());
        self.fields()
            .filter(move |field| !hop_by_hop.has(field.name))
    }

    /// The framing of the body.
    pub fn framing(&self) -> RequestFraming {
        self.semantics.framing
    }

    /// Returns whether the connection goes on after the reply.
    pub fn keeps_alive(&self) -> bool {
        self.semantics.keeps_alive
    }

    /// Returns whether the client waits for `100 Continue` before it sends its body, and there is one to come.
    pub fn expects_continue(&self) -> bool {
        self.semantics.expects_continue
    }

    /// Returns whether the reply has no body, whatever its head says.
    pub fn is_head(&self) -> bool {
        self.method() == "HEAD"
    }
}
