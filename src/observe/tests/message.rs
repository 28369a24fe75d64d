//! HTTP/1 messages of a recording.

use std::collections::BTreeMap;

/// An HTTP/1 message, its body without the framing.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub start: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Message {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Takes the first message off `bytes`. A body without a length is empty, or all the rest if
    /// `to_end`.
    pub fn parse(bytes: &mut &[u8], to_end: bool) -> Message {
        let end = find(bytes, b"\r\n\r\n").expect("a head");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        *bytes = &bytes[end + 4..];
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        if start.contains(" 100 ") {
            return Message::parse(bytes, to_end);
        }
        let header = |line: &str| {
            line.split_once(':')
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        let headers: BTreeMap<_, _> = lines.filter_map(header).collect();
        let length = headers
            .get("content-length")
            .map(|length| length.parse::<usize>().unwrap());
        let body = match length {
            _ if headers.contains_key("transfer-encoding") => dechunked(bytes),
            Some(length) => take(bytes, length.min(bytes.len())).to_vec(),
            None if to_end => take(bytes, bytes.len()).to_vec(),
            None => Vec::new(),
        };
        Message {
            start,
            headers,
            body,
        }
    }

    /// Takes a message off `bytes` that has only a head, whatever length that tells.
    pub fn head(bytes: &mut &[u8]) -> Message {
        let end = find(bytes, b"\r\n\r\n").expect("a head");
        Message {
            start: String::from_utf8_lossy(take(bytes, end + 4)).into_owned(),
            ..Message::default()
        }
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken
}

fn dechunked(bytes: &mut &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = find(bytes, b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap().trim(), 16)
            .expect("a chunk size");
        take(bytes, end + 2);
        body.extend_from_slice(take(bytes, size));
        take(bytes, 2);
        if size == 0 {
            break;
        }
    }
    body
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}
