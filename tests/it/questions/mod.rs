//! Questions to the history from a terminal, put to a scripted tap: what is asked, what is shown, and the exit codes.

/// `ollama-tap export`: its formats, and that a file is written whole or not at all.
mod exporting;
/// `ollama-tap search -f`: what enters the history while it runs.
mod following;
/// Which history a question reads, and what it leaves as it is.
#[cfg(target_os = "linux")]
mod places;
/// `ollama-tap search`: its filters, its text and its JSON.
mod searching;
/// `ollama-tap show`: one request whole.
mod showing;
/// `ollama-tap stats`: the table, the JSON and an empty history.
mod statistics;
/// What asks on a terminal.
mod terminal;

use std::fs;

use serde_json::{Value, json};

use crate::harness::ollama::{json as ok, reply};
use crate::harness::{
    AfterReply, FakeOllama, Options, ReceivedRequest, assert_contains, run_expecting,
};

const GREETING: &str = r#"{"ollama_tap":"0.1.0"}"#;

/// A tap that answers every page but its greeting with these bytes, as often as it is asked.
fn tap_of(pages: Vec<(&'static str, Vec<u8>)>) -> FakeOllama {
    FakeOllama::start(move |conn| {
        let path = conn.head.path().to_owned();
        let page = pages.iter().find(|(name, _)| *name == path);
        let bytes = match page {
            Some((_, bytes)) => bytes.clone(),
            None if path == "/healthz" => ok(GREETING),
            None => reply(
                "404 Not Found",
                &["Content-Type: application/json"],
                r#"{"error":"there is no such page"}"#,
            ),
        };
        conn.answer(bytes)?;
        Ok(AfterReply::KeepAlive)
    })
}

fn ask(tap: &FakeOllama, words: &[&str]) -> Options {
    Options::bare(words).args(&["--listen", &tap.addr.to_string()])
}

/// The request of a page, without the greeting before it.
fn next_request(tap: &FakeOllama, path: &str) -> ReceivedRequest {
    loop {
        let received = tap.next();
        if received.head.path() == path {
            return received;
        }
    }
}

pub fn record(id: &str, prompt: &str) -> Value {
    json!({
        "interaction_id": id, "timestamp": 1_795_252_622.5, "model": "phi4", "endpoint": "api/chat", "prompt_category": "other",
        "prompt_full": prompt, "prompt_preview": prompt, "prompt_tokens": 12, "generated_tokens": 33, "duration_seconds": 1.25,
        "status": "success", "metadata": {"client_ip": "127.0.0.1"}
    })
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

fn about(records: u64) -> Vec<u8> {
    let newest = (records > 0).then_some(1_700_000_000.0);
    let about = json!({
        "backend": "sqlite", "data_dir": "/srv/history", "queue_size": 0, "retention_days": 7, "categories": {},
        "records": records, "bytes": 5, "oldest": newest, "newest": newest
    });
    ok(&about.to_string())
}

#[test]
fn of_an_empty_history_a_search_finds_nothing_and_an_export_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let tap = tap_of(vec![
        ("/analytics/search", ok("[]")),
        ("/analytics/export", ok("")),
        ("/analytics/stats", about(0)),
    ]);
    let file = dir.path().join("a.csv");
    let (_, stderr) = run_expecting(ask(&tap, &["search", "x"]), 1);
    assert_contains(&stderr, &["nothing to read: there are no records in "]);
    assert_eq!(run_expecting(ask(&tap, &["export"]), 0).0, "");
    let file = file.to_str().unwrap();
    run_expecting(ask(&tap, &["export", "-o", file]), 0);
    assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 1);
}

#[test]
fn purge_through_the_tap_deletes_the_selection_and_asks_only_on_a_terminal() {
    let tap = tap_of(vec![
        ("/analytics/messages", ok(r#"{"deleted":1234}"#)),
        ("/analytics/stats", about(2000)),
    ]);
    let (stdout, _) = run_expecting(ask(&tap, &["purge", "--before", "2023-11-14T22:13:20Z"]), 0);
    assert_contains(
        &stdout,
        &[
            "deleted 1,234 records older than 2023-11-1",
            "in /srv/history (sqlite), through the tap",
        ],
    );
    let question = next_request(&tap, "/analytics/messages");
    assert_eq!(
        (question.head.method(), question.head.target()),
        ("DELETE", "/analytics/messages?before_time=1700000000")
    );
    run_expecting(ask(&tap, &["purge", "--all", "--yes"]), 0);
    assert_eq!(
        next_request(&tap, "/analytics/messages").head.target(),
        "/analytics/messages?all=true"
    );
}

#[test]
fn purge_needs_exactly_one_selection() {
    let tap = tap_of(Vec::new());
    for words in [
        &["purge"][..],
        &["purge", "--all", "--before", "1"],
        &["purge", "--before", "soon"],
    ] {
        let (_, stderr) = run_expecting(ask(&tap, words), 2);
        assert_contains(&stderr, &["--before"]);
    }
    assert!(tap.take_received().is_empty());
}

#[test]
fn purge_refuses_empty_values_and_asks_nobody() {
    let tap = tap_of(Vec::new());
    for (words, name) in [
        (&["purge", "--model", ""][..], "--model"),
        (&["purge", "--q", "x", "--client", ""], "--client"),
        (&["purge", ""], "ID"),
        (&["purge", "00ff", "--model", "x"], "exclude each other"),
    ] {
        let (_, stderr) = run_expecting(ask(&tap, words), 2);
        assert_contains(&stderr, &[name]);
    }
    assert!(tap.take_received().is_empty());
}

#[test]
fn errors_of_the_tap_are_printed_in_one_line() {
    let error = r#"{"error":"the backend none keeps no history\u001b[2J\nstart with --analytics-backend jsonl"}"#;
    for status in [
        "400 Bad Request",
        "403 Forbidden",
        "404 Not Found",
        "503 Service Unavailable",
    ] {
        let answer = || reply(status, &["Content-Type: application/json"], error);
        let pages = [
            "/analytics/stats",
            "/analytics/stats/enhanced",
            "/analytics/search",
            "/analytics/export",
            "/analytics/messages",
            "/analytics/why",
        ];
        let tap = tap_of(pages.map(|page| (page, answer())).to_vec());
        for words in [
            &["stats"][..],
            &["search", "x"],
            &["export"],
            &["purge", "--all"],
            &["why"],
        ] {
            let (stdout, stderr) = run_expecting(ask(&tap, words), 1);
            assert_eq!(
                (stdout.as_str(), stderr.lines().count()),
                ("", 1),
                "{stderr}"
            );
            assert_contains(
                &stderr,
                &[
                    "ollama-tap: ask the tap at http://127.0.0.1:",
                    r"no history\u{1b}[2J start with --analytics-backend jsonl",
                ],
            );
        }
    }
}

#[test]
fn an_ollama_is_no_tap_and_the_next_address_is_tried() {
    let ollama = FakeOllama::always(reply(
        "404 Not Found",
        &["Content-Type: text/plain"],
        "404 page not found",
    ));
    let (_, stderr) = run_expecting(ask(&ollama, &["stats"]), 1);
    assert_contains(&stderr, &[&format!("no tap answers at {}", ollama.addr)]);
    let nowhere =
        Options::bare(&["search", "x"]).env("OLLAMA_TAP_LISTEN", &ollama.addr.to_string());
    assert_contains(&run_expecting(nowhere, 1).1, &["ollama_analytics"]);
}

#[test]
fn a_named_directory_is_read_and_no_tap_is_asked() {
    let tap = tap_of(Vec::new());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    for words in [
        &["stats"][..],
        &["search", "x"],
        &["export"],
        &["purge", "--all"],
    ] {
        let (_, stderr) = run_expecting(ask(&tap, words).args(&["--analytics-dir", path]), 1);
        assert_contains(&stderr, &["nothing to read", path]);
        let (_, stderr) = run_expecting(
            ask(&tap, words).args(&[
                "--analytics-dir",
                "missing",
                "--analytics-backend",
                "sqlite",
            ]),
            1,
        );
        assert_contains(
            &stderr,
            &["nothing to read: missing holds no sqlite history"],
        );
    }
    assert!(tap.take_received().is_empty());
    assert_eq!(
        fs::read_dir(path).unwrap().count(),
        0,
        "a question leaves nothing behind"
    );
}

#[test]
fn all_bad_values_are_reported_at_once() {
    let options = Options::bare(&[
        "search", "--limit", "0", "--status", "well", "--end", "soon", "--listen", "a b",
        "--token", "a b",
    ]);
    let (_, stderr) = run_expecting(options.env("ANALYTICS_BACKEND", "tape"), 2);
    for name in [
        "--limit",
        "--status",
        "--end",
        "--listen",
        "--token",
        "ANALYTICS_BACKEND",
    ] {
        assert!(
            stderr
                .lines()
                .any(|line| line.starts_with(&format!("ollama-tap: bad value for {name}: "))),
            "{name}: {stderr}"
        );
    }
    assert_contains(
        &run_expecting(Options::bare(&["stats", "--hours", "-1"]), 2).1,
        &["--hours"],
    );
    assert_contains(
        &run_expecting(Options::bare(&["export", "--format", "xml"]), 2).1,
        &["json, csv or jsonl"],
    );
    assert_contains(
        &run_expecting(Options::bare(&["stats", "stray"]), 2).1,
        &["stray", "`ollama-tap stats --help`"],
    );
}
