//! The framing of the body and the persistence of the connection, decided from a head in one place.
//!
//! Two readers that find different ends of a body let an attacker smuggle a request past the one that counts. So a head with
//! two readings is refused: RFC 9112 section 6.3 and Go's net/http, and where Go is lenient, more than Go.

use super::fields::{Field, Fields};
use super::line::{RequestLine, Version};
use super::refusal::{Refusal, shown};

/// The framing of the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFraming {
    /// No body was announced.
    Empty,
    Length(u64),
    Chunked,
}

/// The meaning of a head for its body and its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeadSemantics {
    pub framing: RequestFraming,
    pub keeps_alive: bool,
    pub expects_continue: bool,
}

impl HeadSemantics {
    pub(super) fn on(line: RequestLine, fields: Fields) -> Result<HeadSemantics, Refusal> {
        let headers = FramingHeaders::by(fields);
        headers.check_host(line.version)?;
        let framing = headers.framing(line.version)?;
        let keeps_alive = !headers.close && (line.version == Version::Http11 || headers.keep_alive);
        let expects = headers.expects_continue()? && line.version == Version::Http11;
        let expects_continue =
            expects && !matches!(framing, RequestFraming::Empty | RequestFraming::Length(0));
        Ok(HeadSemantics {
            framing,
            keeps_alive,
            expects_continue,
        })
    }
}

/// The headers that decide the framing, collected in one pass.
#[derive(Default)]
struct FramingHeaders<'a> {
    host: SingleHeader<'a>,
    length: SingleHeader<'a>,
    encoding: SingleHeader<'a>,
    /// The first value alone counts, as in Go.
    expect: Option<&'a [u8]>,
    /// A header of the framing was announced to follow the body.
    bad_trailer: Option<&'a [u8]>,
    /// A `Connection` header came before.
    has_connection: bool,
    close: bool,
    keep_alive: bool,
}

/// A header that may be sent once.
#[derive(Default)]
struct SingleHeader<'a> {
    first: Option<&'a [u8]>,
    is_repeated: bool,
}

impl<'a> SingleHeader<'a> {
    fn add(&mut self, value: &'a [u8]) {
        self.is_repeated = self.first.is_some();
        self.first.get_or_insert(value);
    }
}

impl<'a> FramingHeaders<'a> {
    fn by(fields: Fields<'a>) -> FramingHeaders<'a> {
        let mut headers = FramingHeaders::default();
        for field in fields {
            headers.add(field);
        }
        headers
    }

    fn add(&mut self, field: Field<'a>) {
        if field.is("host") {
            self.host.add(field.value);
        } else if field.is("content-length") {
            self.length.add(field.value);
        } else if field.is("transfer-encoding") {
            self.encoding.add(field.value);
        } else if field.is("expect") {
            self.expect.get_or_insert(field.value);
        } else if field.is("connection") {
            self.add_connection(field);
        } else if field.is("trailer") {
            let mut names = field.members();
            self.bad_trailer = self
                .bad_trailer
                .or_else(|| names.find(|name| is_forbidden_trailer(name)));
        }
    }

    /// Adds a `Connection` header. In the first one Go takes blanks for commas, and in the others it looks for `close` alone.
    fn add_connection(&mut self, field: Field) {
        let is_first = !std::mem::replace(&mut self.has_connection, true);
        self.close |= field
            .members()
            .any(|option| option.eq_ignore_ascii_case(b"close"))
            || is_first && has_word(field.value, b"close");
        self.keep_alive |= is_first && has_word(field.value, b"keep-alive");
    }

    fn check_host(&self, version: Version) -> Result<(), Refusal> {
        match &self.host {
            SingleHeader {
                is_repeated: true, ..
            } => refuse("more than one Host header; send one"),
            SingleHeader { first: None, .. } if version == Version::Http11 => {
                refuse("no Host header; HTTP/1.1 demands one")
            }
            SingleHeader {
                first: Some(host), ..
            } if !host.iter().all(|b| may_stand_in_host(*b)) => refuse(&format!(
                "host {} is not valid; send a name or an address, and a port",
                shown(host)
            )),
            _ => Ok(()),
        }
    }

    fn framing(&self, version: Version) -> Result<RequestFraming, Refusal> {
        match (&self.encoding, &self.length) {
            (SingleHeader { first: None, .. }, SingleHeader { first: None, .. }) => {
                Ok(RequestFraming::Empty)
            }
            (SingleHeader { first: Some(_), .. }, SingleHeader { first: Some(_), .. }) => {
                refuse("content-length together with transfer-encoding; send one")
            }
            (
                _,
                SingleHeader {
                    is_repeated: true, ..
                },
            ) => refuse("more than one Content-Length header; send one"),
            (
                _,
                SingleHeader {
                    first: Some(length),
                    ..
                },
            ) => length_of(length),
            (_, _) if version == Version::Http10 => {
                refuse("transfer-encoding in an HTTP/1.0 request; send a content-length")
            }
            (
                SingleHeader {
                    is_repeated: true, ..
                },
                _,
            ) => refuse("more than one Transfer-Encoding header; send one"),
            (SingleHeader { first, .. }, _) => self.chunked(first.unwrap_or_default()),
        }
    }

    fn chunked(&self, encoding: &[u8]) -> Result<RequestFraming, Refusal> {
        if !encoding.eq_ignore_ascii_case(b"chunked") {
            return refuse(&format!(
                "transfer-encoding {} is not supported; only \"chunked\" is",
                shown(encoding)
            ));
        }
        match self.bad_trailer {
            Some(name) => refuse(&format!(
                "trailer {} cannot follow a body; send it in the head",
                shown(name)
            )),
            None => Ok(RequestFraming::Chunked),
        }
    }

    /// Returns whether the client expects `100 Continue`; any other expectation is refused.
    fn expects_continue(&self) -> Result<bool, Refusal> {
        let value = self.expect.unwrap_or_default();
        let expects = has_word(value, b"100-continue");
        if expects || value.is_empty() {
            Ok(expects)
        } else {
            Err(Refusal::expectation(value))
        }
    }
}

/// Returns whether a header decides the framing, so that it cannot follow the body.
fn is_forbidden_trailer(name: &[u8]) -> bool {
    const FORBIDDEN: [&[u8]; 3] = [b"content-length", b"trailer", b"transfer-encoding"];
    FORBIDDEN
        .iter()
        .any(|forbidden| forbidden.eq_ignore_ascii_case(name))
}

/// Returns whether `value`, split at commas and blanks, contains `word`.
fn has_word(value: &[u8], word: &[u8]) -> bool {
    value
        .split(|b| matches!(b, b' ' | b',' | b'\t'))
        .any(|found| found.eq_ignore_ascii_case(word))
}

fn length_of(text: &[u8]) -> Result<RequestFraming, Refusal> {
    /// The largest length that Go can count.
    const LENGTH_MAX: u64 = i64::MAX as u64;
    let digits = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    match digits
        .and_then(|digits| digits.parse().ok())
        .filter(|length| *length <= LENGTH_MAX)
    {
        Some(length) => Ok(RequestFraming::Length(length)),
        None => refuse(&format!(
            "content-length {} is not a number; send digits alone",
            shown(text)
        )),
    }
}

/// Returns whether a `Host` header may have `byte` (Go's httpguts.ValidHostHeader).
fn may_stand_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!$%&'()*+,-.:;=[]_~".contains(&byte)
}

fn refuse<T>(what: &str) -> Result<T, Refusal> {
    Err(Refusal::framing(format!("read request: {what}")))
}
