//! Times, counters and ends that no recording has.

use std::time::{Duration, Instant};

use super::recorded::*;
use crate::observe::reply::{MAX_SINGLE, MAX_VECTORS};
use crate::observe::{End, Exchange, Outcome};
use crate::route::Inference;

const NDJSON: &str = "application/x-ndjson";
const SSE: &str = "text/event-stream; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";

/// An exchange whose reply comes in `pieces`, the first after 10 ms and then one every 10 ms.
fn timed(endpoint: Inference, content_type: &str, pieces: &[&str], end: End) -> Exchange {
    let mut watched = watch(endpoint);
    watched.observer.head(200, Some(content_type), None);
    for (at, piece) in (1..).zip(pieces) {
        watched.observer.body(piece.as_bytes(), watched.started + Duration::from_millis(10 * at));
    }
    watched.finish(end)
}

const ONE: &str = "{\"message\":{\"content\":\"one\"},\"done\":false}\n";
const TWO: &str = "{\"message\":{\"content\":\" two\"},\"done\":false}\n";
const DONE: &str = "{\"done\":true,\"done_reason\":\"stop\"}\n";

#[test]
fn tokens_are_timed_from_the_first_to_the_last() {
    let role = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
    let one = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}]}\n\n";
    let stop = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n";
    let exchange = timed(Inference::V1ChatCompletions, SSE, &[role, one, one, one, stop, usage], End::Complete);
    assert_eq!(exchange.time_to_first_token, Some(Duration::from_millis(20)));
    assert_eq!(exchange.generated_tokens, Some(4));
    assert_eq!(exchange.tokens_per_second, Some(3.0 / 0.020));
    assert_eq!(exchange.time_per_output_token, Some(Duration::from_millis(20).div_f64(3.0)));
}

#[test]
fn one_delta_has_no_rate_and_a_block_has_no_first_token() {
    let exchange = timed(Inference::Chat, NDJSON, &[ONE, DONE], End::Complete);
    assert_eq!((exchange.generated_tokens, exchange.tokens_estimated), (Some(1), true));
    assert_eq!((exchange.tokens_per_second, exchange.time_per_output_token), (None, None));
    let exchange = timed(Inference::Chat, JSON, &[ONE.trim()], End::Complete);
    assert_eq!((exchange.outcome, exchange.time_to_first_token), (Outcome::Success, None));
    assert_eq!((exchange.generated_tokens, exchange.response.as_str()), (None, "one"));
}

#[test]
fn a_client_that_leaves_in_mid_stream_is_recorded_with_what_came() {
    let exchange = timed(Inference::Chat, NDJSON, &[ONE, TWO, "{\"message\":{\"cont"], End::ClientGone);
    assert_eq!((exchange.outcome, exchange.error), (Outcome::Cancelled, None));
    assert_eq!((exchange.generated_tokens, exchange.tokens_estimated), (Some(2), true));
    assert_eq!((exchange.response.as_str(), exchange.parse_failures), ("one two", 0));
    assert_eq!(exchange.tokens_per_second, Some(1.0 / 0.010));
}

#[test]
fn a_client_that_leaves_after_the_end_marker_had_a_success() {
    assert_eq!(timed(Inference::Chat, NDJSON, &[ONE, DONE], End::ClientGone).outcome, Outcome::Success);
    assert_eq!(timed(Inference::Chat, NDJSON, &[ONE, DONE.trim()], End::ClientGone).outcome, Outcome::Success);
    assert_eq!(timed(Inference::V1Completions, SSE, &["data: [DONE]"], End::ClientGone).outcome, Outcome::Success);
    assert_eq!(timed(Inference::Chat, JSON, &[DONE], End::ClientGone).outcome, Outcome::Success);
    assert_eq!(timed(Inference::Chat, JSON, &[&DONE[..20]], End::ClientGone).outcome, Outcome::Cancelled);
}

#[test]
fn an_upstream_that_fails_is_an_error_with_its_causes() {
    let exchange = timed(Inference::Chat, NDJSON, &[ONE, TWO], End::UpstreamFailed("read reply: reset".into()));
    assert_eq!((exchange.outcome, exchange.error.as_deref()), (Outcome::Error, Some("read reply: reset")));
    assert_eq!((exchange.generated_tokens, exchange.http_status), (Some(2), Some(200)));
}

#[test]
fn what_we_refuse_ourselves_is_an_error_with_its_status() {
    let exchange = watch(Inference::Chat).finish(End::Refused(503, "all workers are busy".into()));
    assert_eq!((exchange.outcome, exchange.http_status), (Outcome::Error, Some(503)));
    assert_eq!((exchange.error.as_deref(), exchange.model), (Some("all workers are busy"), None));
    assert_eq!(exchange.prompt_category, "empty");
}

#[test]
fn an_observer_that_is_dropped_ends_as_cancelled() {
    let watched = watch(Inference::Chat);
    drop(watched.observer);
    assert_eq!(ended(&watched.events).outcome, Outcome::Cancelled);
}

#[test]
fn an_observer_can_move_to_another_thread() {
    fn assert_send<T: Send>(_: &T) {}
    let watched = watch(Inference::Chat);
    assert_send(&watched.observer);
}

#[test]
fn an_error_in_mid_stream_wins_over_all_that_follows() {
    let error = "{\"error\":{\"message\":\"out of memory\"}}\n";
    let remote = "{\"StatusCode\":502,\"Status\":\"502 Bad Gateway\",\"error\":\"far away\"}\n";
    assert_eq!(timed(Inference::Chat, NDJSON, &[ONE, error, DONE], End::Complete).error.as_deref(), Some("out of memory"));
    assert_eq!(timed(Inference::Generate, NDJSON, &[remote], End::ClientGone).error.as_deref(), Some("far away"));
    let frame = format!("data: {error}\ndata: [DONE]\n\n");
    assert_eq!(timed(Inference::V1ChatCompletions, SSE, &[&frame], End::Complete).error.as_deref(), Some("out of memory"));
    let frame = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n";
    assert_eq!(timed(Inference::V1Messages, SSE, &[frame], End::Complete).error.as_deref(), Some("busy"));
    let frame =
        "data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"x\",\"message\":\"no\"}}}\n\n";
    assert_eq!(timed(Inference::V1Responses, SSE, &[frame], End::Complete).error.as_deref(), Some("no"));
}

#[test]
fn an_incomplete_response_is_a_success_that_says_why_it_ended() {
    let frame = "data: {\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\",\
                 \"incomplete_details\":{\"reason\":\"max_output_tokens\"},\"usage\":{\"input_tokens\":3,\"output_tokens\":5}}}\n\n";
    let exchange = timed(Inference::V1Responses, SSE, &[frame], End::Complete);
    assert_eq!((exchange.outcome, exchange.done_reason.as_deref()), (Outcome::Success, Some("max_output_tokens")));
    assert_eq!((exchange.prompt_tokens, exchange.generated_tokens), (Some(3), Some(5)));
}

#[test]
fn tool_calls_that_come_in_pieces_are_joined_by_their_index() {
    let piece = |index: u32, name: &str, arguments: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{index},\
             \"function\":{{\"name\":{name},\"arguments\":\"{arguments}\"}}}}]}}}}]}}\n\n"
        )
    };
    let pieces = [piece(0, "\"a\"", ""), piece(1, "\"b\"", "[1"), piece(0, "null", "{}"), piece(1, "\"\"", "]"), "data: [DONE]\n\n".into()];
    let exchange = timed(Inference::V1ChatCompletions, SSE, &[&pieces.concat()], End::Complete);
    let calls: Vec<_> = exchange.tool_calls.iter().map(|call| format!("{} {}", call.name, call.arguments)).collect();
    assert_eq!(calls, ["a {}", "b [1]"]);
}

#[test]
fn a_type_that_we_do_not_know_is_one_parse_failure_and_no_error() {
    let exchange = timed(Inference::Chat, "text/html", &["<html>", "</html>"], End::Complete);
    assert_eq!((exchange.outcome, exchange.parse_failures), (Outcome::Success, 1));
}

#[test]
fn a_line_that_cannot_be_read_is_one_parse_failure_and_loses_only_itself() {
    let exchange = timed(Inference::Chat, NDJSON, &[ONE, "{broken\n", "[]\n", TWO, DONE], End::Complete);
    assert_eq!((exchange.outcome, exchange.parse_failures), (Outcome::Success, 1));
    assert_eq!(exchange.response, "one two");
}

#[test]
fn a_transcription_is_kept_as_text_and_has_no_tokens() {
    for (content_type, body) in [(JSON, "{\"text\":\"hello\"}"), (NDJSON, "{\"text\":\"hello\"}\n"), ("text/plain", "hello")] {
        let exchange = timed(Inference::V1Transcriptions, content_type, &[body], End::Complete);
        assert_eq!((exchange.outcome, exchange.response.as_str()), (Outcome::Success, "hello"), "{content_type}");
        assert_eq!((exchange.generated_tokens, exchange.stream, exchange.parse_failures), (None, false, 0), "{content_type}");
    }
    let exchange = timed(Inference::V1Transcriptions, NDJSON, &["{\"error\":\"no audio\"}"], End::Complete);
    assert_eq!(exchange.error.as_deref(), Some("no audio"));
    assert_eq!(timed(Inference::V1Transcriptions, "text/plain", &["hel"], End::ClientGone).outcome, Outcome::Cancelled);
}

#[test]
fn vectors_that_are_too_long_to_keep_give_their_counters_wherever_the_head_ends() {
    for length in MAX_VECTORS - 100..MAX_VECTORS + 100 {
        let numbers = "1".repeat(length - "{\"model\":\"vec\",\"embeddings\":[[]]}".len());
        let body = format!("{{\"model\":\"vec\",\"embeddings\":[[{numbers}]],\"total_duration\":7000,\"prompt_eval_count\":5}}");
        let exchange = timed(Inference::Embed, JSON, &[&body[..9], &body[9..]], End::Complete);
        assert_eq!((exchange.outcome, exchange.prompt_tokens), (Outcome::Success, Some(5)), "{length}");
        assert_eq!((exchange.model.as_deref(), exchange.parse_failures), (Some("vec"), 0), "{length}");
        assert_eq!(exchange.total_duration, Some(Duration::from_micros(7)));
    }
    let cut = format!("{{\"embeddings\":[[{}", "1,".repeat(MAX_VECTORS));
    assert_eq!(timed(Inference::Embed, JSON, &[&cut], End::Complete).outcome, Outcome::Error);
}

#[test]
fn a_line_that_is_too_long_to_keep_gives_its_counters() {
    let context = "1,".repeat(5 << 20);
    let last = format!(
        "{{\"response\":\"x\",\"done\":true,\"done_reason\":\"stop\",\"context\":[{context}1],\"eval_count\":9,\"eval_duration\":3}}\n"
    );
    let exchange = timed(Inference::Generate, NDJSON, &["{\"response\":\"one\"}\n", &last], End::Complete);
    assert_eq!((exchange.outcome, exchange.generated_tokens), (Outcome::Success, Some(9)));
    assert_eq!((exchange.parse_failures, exchange.truncated), (1, true));
}

#[test]
fn a_single_reply_that_is_too_long_to_keep_gives_its_counters() {
    let text = "x".repeat(MAX_SINGLE);
    let body =
        format!("{{\"model\":\"m\",\"message\":{{\"content\":\"{text}\"}},\"done\":true,\"eval_count\":9,\"eval_duration\":1000000000}}");
    let exchange = timed(Inference::Chat, JSON, &[&body], End::Complete);
    assert_eq!((exchange.outcome, exchange.generated_tokens, exchange.tokens_per_second), (Outcome::Success, Some(9), Some(9.0)));
    assert_eq!((exchange.truncated, exchange.model.as_deref()), (true, Some("m")));
}

#[test]
fn texts_are_cut_at_a_mebibyte() {
    let line = format!("{{\"response\":\"{}\",\"thinking\":\"t\"}}\n", "é".repeat(300_000));
    let exchange = timed(Inference::Generate, NDJSON, &[&line, &line, &line, DONE], End::Complete);
    assert_eq!((exchange.response.len(), exchange.thinking.as_str(), exchange.truncated), (1 << 20, "ttt", true));
}

#[test]
fn the_duration_is_the_wall_clock() {
    let before = Instant::now();
    let watched = watch(Inference::Chat);
    let exchange = watched.finish(End::Complete);
    assert!(exchange.duration <= before.elapsed());
    assert_eq!(exchange.queue_wait, Duration::from_millis(1));
}
