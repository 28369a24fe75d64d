//! `ollama-tap show`: one request whole, through a tap and from a history that is read itself.

use serde_json::{Value, json};

use super::{about, ask, next_request, record, tap_of};
use crate::harness::ollama::{json as ok, reply};
use crate::harness::{FakeOllama, Options, SIGTERM, TIMEOUT, assert_contains, post, run_expecting};
use crate::history::{LOCAL, TestHistory, wait_for_records};

fn whole() -> Value {
    let mut whole = record("00000000000000ff", "and now?");
    let more = json!({
        "system": "Be brief.", "session_id": "chat-7", "response_full": "no\u{1b}[2J\n```\nlet x;\n```",
        "messages": [
            {"role": "gone", "text": null, "gone": "missing", "count": 2},
            {"role": "user", "text": "why?"}, {"role": "assistant", "text": "because"}, {"role": "user", "text": "and now?"}
        ]
    });
    let fields = whole.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    whole
}

#[test]
fn a_request_is_shown_by_the_beginning_of_its_id() {
    let tap = tap_of(vec![("/analytics/messages/0000", ok(&whole().to_string()))]);
    let (stdout, stderr) = run_expecting(ask(&tap, &["show", "0000"]), 0);
    assert_eq!(stderr, "");
    assert_contains(
        &stdout,
        &[
            "00000000000000ff  20",
            "model       phi4\n",
            "tokens      in 12, out 33\n",
            "\n2 earlier messages are no longer in the history\n",
            "\nassistant\n  because\n",
            "\nreply\n  no\\u{1b}[2J\n  ```\n  let x;\n  ```\n",
            "\ntimings\n",
            "nothing was found that made it slow or wrong\n",
        ],
    );
    let (stdout, _) = run_expecting(ask(&tap, &["show", "0000", "--json"]), 0);
    let told: Value = serde_json::from_str(&stdout).unwrap();
    for field in ["messages", "response_full", "system", "session_id"] {
        assert_eq!(told[field], whole()[field], "{field}");
    }
}

#[test]
fn without_an_id_it_is_the_newest() {
    let tap = tap_of(vec![
        (
            "/analytics/search",
            ok(&json!([record("00ff", "x")]).to_string()),
        ),
        ("/analytics/messages/00ff", ok(&whole().to_string())),
    ]);
    let (stdout, _) = run_expecting(ask(&tap, &["show"]), 0);
    assert_contains(&stdout, &["\nuser\n  and now?\n"]);
    let asked = next_request(&tap, "/analytics/search");
    assert_eq!(asked.head.target(), "/analytics/search?limit=1");
    let empty = tap_of(vec![
        ("/analytics/search", ok("[]")),
        ("/analytics/stats", about(0)),
    ]);
    let (_, stderr) = run_expecting(ask(&empty, &["show"]), 1);
    assert_contains(&stderr, &["nothing to read: there are no records in "]);
}

#[test]
fn an_id_of_none_and_one_of_several_are_errors_that_say_so() {
    let several =
        r#"{"error":"several ids begin with `0000`: 000000000000000a, 000000000000000b"}"#;
    let json = ["Content-Type: application/json"];
    let none = r#"{"error":"there is no record `beef` in the history"}"#;
    let tap = tap_of(vec![
        (
            "/analytics/messages/0000",
            reply("409 Conflict", &json, several),
        ),
        (
            "/analytics/messages/beef",
            reply("404 Not Found", &json, none),
        ),
        ("/analytics/stats", about(5)),
    ]);
    let (_, stderr) = run_expecting(ask(&tap, &["show", "0000"]), 1);
    assert_contains(&stderr, &["000000000000000a, 000000000000000b"]);
    for command in ["show", "why"] {
        for id in ["beef", ""] {
            let (stdout, stderr) = run_expecting(ask(&tap, &[command, id]), 1);
            assert_eq!(stdout, "");
            assert_contains(
                &stderr,
                &["no record has the id ", "`ollama-tap search` shows the ids"],
            );
        }
    }
}

#[test]
fn a_history_that_is_read_itself_shows_the_same_conversation_as_the_tap() {
    let ollama = FakeOllama::always(ok(
        r#"{"model":"phi4","message":{"role":"assistant","content":"because"},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":1}"#,
    ));
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let mut tap = history.start(&ollama);
        let said = [
            r#"{"role":"user","content":"why?"}"#,
            r#"{"role":"assistant","content":"because"}"#,
            r#"{"role":"user","content":"and now?"}"#,
        ];
        for turns in [1, 3] {
            let body = format!(
                r#"{{"model":"phi4","stream":false,"messages":[{}]}}"#,
                said[..turns].join(",")
            );
            assert_eq!(tap.ask("POST", post("/api/chat", &body)).status(), 200);
            wait_for_records(&tap, turns.div_ceil(2) as u64);
        }
        let address = tap.addr.to_string();
        let asked = Options::bare(&["show", "--listen", &address]);
        let (through_tap, _) = run_expecting(asked, 0);
        assert_contains(
            &through_tap,
            &["\nuser\n  why?\n\nassistant\n  because\n\nuser\n  and now?\n\nreply\n  because\n"],
        );
        tap.signal(SIGTERM);
        tap.wait_exit(TIMEOUT);
        let (code, read, stderr) = history.ask(&["show"]);
        assert_eq!((code, read), (0, through_tap), "{backend}: {stderr}");
    }
}
