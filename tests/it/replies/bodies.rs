//! Bodies of replies and their framings: by length, in chunks, to the end of the connection, or none at all.

use std::io::Write;

use crate::harness::http::{Framing, LAST_CHUNK};
use crate::harness::ollama::reply;
use crate::harness::{AfterReply, FakeOllama, Proxy, chunk, request, tap_answering};

#[test]
fn a_head_request_gets_the_length_and_no_body() {
    let (_ollama, tap) = tap_answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 1431\r\nContent-Type: application/json\r\n\r\n",
    );
    let mut client = tap.connect();
    for _ in 0..3 {
        let got = client
            .send(request("HEAD", "/api/tags", &[], ""))
            .reply("HEAD");
        assert_eq!(
            (got.head.get("content-length"), got.body.len()),
            (Some("1431"), 0)
        );
    }
    assert!(!client.has_more());
}

#[test]
fn a_head_request_whose_reply_has_no_length_gets_none() {
    let (_ollama, tap) =
        tap_answering("HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 08:49:16 GMT\r\n\r\n");
    let mut client = tap.connect();
    for _ in 0..3 {
        let got = client
            .send(request("HEAD", "/api/blobs/sha256:00", &[], ""))
            .reply("HEAD");
        assert_eq!((got.status(), got.head.get("content-length")), (200, None));
    }
    assert!(!client.has_more());
}

#[test]
fn replies_that_never_have_a_body_leave_the_connection_usable() {
    for status in ["204 No Content", "304 Not Modified"] {
        let (_ollama, tap) = tap_answering(format!("HTTP/1.1 {status}\r\nETag: \"x\"\r\n\r\n"));
        let mut client = tap.connect();
        for _ in 0..3 {
            let got = client.send(request("GET", "/", &[], "")).reply("GET");
            assert_eq!(
                (got.status().to_string().as_str(), got.head.get("etag")),
                (&status[..3], Some("\"x\""))
            );
        }
        assert!(!client.has_more());
    }
}

#[test]
fn a_length_beside_204_which_has_no_body_stops_here() {
    let (_ollama, tap) =
        tap_answering("HTTP/1.1 204 No Content\r\nX-A: 1\r\nContent-Length: 5\r\n\r\n");
    let mut client = tap.connect();
    for _ in 0..3 {
        let got = client.send(request("GET", "/", &[], "")).reply("GET");
        assert_eq!(
            (
                got.status(),
                got.head.get("x-a"),
                got.head.get("content-length")
            ),
            (204, Some("1"), None)
        );
    }
    assert!(!client.has_more());
}

/// A reply in chunks.
fn chunked(chunks: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")
}

#[test]
fn a_reply_with_invalid_chunks_breaks() {
    for chunks in [
        "0x4\r\nbody\r\n0\r\n\r\n",
        "4\r\nbodyX\r\n0\r\n\r\n",
        "-4\r\nbody\r\n0\r\n\r\n",
        "\r\nbody\r\n0\r\n\r\n",
    ] {
        let (_ollama, tap) = tap_answering(chunked(chunks));
        let broken = tap
            .connect()
            .send(request("GET", "/", &[], ""))
            .try_reply("GET");
        assert!(broken.is_err(), "{chunks:?}: {broken:?}");
    }
}

#[test]
fn oddly_written_chunks_are_framed_again() {
    for chunks in [
        "+4\r\nbody\r\n0\r\n\r\n",
        "4;a\nb\r\nbody\r\n0\r\nX-Trailer: 1\r\n\r\n",
    ] {
        let (_ollama, tap) = tap_answering(chunked(chunks));
        let mut client = tap.connect();
        for _ in 0..2 {
            assert_eq!(
                client
                    .send(request("GET", "/", &[], ""))
                    .reply("GET")
                    .text(),
                "body",
                "{chunks:?}"
            );
        }
        assert!(!client.has_more(), "{chunks:?}");
    }
}

#[test]
fn a_body_passes_whatever_its_framing() {
    let framings = [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6;x=\"y\"\r\n456789\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n00000A\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n0123456789",
        "HTTP/1.0 200 OK\r\n\r\n0123456789",
    ];
    for framing in framings {
        let close = !framing.contains("Length") && !framing.contains("Encoding");
        let ollama = FakeOllama::start(move |conn| {
            conn.answer(framing)?;
            Ok(if close {
                AfterReply::Close
            } else {
                AfterReply::KeepAlive
            })
        });
        let tap = Proxy::start(&ollama);
        let mut client = tap.connect();
        for _ in 0..2 {
            assert_eq!(
                client
                    .send(request("GET", "/", &[], ""))
                    .reply("GET")
                    .text(),
                "0123456789",
                "{framing:?}"
            );
        }
    }
}

#[test]
fn an_empty_body_passes_whatever_its_framing() {
    for framing in [
        "Content-Length: 0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let (_ollama, tap) = tap_answering(format!("HTTP/1.1 403 Forbidden\r\n{framing}"));
        let mut client = tap.connect();
        for _ in 0..3 {
            let got = client.send(request("GET", "/", &[], "")).reply("GET");
            assert_eq!((got.status(), got.body.len()), (403, 0));
        }
    }
}

#[test]
fn large_replies_pass_whole() {
    let body: Vec<u8> = (0..5_000_000u32).map(|n| (n % 253) as u8).collect();
    let chunks: Vec<u8> = body.chunks(70_000).flat_map(chunk).collect();
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for reply in [
        reply("200 OK", &[], &body),
        [head.as_bytes(), &chunks, LAST_CHUNK].concat(),
    ] {
        let (_ollama, tap) = tap_answering(reply);
        let mut client = tap.connect();
        for _ in 0..2 {
            assert!(client.send(request("GET", "/", &[], "")).reply("GET").body == body);
        }
    }
}

#[test]
fn a_small_reply_of_known_length_keeps_its_length() {
    let (_ollama, tap) = tap_answering(reply("200 OK", &[], "0123456789"));
    assert_eq!(tap.get("/").framing, Framing::Length(10));
}

#[test]
fn a_compressed_reply_passes_as_it_is() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder
        .write_all(br#"{"model":"talk","response":"Hi","done":true}"#)
        .expect("gzip");
    let body = encoder.finish().expect("gzip");
    let (ollama, tap) = tap_answering(reply(
        "200 OK",
        &["Content-Encoding: gzip", "Content-Type: application/json"],
        &body,
    ));
    let got = tap.ask(
        "POST",
        request(
            "POST",
            "/api/generate",
            &["Accept-Encoding: gzip"],
            r#"{"model":"talk","prompt":"Hi"}"#,
        ),
    );
    assert_eq!(got.head.get("content-encoding"), Some("gzip"));
    assert!(got.body == body);
    assert_eq!(ollama.next().head.get("accept-encoding"), Some("gzip"));
}
