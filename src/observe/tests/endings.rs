//! Times and ends that no recording has.

use std::time::{Duration, Instant};

use super::recorded::*;
use super::written::*;
use crate::http::route::Inference;
use crate::observe::{ExchangeEnd, Outcome};

const SSE: &str = "text/event-stream; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";

#[test]
fn tokens_are_timed_from_the_first_to_the_last() {
    let role = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
    let one = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}]}\n\n";
    let stop = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n";
    let exchange = timed(
        Inference::V1ChatCompletions,
        SSE,
        &[role, one, one, one, stop, usage],
        ExchangeEnd::Complete,
    );
    assert_eq!(
        exchange.time_to_first_token,
        Some(Duration::from_millis(20))
    );
    assert_eq!(exchange.generated_tokens, Some(4));
    assert_eq!(exchange.tokens_per_second, Some(3.0 / 0.020));
    assert_eq!(
        exchange.time_per_output_token,
        Some(Duration::from_millis(20).div_f64(3.0))
    );
}

#[test]
fn one_delta_has_no_rate_and_a_block_has_no_first_token() {
    let exchange = timed(Inference::Chat, NDJSON, &[ONE, DONE], ExchangeEnd::Complete);
    assert_eq!(
        (exchange.generated_tokens, exchange.tokens_estimated),
        (Some(1), true)
    );
    assert_eq!(
        (exchange.tokens_per_second, exchange.time_per_output_token),
        (None, None)
    );
    let exchange = timed(Inference::Chat, JSON, &[ONE.trim()], ExchangeEnd::Complete);
    assert_eq!(
        (exchange.outcome, exchange.time_to_first_token),
        (Outcome::Success, None)
    );
    assert_eq!(
        (exchange.generated_tokens, exchange.response.as_str()),
        (None, "one")
    );
}

#[test]
fn a_client_that_leaves_in_mid_stream_is_recorded_with_the_text_so_far() {
    let exchange = timed(
        Inference::Chat,
        NDJSON,
        &[ONE, TWO, "{\"message\":{\"cont"],
        ExchangeEnd::ClientGone,
    );
    assert_eq!(
        (exchange.outcome, exchange.error),
        (Outcome::Cancelled, None)
    );
    assert_eq!(
        (exchange.generated_tokens, exchange.tokens_estimated),
        (Some(2), true)
    );
    assert_eq!(
        (exchange.response.as_str(), exchange.parse_failures),
        ("one two", 0)
    );
    assert_eq!(exchange.tokens_per_second, Some(1.0 / 0.010));
}

#[test]
fn a_client_that_leaves_after_the_end_marker_had_a_success() {
    assert_eq!(
        timed(
            Inference::Chat,
            NDJSON,
            &[ONE, DONE],
            ExchangeEnd::ClientGone
        )
        .outcome,
        Outcome::Success
    );
    assert_eq!(
        timed(
            Inference::Chat,
            NDJSON,
            &[ONE, DONE.trim()],
            ExchangeEnd::ClientGone
        )
        .outcome,
        Outcome::Success
    );
    assert_eq!(
        timed(
            Inference::V1Completions,
            SSE,
            &["data: [DONE]"],
            ExchangeEnd::ClientGone
        )
        .outcome,
        Outcome::Success
    );
    assert_eq!(
        timed(Inference::Chat, JSON, &[DONE], ExchangeEnd::ClientGone).outcome,
        Outcome::Success
    );
    assert_eq!(
        timed(
            Inference::Chat,
            JSON,
            &[&DONE[..20]],
            ExchangeEnd::ClientGone
        )
        .outcome,
        Outcome::Cancelled
    );
}

#[test]
fn an_upstream_that_fails_is_an_error_with_its_causes() {
    let exchange = timed(
        Inference::Chat,
        NDJSON,
        &[ONE, TWO],
        ExchangeEnd::UpstreamFailed("read reply: reset".into()),
    );
    assert_eq!(
        (exchange.outcome, exchange.error.as_deref()),
        (Outcome::Error, Some("read reply: reset"))
    );
    assert_eq!(
        (exchange.generated_tokens, exchange.http_status),
        (Some(2), Some(200))
    );
}

#[test]
fn a_request_that_the_tap_refuses_is_an_error_with_its_status() {
    let exchange = TestObserver::new(Inference::Chat)
        .finish(ExchangeEnd::Refused(503, "all workers are busy".into()));
    assert_eq!(
        (exchange.outcome, exchange.http_status),
        (Outcome::Error, Some(503))
    );
    assert_eq!(
        (exchange.error.as_deref(), exchange.model),
        (Some("all workers are busy"), None)
    );
    assert_eq!(exchange.prompt_category, "empty");
}

#[test]
fn an_observer_that_is_dropped_ends_as_cancelled() {
    let test = TestObserver::new(Inference::Chat);
    drop(test.observer);
    assert_eq!(finished_exchange(&test.events).outcome, Outcome::Cancelled);
}

#[test]
fn an_observer_can_move_to_another_thread() {
    fn assert_send<T: Send>(_: &T) {}
    let test = TestObserver::new(Inference::Chat);
    assert_send(&test.observer);
}

#[test]
fn the_duration_is_the_wall_clock() {
    let before = Instant::now();
    let test = TestObserver::new(Inference::Chat);
    let exchange = test.finish(ExchangeEnd::Complete);
    assert!(exchange.duration <= before.elapsed());
    assert_eq!(exchange.queue_wait, Duration::from_millis(1));
}
