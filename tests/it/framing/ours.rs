//! The decisions, and a loop around them as the front's.

use std::collections::BTreeMap;

/// What decides, itself: this crate and the executable's are two.
#[allow(
    dead_code,
    unused_imports,
    reason = "the front needs more of it than this loop"
)]
#[path = "../../../src/server/http1/mod.rs"]
mod http1;

use self::http1::{
    BodyDecoder, Decoded, HeadReader, Refusal, RequestFraming, RequestHead, Version,
};
use super::{End, Request, Seen};

/// Of a request whose connection we close although it says keep-alive, too.
pub const BOTH: &str = "close and keep-alive in an HTTP/1.0 request";

/// What we make of a connection that brings `input`; why we ended it; and the input without the empty lines that we ignored.
pub fn read(input: &[u8]) -> (Seen, String, Vec<u8>) {
    let (mut head_reader, mut rest, mut requests, mut read) = (
        HeadReader::default(),
        input.to_vec(),
        Vec::new(),
        Vec::new(),
    );
    let (end, refusal) = loop {
        let before = rest.len();
        let ignored = rest.starts_with(b"\r\n");
        let taken = head_reader.take(&mut rest);
        let kept = &input[input.len() - before + if ignored { 2 } else { 0 }..];
        let head = match taken {
            Ok(Some(head)) => head,
            Ok(None) => break ended(&mut read, kept, End::Unfinished),
            Err(refusal) => break refused(&mut read, kept, refusal),
        };
        match body(&head, &mut rest) {
            Ok(Some(body)) => requests.push(request(&head, body)),
            Ok(None) => break ended(&mut read, kept, End::Unfinished),
            Err(refusal) => break refused(&mut read, kept, refusal),
        }
        if !head.keeps_alive() {
            let (end, _) = ended(&mut read, kept, End::Closed);
            break (
                end,
                if asks_for_both(&head) {
                    BOTH.to_owned()
                } else {
                    String::new()
                },
            );
        }
        read.extend_from_slice(&kept[..kept.len() - rest.len()]);
    };
    (Seen { requests, end }, refusal, read)
}

fn asks_for_both(head: &RequestHead) -> bool {
    let says = |option: &str| {
        head.values("connection").any(|value| {
            String::from_utf8_lossy(value)
                .to_ascii_lowercase()
                .contains(option)
        })
    };
    head.version() == Version::Http10 && says("close") && says("keep-alive")
}

fn ended(read: &mut Vec<u8>, last: &[u8], end: End) -> (End, String) {
    read.extend_from_slice(last);
    (end, String::new())
}

fn refused(read: &mut Vec<u8>, last: &[u8], refusal: Refusal) -> (End, String) {
    read.extend_from_slice(last);
    (End::Refused(refusal.status), refusal.message)
}

/// The whole body, if it is whole; what is left is the next request.
fn body(head: &RequestHead, input: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Refusal> {
    let (mut body, mut rest, mut data) = (BodyDecoder::new(head.framing()), &input[..], Vec::new());
    loop {
        match body.next(&mut rest)? {
            Decoded::Data(piece) => data.extend_from_slice(piece),
            Decoded::NeedMore => return Ok(None),
            Decoded::End => {
                *input = rest.to_vec();
                return Ok(Some(data));
            }
        }
    }
}

fn request(head: &RequestHead, body: Vec<u8>) -> Request {
    let mut headers: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    let is_framing = |name: &str| match name {
        "host" | "transfer-encoding" => true,
        "trailer" => head.framing() == RequestFraming::Chunked,
        _ => false,
    };
    for field in head.fields() {
        let name = field.name.to_ascii_lowercase();
        if !is_framing(&name) {
            headers.entry(name).or_default().push(field.value.to_vec());
        }
    }
    let host = head
        .target_host()
        .filter(|host| !host.is_empty())
        .map(unescaped);
    let host = host.or_else(|| head.values("host").next().map(<[u8]>::to_vec));
    Request {
        method: head.method().to_owned(),
        target: head.target().to_vec(),
        host: host.unwrap_or_default(),
        headers: headers.into_iter().collect(),
        body,
        expects_continue: head.expects_continue(),
    }
}

/// As Go takes the host of a target, in which each escape is whole.
fn unescaped(host: &[u8]) -> Vec<u8> {
    let code = |digits: &[u8]| {
        u8::from_str_radix(std::str::from_utf8(digits).expect("digits"), 16).expect("digits")
    };
    let (mut plain, mut rest) = (Vec::new(), host);
    while let Some((&byte, behind)) = rest.split_first() {
        let is_escape = byte == b'%';
        plain.push(if is_escape { code(&behind[..2]) } else { byte });
        rest = &behind[if is_escape { 2 } else { 0 }..];
    }
    plain
}
