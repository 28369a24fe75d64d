//! The same reply, split anywhere, compressed, and broken.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::recorded::*;
use crate::diagnose::evidence::Evidence;
use crate::http::route::Inference;
use crate::observe::{Exchange, ExchangeEnd, Outcome};

/// Short replies of every dialect and form, for tests at every byte.
const SHORT: [&str; 10] = [
    "ollama-0.33.0/chat-tools-stream",
    "ollama-0.33.0/chat-think-stream",
    "ollama-0.33.0/chat-runner-dies",
    "ollama-0.33.0/v1-chat-tools-stream",
    "ollama-0.33.0/v1-completions-runner-dies",
    "ollama-0.33.0/v1-messages-tools-stream",
    "ollama-0.33.0/v1-responses-tools-stream",
    "ollama-0.33.0/v1-chat-block",
    "ollama-0.33.0/v1-messages-missing-model",
    "ollama-0.33.0/generate-logprobs",
];

fn whole(recorded: &RecordedExchange) -> Exchange {
    comparable(replay(
        recorded,
        &[&recorded.reply.body],
        ExchangeEnd::Complete,
    ))
}

fn compressed(recorded: &RecordedExchange, encoding: &str) -> RecordedExchange {
    let body = &recorded.reply.body;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(body).unwrap();
    zlib.write_all(body).unwrap();
    let mut compressed = recorded.clone();
    compressed.reply.body = if encoding == "gzip" {
        gzip.finish().unwrap()
    } else {
        zlib.finish().unwrap()
    };
    compressed
        .reply
        .headers
        .insert("content-encoding".into(), encoding.into());
    compressed
}

#[test]
fn a_short_reply_means_the_same_split_at_every_byte() {
    std::thread::scope(|scope| {
        for recorded in SHORT.map(recording) {
            scope.spawn(move || {
                let (body, expected) = (&recorded.reply.body, whole(&recorded));
                for at in 0..=body.len() {
                    let split = replay(
                        &recorded,
                        &[&body[..at], &body[at..]],
                        ExchangeEnd::Complete,
                    );
                    assert_eq!(
                        comparable(split),
                        expected,
                        "{} split at {at}",
                        recorded.name
                    );
                }
            });
        }
    });
}

#[test]
fn every_reply_means_the_same_byte_by_byte() {
    for recorded in all() {
        let bytes: Vec<&[u8]> = recorded.reply.body.chunks(1).collect();
        assert_eq!(
            comparable(replay(recorded, &bytes, ExchangeEnd::Complete)),
            whole(recorded),
            "{}",
            recorded.name
        );
    }
}

#[test]
fn a_compressed_reply_means_the_same() {
    for encoding in ["gzip", "deflate"] {
        for recorded in all() {
            let expected = whole(recorded);
            let compressed = compressed(recorded, encoding);
            for pieces in [
                compressed.reply.body.chunks(usize::MAX),
                compressed.reply.body.chunks(7),
            ] {
                let exchange = comparable(replay(
                    &compressed,
                    &pieces.collect::<Vec<_>>(),
                    ExchangeEnd::Complete,
                ));
                // Even an empty body has bytes then.
                let evidence = Box::new(Evidence {
                    first_byte: expected.evidence.first_byte,
                    ..*exchange.evidence
                });
                let exchange = Exchange {
                    response_bytes: expected.response_bytes,
                    evidence,
                    ..exchange
                };
                assert_eq!(exchange, expected, "{encoding} {}", recorded.name);
            }
        }
    }
}

#[test]
fn each_flushed_piece_of_a_compressed_stream_is_read_at_once() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let mut test = TestObserver::new(Inference::Generate);
    test.observer
        .head(200, Some("application/x-ndjson"), Some("GZIP"));
    for (at, line) in (1..).zip([
        "{\"response\":\"a\"}\n",
        "{\"response\":\"b\"}\n",
        "{\"done\":true}\n",
    ]) {
        gzip.write_all(line.as_bytes()).unwrap();
        gzip.flush().unwrap();
        let bytes = std::mem::take(gzip.get_mut());
        test.observer
            .body(&bytes, test.started + std::time::Duration::from_secs(at));
    }
    let exchange = test.finish(ExchangeEnd::ClientGone);
    assert_eq!(
        (exchange.outcome, exchange.response.as_str()),
        (Outcome::Success, "ab")
    );
    assert_eq!(
        exchange.time_to_first_token.map(|time| time.as_secs()),
        Some(1)
    );
    assert_eq!(exchange.tokens_per_second, Some(1.0));
}

#[test]
fn an_encoding_that_breaks_or_is_not_known_is_one_parse_failure() {
    let recorded = recording("ollama-0.33.0/chat-stream");
    let mut broken = compressed(&recorded, "gzip");
    let middle = broken.reply.body.len() / 2;
    broken.reply.body.truncate(middle);
    let exchange = replay(&broken, &[&broken.reply.body], ExchangeEnd::Complete);
    assert_eq!(
        (exchange.outcome, exchange.parse_failures),
        (Outcome::Error, 1)
    );
    assert_eq!(
        replay(&broken, &[&broken.reply.body], ExchangeEnd::ClientGone).parse_failures,
        0
    );
    broken.reply.body[20..].fill(0xff);
    assert_eq!(
        replay(&broken, &[&broken.reply.body], ExchangeEnd::Complete).parse_failures,
        1
    );
    broken
        .reply
        .headers
        .insert("content-encoding".into(), "br".into());
    let exchange = replay(&broken, &[&broken.reply.body], ExchangeEnd::Complete);
    assert_eq!(
        (exchange.outcome, exchange.parse_failures),
        (Outcome::Success, 1)
    );
}

#[test]
fn a_stream_that_is_cut_at_any_byte_is_a_success_only_after_its_end_marker() {
    let markers = [
        ("chat-tools-stream", "\"done\":true", "}"),
        (
            "v1-chat-tools-stream",
            "\"finish_reason\":\"tool_calls\"",
            "}",
        ),
        ("v1-messages-tools-stream", "\"type\":\"message_stop\"", "}"),
        (
            "v1-responses-tools-stream",
            "\"type\":\"response.completed\"",
            "}",
        ),
    ];
    for (name, marker, rest) in markers {
        let recorded = recording(&format!("ollama-0.33.0/{name}"));
        let body = &recorded.reply.body;
        let text = String::from_utf8_lossy(body);
        let marked = text.find(marker).unwrap() + marker.len();
        let last = marked + text[marked..].find(&format!("{rest}\n")).unwrap() + rest.len();
        for at in body.len() - 400..=body.len() {
            let gone = replay(&recorded, &[&body[..at]], ExchangeEnd::ClientGone);
            assert_eq!(
                gone.outcome == Outcome::Success,
                at >= last,
                "{name} cut at {at}"
            );
            assert_eq!(gone.parse_failures, 0, "{name} cut at {at}");
            let ended = replay(&recorded, &[&body[..at]], ExchangeEnd::Complete);
            assert_eq!(
                ended.outcome == Outcome::Success,
                at >= last,
                "{name} ended at {at}"
            );
        }
    }
}

const TYPES: [&str; 5] = [
    "application/x-ndjson",
    "text/event-stream",
    "application/json",
    "text/plain",
    "multipart/mixed",
];
const ENCODINGS: [Option<&str>; 4] = [None, Some("gzip"), Some("deflate"), Some("br")];

/// Replays `bytes` as a reply of every endpoint, type and encoding.
fn replay_everywhere(bytes: &[u8], status: u16, at: usize) {
    for endpoint in Inference::ALL {
        for content_type in TYPES {
            for encoding in ENCODINGS {
                let mut test = TestObserver::new(endpoint);
                test.observer.head(status, Some(content_type), encoding);
                let (first, second) = bytes.split_at(at.min(bytes.len()));
                test.observer.body(first, test.started);
                test.observer.body(second, test.started);
                let exchange = test.finish(ExchangeEnd::Complete);
                assert_eq!(exchange.error.is_some(), exchange.outcome == Outcome::Error);
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(64, 10_000))]

    #[test]
    fn every_reply_means_the_same_split_at_random(seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let recordings = all();
        let recorded = &recordings[random.usize(..recordings.len())];
        let (mut rest, mut pieces) = (recorded.reply.body.as_slice(), Vec::new());
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(random.usize(1..=rest.len().min(400)));
            pieces.push(piece);
            rest = more;
        }
        prop_assert_eq!(comparable(replay(recorded, &pieces, ExchangeEnd::Complete)), whole(recorded));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), error: bool, at in 0usize..200) {
        replay_everywhere(&bytes, if error { 500 } else { 200 }, at);
    }

    #[test]
    fn damaged_replies_never_panic(seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bytes = recording(SHORT[random.usize(..SHORT.len())]).reply.body;
        for _ in 0..random.usize(1..20) {
            let at = random.usize(..bytes.len());
            bytes[at] = if random.bool() { random.u8(..) } else { *random.choice(b"\"{}[],:\\\n\0").unwrap() };
        }
        replay_everywhere(&bytes, 200, random.usize(..bytes.len()));
    }
}
