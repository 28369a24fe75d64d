//! Requests whose body is compressed, whole and broken.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::recorded::*;
use super::written::*;
use crate::http::route::Inference;
use crate::observe::{Exchange, ExchangeEnd, RequestBody};

fn encoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    let (mut gzip, mut zlib) = (
        GzEncoder::new(Vec::new(), Compression::fast()),
        ZlibEncoder::new(Vec::new(), Compression::fast()),
    );
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
    for to in [&mut gzip as &mut dyn Write, &mut zlib, &mut raw] {
        to.write_all(body).unwrap();
    }
    match encoding {
        "deflate" => zlib.finish().unwrap(),
        "raw" => raw.finish().unwrap(),
        _ => gzip.finish().unwrap(),
    }
}

fn exchange_of_encoded(name: &str, bytes: &[u8], cut: bool) -> Exchange {
    let mut test = TestObserver::new(Inference::Generate);
    test.observer.request(
        RequestBody {
            bytes,
            is_partial: cut,
            encoding: Some(name),
            content_type: None,
        },
        bytes.len() as u64,
    );
    test.observer.head(200, Some(JSON), None);
    test.observer.body(b"{\"done\":true}", test.started);
    test.finish(ExchangeEnd::Complete)
}

#[test]
fn compressed_requests_are_read_as_far_as_they_are_sound_and_small_enough() {
    let body = br#"{"model":"m","prompt":"Why is the sky blue?"}"#;
    for (encoding, name) in [
        ("gzip", "GZIP"),
        ("gzip", "x-gzip"),
        ("deflate", "deflate"),
        ("raw", "deflate"),
    ] {
        let bytes = encoded(encoding, body);
        let exchange = exchange_of_encoded(name, &bytes, false);
        assert_eq!(
            (exchange.model.as_deref(), exchange.prompt.as_deref()),
            (Some("m"), Some("Why is the sky blue?")),
            "{encoding}"
        );
        assert_eq!(
            (exchange.truncated, exchange.parse_failures),
            (false, 0),
            "{encoding}"
        );
        for at in 0..bytes.len() {
            exchange_of_encoded(name, &bytes[..at], at % 2 == 0);
            let mut broken = bytes.clone();
            broken[at] ^= 0x55;
            exchange_of_encoded(name, &broken, false);
        }
    }
    let bomb = [
        br#"{"model":"m","prompt":""#.as_slice(),
        &vec![b'a'; 64 << 20],
    ]
    .concat();
    let exchange = exchange_of_encoded("gzip", &encoded("gzip", &bomb), false);
    assert!(exchange.truncated && exchange.prompt.unwrap().len() <= 1 << 20);
    let exchange = exchange_of_encoded("br", b"what is this", false);
    assert_eq!(
        (exchange.truncated, exchange.parse_failures, exchange.prompt),
        (false, 1, None)
    );
}

#[test]
fn zstd_is_decoded_and_broken_zstd_does_not_panic() {
    let recorded = recording("ollama-0.33.0/v1-chat-zstd");
    let body = &recorded.request.body;
    let read = |bytes: &[u8]| {
        let mut test = TestObserver::new(Inference::V1ChatCompletions);
        let body = RequestBody {
            bytes,
            is_partial: false,
            encoding: Some("zstd"),
            content_type: None,
        };
        test.observer.request(body, bytes.len() as u64);
        test.finish(ExchangeEnd::ClientGone)
    };
    let twice = [body.as_slice(), body].concat();
    assert_eq!(read(body).prompt.as_deref(), Some("Why is the sky blue?"));
    assert_eq!(read(&twice).prompt.as_deref(), Some("Why is the sky blue?"));
    for at in 0..body.len() {
        read(&body[..at]);
        for bit in 0..8 {
            let mut broken = body.clone();
            broken[at] ^= 1 << bit;
            read(&broken);
        }
    }
}
