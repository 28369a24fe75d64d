//! The first line of a request: method, target, version.

use std::ops::Range;

use memchr::memchr_iter;

use super::refusal::{Refusal, shown};
use super::target;

const EXAMPLE: &str = "a request begins like \"GET /api/tags HTTP/1.1\"";

/// The version that a request is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http10,
    /// 1.1 and its successors up to 1.9.
    Http11,
}

impl Version {
    /// The version as the status line of a response has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        }
    }
}

/// A valid request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine<'a> {
    pub method: &'a str,
    /// As it came: in any form (path, absolute, `*`), beyond ASCII too, perhaps not UTF-8.
    pub target: &'a [u8],
    pub version: Version,
}

/// The ranges of the parts of a request line in its head.
#[derive(Clone, Debug)]
pub(super) struct RequestLineParts {
    method: Range<usize>,
    target: Range<usize>,
    version: Version,
    /// The host that an absolute target names.
    host: Option<Range<usize>>,
}

impl RequestLineParts {
    /// Parses `line`, the first of the head. Its method was checked before.
    pub(super) fn of(line: &[u8]) -> Result<RequestLineParts, Refusal> {
        let mut blanks = memchr_iter(b' ', line);
        let (Some(method), Some(target)) = (blanks.next(), blanks.next()) else {
            return Err(Refusal::framing(format!(
                "read request: {} is not a request line; {EXAMPLE}",
                shown(line)
            )));
        };
        let version = version(&line[target + 1..])?;
        let (method, target) = (0..method, method + 1..target);
        let host = target::check(&line[method.clone()], &line[target.clone()])?;
        let host = host.map(|host| target.start + host.start..target.start + host.end);
        Ok(RequestLineParts {
            method,
            target,
            version,
            host,
        })
    }

    /// The first line of `head`, which is the one that was parsed.
    pub(super) fn line<'a>(&self, head: &'a [u8]) -> RequestLine<'a> {
        let part = |range: &Range<usize>| head.get(range.clone()).unwrap_or_default();
        let method = std::str::from_utf8(part(&self.method)).unwrap_or_default(); // a token is ASCII
        RequestLine {
            method,
            target: part(&self.target),
            version: self.version,
        }
    }

    pub(super) fn host<'a>(&self, head: &'a [u8]) -> Option<&'a [u8]> {
        head.get(self.host.clone()?)
    }
}

/// Returns whether the method of an incomplete request line has ended; its first `scanned` bytes were searched before. Refuses bytes
/// that cannot be part of a method.
pub(super) fn method_ends(line: &[u8], scanned: usize) -> Result<bool, Refusal> {
    /// The first byte of a TLS handshake record.
    const TLS_HANDSHAKE: u8 = 0x16;
    match line
        .iter()
        .skip(scanned)
        .position(|b| !is_token(*b))
        .map(|at| scanned + at)
    {
        None => Ok(false),
        Some(at) if at > 0 && line[at] == b' ' => Ok(true),
        Some(0) if line[0] == TLS_HANDSHAKE => Err(Refusal::framing(
            "read request: this is a TLS handshake, and this port speaks plain HTTP; use http:// instead of https://",
        )),
        Some(at) => {
            let bad = line[at].escape_ascii();
            Err(Refusal::framing(format!(
                "read request: \"{bad}\" cannot be part of a method; {EXAMPLE}"
            )))
        }
    }
}

/// Returns whether methods and names of headers may have `byte` (RFC 9110 section 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn version(text: &[u8]) -> Result<Version, Refusal> {
    match text {
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor] if minor.is_ascii_digit() => {
            Ok(Version::Http11)
        }
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(Refusal::version(text))
        }
        _ => Err(Refusal::framing(format!(
            "read request: {} is not an HTTP version; end the request line with HTTP/1.1",
            shown(text)
        ))),
    }
}
