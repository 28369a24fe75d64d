//! The cached part of a prompt, which Ollama tells since 0.33.3, and the times beside it: 38 tokens
//! cold, then warm with 37 of them from the cache, and a request whose cached part is larger.

use std::time::Duration;

use super::recorded::*;
use crate::http::route::Inference::{self, *};
use crate::observe::{Exchange, ExchangeEnd, Outcome};

/// The tokens of a prompt that a reply tells: the whole, and its cached part.
const PAIRS: [(u64, Option<u64>); 4] = [(38, None), (38, Some(0)), (38, Some(37)), (75, Some(37))];

/// Returns replies of every dialect that reports them, streamed and not.
fn replies(prompt: u64, cached: Option<u64>) -> Vec<(Inference, &'static str, String)> {
    let native = cached.map_or(String::new(), |cached| {
        format!(r#""prompt_eval_cached_count":{cached},"#)
    });
    let native = format!(
        r#"{{"model":"m","done":true,"done_reason":"stop","prompt_eval_count":{prompt},{native}"prompt_eval_duration":10000000,"eval_count":5}}"#
    );
    let details = cached.map_or(String::new(), |cached| {
        format!(r#","prompt_tokens_details":{{"cached_tokens":{cached}}}"#)
    });
    let openai = format!(
        r#""usage":{{"prompt_tokens":{prompt},"completion_tokens":5{details}}},"timings":{{"prompt_n":{prompt},"prompt_ms":10.0}}"#
    );
    let details = cached.map_or(String::new(), |cached| {
        format!(r#","input_tokens_details":{{"cached_tokens":{cached}}}"#)
    });
    let responses = format!(
        r#""status":"completed","timings":{{"prompt_ms":10}},"usage":{{"input_tokens":{prompt},"output_tokens":5{details}}}"#
    );
    let rest = prompt - cached.unwrap_or_default();
    let read = cached.map_or(String::new(), |cached| {
        format!(r#","cache_read_input_tokens":{cached}"#)
    });
    let anthropic = format!(r#""usage":{{"input_tokens":{rest}{read},"output_tokens":5}}"#);
    let start = r#"{"type":"message_start","message":{"model":"m","usage":{"input_tokens":9,"output_tokens":0}}}"#;
    vec![
        (Chat, "application/json", native.clone()),
        (
            Generate,
            "application/x-ndjson",
            format!("{{\"response\":\"a\"}}\n{native}\n"),
        ),
        (
            V1ChatCompletions,
            "application/json",
            format!(r#"{{"choices":[{{"index":0,"finish_reason":"stop"}}],{openai}}}"#),
        ),
        (
            V1Completions,
            "text/event-stream",
            format!("data: {{\"choices\":[],{openai}}}\n\ndata: [DONE]\n\n"),
        ),
        (
            V1Responses,
            "application/json",
            format!(r#"{{"object":"response",{responses}}}"#),
        ),
        (
            V1Responses,
            "text/event-stream",
            format!("data: {{\"type\":\"response.completed\",\"response\":{{{responses}}}}}\n\n"),
        ),
        (
            V1Messages,
            "application/json",
            format!(r#"{{"type":"message","stop_reason":"end_turn",{anthropic}}}"#),
        ),
        (
            V1Messages,
            "text/event-stream",
            format!(
                "data: {start}\n\ndata: {{\"type\":\"message_delta\",{anthropic}}}\n\ndata: {{\"type\":\"message_stop\"}}\n\n"
            ),
        ),
    ]
}

fn read(endpoint: Inference, content_type: &str, body: &str) -> Exchange {
    let mut test = TestObserver::new(endpoint);
    test.observer.head(200, Some(content_type), None);
    test.observer.body(body.as_bytes(), test.started);
    test.finish(ExchangeEnd::Complete)
}

#[test]
fn every_dialect_tells_the_whole_prompt_and_its_cached_part() {
    for (prompt, cached) in PAIRS {
        for (endpoint, content_type, body) in replies(prompt, cached) {
            let exchange = read(endpoint, content_type, &body);
            assert_eq!(
                (exchange.outcome, exchange.parse_failures),
                (Outcome::Success, 0),
                "{body}"
            );
            assert_eq!(
                (exchange.prompt_tokens, exchange.prompt_cached_tokens),
                (Some(prompt), cached),
                "{body}"
            );
            assert_eq!(
                (exchange.generated_tokens, exchange.tokens_estimated),
                (Some(5), false),
                "{body}"
            );
            let evaluated = cached
                .map(|cached| (prompt - cached) as f64 / 0.01)
                .filter(|_| endpoint != V1Messages);
            assert_eq!(exchange.prompt_tokens_per_second, evaluated, "{body}");
        }
    }
}

#[test]
fn a_cached_part_that_is_larger_than_the_whole_is_not_known() {
    let exchange = read(
        Chat,
        "application/json",
        r#"{"done":true,"prompt_eval_count":37,"prompt_eval_cached_count":38,"prompt_eval_duration":5}"#,
    );
    assert_eq!(
        (
            exchange.prompt_tokens,
            exchange.prompt_cached_tokens,
            exchange.prompt_tokens_per_second
        ),
        (Some(37), None, None)
    );
    let exchange = read(
        Chat,
        "application/json",
        r#"{"done":true,"prompt_eval_cached_count":38}"#,
    );
    assert_eq!(
        (exchange.prompt_tokens, exchange.prompt_cached_tokens),
        (None, None)
    );
}

#[test]
fn the_estimate_of_message_start_is_used_if_message_delta_tells_no_count() {
    let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":9,"cache_read_input_tokens":4}}}"#;
    let events = |delta: &str| {
        format!("data: {start}\n\ndata: {delta}\n\ndata: {{\"type\":\"message_stop\"}}\n\n")
    };
    let exchange = read(
        V1Messages,
        "text/event-stream",
        &events(r#"{"type":"message_delta","usage":{"output_tokens":5}}"#),
    );
    assert_eq!(
        (
            exchange.prompt_tokens,
            exchange.prompt_cached_tokens,
            exchange.tokens_estimated
        ),
        (Some(13), Some(4), true)
    );
    let exchange = read(
        V1Messages,
        "text/event-stream",
        &events(r#"{"type":"ping"}"#),
    );
    assert_eq!(
        (exchange.prompt_tokens, exchange.tokens_estimated),
        (None, false)
    );
    let created = r#"{"type":"message_delta","usage":{"input_tokens":1,"cache_read_input_tokens":30,"cache_creation_input_tokens":7,"output_tokens":5}}"#;
    let exchange = read(V1Messages, "text/event-stream", &events(created));
    assert_eq!(
        (
            exchange.prompt_tokens,
            exchange.prompt_cached_tokens,
            exchange.tokens_estimated
        ),
        (Some(38), Some(30), false)
    );
}

#[test]
fn timings_give_the_times_of_openais_routes_and_the_counts_if_there_is_no_usage() {
    let llama = r#"{"choices":[{"index":0,"finish_reason":"stop"}],"timings":{"cache_n":37,"prompt_n":1,"prompt_ms":12.5,"prompt_per_second":80.0,"predicted_n":20,"predicted_ms":400.0}}"#;
    let exchange = read(V1ChatCompletions, "application/json", llama);
    assert_eq!(
        (
            exchange.prompt_tokens,
            exchange.prompt_cached_tokens,
            exchange.generated_tokens
        ),
        (Some(38), Some(37), Some(20))
    );
    assert_eq!(
        (exchange.prompt_eval_duration, exchange.eval_duration),
        (
            Some(Duration::from_micros(12_500)),
            Some(Duration::from_millis(400))
        )
    );
    assert_eq!(
        (
            exchange.tokens_per_second,
            exchange.prompt_tokens_per_second
        ),
        (Some(50.0), Some(80.0))
    );
    let ollama = "data: {\"choices\":[],\"timings\":{\"prompt_n\":\"38\",\"prompt_ms\":0,\"predicted_n\":20.0,\"predicted_ms\":\"400\"}}\n\ndata: [DONE]\n\n";
    let exchange = read(V1ChatCompletions, "text/event-stream", ollama);
    assert_eq!(
        (
            exchange.prompt_tokens,
            exchange.prompt_cached_tokens,
            exchange.tokens_per_second
        ),
        (Some(38), None, Some(50.0))
    );
    assert_eq!(
        (exchange.tokens_estimated, exchange.prompt_tokens_per_second),
        (false, None)
    );
    let usage = r#""usage":{"prompt_tokens":38,"completion_tokens":5}"#;
    let timings = r#""timings":{"cache_n":37,"prompt_n":1,"predicted_n":9}"#;
    for (first, second) in [(usage, timings), (timings, usage)] {
        let body = format!(
            "data: {{\"choices\":[],{first}}}\n\ndata: {{\"choices\":[],{second}}}\n\ndata: [DONE]\n\n"
        );
        let exchange = read(V1ChatCompletions, "text/event-stream", &body);
        assert_eq!(
            (
                exchange.prompt_tokens,
                exchange.prompt_cached_tokens,
                exchange.generated_tokens
            ),
            (Some(38), Some(37), Some(5))
        );
    }
}
