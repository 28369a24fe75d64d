//! Recorded replies.

use super::recorded::*;
use crate::observe::{ExchangeEnd, Outcome};

/// The name, the prompt tokens in each version, the generated tokens, the finish reason, and whether
/// the reply is a stream.
type Row = (&'static str, [u64; 2], u64, &'static str, bool);

const BLOCK: bool = false;
const STREAM: bool = true;

fn check(rows: &[Row], text: &str, thinking: &str, model: &str) {
    for (name, prompt_tokens, generated_tokens, reason, stream) in rows {
        for (exchange, prompt_tokens) in both_versions(name).into_iter().zip(prompt_tokens) {
            assert_eq!(
                (exchange.outcome, exchange.error),
                (Outcome::Success, None),
                "{name}"
            );
            assert_eq!(exchange.model.as_deref(), Some(model), "{name}");
            assert_eq!(exchange.response, text, "{name}");
            assert_eq!(exchange.thinking, thinking, "{name}");
            assert_eq!(exchange.prompt_tokens, Some(*prompt_tokens), "{name}");
            assert_eq!(exchange.generated_tokens, Some(*generated_tokens), "{name}");
            assert!(
                !exchange.tokens_estimated && !exchange.load_only && !exchange.truncated,
                "{name}"
            );
            assert_eq!(exchange.done_reason.as_deref(), Some(*reason), "{name}");
            assert_eq!(exchange.stream, *stream, "{name}");
        }
    }
}

#[test]
fn the_sentence_comes_out_whole_in_every_dialect() {
    let rows = [
        ("generate-block", [14, 14], 33, "stop", BLOCK),
        ("generate-stream", [14, 14], 33, "stop", STREAM),
        ("generate-http10", [14, 14], 33, "stop", BLOCK),
        ("generate-http10-stream", [14, 14], 33, "stop", STREAM),
        ("generate-chunked-request", [14, 14], 33, "stop", BLOCK),
        ("generate-expect-continue", [14, 14], 33, "stop", BLOCK),
        ("generate-form-content-type", [14, 14], 33, "stop", BLOCK),
        ("generate-raw", [6, 6], 33, "stop", STREAM),
        ("generate-unicode-prompt", [23, 23], 33, "stop", BLOCK),
        ("chat-block", [14, 14], 33, "stop", BLOCK),
        ("chat-stream", [14, 14], 33, "stop", STREAM),
        ("chat-turns", [40, 32], 33, "stop", BLOCK),
        ("v1-chat-block", [14, 14], 33, "stop", BLOCK),
        ("v1-chat-parts", [14, 14], 33, "stop", BLOCK),
        ("v1-chat-stream-usage", [14, 14], 33, "stop", STREAM),
        ("v1-chat-zstd", [14, 14], 33, "stop", STREAM),
        ("v1-completions-block", [14, 14], 33, "stop", BLOCK),
        ("v1-completions-stream-usage", [14, 14], 33, "stop", STREAM),
        ("v1-messages-block", [14, 14], 33, "end_turn", BLOCK),
        ("v1-messages-stream", [14, 14], 33, "end_turn", STREAM),
        ("v1-responses-block", [14, 14], 33, "completed", BLOCK),
        ("v1-responses-stream", [14, 14], 33, "completed", STREAM),
    ];
    check(&rows, TALK, "", "talk");
}

#[test]
fn thinking_is_kept_apart_from_the_text() {
    let rows = [
        ("chat-think-block", [14, 14], 18, "stop", BLOCK),
        ("chat-think-stream", [14, 14], 18, "stop", STREAM),
        ("generate-think-stream", [14, 14], 18, "stop", STREAM),
        ("v1-chat-think-block", [14, 14], 18, "stop", BLOCK),
        ("v1-chat-think-stream", [14, 14], 18, "stop", STREAM),
        ("v1-messages-think-stream", [14, 14], 18, "end_turn", STREAM),
        (
            "v1-responses-think-stream",
            [14, 14],
            18,
            "completed",
            STREAM,
        ),
    ];
    check(
        &rows,
        "Because of scattering.",
        "The user asks about blue.\n",
        "think",
    );
}

#[test]
fn tool_calls_are_read_in_every_dialect() {
    let rows = [
        ("chat-tools-block", [50, 57], 24, "stop", BLOCK),
        ("chat-tools-stream", [50, 57], 24, "stop", STREAM),
        ("v1-chat-tools-block", [50, 57], 24, "tool_calls", BLOCK),
        ("v1-chat-tools-stream", [50, 57], 24, "tool_calls", STREAM),
        ("v1-messages-tools-block", [58, 65], 24, "tool_use", BLOCK),
        ("v1-messages-tools-stream", [50, 57], 24, "tool_use", STREAM),
        ("v1-responses-tools-block", [50, 57], 24, "completed", BLOCK),
        (
            "v1-responses-tools-stream",
            [50, 57],
            24,
            "completed",
            STREAM,
        ),
    ];
    check(&rows, "", "", "tools");
    for (name, ..) in rows {
        for exchange in both_versions(name) {
            let calls: Vec<_> = exchange
                .tool_calls
                .iter()
                .map(|call| (call.name.as_str(), call.arguments.as_str()))
                .collect();
            assert_eq!(calls, [("get_weather", r#"{"city":"Paris"}"#)], "{name}");
            assert_eq!(
                exchange.time_to_first_token.is_some(),
                exchange.stream,
                "{name}"
            );
        }
    }
}

#[test]
fn a_reply_that_was_cut_short_by_its_limit_says_so() {
    check(
        &[("generate-logprobs", [14, 14], 4, "length", STREAM)],
        "The sky appears blue",
        "",
        "talk",
    );
    check(
        &[("v1-chat-length", [14, 14], 12, "length", BLOCK)],
        "one two three four five six seven eight nine ten,one",
        "",
        "endless",
    );
    check(
        &[("v1-messages-length", [14, 14], 6, "max_tokens", BLOCK)],
        "one two three four five six",
        "",
        "endless",
    );
}

#[test]
fn native_counters_and_clocks_are_ollamas_own() {
    let [_, exchange] = both_versions("chat-stream");
    let nanos =
        |duration: Option<std::time::Duration>| duration.map(|duration| duration.as_nanos());
    assert_eq!(nanos(exchange.total_duration), Some(93_672_805));
    assert_eq!(nanos(exchange.load_duration), Some(867_983));
    assert_eq!(nanos(exchange.prompt_eval_duration), Some(3_159_000));
    assert_eq!(nanos(exchange.eval_duration), Some(87_111_000));
    assert_eq!(exchange.tokens_per_second, Some(33.0 / 0.087111));
}

#[test]
fn a_stream_without_usage_counts_its_deltas() {
    for name in ["v1-chat-stream", "v1-completions-stream"] {
        for exchange in both_versions(name) {
            assert_eq!(exchange.outcome, Outcome::Success, "{name}");
            assert_eq!(
                (exchange.generated_tokens, exchange.tokens_estimated),
                (Some(32), true),
                "{name}"
            );
            assert_eq!(
                (exchange.prompt_tokens, exchange.response.as_str()),
                (None, TALK),
                "{name}"
            );
        }
    }
}

#[test]
fn loading_and_unloading_is_load_only() {
    let rows = [
        ("chat-load", "load"),
        ("chat-unload", "unload"),
        ("generate-load", "load"),
        ("generate-unload-idle", "unload"),
    ];
    for (name, reason) in rows {
        for exchange in both_versions(name) {
            assert!(exchange.load_only, "{name}");
            assert_eq!(
                (exchange.outcome, exchange.done_reason.as_deref()),
                (Outcome::Success, Some(reason)),
                "{name}"
            );
            assert_eq!(
                (exchange.prompt_tokens, exchange.generated_tokens),
                (None, None),
                "{name}"
            );
        }
    }
}

#[test]
fn embeddings_have_prompt_tokens_and_no_rates() {
    let rows = [
        ("embed-one", Some(2), "The sky"),
        ("embed-many", Some(5), "The sky\nis blue\ntoday"),
        ("embeddings-legacy", None, "The sky"),
        ("v1-embeddings", Some(2), "The sky"),
        ("v1-embeddings-base64", Some(4), "The sky\nis blue"),
    ];
    for (name, prompt_tokens, prompt) in rows {
        for exchange in both_versions(name) {
            assert_eq!(
                (exchange.outcome, exchange.model.as_deref()),
                (Outcome::Success, Some("vec")),
                "{name}"
            );
            assert_eq!(exchange.prompt_tokens, prompt_tokens, "{name}");
            assert_eq!(exchange.prompt.as_deref(), Some(prompt), "{name}");
            assert_eq!(
                (exchange.generated_tokens, exchange.tokens_per_second),
                (None, None),
                "{name}"
            );
            assert_eq!(
                (exchange.response.as_str(), exchange.time_to_first_token),
                ("", None),
                "{name}"
            );
        }
    }
}

#[test]
fn every_recorded_exchange_is_consistent() {
    let clients = clients();
    let recordings: Vec<_> = all().iter().chain(&clients).collect();
    assert!(recordings.len() > 200, "{} exchanges", recordings.len());
    for recorded in recordings {
        let name = &recorded.name;
        let exchange = replay(recorded, &[&recorded.reply.body], ExchangeEnd::Complete);
        assert_eq!(
            exchange.error.is_some(),
            exchange.outcome == Outcome::Error,
            "{name}"
        );
        assert_ne!(exchange.outcome, Outcome::Cancelled, "{name}");
        assert_eq!(exchange.parse_failures, 0, "{name}");
        assert_eq!(
            exchange.response_bytes,
            recorded.reply.body.len() as u64,
            "{name}"
        );
        assert_eq!(
            exchange.request_bytes,
            recorded.request.body.len() as u64,
            "{name}"
        );
        assert_eq!(exchange.http_status, Some(recorded.status()), "{name}");
        if exchange.outcome == Outcome::Success {
            assert!(
                exchange.model.is_some() && exchange.http_status == Some(200),
                "{name}"
            );
            assert!(exchange.load_only || exchange.prompt.is_some(), "{name}");
            let generated = exchange.generated_tokens.is_some() && exchange.done_reason.is_some();
            assert!(
                exchange.load_only || exchange.endpoint.is_embedding() || generated,
                "{name}"
            );
        }
    }
}
