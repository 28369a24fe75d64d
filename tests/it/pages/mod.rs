//! The tap's own pages: /metrics, /test, /healthz, and who may see them.

/// Who may see them.
mod access;

use std::io::Read;

use crate::harness::http::LAST_CHUNK;
use crate::harness::ollama::{STREAM_HEAD, done, json, token};
use crate::harness::{Scrape, metric, post, request, tapped};

#[test]
fn metrics_are_prometheus_text() {
    let (ollama, tap) = tapped(json("{}"));
    for target in ["/metrics", "/metrics/", "/metrics?name[]=x"] {
        let reply = tap.get(target);
        assert_eq!(reply.status(), 200, "{target}");
        let kind = reply.head.get("content-type").expect("a content type");
        assert!(
            kind.starts_with("text/plain") && kind.contains("version=0.0.4"),
            "{kind}"
        );
        assert!(
            Scrape::parse(&reply.text())
                .names()
                .any(|name| name == "ollama_up")
        );
    }
    assert!(
        ollama.so_far().is_empty(),
        "an own page was asked of Ollama"
    );
}

#[test]
fn metrics_are_compressed_for_who_asks() {
    let (_ollama, tap) = tapped(json("{}"));
    let ask = |accept: &str| {
        tap.ask(
            "GET",
            request(
                "GET",
                "/metrics",
                &[&format!("Accept-Encoding: {accept}")],
                "",
            ),
        )
    };
    for accept in ["gzip", "gzip;q=1.0, identity; q=0.5", "deflate, GZIP"] {
        let reply = ask(accept);
        assert_eq!(reply.head.get("content-encoding"), Some("gzip"), "{accept}");
        let mut text = String::new();
        flate2::read::GzDecoder::new(reply.body.as_slice())
            .read_to_string(&mut text)
            .expect("gzip");
        assert!(Scrape::parse(&text).names().any(|name| name == "ollama_up"));
    }
    for accept in ["identity", "gzip;q=0", "br"] {
        assert_eq!(ask(accept).head.get("content-encoding"), None, "{accept}");
    }
}

#[test]
fn own_pages_answer_head_with_no_body() {
    let (_ollama, tap) = tapped(json("{}"));
    let mut client = tap.connect();
    for target in ["/metrics", "/test", "/healthz", "/healthz/", "/test/"] {
        let reply = client.send(request("HEAD", target, &[], "")).reply("HEAD");
        assert_eq!((reply.status(), reply.body.len()), (200, 0), "{target}");
        assert_eq!(
            client
                .send(request("GET", target, &[], ""))
                .reply("GET")
                .status(),
            200,
            "{target}"
        );
    }
    assert!(!client.has_more());
}

#[test]
fn other_methods_and_other_paths_are_for_ollama() {
    let (ollama, tap) = tapped(json("\"ollama\""));
    let pairs = [
        ("POST", "/metrics"),
        ("DELETE", "/test"),
        ("PUT", "/healthz"),
        ("GET", "/metrics/x"),
        ("GET", "/test.html"),
        ("GET", "/METRICS"),
    ];
    for (method, target) in pairs {
        assert_eq!(
            tap.ask(method, request(method, target, &[], "")).text(),
            "\"ollama\"",
            "{method} {target}"
        );
        assert_eq!(ollama.next().head.method(), method);
    }
}

#[test]
fn healthz_tells_the_version() {
    let (_ollama, tap) = tapped(json("{}"));
    let reply = tap.get("/healthz");
    assert_eq!(
        (reply.status(), &reply.json()),
        (
            200,
            &serde_json::json!({ "ollama_tap": env!("CARGO_PKG_VERSION") })
        )
    );
}

#[test]
fn the_test_page_lists_the_models_of_ollama() {
    let (ollama, tap) = tapped(json("{}"));
    ollama.set(|state| {
        state.tags = r#"{"models":[{"name":"talk:latest"},{"name":"vec:latest"}]}"#.to_owned()
    });
    let reply = tap.get("/test");
    let page = reply.json();
    assert_eq!((reply.status(), &page["status"]), (200, &"ok".into()));
    assert_eq!(page["ollama_reachable"], true);
    assert!(
        page["ollama_host"]
            .as_str()
            .is_some_and(|host| host.contains(&ollama.addr.to_string())),
        "{page}"
    );
    assert_eq!(
        page["models"],
        serde_json::json!(["talk:latest", "vec:latest"])
    );
    ollama.stop();
    let reply = tap.get("/test");
    let page = reply.json();
    assert_eq!(
        (reply.status(), &page["status"], &page["ollama_reachable"]),
        (503, &"error".into(), &false.into())
    );
    assert!(
        page["error"]
            .as_str()
            .is_some_and(|error| !error.is_empty()),
        "{page}"
    );
}

/// Families without a model label, which must be there before the first request.
const FROM_THE_START: [&str; 15] = [
    "ollama_up",
    "ollama_analytics_queue_size",
    "ollama_analytics_writes_total",
    "ollama_tap_analytics_dropped_total",
    "ollama_tap_analytics_expiry_held",
    "ollama_tap_build_info",
    "ollama_tap_workers",
    "ollama_tap_workers_busy",
    "ollama_tap_queue_wait_seconds_count",
    "ollama_tap_backend_restarts_total",
    "ollama_tap_label_sets_folded_total",
    "ollama_tap_listener_restarts_total",
    "ollama_tap_upstream_errors_total",
    "ollama_tap_parse_failures_total",
    "process_resident_memory_bytes",
];

#[test]
fn families_without_a_model_are_there_from_the_first_scrape() {
    let (_ollama, tap) = tapped(json("{}"));
    let scrape = tap.scrape();
    for name in FROM_THE_START {
        assert!(scrape.names().any(|found| found == name), "no {name}");
    }
}

/// The histograms of the contract and their buckets.
const BUCKETS: [(&str, &str); 11] = [
    (
        "ollama_request_duration_seconds",
        "0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 120 300 600 1800",
    ),
    (
        "ollama_response_seconds",
        "0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 120 300 600 1800",
    ),
    (
        "ollama_load_duration_seconds",
        "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 120 300 600 1800",
    ),
    (
        "ollama_prompt_eval_duration_seconds",
        "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 120 300 600 1800",
    ),
    (
        "ollama_eval_duration_seconds",
        "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 120 300 600 1800",
    ),
    (
        "ollama_prompt_tokens",
        "16 64 256 1024 4096 16384 65536 262144 1048576",
    ),
    (
        "ollama_tokens_generated",
        "10 50 100 250 500 1000 2000 5000",
    ),
    (
        "ollama_tokens_per_second",
        "1 5 10 20 30 40 50 60 70 75 80 90 100 150 200",
    ),
    (
        "ollama_time_to_first_token_seconds",
        "0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 20 40 80 160 640",
    ),
    (
        "ollama_time_per_output_token_seconds",
        "0.005 0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.5 1 2.5",
    ),
    (
        "ollama_tap_queue_wait_seconds",
        "0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 20 40 80 160 640",
    ),
];

#[test]
fn histograms_have_the_buckets_of_the_contract() {
    let last = done(14, 2);
    let body = [
        STREAM_HEAD.as_bytes(),
        &token("a"),
        &token("b"),
        &last[..last.len() - LAST_CHUNK.len()],
        LAST_CHUNK,
    ]
    .concat();
    let (_ollama, tap) = tapped(body);
    tap.ask(
        "POST",
        post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#),
    );
    let scrape = tap.scrape_until("the request", |scrape| {
        metric("ollama_requests_total")
            .label("status", "success")
            .value(1.0)
            .is_in(scrape)
    });
    for (family, buckets) in BUCKETS {
        let bounds = scrape
            .samples()
            .filter(|(series, _)| series.name == format!("{family}_bucket"));
        let mut bounds: Vec<f64> = bounds
            .map(|(series, _)| series.labels["le"].parse().expect("a bound"))
            .collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let mut wanted: Vec<f64> = buckets
            .split(' ')
            .map(|bound| bound.parse().expect("a bound"))
            .collect();
        wanted.push(f64::INFINITY);
        assert_eq!(bounds, wanted, "{family}");
    }
}
