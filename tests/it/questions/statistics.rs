//! `ollama-tap stats`: the table, the JSON and an empty history.

use serde_json::{Value, json};

use super::{about, ask, tap_of};
use crate::harness::ollama::json as ok;
use crate::harness::{FakeOllama, Options, assert_contains, run_expecting};

fn group(name: &str, requests: u64) -> Value {
    let spread = json!({"mean": 1.5, "p50": 1.25, "p90": 2.0, "p95": 2.5, "p99": 3.0, "max": 4.0});
    json!({
        "name": name, "requests": requests, "success": requests, "error": 0, "cancelled": 0, "success_rate": 1.0,
        "prompt_tokens": 1000, "generated_tokens": 5000, "first_seen": 1.0, "last_seen": 2.0,
        "duration_seconds": spread, "time_to_first_token_seconds": spread, "tokens_per_second": spread
    })
}

pub fn enhanced(requests: u64) -> Vec<u8> {
    let groups = |name| {
        if requests > 0 {
            json!([group(name, requests)])
        } else {
            json!([])
        }
    };
    let numbers = json!({
        "hours": 48.0, "start_time": 1_795_079_822.0, "end_time": 1_795_252_622.0, "totals": group("all", requests),
        "by_model": groups("llama3.2:latest"), "by_category": groups("question"), "by_endpoint": [], "by_status": [], "groups": groups("hf.co/bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M"),
        "timeline_step_seconds": 1800.0, "timeline": []
    });
    ok(&numbers.to_string())
}

fn with_statistics(requests: u64, records: u64) -> FakeOllama {
    tap_of(vec![
        ("/analytics/stats", about(records)),
        ("/analytics/stats/enhanced", enhanced(requests)),
    ])
}

#[test]
fn stats_asks_the_running_tap_and_prints_a_table() {
    let tap = with_statistics(1234, 1234);
    let (stdout, _) = run_expecting(
        ask(&tap, &["stats", "--hours", "48", "--token", "t0ken"]),
        0,
    );
    assert_contains(
        &stdout,
        &[
            "the last 48 hours",
            "/srv/history (sqlite), through the tap at http://127.0.0.1:",
            "1,234 requests, 100.0% successful",
        ],
    );
    assert_contains(
        &stdout,
        &["llama3.2:latest", "question", "1.25 s", "2.50 s", "5,000"],
    );
    let greeting = tap.next();
    assert_eq!(
        (greeting.head.path(), greeting.head.get("authorization")),
        ("/healthz", None),
        "a stranger is shown no token"
    );
    let question = tap.next();
    assert_eq!(question.head.target(), "/analytics/stats/enhanced?hours=48");
    assert_eq!(question.head.get("authorization"), Some("Bearer t0ken"));
}

#[test]
fn stats_as_json_is_one_object_with_its_source() {
    let tap = with_statistics(3, 3);
    let (stdout, stderr) = run_expecting(
        Options::bare(&["stats", "--json"]).env("OLLAMA_TAP_LISTEN", &tap.addr.to_string()),
        0,
    );
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&answer["source"]["data_dir"], &answer["totals"]["requests"]),
        (&json!("/srv/history"), &json!(3))
    );
    assert_eq!(stderr, "");
}

#[test]
fn stats_of_a_quiet_time_names_the_newest_record_and_of_an_empty_history_are_empty() {
    let (stdout, _) = run_expecting(ask(&with_statistics(0, 70), &["stats"]), 0);
    assert_contains(
        &stdout,
        &[
            "no requests in the last 24 hours",
            "70 older records",
            "2023-11-1",
        ],
    );
    let empty = with_statistics(0, 0);
    let (stdout, _) = run_expecting(ask(&empty, &["stats"]), 0);
    assert_contains(&stdout, &["there are no records in /srv/history"]);
    let (stdout, _) = run_expecting(ask(&empty, &["stats", "--json"]), 0);
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(answer["totals"]["requests"], 0);
}

#[test]
fn stats_asks_with_every_filter_of_a_search_and_for_groups_by_the_clock_here() {
    let tap = with_statistics(3, 3);
    let words = [
        "stats", "--start", "1.5", "--model", "phi4", "--client", "curl", "--q", "sky", "--by",
        "day",
    ];
    let options = ask(&tap, &words).env("TZ", "Europe/Rome");
    run_expecting(options, 0);
    let target = super::next_request(&tap, "/analytics/stats/enhanced");
    assert_eq!(
        target.head.target(),
        "/analytics/stats/enhanced?start_time=1.5&model=phi4&q=sky&client=curl&by=day&tz=Europe%2FRome"
    );
}

#[test]
fn where_no_request_named_the_model_those_that_there_are_are_named() {
    let tap = tap_of(vec![
        ("/analytics/stats", about(5)),
        ("/analytics/stats/enhanced", enhanced(3)),
        ("/analytics/search", ok("[]")),
    ]);
    let (_, stderr) = run_expecting(ask(&tap, &["search", "--model", "llama"]), 1);
    assert_contains(
        &stderr,
        &["no request named the model llama; there are llama3.2:latest"],
    );
}
