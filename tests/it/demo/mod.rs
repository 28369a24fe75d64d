//! `ollama-tap demo` as a newcomer meets it: it answers everything, says what it is, and leaves nothing behind.

/// What is left when it has ended.
mod ending;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::ollama::json;
use crate::harness::runner::within;
use crate::harness::{FakeOllama, Options, Proxy, Scrape, metric, post, request};
use crate::realparts::{has_clients, run_clients};

const MARK: &str = "(demo, no model was asked)";

/// Requests to every endpoint that answers in text.
const TEXTS: [(&str, &str); 6] = [
    ("/api/generate", r#"{"model":"demo-chat","prompt":"Why?","stream":false}"#),
    ("/api/chat", r#"{"model":"demo-chat","messages":[{"role":"user","content":"Why?"}],"stream":false}"#),
    ("/v1/chat/completions", r#"{"model":"demo-chat","messages":[{"role":"user","content":"Why?"}]}"#),
    ("/v1/completions", r#"{"model":"demo-chat","prompt":"Why?"}"#),
    ("/v1/responses", r#"{"model":"demo-chat","input":"Why?"}"#),
    ("/v1/messages", r#"{"model":"demo-chat","max_tokens":99,"messages":[{"role":"user","content":"Why?"}]}"#),
];

/// A demo whose temporary directories lie in one of the test's, and how much faster than a person's machine it is.
struct Demo {
    options: Options,
    temporary: tempfile::TempDir,
}

/// No model ever crashes in it.
fn demo(args: &[&str]) -> Demo {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let path = temporary.path().to_string_lossy().into_owned();
    let options = Options::bare(&["demo"]).args(args).env("OLLAMA_TAP_TEST_DEMO_HASTE", "40").env("OLLAMA_TAP_TEST_DEMO_SEED", "0");
    Demo { options: options.env("TMPDIR", &path).env("TMP", &path), temporary } // one is of Unix, one of Windows
}

impl Demo {
    fn env(mut self, name: &str, value: &str) -> Demo {
        self.options = self.options.env(name, value);
        self
    }

    fn start(self) -> (Proxy, tempfile::TempDir) {
        (self.options.start(), self.temporary)
    }
}

/// On a free port.
fn started() -> (Proxy, tempfile::TempDir) {
    demo(&["--listen", "127.0.0.1:0"]).start()
}

#[test]
fn every_dialect_is_answered_and_every_reply_is_marked() {
    let (tap, _dir) = started();
    for (path, body) in TEXTS {
        for body in [body.to_owned(), body.replacen('{', r#"{"stream":true,"#, 1).replace(r#","stream":false"#, "")] {
            let reply = tap.ask("POST", post(path, &body));
            assert_eq!(reply.status(), 200, "{path}: {}", reply.text());
            assert!(reply.head.get("x-ollama-tap-demo").is_some(), "{path}");
            let is_stream = body.contains(r#""stream":true"#);
            assert!(reply.text().contains(if is_stream { "(demo," } else { MARK }), "{path}: {}", reply.text());
        }
    }
    for path in ["/api/embed", "/api/embeddings", "/v1/embeddings"] {
        let reply = tap.ask("POST", post(path, r#"{"model":"demo-embed","input":"x","prompt":"x"}"#));
        assert!(reply.status() == 200 && reply.head.get("x-ollama-tap-demo").is_some(), "{path}: {}", reply.text());
    }
    let counted = metric("ollama_requests_total").label("status", "success");
    let scrape = tap.scrape_until("all of them", |scrape| counted.sum(scrape) == 15.0);
    assert_eq!(metric("ollama_tap_parse_failures_total").sum(&scrape), 0.0);
}

#[test]
fn it_is_an_ollama_in_everything_else() {
    let (tap, _dir) = demo(&["--listen", "127.0.0.1:0"]).env("OLLAMA_TAP_TEST_POLL_MS", "20").start();
    assert_eq!(tap.get("/").text(), "Ollama is running");
    assert_eq!(tap.ask("HEAD", request("HEAD", "/", &[], "")).status(), 200);
    assert!(tap.get("/api/version").text().contains("demo"));
    assert_eq!(tap.get("/api/tags").json()["models"][0]["name"], "demo-chat:latest");
    assert_eq!(tap.get("/v1/models").json()["data"][0]["id"], "demo-chat:latest");
    assert_eq!(tap.get("/test").json()["status"], "ok");
    assert_eq!(tap.ask("POST", post("/api/show", r#"{"model":"demo-tools"}"#)).json()["capabilities"][1], "tools");
    let missing = tap.ask("POST", post("/api/chat", r#"{"model":"nope","messages":[]}"#));
    assert_eq!((missing.status(), missing.text().as_str()), (404, r#"{"error":"model 'nope' not found"}"#));
    let loading = tap.ask("POST", post("/api/generate", r#"{"model":"demo-chat"}"#));
    assert_eq!(loading.json()["done_reason"], "load");
    let loaded = metric("ollama_model_loaded").label("model", "demo-chat");
    tap.scrape_until("the loaded model", |scrape| loaded.is_in(scrape));
}

#[test]
fn a_model_loads_at_its_first_use() {
    let (tap, _dir) = started();
    let ask = |body| tap.ask("POST", post("/api/generate", body)).json()["load_duration"].as_u64().expect("a duration");
    let body = r#"{"model":"demo-chat","prompt":"Why?","stream":false}"#;
    let (cold, warm) = (ask(body), ask(body));
    assert!(cold > 10 * warm, "{cold} ns cold, {warm} ns warm");
}

#[test]
fn a_stream_comes_word_by_word() {
    let (tap, _dir) = demo(&["--listen", "127.0.0.1:0"]).env("OLLAMA_TAP_TEST_DEMO_HASTE", "4").start(); // words a busy machine tells apart
    let mut client = tap.connect();
    client.send(post("/api/generate", r#"{"model":"demo-chat","prompt":"Why?"}"#)).head("POST");
    let first = client.piece().expect("a piece").expect("a stream");
    assert!(!String::from_utf8_lossy(&first).contains("\"done\":true"), "all at once");
    let rest = client.read_until("\"done\":true");
    let words = rest.split(|byte| *byte == b'\n').count();
    assert!(words > 5, "{words} words");
}

#[test]
fn now_and_then_a_model_crashes() {
    let (tap, _dir) =
        demo(&["--listen", "127.0.0.1:0"]).env("OLLAMA_TAP_TEST_DEMO_SEED", "1").env("OLLAMA_TAP_TEST_DEMO_HASTE", "20000").start();
    let mut client = tap.connect();
    let mut ask = |stream| {
        let body = format!(r#"{{"model":"demo-chat","prompt":"Why?","stream":{stream}}}"#);
        client.send(post("/api/generate", &body)).reply("POST")
    };
    let crash = "an error was encountered while running the model: unexpected EOF";
    let whole = (0..500).map(|_| ask(false)).find(|reply| reply.status() != 200).expect("a crash");
    assert!(whole.status() == 500 && whole.text().contains(crash), "{}", whole.text());
    let streamed = (0..500).map(|_| ask(true)).find(|reply| !reply.text().contains(r#""done":true"#)).expect("a crash");
    assert!(streamed.text().ends_with(&format!("{{\"error\":\"{crash}\"}}{}", if streamed.status() == 200 { "\n" } else { "" })));
    let errors = metric("ollama_requests_total").label("status", "error");
    tap.scrape_until("two errors", |scrape| errors.sum(scrape) == 2.0);
}

#[test]
fn a_burst_of_connections_is_answered_at_once() {
    let (tap, _dir) = started();
    let began = Instant::now();
    let mut clients: Vec<_> = (0..40).map(|_| tap.connect()).collect();
    clients.iter_mut().for_each(|client| _ = client.send(post(TEXTS[0].0, TEXTS[0].1)));
    for client in &mut clients {
        assert_eq!(client.reply("POST").status(), 200);
    }
    assert!(began.elapsed() < within(Duration::from_secs(5)), "took {:?}", began.elapsed());
}

#[test]
fn python_clients_talk_to_it() {
    if !has_clients() {
        return;
    }
    let (tap, _dir) = started();
    let said = run_clients(&format!("http://{}", tap.addr), &["demo-chat", "demo-embed"]);
    assert_eq!(said.lines().count(), 16, "{said}");
    let texts = said.lines().filter(|line| line.contains(MARK));
    assert!(texts.count() >= 5, "{said}");
    assert_eq!(said.lines().filter(|line| line.contains("nope") && line.contains("404")).count(), 3, "{said}");
}

/// The values that a label has in series that counted something.
fn seen(scrape: &Scrape, label: &str) -> Vec<String> {
    let counted = scrape.samples().filter(|(series, value)| series.name == "ollama_requests_total" && *value > 0.0);
    let mut values: Vec<String> = counted.map(|(series, _)| series.labels[label].clone()).collect();
    values.sort();
    values.dedup();
    values
}

#[test]
fn traffic_fills_metrics_and_history_within_seconds() {
    let (tap, _dir) = demo(&["--listen", "127.0.0.1:0", "--traffic"]).env("OLLAMA_TAP_TEST_FLUSH_MS", "20").start();
    let all = |scrape: &Scrape| seen(scrape, "endpoint").len() == 9 && seen(scrape, "status").len() == 3;
    let scrape = tap.scrape_until("every endpoint and every status", all);
    assert_eq!(seen(&scrape, "status"), ["cancelled", "error", "success"]);
    let counted = metric("ollama_requests_total");
    tap.scrape_until("all that is said at first", |scrape| counted.sum(scrape) >= 20.0 && seen(scrape, "prompt_category").len() == 11);
    let records = || match tap.get("/analytics/search?prompt_search=sky").json() {
        Value::Array(records) => records,
        other => panic!("no list: {other}"),
    };
    crate::harness::eventually("a record with its mark", || {
        records().iter().any(|record| record["response_full"].as_str().is_some_and(|text| text.starts_with(MARK)))
    });
    let users: Vec<Value> = records().iter().map(|record| record["metadata"]["user_agent"].clone()).collect();
    assert!(users.iter().all(|user| user.as_str().is_some_and(|user| user.contains("ollama-tap demo"))), "{users:?}");
}

#[test]
fn it_says_first_where_it_listens_and_then_what_there_is_to_see() {
    let (tap, dir) = demo(&["--listen", "127.0.0.1:0"]).env("OLLAMA_TAP_TEST_FLUSH_MS", "20").start();
    tap.wait_log("Ctrl-C ends it");
    let log = tap.log();
    let first: Vec<&str> = log.lines().take(3).collect();
    assert!(first[0].starts_with("listening on http://127.0.0.1:"), "{log}");
    assert!(first[1].starts_with("forwarding to http://127.0.0.1:") && first[2].starts_with("storing in "), "{log}");
    assert!(first[2].contains(&*dir.path().to_string_lossy()), "{log}");
    for words in ["/metrics", "ollama-tap search sky --listen", "ollama-tap stats --listen", "no model is asked", "deleted at the end"] {
        assert!(log.lines().any(|line| line.contains(words)), "no {words:?} in {log}");
    }
    assert_eq!(tap.ask("POST", post(TEXTS[0].0, TEXTS[0].1)).status(), 200);
    let written = metric("ollama_analytics_writes_total").label("status", "success").value(1.0);
    tap.scrape_until("its record", |scrape| written.is_in(scrape));
    let (exit, stdout, stderr) = Options::bare(&["stats", "--listen", &tap.addr.to_string()]).run();
    assert_eq!(exit, 0, "{stdout}{stderr}");
}

#[test]
fn with_ollamas_port_taken_it_says_so_first_and_takes_a_free_one() {
    let is_free = TcpListener::bind("127.0.0.1:11434").is_ok();
    let _holder = is_free.then(|| FakeOllama::start_on(11434, |conn| conn.answer(json("{}"))));
    let (tap, _dir) = demo(&[]).start();
    assert_ne!(tap.addr.port(), 11434);
    assert!(tap.addr.ip().is_loopback());
    assert!(tap.log().starts_with("127.0.0.1:11434 is taken"), "{}", tap.log());
    let (exit, _, stderr) = demo(&["--listen", "127.0.0.1:11434"]).options.run();
    assert!(exit == 1 && stderr.contains("--listen"), "{stderr}");
}

#[test]
fn proxys_flags_work_but_for_the_upstream() {
    let flags = |command: &str| -> Vec<String> {
        let (_, help, _) = Options::bare(&[command, "--help"]).run();
        let flag = |line: &str| Some(line.strip_prefix("  --")?.split([' ', ',']).next()?.to_owned());
        help.lines().filter_map(flag).collect()
    };
    let (proxy, demo_flags) = (flags("proxy"), flags("demo"));
    let lacks: Vec<&String> = proxy.iter().filter(|flag| !demo_flags.contains(flag)).collect();
    assert_eq!((lacks, demo_flags.len()), (vec![&"upstream".to_owned()], proxy.len()), "{demo_flags:?}");

    let (exit, _, stderr) = demo(&["--workers", "none", "--analytics-backend", "tape", "--retention-days", "x"]).options.run();
    assert!(exit == 2 && ["none", "tape", "x"].iter().all(|value| stderr.contains(&format!("`{value}`"))), "{stderr}");
    // An upstream of the environment's is none of the demo's business.
    let args = ["--listen", "127.0.0.1:0", "--workers", "5", "--analytics-backend", "sqlite"];
    let (tap, _dir) = demo(&args).env("OLLAMA_HOST", "ftp://x").start();
    assert!(metric("ollama_tap_workers").value(5.0).is_in(&tap.scrape()));
    tap.wait_log("(sqlite)");
}
