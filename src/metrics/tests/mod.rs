//! The series that one exchange moves, the contract of all families, and the bounds of labels.

mod active;
mod bounds;
mod contract;
mod samples;

use std::time::SystemTime;

use super::{labels::*, *};
use crate::http::route::{Dialect, Inference};
use crate::observe::exchange::{ModelVersion, ToolCall};
use samples::{changes, samples, value};

const KIB: u64 = 1024;

fn metrics() -> Metrics {
    Metrics::new("1.2.3").unwrap()
}

/// An exchange of which everything is known.
pub fn chat() -> Exchange {
    Exchange {
        interaction_id: "00000000000000aa".to_owned(),
        arrived: SystemTime::UNIX_EPOCH,
        endpoint: Inference::Chat,
        client_ip: None,
        user_agent: None,
        client: None,
        client_version: None,
        model: Some("talk".to_owned()),
        model_sent: None,
        prompt: Some("why".to_owned()),
        parameters: None,
        conversation: Box::default(),
        prompt_category: "question",
        request_bytes: 100,
        outcome: Outcome::Success,
        error: None,
        http_status: Some(200),
        upload: None,
        is_unrecorded: false,
        load_only: false,
        stream: true,
        done_reason: Some("stop".to_owned()),
        response: "because".to_owned(),
        thinking: String::new(),
        tool_calls: Vec::new(),
        truncated: false,
        response_bytes: 4 * KIB,
        prompt_tokens: Some(11),
        prompt_cached_tokens: Some(8),
        generated_tokens: Some(33),
        tokens_estimated: false,
        tokens_per_second: Some(66.0),
        prompt_tokens_per_second: Some(100.0),
        duration: Duration::from_millis(900),
        queue_wait: Duration::ZERO,
        total_duration: Some(Duration::from_millis(800)),
        load_duration: Some(Duration::from_millis(4)),
        prompt_eval_duration: Some(Duration::from_millis(30)),
        eval_duration: Some(Duration::from_millis(500)),
        time_to_first_token: Some(Duration::from_millis(300)),
        time_per_output_token: Some(Duration::from_millis(15)),
        parse_failures: 0,
        version: ModelVersion::default(),
        session: None,
        evidence: Box::default(),
        report: Box::default(),
    }
}

fn status(names: &[&str]) -> OllamaStatus {
    let model = |name: &&str| LoadedModel {
        name: name.to_string(),
        size: 5,
        size_vram: 3,
        context_length: Some(4096),
        ..LoadedModel::default()
    };
    OllamaStatus {
        version: Some("0.33.0".to_owned()),
        incomplete_reason: None,
        models: names.iter().map(model).collect(),
        models_asked: None,
    }
}

#[test]
fn a_chat_changes_exactly_the_expected_series() {
    let expected = [
        "ollama_eval_duration_seconds_count{model=\"talk\"} 1",
        "ollama_eval_duration_seconds_sum{model=\"talk\"} 0.5",
        "ollama_finished_total{model=\"talk\",reason=\"stop\"} 1",
        "ollama_load_duration_seconds_count{model=\"talk\"} 1",
        "ollama_load_duration_seconds_sum{model=\"talk\"} 0.004",
        "ollama_prompt_eval_duration_seconds_count{model=\"talk\"} 1",
        "ollama_prompt_eval_duration_seconds_sum{model=\"talk\"} 0.03",
        "ollama_prompt_tokens_cached_total{model=\"talk\"} 8",
        "ollama_prompt_tokens_count{model=\"talk\"} 1",
        "ollama_prompt_tokens_per_second_count{model=\"talk\"} 1",
        "ollama_prompt_tokens_per_second_sum{model=\"talk\"} 100",
        "ollama_prompt_tokens_sum{model=\"talk\"} 11",
        "ollama_request_duration_seconds_count{endpoint=\"api/chat\",model=\"talk\",prompt_category=\"question\"} 1",
        "ollama_request_duration_seconds_sum{endpoint=\"api/chat\",model=\"talk\",prompt_category=\"question\"} 0.9",
        "ollama_requests_total{endpoint=\"api/chat\",model=\"talk\",prompt_category=\"question\",status=\"success\"} 1",
        "ollama_response_seconds_count{model=\"talk\"} 1",
        "ollama_response_seconds_sum{model=\"talk\"} 0.8",
        "ollama_time_per_output_token_seconds_count{model=\"talk\"} 1",
        "ollama_time_per_output_token_seconds_sum{model=\"talk\"} 0.015",
        "ollama_time_to_first_token_seconds_count{endpoint=\"api/chat\",model=\"talk\"} 1",
        "ollama_time_to_first_token_seconds_sum{endpoint=\"api/chat\",model=\"talk\"} 0.3",
        "ollama_tokens_generated_count{model=\"talk\",prompt_category=\"question\"} 1",
        "ollama_tokens_generated_sum{model=\"talk\",prompt_category=\"question\"} 33",
        "ollama_tokens_generated_total{model=\"talk\"} 33",
        "ollama_tokens_per_second_count{model=\"talk\",prompt_category=\"question\"} 1",
        "ollama_tokens_per_second_sum{model=\"talk\",prompt_category=\"question\"} 66",
        "ollama_tokens_processed_total{model=\"talk\"} 11",
    ];
    assert_eq!(
        changes(&metrics(), |m| m.request_finished(&chat())),
        expected
    );
}

#[test]
fn an_exchange_whose_numbers_are_unknown_moves_count_and_duration_only() {
    let bare = Exchange {
        outcome: Outcome::Cancelled,
        prompt_tokens: None,
        prompt_cached_tokens: None,
        generated_tokens: None,
        tokens_per_second: None,
        prompt_tokens_per_second: None,
        total_duration: None,
        load_duration: None,
        prompt_eval_duration: None,
        eval_duration: None,
        time_to_first_token: None,
        time_per_output_token: None,
        parse_failures: 2,
        endpoint: Inference::V1Messages,
        ..chat()
    };
    let changed = changes(&metrics(), |m| m.request_finished(&bare));
    let names: Vec<&str> = changed
        .iter()
        .filter_map(|line| line.split('{').next())
        .collect();
    let expected = [
        "ollama_finished_total",
        "ollama_request_duration_seconds_count",
        "ollama_request_duration_seconds_sum",
        "ollama_requests_total",
        "ollama_tap_parse_failures_total",
    ];
    assert_eq!(names, expected);
    assert!(
        changed[3].contains("status=\"cancelled\"")
            && changed[4].ends_with("{dialect=\"anthropic\"} 2"),
        "{changed:?}"
    );
}

#[test]
fn the_finish_reason_of_any_dialect_is_one_of_six_labels() {
    let ended = |reason: &str| Exchange {
        done_reason: Some(reason.to_owned()),
        ..chat()
    };
    let calls = || vec![ToolCall::default()];
    let rows = [
        (ended("stop"), "stop"),
        (ended("end_turn"), "stop"),
        (ended("stop_sequence"), "stop"),
        (ended("completed"), "stop"),
        (ended("length"), "length"),
        (ended("max_tokens"), "length"),
        (ended("max_output_tokens"), "length"),
        (ended("incomplete"), "length"),
        (ended("tool_calls"), "tool_calls"),
        (ended("tool_use"), "tool_calls"),
        (
            Exchange {
                tool_calls: calls(),
                ..ended("stop")
            },
            "tool_calls",
        ),
        (
            Exchange {
                tool_calls: calls(),
                ..ended("completed")
            },
            "tool_calls",
        ),
        (
            Exchange {
                tool_calls: calls(),
                ..ended("length")
            },
            "length",
        ),
        (ended("content_filter"), "other"),
        (
            Exchange {
                done_reason: None,
                ..chat()
            },
            "other",
        ),
        (
            Exchange {
                endpoint: Inference::Embed,
                ..ended("stop")
            },
            "other",
        ),
        (
            Exchange {
                outcome: Outcome::Error,
                ..ended("stop")
            },
            "error",
        ),
        (
            Exchange {
                outcome: Outcome::Cancelled,
                ..ended("length")
            },
            "cancelled",
        ),
    ];
    for (exchange, reason) in rows {
        let changed = changes(&metrics(), |m| m.request_finished(&exchange));
        let finished: Vec<_> = changed
            .iter()
            .filter(|line| line.starts_with("ollama_finished_total"))
            .collect();
        assert_eq!(
            finished,
            [&format!(
                "ollama_finished_total{{model=\"talk\",reason=\"{reason}\"}} 1"
            )],
            "{exchange:?}"
        );
    }
}

#[test]
fn embeddings_generate_no_tokens() {
    let embed = Exchange {
        endpoint: Inference::Embed,
        generated_tokens: Some(0),
        ..chat()
    };
    let changed = changes(&metrics(), |m| m.request_finished(&embed));
    assert!(
        !changed
            .iter()
            .any(|line| line.starts_with("ollama_tokens_generated")),
        "{changed:?}"
    );
}

#[test]
fn a_speed_that_is_not_finite_or_is_negative_is_not_observed() {
    let metrics = metrics();
    for speed in [f64::NAN, f64::INFINITY, -1.0] {
        metrics.request_finished(&Exchange {
            tokens_per_second: Some(speed),
            ..chat()
        });
    }
    assert_eq!(
        value(
            &metrics,
            "ollama_tokens_per_second_count{model=\"talk\",prompt_category=\"question\"}"
        ),
        None
    );
}

#[test]
fn requests_of_any_kind_count_under_bounded_labels() {
    let metrics = metrics();
    let changed = changes(&metrics, |m| {
        m.count_http_request("api/chat", "POST", 200);
        m.count_http_request("other", "BREW", 999);
        m.count_upstream_error(UpstreamErrorKind::Connect);
        m.count_refusal("busy");
        m.count_listener_restart();
        m.count_backend_restart();
        m.set_workers(256);
        m.add_busy_workers(1);
        m.add_busy_workers(1);
        m.add_busy_workers(-1);
        m.observe_queue_wait(Duration::from_millis(250));
    });
    let expected = [
        "ollama_tap_backend_restarts_total 1",
        "ollama_tap_http_requests_total{code=\"200\",endpoint=\"api/chat\",method=\"POST\"} 1",
        "ollama_tap_http_requests_total{code=\"other\",endpoint=\"other\",method=\"other\"} 1",
        "ollama_tap_listener_restarts_total 1",
        "ollama_tap_queue_wait_seconds_count 1",
        "ollama_tap_queue_wait_seconds_sum 0.25",
        "ollama_tap_refused_total{reason=\"busy\"} 1",
        "ollama_tap_upstream_errors_total{kind=\"connect\"} 1",
        "ollama_tap_workers 256",
        "ollama_tap_workers_busy 1",
    ];
    assert_eq!(changed, expected);
}
