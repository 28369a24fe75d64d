//! `ollama-tap demo` as a newcomer meets it: it answers everything, says what it is, and leaves nothing behind.

/// Its replies: every dialect, its models, its streams and its crashes.
mod answers;
/// Its end leaves nothing behind.
mod ending;
/// What `why` tells of its traffic.
mod troubles;

use std::net::TcpListener;

use serde_json::Value;

use crate::harness::ollama::json;
use crate::harness::{FakeOllama, Options, Proxy, Scrape, metric, post};

const MARK: &str = "(demo, no model was asked)";

/// Requests to every endpoint that answers in text.
const TEXTS: [(&str, &str); 6] = [
    (
        "/api/generate",
        r#"{"model":"demo-chat","prompt":"Why?","stream":false}"#,
    ),
    (
        "/api/chat",
        r#"{"model":"demo-chat","messages":[{"role":"user","content":"Why?"}],"stream":false}"#,
    ),
    (
        "/v1/chat/completions",
        r#"{"model":"demo-chat","messages":[{"role":"user","content":"Why?"}]}"#,
    ),
    (
        "/v1/completions",
        r#"{"model":"demo-chat","prompt":"Why?"}"#,
    ),
    ("/v1/responses", r#"{"model":"demo-chat","input":"Why?"}"#),
    (
        "/v1/messages",
        r#"{"model":"demo-chat","max_tokens":99,"messages":[{"role":"user","content":"Why?"}]}"#,
    ),
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
    let options = Options::bare(&["demo"])
        .args(args)
        .env("OLLAMA_TAP_TEST_DEMO_SPEED_UP", "40")
        .env("OLLAMA_TAP_TEST_DEMO_SEED", "0");
    Demo {
        options: options.env("TMPDIR", &path).env("TMP", &path),
        temporary,
    } // one is of Unix, one of Windows
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

/// The values that a label has in series that counted something.
fn seen(scrape: &Scrape, label: &str) -> Vec<String> {
    let counted = scrape
        .samples()
        .filter(|(series, value)| series.name == "ollama_requests_total" && *value > 0.0);
    let mut values: Vec<String> = counted
        .map(|(series, _)| series.labels[label].clone())
        .collect();
    values.sort();
    values.dedup();
    values
}

#[test]
fn traffic_fills_metrics_and_history_within_seconds() {
    let (tap, _dir) = demo(&["--listen", "127.0.0.1:0", "--traffic"])
        .env("OLLAMA_TAP_TEST_FLUSH_MS", "20")
        .start();
    let all =
        |scrape: &Scrape| seen(scrape, "endpoint").len() == 9 && seen(scrape, "status").len() == 3;
    let scrape = tap.scrape_until("every endpoint and every status", all);
    assert_eq!(seen(&scrape, "status"), ["cancelled", "error", "success"]);
    let counted = metric("ollama_requests_total");
    tap.scrape_until("all that is said at first", |scrape| {
        counted.sum(scrape) >= 20.0 && seen(scrape, "prompt_category").len() == 11
    });
    let records = || match tap.get("/analytics/search?prompt_search=sky").json() {
        Value::Array(records) => records,
        other => panic!("no list: {other}"),
    };
    crate::harness::eventually("a record with its mark", || {
        records().iter().any(|record| {
            record["response_full"]
                .as_str()
                .is_some_and(|text| text.starts_with(MARK))
        })
    });
    let users: Vec<Value> = records()
        .iter()
        .map(|record| record["metadata"]["user_agent"].clone())
        .collect();
    assert!(
        users.iter().all(|user| user
            .as_str()
            .is_some_and(|user| user.contains("ollama-tap demo"))),
        "{users:?}"
    );
}

#[test]
fn it_prints_its_address_first_and_then_what_to_try() {
    let (tap, dir) = demo(&["--listen", "127.0.0.1:0"])
        .env("OLLAMA_TAP_TEST_FLUSH_MS", "20")
        .start();
    tap.wait_log("Ctrl-C ends it");
    let log = tap.log();
    let first: Vec<&str> = log.lines().take(3).collect();
    assert!(
        first[0].starts_with("listening on http://127.0.0.1:"),
        "{log}"
    );
    assert!(
        first[1].starts_with("forwarding to http://127.0.0.1:")
            && first[2].starts_with("storing in "),
        "{log}"
    );
    assert!(first[2].contains(&*dir.path().to_string_lossy()), "{log}");
    for words in [
        "/metrics",
        "ollama-tap search sky --listen",
        "ollama-tap stats --listen",
        "ollama-tap why --listen",
        "no model is asked",
        "deleted at the end",
    ] {
        assert!(
            log.lines().any(|line| line.contains(words)),
            "no {words:?} in {log}"
        );
    }
    assert_eq!(tap.ask("POST", post(TEXTS[0].0, TEXTS[0].1)).status(), 200);
    let written = metric("ollama_analytics_writes_total")
        .label("status", "success")
        .value(1.0);
    tap.scrape_until("its record", |scrape| written.is_in(scrape));
    let (exit, stdout, stderr) = Options::bare(&["stats", "--listen", &tap.addr.to_string()]).run();
    assert_eq!(exit, 0, "{stdout}{stderr}");
}

#[test]
fn with_ollamas_port_taken_it_reports_that_first_and_takes_a_free_one() {
    let is_free = TcpListener::bind("127.0.0.1:11434").is_ok();
    let _holder = is_free.then(|| FakeOllama::start_on(11434, |conn| conn.answer(json("{}"))));
    let (tap, _dir) = demo(&[]).start();
    assert_ne!(tap.addr.port(), 11434);
    assert!(tap.addr.ip().is_loopback());
    assert!(
        tap.log().starts_with("127.0.0.1:11434 is taken"),
        "{}",
        tap.log()
    );
    let (exit, _, stderr) = demo(&["--listen", "127.0.0.1:11434"]).options.run();
    assert!(exit == 1 && stderr.contains("--listen"), "{stderr}");
}

#[test]
fn proxys_flags_work_but_for_the_upstream() {
    let flags = |command: &str| -> Vec<String> {
        let (_, help, _) = Options::bare(&[command, "--help"]).run();
        let flag = |line: &str| {
            Some(
                line.strip_prefix("  --")?
                    .split([' ', ','])
                    .next()?
                    .to_owned(),
            )
        };
        help.lines().filter_map(flag).collect()
    };
    let (proxy, demo_flags) = (flags("proxy"), flags("demo"));
    let lacks: Vec<&String> = proxy
        .iter()
        .filter(|flag| !demo_flags.contains(flag))
        .collect();
    assert_eq!(
        (lacks, demo_flags.len()),
        (vec![&"upstream".to_owned()], proxy.len()),
        "{demo_flags:?}"
    );

    let (exit, _, stderr) = demo(&[
        "--workers",
        "none",
        "--analytics-backend",
        "tape",
        "--retention-days",
        "x",
    ])
    .options
    .run();
    assert!(
        exit == 2
            && ["none", "tape", "x"]
                .iter()
                .all(|value| stderr.contains(&format!("`{value}`"))),
        "{stderr}"
    );
    // An upstream of the environment's is none of the demo's business.
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--workers",
        "5",
        "--analytics-backend",
        "sqlite",
    ];
    let (tap, _dir) = demo(&args).env("OLLAMA_HOST", "ftp://x").start();
    assert!(metric("ollama_tap_workers").value(5.0).is_in(&tap.scrape()));
    tap.wait_log("(sqlite)");
}
