//! No input is taken or searched without a bound.

use std::mem::size_of;

use super::{ConnectionEvent, read};
use crate::server::http1::{
    BodyDecoder, Decoded, HEAD_MAX, HeadReader, Reason, Refusal, RequestFraming,
};

const START: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\n";

/// Feeds `start` and then `again` for ever, in pieces of an odd size, until the head is refused. Returns how much that took.
fn endless_head(start: &[u8], again: &[u8]) -> (usize, Refusal) {
    let (mut head_reader, mut input) = (HeadReader::default(), Vec::new());
    let mut endless = start.iter().chain(again.iter().cycle());
    loop {
        input.extend(endless.by_ref().take(7_919));
        assert!(input.len() <= 2 * HEAD_MAX, "there is no bound");
        if let Err(refusal) = head_reader.take(&mut input) {
            return (input.len(), refusal);
        }
    }
}

#[test]
fn an_endless_head_of_any_kind_is_refused_at_the_bound() {
    for (start, again) in [
        (&b""[..], &b"M"[..]),
        (b"GET /", b"x"),
        (b"GET / HTTP/1.1", b" "),
        (START, b"X"),
        (START, b"X: y\r\n"),
        (START, b"a:\r\n"),
        (b"GET / HTTP/1.1\r\nX: ", b"y"),
    ] {
        let (taken, refusal) = endless_head(start, again);
        assert_eq!(
            (refusal.status, refusal.reason),
            (431, Reason::Head),
            "{refusal:?}"
        );
        assert!((HEAD_MAX..HEAD_MAX + 7_919).contains(&taken), "{taken}");
    }
}

#[test]
fn a_head_of_just_the_bound_passes_and_one_byte_more_does_not() {
    let head_of = |length: usize| {
        let line = [START, b"X: "].concat();
        let filler = vec![b'y'; length - line.len() - 4];
        [&line[..], &filler, b"\r\n\r\n"].concat()
    };
    assert!(matches!(
        read([&head_of(HEAD_MAX)[..]])[..],
        [ConnectionEvent::Request(_), ConnectionEvent::Incomplete]
    ));
    assert!(matches!(
        read(head_of(HEAD_MAX).chunks(8_000))[..],
        [ConnectionEvent::Request(_), ConnectionEvent::Incomplete]
    ));
    assert_eq!(
        read([&head_of(HEAD_MAX + 1)[..]]),
        [ConnectionEvent::Refused(431)]
    );
    assert_eq!(
        read(head_of(HEAD_MAX + 1).chunks(8_000)),
        [ConnectionEvent::Refused(431)]
    );
    let after_a_line = [b"\r\n", &head_of(HEAD_MAX)[..]].concat();
    assert!(matches!(
        read([&after_a_line[..]])[..],
        [ConnectionEvent::Request(_), ConnectionEvent::Incomplete]
    ));
}

/// Would take hours if each byte were looked at again whenever one comes.
#[test]
fn a_head_of_a_megabyte_may_come_byte_by_byte() {
    for (again, end) in [(&b"X: y\r\n"[..], &b"\r\n"[..]), (b"y", b"\r\n\r\n")] {
        let mut bytes = [START, b"X: "].concat();
        bytes.extend(again.repeat((HEAD_MAX - 100) / again.len()));
        bytes.extend_from_slice(end);
        let (mut head_reader, mut input, mut head) = (HeadReader::default(), Vec::new(), None);
        for byte in bytes {
            input.push(byte);
            head = head.or(head_reader.take(&mut input).unwrap());
        }
        assert!(head.is_some() && input.is_empty());
    }
}

/// Would take hours if each header were looked for among all that `Connection` names.
#[test]
fn a_connection_header_that_names_a_hundred_thousand_headers_takes_them_all_away() {
    let names: Vec<String> = (0..60_000).map(|n| format!("h{n:05}")).collect();
    let lines: String = names.iter().map(|name| format!("{name}:\r\n")).collect();
    let text = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: {}\r\n{lines}X: y\r\n\r\n",
        names.join(", ")
    );
    let head = HeadReader::default()
        .take(&mut text.into())
        .unwrap()
        .unwrap();
    assert_eq!(
        head.end_to_end()
            .map(|field| field.name)
            .collect::<Vec<_>>(),
        ["Host", "X"]
    );
}

#[test]
fn readers_of_heads_and_bodies_hold_no_bytes() {
    assert!(
        size_of::<HeadReader>() <= 128 && size_of::<BodyDecoder>() <= 64,
        "{} {}",
        size_of::<HeadReader>(),
        size_of::<BodyDecoder>()
    );
    assert!(!std::mem::needs_drop::<HeadReader>() && !std::mem::needs_drop::<BodyDecoder>());
}

/// Feeds `start` and then `again` to a body in chunks until it is refused. Returns how many bytes that took.
fn endless_chunks(start: &[u8], again: &[u8]) -> usize {
    let mut body = BodyDecoder::new(RequestFraming::Chunked);
    let endless = start.iter().chain(again.iter().cycle());
    for (at, byte) in endless.take(10_000_000).enumerate() {
        if body.next(&mut &[*byte][..]).is_err() {
            return at + 1;
        }
    }
    panic!("there is no bound");
}

#[test]
fn bytes_between_the_data_of_chunks_are_bounded() {
    assert_eq!(endless_chunks(b"", b"0"), 17, "digits");
    assert_eq!(
        endless_chunks(b"4000000000000000\r\n", b"d"),
        18,
        "a size beyond any"
    );
    assert_eq!(endless_chunks(b"1", b" "), 4096, "blanks");
    assert_eq!(endless_chunks(b"1;", b"x"), 4096, "an extension");
    assert_eq!(
        endless_chunks(b"1;", b"\n"),
        3,
        "a line feed in an extension"
    );
    assert_eq!(endless_chunks(b"", b"+5"), 1, "a sign");
    assert_eq!(
        endless_chunks(b"0\r\n", b"X"),
        3 + 4096,
        "the name of a trailer"
    );
    assert_eq!(endless_chunks(b"0\r\n", b"X: y\r\n"), 3 + 4096, "trailers");
    let much = [b"1;", "x".repeat(996).as_bytes(), b"\r\nd\r\n"].concat();
    assert_eq!(
        endless_chunks(b"", &much) / much.len(),
        16,
        "extensions that are longer than the data"
    );
}

#[test]
fn a_byte_in_each_chunk_and_short_extensions_are_no_overhead() {
    for chunk in [
        &b"1\r\nd\r\n"[..],
        b"0001;ext=12345\r\nd\r\n",
        b"400;0123456789012345678901234567890123456789\r\n",
    ] {
        let mut body = BodyDecoder::new(RequestFraming::Chunked);
        for _ in 0..10_000 {
            let data = vec![b'd'; if chunk.starts_with(b"4") { 1024 } else { 0 }];
            let end: &[u8] = if data.is_empty() { b"" } else { b"\r\n" };
            let piece = [chunk, &data, end].concat();
            let mut rest = &piece[..];
            while body.next(&mut rest).unwrap() != Decoded::NeedMore {}
        }
    }
}

#[test]
fn data_is_borrowed_and_bytes_after_the_body_are_left() {
    let input = b"5\r\nhello\r\n3;x\r\n, y\r\n0\r\nX: y\r\n\r\nGET /";
    let (mut body, mut rest) = (BodyDecoder::new(RequestFraming::Chunked), &input[..]);
    assert_eq!(body.next(&mut rest), Ok(Decoded::Data(b"hello")));
    assert_eq!(body.next(&mut rest), Ok(Decoded::Data(b", y")));
    assert_eq!(body.next(&mut rest), Ok(Decoded::End));
    assert_eq!(body.next(&mut rest), Ok(Decoded::End));
    assert_eq!(rest, b"GET /");
    let (mut body, mut rest) = (BodyDecoder::new(RequestFraming::Length(7)), &b"hel"[..]);
    assert_eq!(body.next(&mut rest), Ok(Decoded::Data(b"hel")));
    assert_eq!(body.next(&mut rest), Ok(Decoded::NeedMore));
    rest = b"lo, you";
    assert_eq!(body.next(&mut rest), Ok(Decoded::Data(b"lo, ")));
    assert_eq!(
        (body.next(&mut rest), rest),
        (Ok(Decoded::End), &b"you"[..])
    );
}
