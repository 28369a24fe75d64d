//! The contract of the metrics, held against the families that a scrape shows.

use std::collections::BTreeSet;

use prometheus::proto::{MetricFamily, MetricType};

use super::*;
use crate::diagnose::diagnosis::Report;
use crate::diagnose::reload::ReloadCause;
use crate::diagnose::{Certainty, Finding, Kind};
use crate::http::agent::UpstreamErrorKind;
use crate::http::route::{ServedRoutes, route};
use crate::observe::category::CATEGORIES;

/// Returns metrics in which every family has a series.
fn filled() -> Metrics {
    let metrics = metrics();
    metrics.request_started("id", Some("talk"));
    metrics.request_finished(&chat());
    let report = Report {
        reload_cause: Some(ReloadCause::Options),
        context_length: Some(4096),
        findings: vec![Finding::new(Kind::ContextCut, Certainty::Sure, "middle")],
        ..Report::default()
    };
    metrics.reply_started("id");
    let exchange = Exchange {
        report: Box::new(report),
        ..chat()
    };
    metrics.count_report(&exchange);
    metrics.set_ollama_status(&status(&["talk"]));
    metrics.init_analytics_backend("jsonl");
    metrics
}

/// The contract: the table of metrics.
const DOCUMENT: &str = include_str!("../../../packaging/docs/metrics.md");

/// A family: its name, its type, and its labels in the order of the alphabet.
type Definition = (String, String, BTreeSet<String>);

/// Returns the rows of the table, without the metrics of the platform.
fn documented() -> BTreeSet<Definition> {
    let table = DOCUMENT
        .split("\n| metric | type | labels | meaning |\n")
        .nth(1);
    let rows = table.expect("a table of metrics").lines().skip(1);
    rows.take_while(|row| row.starts_with('|'))
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let labels = cells[3].split(", ").filter(|label| !label.is_empty());
            let name = cells[1].trim_matches('`').to_owned();
            (
                name,
                cells[2].to_owned(),
                labels.map(str::to_owned).collect(),
            )
        })
        .filter(|(name, ..)| !name.starts_with("process_"))
        .collect()
}

#[test]
fn the_document_lists_every_family_with_its_type_and_labels() {
    let definition = |family: &MetricFamily| {
        let labels = family.get_metric()[0].get_label();
        (
            family.name().to_owned(),
            format!("{:?}", family.get_field_type()).to_lowercase(),
            labels.iter().map(|label| label.name().to_owned()).collect(),
        )
    };
    let gathered: BTreeSet<Definition> =
        filled().registry.gather().iter().map(definition).collect();
    assert_eq!(gathered, documented());
}

#[test]
fn every_histogram_has_the_buckets_of_the_contract() {
    let request = "0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 120 300 600 1800";
    let part = "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 120 300 600 1800";
    let wait = "0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 20 40 80 160 640";
    let per_token = "0.005 0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.5 1 2.5";
    let prompt_tokens = "16 64 256 1024 4096 16384 65536 262144 1048576";
    let prompt_speed = "10 25 50 100 250 500 1000 2500 5000 10000 25000 50000";
    let tokens = "10 50 100 250 500 1000 2000 5000";
    let speed = "1 5 10 20 30 40 50 60 70 75 80 90 100 150 200";
    let context = "0.1 0.25 0.5 0.75 0.9 0.95 1 1.5";
    let contract = [
        ("ollama_context_used_ratio", context),
        ("ollama_eval_duration_seconds", part),
        ("ollama_load_duration_seconds", part),
        ("ollama_prompt_eval_duration_seconds", part),
        ("ollama_prompt_tokens", prompt_tokens),
        ("ollama_prompt_tokens_per_second", prompt_speed),
        ("ollama_request_duration_seconds", request),
        ("ollama_response_seconds", request),
        ("ollama_tap_queue_wait_seconds", wait),
        ("ollama_time_per_output_token_seconds", per_token),
        ("ollama_time_to_first_token_seconds", wait),
        ("ollama_tokens_generated", tokens),
        ("ollama_tokens_per_second", speed),
    ];
    let mut gathered = filled().registry.gather();
    gathered.retain(|family| family.get_field_type() == MetricType::HISTOGRAM);
    assert_eq!(gathered.len(), contract.len());
    for (family, (name, buckets)) in gathered.iter().zip(contract) {
        let histogram = family.get_metric()[0].get_histogram();
        let bounds = histogram.get_bucket().iter();
        let bounds: Vec<String> = bounds
            .map(|bucket| bucket.upper_bound().to_string())
            .collect();
        assert_eq!((family.name(), bounds.join(" ").as_str()), (name, buckets));
    }
}

#[test]
fn the_text_is_sorted_and_every_family_has_help_and_type() {
    let text = String::from_utf8(filled().encode()).unwrap();
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
        "ollama_analytics_queue_size",
        "ollama_tap_analytics_dropped_total",
        "ollama_tap_analytics_expiry_held",
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
    // The head of families.rs says why.
    let categories = [&CATEGORIES[..], &[ALL_CATEGORIES]].concat();
    let methods = [&METHODS[..], &[OTHER]].concat();
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
        &UpstreamErrorKind::ALL.map(UpstreamErrorKind::as_str),
        &FINISH_REASONS,
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
        assert_eq!(route(method, &path, ServedRoutes::All).endpoint(), template);
    }
}
