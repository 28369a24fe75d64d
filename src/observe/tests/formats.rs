//! A reply means the same in every form that servers, gateways and scripts give it.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::message::Message;
use super::recorded::*;
use super::written::*;
use crate::http::route::Inference::{self, *};
use crate::observe::{Exchange, Outcome};

/// Observes a reply of tests/data/cases, whose README names their sources.
fn case(endpoint: Inference, name: &str) -> Exchange {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/cases")
        .join(name);
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reply = Message::parse(&mut bytes.as_slice(), true);
    split(
        endpoint,
        reply.header("content-type").unwrap(),
        str::from_utf8(&reply.body).unwrap(),
    )
}

#[test]
fn each_case_is_a_success_with_all_that_it_says() {
    let rows = [
        (Generate, "ct-json-but-nd.reply", Some(5), Some(7), "hé", ""),
        (Generate, "nd-float.reply", Some(5), Some(7), "hé", ""),
        (
            V1ChatCompletions,
            "sse-done-space.reply",
            Some(5),
            Some(7),
            "hi",
            "",
        ),
        (
            V1ChatCompletions,
            "sse-reasoning_content.reply",
            None,
            Some(2),
            "a",
            "think",
        ),
        (
            V1ChatCompletions,
            "sse-tool-argobj.reply",
            Some(5),
            Some(7),
            "",
            "",
        ),
        (
            V1ChatCompletions,
            "json-content-parts.reply",
            Some(5),
            Some(7),
            "hi",
            "",
        ),
    ];
    for (endpoint, name, prompt, generated, text, thinking) in rows {
        let exchange = case(endpoint, name);
        assert_eq!(
            (exchange.outcome, exchange.error, exchange.parse_failures),
            (Outcome::Success, None, 0),
            "{name}"
        );
        assert_eq!(
            (exchange.prompt_tokens, exchange.generated_tokens),
            (prompt, generated),
            "{name}"
        );
        assert_eq!(
            (exchange.response.as_str(), exchange.thinking.as_str()),
            (text, thinking),
            "{name}"
        );
    }
    let calls = case(V1ChatCompletions, "sse-tool-argobj.reply").tool_calls;
    assert_eq!(
        (
            calls.len(),
            calls[0].name.as_str(),
            calls[0].arguments.as_str()
        ),
        (1, "f", r#"{"a":1}"#)
    );
}

#[test]
fn an_event_stream_means_the_same_in_every_form_that_clients_read() {
    let one = r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#;
    let two = r#"{"choices":[{"index":0,"delta":{"content":"b"}}]}"#;
    let bodies = [
        format!("data: {one}\n\ndata: {two}\n\ndata: [DONE]\n\n"),
        format!("data:{one}\r\n\r\ndata:{two}\r\n\r\ndata:[DONE]\r\n\r\n"),
        format!("data: {one}\r\rdata: {two}\r\rdata:  [DONE]\t"),
        format!(
            "\u{feff}: hello\n\nevent: x\nid: 1\ndata: {one}\n\n: ping\n\ndata: {two}\n\nretry: 3\ndata: [DONE]"
        ),
        format!("data: {one}\ndata: {two}\ndata: [DONE]\n"),
        format!(
            "data: {{\"choices\":[{{\"index\":0,\ndata: \"delta\":{{\"content\":\"a\"}}}}]}}\n\ndata: {two}\n\ndata: [DONE]\n\n"
        ),
        format!("{one}\n{two}\n\ndata: [DONE]").replace(
            "\n\ndata: [DONE]",
            "\n{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}]}\n",
        ),
    ];
    for content_type in [
        SSE,
        "Text/ExchangeEvent-Stream; charset=utf-8",
        JSON,
        NDJSON,
        "text/plain",
        "",
    ] {
        for body in &bodies {
            let exchange = split(V1ChatCompletions, content_type, body);
            assert_eq!(
                (exchange.outcome, exchange.parse_failures, exchange.stream),
                (Outcome::Success, 0, true),
                "{content_type} {body:?}"
            );
            assert_eq!(
                (exchange.response.as_str(), exchange.generated_tokens),
                ("ab", Some(2)),
                "{content_type} {body:?}"
            );
        }
    }
}

#[test]
fn the_body_distinguishes_lines_of_objects_from_single_objects() {
    let last = r#"{"response":"","done":true,"prompt_eval_count":5,"eval_count":7}"#;
    for content_type in [
        NDJSON,
        JSON,
        SSE,
        "text/plain",
        "application/octet-stream",
        "",
    ] {
        for body in [
            format!("{{\"response\":\"a\"}}\n{last}\n"),
            format!("\u{feff}\n {{\"response\":\"a\"}}\r\n{last}"),
        ] {
            let exchange = split(Generate, content_type, &body);
            assert_eq!(
                (exchange.outcome, exchange.parse_failures, exchange.stream),
                (Outcome::Success, 0, true),
                "{content_type} {body:?}"
            );
            assert_eq!(
                (
                    exchange.response.as_str(),
                    exchange.prompt_tokens,
                    exchange.generated_tokens
                ),
                ("a", Some(5), Some(7))
            );
        }
    }
    for content_type in [JSON, "text/plain", ""] {
        for body in [
            format!("{last}\n"),
            last.to_owned(),
            last.replace(',', ",\n  ").replace('{', "{\n  "),
            format!("{{\"response\":\"\"}}{last}"),
        ] {
            let exchange = split(Generate, content_type, &body);
            assert_eq!(
                (exchange.outcome, exchange.parse_failures, exchange.stream),
                (Outcome::Success, 0, false),
                "{content_type} {body:?}"
            );
            assert_eq!(
                (exchange.prompt_tokens, exchange.generated_tokens),
                (Some(5), Some(7)),
                "{content_type} {body:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(cases(64, 5_000))]

    #[test]
    fn a_stream_reads_the_same_however_it_is_framed_and_split(texts in prop::collection::vec("[a-zé\"\\\\\n]{1,8}", 1..8), ends in 0usize..3, seed: u64) {
        let end = ["\n", "\r\n", "\r"][ends];
        let mut random = fastrand::Rng::with_seed(seed);
        let mut body = String::new();
        for text in &texts {
            let object = serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]});
            let between = if random.bool() { end.repeat(2) } else { end.to_owned() };
            let comment = if random.bool() { format!(": x{end}") } else { String::new() };
            body += &format!("{comment}data: {object}{between}");
        }
        body += &format!("data: [DONE]{}", if random.bool() { end } else { "" });
        let (mut rest, mut pieces) = (body.as_bytes(), Vec::new());
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(random.usize(1..=rest.len().min(30)));
            pieces.push(piece);
            rest = more;
        }
        let exchange = read(V1ChatCompletions, SSE, &pieces);
        prop_assert_eq!((exchange.outcome, exchange.parse_failures, exchange.generated_tokens), (Outcome::Success, 0, Some(texts.len() as u64)));
        prop_assert_eq!(exchange.response, texts.concat());
    }
}
