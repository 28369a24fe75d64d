//! Replies of the demo: every dialect, its models, its streams and its crashes.

use std::time::{Duration, Instant};

use super::{MARK, TEXTS, demo, started};
use crate::harness::runner::within;
use crate::harness::{metric, post, request};
use crate::realparts::{has_clients, run_clients};

#[test]
fn every_dialect_is_answered_and_every_reply_is_marked() {
    let (tap, _dir) = started();
    for (path, body) in TEXTS {
        for body in [
            body.to_owned(),
            body.replacen('{', r#"{"stream":true,"#, 1)
                .replace(r#","stream":false"#, ""),
        ] {
            let reply = tap.ask("POST", post(path, &body));
            assert_eq!(reply.status(), 200, "{path}: {}", reply.text());
            assert!(reply.head.get("x-ollama-tap-demo").is_some(), "{path}");
            let is_stream = body.contains(r#""stream":true"#);
            assert!(
                reply
                    .text()
                    .contains(if is_stream { "(demo," } else { MARK }),
                "{path}: {}",
                reply.text()
            );
        }
    }
    for path in ["/api/embed", "/api/embeddings", "/v1/embeddings"] {
        let reply = tap.ask(
            "POST",
            post(path, r#"{"model":"demo-embed","input":"x","prompt":"x"}"#),
        );
        assert!(
            reply.status() == 200 && reply.head.get("x-ollama-tap-demo").is_some(),
            "{path}: {}",
            reply.text()
        );
    }
    let counted = metric("ollama_requests_total").label("status", "success");
    let scrape = tap.scrape_until("all of them", |scrape| counted.sum(scrape) == 15.0);
    assert_eq!(metric("ollama_tap_parse_failures_total").sum(&scrape), 0.0);
}

#[test]
fn it_is_an_ollama_in_everything_else() {
    let (tap, _dir) = demo(&["--listen", "127.0.0.1:0"])
        .env("OLLAMA_TAP_TEST_POLL_MS", "20")
        .start();
    assert_eq!(tap.get("/").text(), "Ollama is running");
    assert_eq!(tap.ask("HEAD", request("HEAD", "/", &[], "")).status(), 200);
    assert!(tap.get("/api/version").text().contains("demo"));
    assert_eq!(
        tap.get("/api/tags").json()["models"][0]["name"],
        "demo-chat:latest"
    );
    assert_eq!(
        tap.get("/v1/models").json()["data"][0]["id"],
        "demo-chat:latest"
    );
    assert_eq!(tap.get("/test").json()["status"], "ok");
    assert_eq!(
        tap.ask("POST", post("/api/show", r#"{"model":"demo-tools"}"#))
            .json()["capabilities"][1],
        "tools"
    );
    let missing = tap.ask(
        "POST",
        post("/api/chat", r#"{"model":"nope","messages":[]}"#),
    );
    assert_eq!(
        (missing.status(), missing.text().as_str()),
        (404, r#"{"error":"model 'nope' not found"}"#)
    );
    let loading = tap.ask("POST", post("/api/generate", r#"{"model":"demo-chat"}"#));
    assert_eq!(loading.json()["done_reason"], "load");
    let loaded = metric("ollama_model_loaded").label("model", "demo-chat");
    tap.scrape_until("the loaded model", |scrape| loaded.is_in(scrape));
}

#[test]
fn a_model_loads_at_its_first_use() {
    let (tap, _dir) = started();
    let ask = |body| {
        tap.ask("POST", post("/api/generate", body)).json()["load_duration"]
            .as_u64()
            .expect("a duration")
    };
    let body = r#"{"model":"demo-chat","prompt":"Why?","stream":false}"#;
    let (cold, warm) = (ask(body), ask(body));
    assert!(cold > 10 * warm, "{cold} ns cold, {warm} ns warm");
}

#[test]
fn a_stream_comes_word_by_word() {
    let (tap, _dir) = demo(&["--listen", "127.0.0.1:0"])
        .env("OLLAMA_TAP_TEST_DEMO_SPEED_UP", "4")
        .start(); // words a busy machine tells apart
    let mut client = tap.connect();
    client
        .send(post(
            "/api/generate",
            r#"{"model":"demo-chat","prompt":"Why?"}"#,
        ))
        .head("POST");
    let first = client.piece().expect("a piece").expect("a stream");
    assert!(
        !String::from_utf8_lossy(&first).contains("\"done\":true"),
        "all at once"
    );
    let rest = client.read_until("\"done\":true");
    let words = rest.split(|byte| *byte == b'\n').count();
    assert!(words > 5, "{words} words");
}

#[test]
fn now_and_then_a_model_crashes_for_the_traffic_and_for_nobody_else() {
    let (tap, _dir) = demo(&["--listen", "127.0.0.1:0"])
        .env("OLLAMA_TAP_TEST_DEMO_SEED", "1")
        .env("OLLAMA_TAP_TEST_DEMO_SPEED_UP", "20000")
        .start();
    let mut client = tap.connect();
    let mut ask_as = |user_agent: &str, stream| {
        let body = format!(r#"{{"model":"demo-chat","prompt":"Why?","stream":{stream}}}"#);
        let user_agent = format!("User-Agent: {user_agent}");
        let headers = ["Content-Type: application/json", &user_agent];
        client
            .send(request("POST", "/api/generate", &headers, &body))
            .reply("POST")
    };
    for _ in 0..100 {
        assert_eq!(ask_as("curl/8.5.0", false).status(), 200);
    }
    let mut ask = |stream| ask_as("curl/8.5.0 (ollama-tap demo)", stream);
    let crash = "an error was encountered while running the model: unexpected EOF";
    let whole = (0..500)
        .map(|_| ask(false))
        .find(|reply| reply.status() != 200)
        .expect("a crash");
    assert!(
        whole.status() == 500 && whole.text().contains(crash),
        "{}",
        whole.text()
    );
    let streamed = (0..500)
        .map(|_| ask(true))
        .find(|reply| !reply.text().contains(r#""done":true"#))
        .expect("a crash");
    assert!(streamed.text().ends_with(&format!(
        "{{\"error\":\"{crash}\"}}{}",
        if streamed.status() == 200 { "\n" } else { "" }
    )));
    let errors = metric("ollama_requests_total").label("status", "error");
    tap.scrape_until("two errors", |scrape| errors.sum(scrape) == 2.0);
}

#[test]
fn a_burst_of_connections_is_answered_at_once() {
    let (tap, _dir) = started();
    let began = Instant::now();
    let mut clients: Vec<_> = (0..40).map(|_| tap.connect()).collect();
    for client in &mut clients {
        _ = client.send(post(TEXTS[0].0, TEXTS[0].1));
    }
    for client in &mut clients {
        assert_eq!(client.reply("POST").status(), 200);
    }
    assert!(
        began.elapsed() < within(Duration::from_secs(5)),
        "took {:?}",
        began.elapsed()
    );
}

#[test]
fn python_clients_talk_to_it() {
    if !has_clients() {
        return;
    }
    let (tap, _dir) = started();
    let output = run_clients(
        &[format!("http://{}", tap.addr)],
        &["demo-chat", "demo-embed"],
    );
    assert_eq!(output.lines().count(), 16, "{output}");
    let texts = output.lines().filter(|line| line.contains(MARK));
    assert!(texts.count() >= 5, "{output}");
    assert_eq!(
        output
            .lines()
            .filter(|line| line.contains("nope") && line.contains("404"))
            .count(),
        3,
        "{output}"
    );
}
