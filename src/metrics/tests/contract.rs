//! The table of the contract, held against what a scrape shows.

use super::*;
use crate::forward::failure::Kind;
use crate::http::route::{Pages, route};

/// Moves every family, so that each has a series.
fn moved() -> Metrics {
    let metrics = metrics();
    metrics.began("id", Some("talk"));
    metrics.ended(&chat());
    metrics.ollama(&status(&["talk"]));
    metrics.analytics_backend("jsonl");
    metrics
}

#[test]
fn every_family_is_as_the_contract_has_it() {
    let request = "0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 120 300 600 1800";
    let part = "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 120 300 600 1800";
    let first = "0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 20 40 80 160 640";
    let tokens = "10 50 100 250 500 1000 2000 5000";
    let speed = "1 5 10 20 30 40 50 60 70 75 80 90 100 150 200";
    let between = "0.005 0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.5 1 2.5";
    let table = [
        ("ollama_active_requests", "GAUGE", "model", ""),
        ("ollama_analytics_queue_size", "GAUGE", "", ""),
        (
            "ollama_analytics_writes_total",
            "COUNTER",
            "backend status",
            "",
        ),
        ("ollama_eval_duration_seconds", "HISTOGRAM", "model", part),
        ("ollama_finished_total", "COUNTER", "model reason", ""),
        ("ollama_load_duration_seconds", "HISTOGRAM", "model", part),
        ("ollama_model_context_length", "GAUGE", "model", ""),
        ("ollama_model_loaded", "GAUGE", "model", ""),
        ("ollama_model_size_bytes", "GAUGE", "model", ""),
        ("ollama_model_vram_bytes", "GAUGE", "model", ""),
        (
            "ollama_prompt_eval_duration_seconds",
            "HISTOGRAM",
            "model",
            part,
        ),
        (
            "ollama_prompt_tokens",
            "HISTOGRAM",
            "model",
            "16 64 256 1024 4096 16384 65536 262144 1048576",
        ),
        ("ollama_prompt_tokens_cached_total", "COUNTER", "model", ""),
        (
            "ollama_prompt_tokens_per_second",
            "HISTOGRAM",
            "model",
            "10 25 50 100 250 500 1000 2500 5000 10000 25000 50000",
        ),
        (
            "ollama_request_duration_seconds",
            "HISTOGRAM",
            "endpoint model prompt_category",
            request,
        ),
        (
            "ollama_requests_total",
            "COUNTER",
            "endpoint model prompt_category status",
            "",
        ),
        ("ollama_response_seconds", "HISTOGRAM", "model", request),
        ("ollama_tap_analytics_dropped_total", "COUNTER", "", ""),
        ("ollama_tap_analytics_expiry_held", "GAUGE", "", ""),
        ("ollama_tap_backend_restarts_total", "COUNTER", "", ""),
        ("ollama_tap_build_info", "GAUGE", "arch os version", ""),
        (
            "ollama_tap_http_requests_total",
            "COUNTER",
            "code endpoint method",
            "",
        ),
        (
            "ollama_tap_label_sets_folded_total",
            "COUNTER",
            "family",
            "",
        ),
        ("ollama_tap_listener_restarts_total", "COUNTER", "", ""),
        ("ollama_tap_parse_failures_total", "COUNTER", "dialect", ""),
        ("ollama_tap_queue_wait_seconds", "HISTOGRAM", "", first),
        ("ollama_tap_refused_total", "COUNTER", "reason", ""),
        ("ollama_tap_upstream_errors_total", "COUNTER", "kind", ""),
        ("ollama_tap_workers", "GAUGE", "", ""),
        ("ollama_tap_workers_busy", "GAUGE", "", ""),
        (
            "ollama_time_per_output_token_seconds",
            "HISTOGRAM",
            "model",
            between,
        ),
        (
            "ollama_time_to_first_token_seconds",
            "HISTOGRAM",
            "endpoint model",
            first,
        ),
        (
            "ollama_tokens_generated",
            "HISTOGRAM",
            "model prompt_category",
            tokens,
        ),
        ("ollama_tokens_generated_total", "COUNTER", "model", ""),
        (
            "ollama_tokens_per_second",
            "HISTOGRAM",
            "model prompt_category",
            speed,
        ),
        ("ollama_tokens_processed_total", "COUNTER", "model", ""),
        ("ollama_up", "GAUGE", "", ""),
        ("ollama_version_info", "GAUGE", "version", ""),
    ];
    let gathered = moved().registry.gather();
    assert_eq!(gathered.len(), table.len());
    for (family, (name, kind, labels, buckets)) in gathered.iter().zip(table) {
        let sample = &family.get_metric()[0];
        let found: Vec<&str> = sample
            .get_label()
            .iter()
            .map(|label| label.name())
            .collect();
        let bounds: Vec<String> = sample
            .get_histogram()
            .get_bucket()
            .iter()
            .map(|bucket| bucket.upper_bound().to_string())
            .collect();
        assert_eq!(
            (
                family.name(),
                format!("{:?}", family.get_field_type()).as_str()
            ),
            (name, kind)
        );
        assert_eq!(
            (found.join(" ").as_str(), bounds.join(" ").as_str()),
            (labels, buckets),
            "{name}"
        );
    }
}

#[test]
fn the_text_is_sorted_and_every_family_has_help_and_type() {
    let text = String::from_utf8(moved().encode()).unwrap();
    let names = |mark: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| line.strip_prefix(mark)?.split(' ').next())
            .map(str::to_owned)
            .collect()
    };
    let helped = names("# HELP ");
    assert_eq!(helped, names("# TYPE "));
    assert!(helped.is_sorted());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name);
        assert!(
            helped
                .iter()
                .any(|helped| helped == name || helped == family),
            "{line}"
        );
        assert!(
            line.rsplit(' ')
                .next()
                .unwrap()
                .parse::<f64>()
                .unwrap()
                .is_finite(),
            "{line}"
        );
    }
}

#[test]
fn families_without_a_model_have_their_series_from_the_first_scrape() {
    let first = samples(&metrics());
    for series in [
        "ollama_up",
        "ollama_tap_workers",
        "ollama_tap_workers_busy",
        "ollama_tap_listener_restarts_total",
        "ollama_tap_backend_restarts_total",
        "ollama_tap_queue_wait_seconds_count",
        "ollama_tap_parse_failures_total{dialect=\"anthropic\"}",
        "ollama_tap_upstream_errors_total{kind=\"closed\"}",
        "ollama_tap_upstream_errors_total{kind=\"stale\"}",
        "ollama_tap_refused_total{reason=\"busy\"}",
        "ollama_tap_label_sets_folded_total{family=\"ollama_requests_total\"}",
        "ollama_tap_http_requests_total{code=\"200\",endpoint=\"api/chat\",method=\"POST\"}",
    ] {
        assert_eq!(first.get(series).map(String::as_str), Some("0"), "{series}");
    }
    assert_eq!(first["ollama_version_info{version=\"unknown\"}"], "1");
    assert!(
        first
            .keys()
            .any(|series| series.starts_with("ollama_tap_build_info{")
                && series.contains("version=\"1.2.3\""))
    );
}

#[test]
fn no_label_value_ends_in_another_of_the_same_label() {
    // Why it matters: see the head of families.rs.
    let categories = [
        "summarize",
        "translate",
        "explain",
        "code_write",
        "code_debug",
        "question",
        "creative",
        "analyze",
        "help",
        "list",
        "empty",
        "other",
    ];
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "other",
    ];
    let endpoints: Vec<&str> = Inference::ALL
        .iter()
        .map(|endpoint| endpoint.as_str())
        .collect();
    let outcomes: Vec<&str> = Outcome::ALL
        .iter()
        .map(|outcome| outcome.as_str())
        .collect();
    let dialects: Vec<&str> = Dialect::ALL
        .iter()
        .map(|dialect| dialect.as_str())
        .collect();
    for words in [
        &categories[..],
        &methods,
        &endpoints,
        &outcomes,
        &dialects,
        &Kind::ALL.map(Kind::as_str),
        &REASONS,
    ] {
        for (word, other) in words
            .iter()
            .flat_map(|word| words.iter().map(move |other| (word, other)))
        {
            assert!(
                word == other || !word.ends_with(other),
                "{word} ends in {other}"
            );
        }
    }
}

#[test]
fn every_path_that_starts_at_zero_is_a_template_of_a_route() {
    for (template, method) in HTTP_ENDPOINTS {
        let path = match template {
            "/" => "/".to_owned(),
            OTHER => "/no/such/path".to_owned(),
            template => format!("/{}", template.replace(':', "any-")),
        };
        assert_eq!(route(method, &path, Pages::First).endpoint(), template);
    }
}
