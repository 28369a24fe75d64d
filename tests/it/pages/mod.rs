//! The tap's own pages: /metrics, /test, /healthz, and who may see them.

/// Access to them.
mod access;
/// What is now.
mod active;

use std::io::Read;

use crate::harness::ollama::json;
use crate::harness::{Scrape, request, tap_answering};

#[test]
fn metrics_are_prometheus_text() {
    let (ollama, tap) = tap_answering(json("{}"));
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
        ollama.take_received().is_empty(),
        "an own page was asked of Ollama"
    );
}

#[test]
fn metrics_are_compressed_on_request() {
    let (_ollama, tap) = tap_answering(json("{}"));
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
    let (_ollama, tap) = tap_answering(json("{}"));
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
    let (ollama, tap) = tap_answering(json("\"ollama\""));
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
fn healthz_reports_the_version() {
    let (_ollama, tap) = tap_answering(json("{}"));
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
    let (ollama, tap) = tap_answering(json("{}"));
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

#[test]
fn the_series_of_the_history_and_of_the_process_are_there_from_the_first_scrape() {
    let (_ollama, tap) = tap_answering(json("{}"));
    let scrape = tap.scrape();
    for name in [
        "ollama_analytics_writes_total",
        "process_resident_memory_bytes",
    ] {
        assert!(scrape.names().any(|found| found == name), "no {name}");
    }
}
