//! The head of a reply, as Go's client reads it, or stricter.

use memchr::memchr;

use super::fields::{Field, Fields, fault_of_field};
use super::head::HEAD_MAX;
use super::hop_by_hop::HopByHop;
use super::refusal::shown;

/// The end of the body of a reply, if the request and the status allow one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyFraming {
    Length(u64),
    Chunked,
    /// With the connection.
    Close,
}

/// The head of a reply: the bytes as they came, and the decisions on them.
#[derive(Debug)]
pub struct ReplyHead {
    raw: Vec<u8>,
    /// The start of the header lines.
    fields: usize,
    status: u16,
    framing: ReplyFraming,
    keeps_alive: bool,
}

/// Finds the end of the head that `bytes` begin with, of which the first `scanned` were searched before. Fails if it is too long.
pub fn end_of_reply_head(bytes: &[u8], scanned: usize) -> Result<Option<usize>, String> {
    // The empty line may have begun in the part that was searched.
    let mut at = scanned.saturating_sub(2);
    while let Some(line_end) = memchr(b'\n', &bytes[at..]).map(|offset| at + offset + 1) {
        let rest = &bytes[line_end..];
        let empty = if rest.starts_with(b"\r\n") {
            2
        } else {
            usize::from(rest.starts_with(b"\n"))
        };
        if empty > 0 {
            return Ok(Some(line_end + empty));
        }
        at = line_end;
    }
    if bytes.len() < HEAD_MAX {
        Ok(None)
    } else {
        Err("its head is longer than 1 MiB".to_owned())
    }
}

impl ReplyHead {
    /// Reads a whole head, its empty line included. An error says what is wrong with it.
    pub fn read(bytes: Vec<u8>) -> Result<ReplyHead, String> {
        let raw = with_crlf_line_ends(bytes);
        let fields = memchr(b'\n', &raw).map_or(raw.len(), |at| at + 1);
        let (version, status) = status_line(raw[..fields].trim_ascii_end())?;
        check(&raw[fields..])?;
        let is_http10 = version == b'0';
        let framing = framing(Fields::of(&raw[fields..]), is_http10)?;
        let lines = Fields::of(&raw[fields..]);
        let keeps_alive = !has_connection_option(lines.clone(), b"close")
            && (!is_http10 || has_connection_option(lines, b"keep-alive"));
        Ok(ReplyHead {
            fields,
            status,
            framing,
            keeps_alive,
            raw,
        })
    }

    /// From the status line to the empty line, both included.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    pub fn status(&self) -> u16 {
        self.status
    }

    /// The status line after its version, from the blank on, without its end.
    pub fn status_and_reason(&self) -> &[u8] {
        let line = self.raw[..self.fields].trim_ascii_end();
        &line[memchr(b' ', line).unwrap_or(line.len())..]
    }

    pub fn framing(&self) -> ReplyFraming {
        self.framing
    }

    /// Returns whether the connection goes on after the reply.
    pub fn keeps_alive(&self) -> bool {
        self.keeps_alive
    }

    /// Returns whether another head follows for the same request. A change of protocol is not interim: it was not asked for.
    pub fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }

    fn fields(&self) -> Fields<'_> {
        Fields::of(&self.raw[self.fields..])
    }

    /// The first value of a header, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields().text(name)
    }

    /// The header lines that go on to the client, in their order: all but those of the connection and of its framing in chunks.
    pub fn end_to_end(&self) -> impl Iterator<Item = Field<'_>> {
        let hop_by_hop = HopByHop::among(&self.raw, self.fields());
        self.fields()
            .filter(move |field| !field.is("transfer-encoding") && !hop_by_hop.has(field.name))
    }
}

/// Returns whether `option` is named in a `Connection` header.
fn has_connection_option(mut fields: Fields, option: &[u8]) -> bool {
    fields.any(|field| {
        field.is("connection")
            && field
                .members()
                .any(|member| member.eq_ignore_ascii_case(option))
    })
}

/// Adds the missing CR to lines that end in a bare LF.
fn with_crlf_line_ends(bytes: Vec<u8>) -> Vec<u8> {
    if memchr::memchr_iter(b'\n', &bytes).all(|at| at > 0 && bytes[at - 1] == b'\r') {
        return bytes;
    }
    let lines = bytes
        .split_inclusive(|b| *b == b'\n')
        .map(|line| line.strip_suffix(b"\n").unwrap_or(line));
    lines
        .flat_map(|line| [line.strip_suffix(b"\r").unwrap_or(line), b"\r\n"])
        .flatten()
        .copied()
        .collect()
}

/// The last digit of the version, and the status.
fn status_line(line: &[u8]) -> Result<(u8, u16), String> {
    let fault = || format!("{} is not an HTTP/1 status line", shown(line));
    let [
        b'H',
        b'T',
        b'T',
        b'P',
        b'/',
        b'1',
        b'.',
        version @ (b'0'..=b'9'),
        b' ',
        status @ ..,
    ] = line
    else {
        return Err(fault());
    };
    let (digits, rest) = status.split_at_checked(3).ok_or_else(fault)?;
    let status = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .filter(|status| (100..1000).contains(status));
    if !rest.is_empty() && rest[0] != b' ' {
        Err(fault())
    } else {
        Ok((*version, status.ok_or_else(fault)?))
    }
}

/// Checks the header lines and the empty one after them.
fn check(lines: &[u8]) -> Result<(), String> {
    let lines = lines.strip_suffix(b"\r\n").unwrap_or(lines);
    lines
        .split_inclusive(|b| *b == b'\n')
        .find_map(fault_of_field)
        .map_or(Ok(()), Err)
}

fn framing(fields: Fields, is_http10: bool) -> Result<ReplyFraming, String> {
    let mut framing = ReplyFraming::Close;
    let mut is_chunked = false;
    for field in fields {
        if field.is("transfer-encoding") && !is_http10 {
            if is_chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                return Err(format!(
                    "its transfer-encoding {} is not supported; only \"chunked\" is",
                    shown(field.value)
                ));
            }
            is_chunked = true;
        } else if field.is("content-length") {
            let length = length_of(field.value)?;
            if !matches!(framing, ReplyFraming::Close) && framing != length {
                return Err("it has two different lengths".to_owned());
            }
            framing = length;
        }
    }
    Ok(if is_chunked {
        ReplyFraming::Chunked
    } else {
        framing
    })
}

fn length_of(value: &[u8]) -> Result<ReplyFraming, String> {
    let digits = std::str::from_utf8(value)
        .ok()
        .filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    let length = digits
        .and_then(|digits| digits.parse().ok())
        .filter(|length| *length <= i64::MAX as u64);
    length
        .map(ReplyFraming::Length)
        .ok_or_else(|| format!("its content-length {} is not a number", shown(value)))
}
