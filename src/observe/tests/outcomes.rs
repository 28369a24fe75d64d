//! The outcome of an exchange, by the contents of its reply.

use super::written::*;
use crate::http::route::Inference::{self, *};
use crate::observe::{ExchangeEnd, Outcome};

#[test]
fn the_outcome_of_a_clean_end_depends_on_completeness_and_readability() {
    let delta = r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#;
    let stop = |index: u32| {
        format!(r#"{{"choices":[{{"index":{index},"delta":{{}},"finish_reason":"stop"}}]}}"#)
    };
    let rows = [
        // An error that was read wins over everything.
        (
            V1ChatCompletions,
            SSE,
            format!(
                "data: {}\n\ndata: {{\"error\":{{\"message\":\"no\"}}}}\n\ndata: [DONE]\n\n",
                stop(0)
            ),
            Outcome::Error,
            0,
        ),
        (
            V1ChatCompletions,
            SSE,
            "data: {\"object\":\"error\",\"message\":\"no\",\"code\":400}\n\ndata: [DONE]\n\n"
                .into(),
            Outcome::Error,
            0,
        ),
        (
            V1ChatCompletions,
            SSE,
            "error: {\"code\":500,\"message\":\"no\"}\n\n".into(),
            Outcome::Error,
            0,
        ),
        (
            V1ChatCompletions,
            SSE,
            "event: error\ndata: {\"message\":\"no\"}\n\n".into(),
            Outcome::Error,
            0,
        ),
        (Chat, JSON, r#"{"error":"no"}"#.into(), Outcome::Error, 0),
        // The end marker.
        (
            V1ChatCompletions,
            SSE,
            format!("data: {delta}\n\ndata: {}\n\n", stop(0)),
            Outcome::Success,
            0,
        ),
        (
            V1ChatCompletions,
            SSE,
            format!(
                "data: {delta}\n\ndata: {}\n\ndata: {}\n\ndata: {{\"cho",
                stop(1),
                stop(0)
            ),
            Outcome::Success,
            1,
        ),
        (
            V1ChatCompletions,
            SSE,
            format!("data: {delta}\n\ndata: {}\n\n", stop(1)),
            Outcome::Error,
            0,
        ),
        // Cut off in mid-JSON.
        (
            Chat,
            NDJSON,
            "{\"message\":{\"content\":\"a\"}}\n{\"message\":{\"con".into(),
            Outcome::Error,
            1,
        ),
        (
            Chat,
            JSON,
            r#"{"message":{"content":"a"},"done":tr"#.into(),
            Outcome::Error,
            1,
        ),
        (
            V1ChatCompletions,
            SSE,
            format!("data: {delta}\n\ndata: {{\"choices\":[{{"),
            Outcome::Error,
            1,
        ),
        // Complete, and not understood.
        (
            Chat,
            NDJSON,
            "{\"message\":{\"content\":\"a\"}}\n{broken}\n{\"message\":{\"content\":\"b\"}}\n"
                .into(),
            Outcome::Success,
            1,
        ),
        (
            Chat,
            NDJSON,
            "{\"a\":1}\n{\"a\":2}\n".into(),
            Outcome::Success,
            1,
        ),
        (Chat, JSON, r#"{"a":1}"#.into(), Outcome::Success, 1),
        (Chat, JSON, "[1,2]".into(), Outcome::Success, 1),
        (
            V1Messages,
            SSE,
            "data: {\"a\":1}\n\n".into(),
            Outcome::Success,
            1,
        ),
        (
            Chat,
            "text/html",
            "<html></html>".into(),
            Outcome::Success,
            1,
        ),
        // Everything was read, and the end marker is missing.
        (
            Chat,
            NDJSON,
            "{\"message\":{\"content\":\"a\"}}\n".into(),
            Outcome::Error,
            0,
        ),
        (
            V1ChatCompletions,
            SSE,
            format!("data: {delta}\n\n"),
            Outcome::Error,
            0,
        ),
        (
            V1Messages,
            SSE,
            "data: {\"type\":\"ping\"}\n\n".into(),
            Outcome::Error,
            0,
        ),
        (Chat, NDJSON, String::new(), Outcome::Error, 0),
        // A single object that parses.
        (
            Chat,
            JSON,
            r#"{"message":{"content":"a"},"done":false}"#.into(),
            Outcome::Success,
            0,
        ),
    ];
    for (endpoint, content_type, body, outcome, failures) in rows {
        let exchange = split(endpoint, content_type, &body);
        assert_eq!(
            (exchange.outcome, exchange.parse_failures),
            (outcome, failures),
            "{content_type} {body}: {:?}",
            exchange.error
        );
    }
}

#[test]
fn a_reply_for_which_no_model_ran_is_load_only() {
    let rows = [
        (Embed, r#"{"model":"vec","embeddings":[]}"#),
        (Embeddings, r#"{"embedding":[]}"#),
        (
            Generate,
            r#"{"model":"m","response":"","done":false,"_debug_info":{"rendered_template":"x"}}"#,
        ),
        (Chat, r#"{"model":"m","done":false,"_debug_info":{}}"#),
        (
            Chat,
            r#"{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"unload"}"#,
        ),
    ];
    for (endpoint, body) in rows {
        assert!(split(endpoint, JSON, body).load_only, "{body}");
    }
    for (endpoint, body) in [
        (Embed, r#"{"embeddings":[[1]]}"#),
        (Embed, r#"{"error":"no"}"#),
        (Chat, r#"{"done":true,"done_reason":"stop"}"#),
    ] {
        assert!(!split(endpoint, JSON, body).load_only, "{body}");
    }
}

#[test]
fn an_error_in_mid_stream_wins_over_all_that_follows() {
    let error = "{\"error\":{\"message\":\"out of memory\"}}\n";
    let remote = "{\"StatusCode\":502,\"Status\":\"502 Bad Gateway\",\"error\":\"far away\"}\n";
    assert_eq!(
        timed(
            Inference::Chat,
            NDJSON,
            &[ONE, error, DONE],
            ExchangeEnd::Complete
        )
        .error
        .as_deref(),
        Some("out of memory")
    );
    assert_eq!(
        timed(
            Inference::Generate,
            NDJSON,
            &[remote],
            ExchangeEnd::ClientGone
        )
        .error
        .as_deref(),
        Some("far away")
    );
    let frame = format!("data: {error}\ndata: [DONE]\n\n");
    assert_eq!(
        timed(
            Inference::V1ChatCompletions,
            SSE,
            &[&frame],
            ExchangeEnd::Complete
        )
        .error
        .as_deref(),
        Some("out of memory")
    );
    let frame = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n";
    assert_eq!(
        timed(Inference::V1Messages, SSE, &[frame], ExchangeEnd::Complete)
            .error
            .as_deref(),
        Some("busy")
    );
    let frame = "data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"x\",\"message\":\"no\"}}}\n\n";
    assert_eq!(
        timed(Inference::V1Responses, SSE, &[frame], ExchangeEnd::Complete)
            .error
            .as_deref(),
        Some("no")
    );
}

#[test]
fn an_incomplete_response_is_a_success_that_says_why_it_ended() {
    let frame = "data: {\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\",\
                 \"incomplete_details\":{\"reason\":\"max_output_tokens\"},\"usage\":{\"input_tokens\":3,\"output_tokens\":5}}}\n\n";
    let exchange = timed(Inference::V1Responses, SSE, &[frame], ExchangeEnd::Complete);
    assert_eq!(
        (exchange.outcome, exchange.done_reason.as_deref()),
        (Outcome::Success, Some("max_output_tokens"))
    );
    assert_eq!(
        (exchange.prompt_tokens, exchange.generated_tokens),
        (Some(3), Some(5))
    );
}
