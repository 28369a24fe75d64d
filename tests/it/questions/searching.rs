//! `ollama-tap search`: its filters, its text and its JSON.

use serde_json::{Value, json};

use super::{about, ask, next_request, record, tap_of};
use crate::harness::ollama::json as ok;
use crate::harness::{FakeOllama, Options, assert_contains, run_expecting};

#[test]
fn search_sends_every_filter_and_shows_what_came_without_obeying_it() {
    let records = json!([
        record("00000000000000ff", "a\u{1b}[2Jb\nc"),
        record("00000000000000fe", "older")
    ]);
    let tap = tap_of(vec![("/analytics/search", ok(&records.to_string()))]);
    let words = [
        "search", "100% &", "Ünd?", "--model", "a/b:c", "--status", "success", "--start", "1.5",
        "--limit", "2", "--before", "00", "--sort", "duration",
    ];
    let (stdout, _) = run_expecting(ask(&tap, &words), 0);
    assert!(!stdout.contains('\u{1b}'), "{stdout:?}");
    assert_contains(
        &stdout,
        &[
            r"    00000000000000ff  a\u{1b}[2Jb\nc",
            "phi4  api/chat  success  in 12 · out 33 tokens  1.25 s",
            "older",
        ],
    );
    let target = next_request(&tap, "/analytics/search")
        .head
        .target()
        .to_owned();
    assert_eq!(
        target,
        "/analytics/search?limit=2&start_time=1.5&model=a%2Fb%3Ac&prompt_search=100%25%20%26%20%C3%9Cnd%3F&status=success&sort=duration&before=00"
    );
}

#[test]
fn times_are_asked_for_as_people_say_them() {
    let tap = tap_of(vec![(
        "/analytics/search",
        ok(&json!([record("00", "x")]).to_string()),
    )]);
    let seconds = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.expect("a time after 1970").as_secs_f64()
    };
    let before = seconds();
    let words = ["search", "--since", "2h", "--until", "2026-11-21 09:17:02"];
    run_expecting(ask(&tap, &words).env("TZ", "UTC"), 0);
    let request = next_request(&tap, "/analytics/search");
    let target = request.head.target();
    let number = |name: &str| -> f64 {
        let text = target.split(&format!("{name}=")).nth(1);
        let text = text.and_then(|rest| rest.split('&').next());
        text.expect("the time").parse().expect("a number")
    };
    let ago = number("start_time") + 7200.0;
    assert!((before..=seconds()).contains(&ago), "{target}");
    // A second that we print counts to its end.
    assert!(
        (1_795_252_622.9..1_795_252_623.0).contains(&number("end_time")),
        "{target}"
    );
    let (_, stderr) = run_expecting(ask(&tap, &["search", "--since", "2h", "--start", "1"]), 2);
    assert_contains(&stderr, &["--since and --start say the same"]);
    let (_, stderr) = run_expecting(ask(&tap, &["purge", "--before", "soon"]), 2);
    assert_contains(
        &stderr,
        &["`soon`; accepted: a span back from now (30m, 2h, 7d)"],
    );
}

#[test]
fn a_token_that_is_wrong_is_not_called_missing() {
    let ollama = FakeOllama::always(ok("{}"));
    let tap = Options::to(&ollama).args(&["--token", "right"]).start();
    let listen = tap.addr.to_string();
    let stats =
        |token: &str| Options::bare(&["stats", "--listen", &listen]).env("OLLAMA_TAP_TOKEN", token);
    let (_, stderr) = run_expecting(stats("wrong"), 1);
    assert_contains(
        &stderr,
        &["the token given here, by --token or OLLAMA_TAP_TOKEN, is not the tap's"],
    );
}

#[test]
fn search_as_json_is_an_array_of_whole_records_and_no_match_is_told() {
    let tap = tap_of(vec![(
        "/analytics/search",
        ok(&json!([record("00", "x")]).to_string()),
    )]);
    let (stdout, _) = run_expecting(ask(&tap, &["search", "--json"]), 0);
    let records: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&records[0]["prompt_full"], &records[0]["error"]),
        (&json!("x"), &Value::Null)
    );
    assert_eq!(
        next_request(&tap, "/analytics/search").head.target(),
        "/analytics/search?limit=10"
    );

    let tap = tap_of(vec![
        ("/analytics/search", ok("[]")),
        ("/analytics/stats", about(5)),
    ]);
    let (stdout, stderr) = run_expecting(ask(&tap, &["search", "nowhere"]), 1);
    assert_eq!(stdout, "");
    assert_contains(&stderr, &["no record matches in /srv/history"]);
}

#[test]
fn the_beginning_of_an_id_is_enough_to_go_on_from() {
    let tap = tap_of(vec![
        (
            "/analytics/search",
            ok(&json!([record("00", "x")]).to_string()),
        ),
        (
            "/analytics/messages/00ff",
            ok(&record("00ff000000000001", "y").to_string()),
        ),
    ]);
    run_expecting(ask(&tap, &["search", "-n", "1", "--before", "00ff"]), 0);
    assert_eq!(
        next_request(&tap, "/analytics/search").head.target(),
        "/analytics/search?limit=1&before=00ff000000000001"
    );
}

#[test]
fn the_place_where_a_text_was_found_is_shown_and_painted_where_colours_are_wanted() {
    let mut found = record("00000000000000ff", "a question");
    found["response_full"] =
        format!("{}the Needle{}", "hay ".repeat(100), " hay".repeat(100)).into();
    let tap = tap_of(vec![("/analytics/search", ok(&json!([found]).to_string()))]);
    let words = ["search", "--q", "needle"];
    let (plain, _) = run_expecting(ask(&tap, &words), 0);
    assert_contains(&plain, &["    reply: …", "hay the Needle hay"]);
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let (coloured, _) = run_expecting(ask(&tap, &words).args(&["--color", "always"]), 0);
    assert_contains(&coloured, &["\u{1b}[1;31mNeedle\u{1b}[0m"]);
    let (_, stderr) = run_expecting(ask(&tap, &words).args(&["--color", "blue"]), 2);
    assert_contains(
        &stderr,
        &["bad value for --color: `blue`; accepted: auto, always or never"],
    );
}
