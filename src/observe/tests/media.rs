//! Replies that are more than text: pictures, decisions, tool calls in pieces, transcriptions.

use super::recorded::*;
use super::written::*;
use crate::http::route::Inference::{self, *};
use crate::observe::{Exchange, ExchangeEnd, Outcome, RequestBody};

/// Observes a request with this body and a reply of one JSON object.
fn exchange_of(
    endpoint: Inference,
    content_type: Option<&str>,
    body: &str,
    reply: &str,
) -> Exchange {
    let mut test = TestObserver::new(endpoint);
    test.observer.request(
        RequestBody {
            bytes: body.as_bytes(),
            is_partial: false,
            encoding: None,
            content_type,
        },
        1,
    );
    test.observer.head(200, Some(JSON), None);
    test.observer.body(reply.as_bytes(), test.started);
    test.finish(ExchangeEnd::Complete)
}

#[test]
fn pictures_and_decisions_are_read_with_their_prompt_and_pictures_without_tokens() {
    let picture = format!(
        r#"{{"created":1,"data":[{{"b64_json":"{}"}}],"usage":{{"input_tokens":3,"output_tokens":9}}}}"#,
        "A".repeat(1 << 18)
    );
    let form = "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nflux\r\n--x\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na cat\r\n--x--\r\n";
    let rows = [
        (
            V1ImageGenerations,
            Some(JSON),
            r#"{"model":"flux","prompt":"a cat"}"#,
        ),
        (V1ImageEdits, Some("multipart/form-data; boundary=x"), form),
        (
            V1ImageEdits,
            None,
            r#"{"model":"flux","prompt":"a cat","image":"AAAA"}"#,
        ),
    ];
    for (endpoint, content_type, body) in rows {
        let exchange = exchange_of(endpoint, content_type, body, &picture);
        assert_eq!(
            (
                exchange.outcome,
                exchange.parse_failures,
                exchange.truncated
            ),
            (Outcome::Success, 0, false),
            "{body}"
        );
        assert_eq!(
            (exchange.model.as_deref(), exchange.prompt.as_deref()),
            (Some("flux"), Some("a cat")),
            "{body}"
        );
        assert_eq!(
            (
                exchange.prompt_tokens,
                exchange.generated_tokens,
                exchange.response.as_str()
            ),
            (None, None, ""),
            "{body}"
        );
    }
    let reply = r#"{"object":"decision","choices":[{"index":0,"message":{"content":"yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#;
    for body in [
        r#"{"model":"m","input":"go?"}"#,
        r#"{"model":"m","prompt":"go?"}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"go?"}]}"#,
    ] {
        let exchange = exchange_of(V1Systemone, Some(JSON), body, reply);
        assert_eq!(
            (
                exchange.prompt.as_deref(),
                exchange.prompt_tokens,
                exchange.response.as_str()
            ),
            (Some("go?"), Some(3), "yes"),
            "{body}"
        );
    }
}

#[test]
fn tool_calls_that_come_in_pieces_are_joined_by_their_index() {
    let piece = |index: u32, name: &str, arguments: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{index},\
             \"function\":{{\"name\":{name},\"arguments\":\"{arguments}\"}}}}]}}}}]}}\n\n"
        )
    };
    let pieces = [
        piece(0, "\"a\"", ""),
        piece(1, "\"b\"", "[1"),
        piece(0, "null", "{}"),
        piece(1, "\"\"", "]"),
        "data: [DONE]\n\n".into(),
    ];
    let exchange = timed(
        Inference::V1ChatCompletions,
        SSE,
        &[&pieces.concat()],
        ExchangeEnd::Complete,
    );
    let calls: Vec<_> = exchange
        .tool_calls
        .iter()
        .map(|call| format!("{} {}", call.name, call.arguments))
        .collect();
    assert_eq!(calls, ["a {}", "b [1]"]);
}

#[test]
fn a_transcription_is_kept_as_text_and_has_no_tokens() {
    for (content_type, body) in [
        (JSON, "{\"text\":\"hello\"}"),
        (NDJSON, "{\"text\":\"hello\"}\n"),
        ("text/plain", "hello"),
    ] {
        let exchange = timed(
            Inference::V1Transcriptions,
            content_type,
            &[body],
            ExchangeEnd::Complete,
        );
        assert_eq!(
            (exchange.outcome, exchange.response.as_str()),
            (Outcome::Success, "hello"),
            "{content_type}"
        );
        assert_eq!(
            (
                exchange.generated_tokens,
                exchange.stream,
                exchange.parse_failures
            ),
            (None, false, 0),
            "{content_type}"
        );
    }
    let exchange = timed(
        Inference::V1Transcriptions,
        NDJSON,
        &["{\"error\":\"no audio\"}"],
        ExchangeEnd::Complete,
    );
    assert_eq!(exchange.error.as_deref(), Some("no audio"));
    assert_eq!(
        timed(
            Inference::V1Transcriptions,
            "text/plain",
            &["hel"],
            ExchangeEnd::ClientGone
        )
        .outcome,
        Outcome::Cancelled
    );
}
