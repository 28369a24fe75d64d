//! `ollama-tap search -f`: what is shown at the beginning, what follows, and its end.

use std::io::BufReader;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use serde_json::{Value, json};

use super::{GREETING, about, ask, record, tap_of};
use crate::harness::log::Log;
use crate::harness::ollama::{json as ok, reply};
use crate::harness::{AfterReply, FakeOllama, Latch, Options, assert_contains, run_expecting};

/// A list of records with these ids, and the cursor behind them.
fn list(ids: &[&str], cursor: &str) -> Vec<u8> {
    let records: Vec<Value> = ids
        .iter()
        .map(|id| record(id, &format!("the prompt of {id}")))
        .collect();
    let cursor = format!("Ollama-Tap-Cursor: {cursor}");
    let headers = ["Content-Type: application/json", cursor.as_str()];
    reply("200 OK", &headers, json!(records).to_string())
}

/// A tap that gives these answers to questions for a list, each to its target; the last one waits for the latch.
fn tap_that_answers(answers: Vec<(&'static str, Vec<u8>)>, last: Latch) -> FakeOllama {
    let asked = AtomicUsize::new(0);
    FakeOllama::start(move |conn| {
        let target = conn.head.target().to_owned();
        conn.body()?;
        match conn.head.path() {
            "/healthz" => conn.write(ok(GREETING))?,
            "/analytics/stats" => conn.write(about(2))?,
            _ => match answers.get(asked.fetch_add(1, SeqCst)) {
                Some((expected, answer)) => {
                    assert!(target.ends_with(expected), "{target} for {expected}");
                    conn.write(answer)?;
                }
                None => last.wait(),
            },
        }
        Ok(AfterReply::KeepAlive)
    })
}

#[test]
fn what_enters_the_history_follows_and_a_cursor_that_ended_is_taken_anew() {
    let gone = || {
        reply(
            "410 Gone",
            &["Content-Type: application/json"],
            r#"{"error":"ended"}"#,
        )
    };
    let end = Latch::default();
    let tap = tap_that_answers(
        vec![
            (
                "/analytics/search?limit=2&model=phi4",
                list(&["b1", "a1"], "1-2"),
            ),
            ("&since=1-2", list(&[], "1-2")),
            ("&since=1-2", list(&["b1", "c1"], "1-3")),
            ("&since=1-3", list(&[], "1-3")),
            ("&since=1-3", gone()),
            (
                "/analytics/search?limit=100&model=phi4",
                list(&["d1", "c1", "b1", "a1"], "2-0"),
            ),
            ("&since=2-0", reply("503 Service Unavailable", &[], "")),
            ("&since=2-0", list(&["e1"], "2-1")),
        ],
        end.clone(),
    );
    let mut follow = ask(
        &tap,
        &["search", "-f", "-n", "2", "--model", "phi4", "--json"],
    )
    .spawn();
    let shown = Arc::new(Log::default());
    let (lines, stdout) = (Arc::clone(&shown), follow.take_stdout());
    std::thread::spawn(move || lines.fill(BufReader::new(stdout)));
    shown.wait("\"e1\"");
    let text = shown.text();
    let ids: Vec<Value> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).expect("a record a line")["interaction_id"].clone()
        })
        .collect();
    assert_eq!(ids, ["a1", "b1", "c1", "d1", "e1"]);
    follow.wait_log("trying again");
    follow.wait_log("the tap answers again");
    assert!(follow.is_running());
    end.release();
}

#[test]
fn only_a_running_tap_can_be_followed_and_what_does_not_go_with_it_is_refused() {
    let nobody = tap_of(Vec::new()).addr.to_string();
    let (_, stderr) = run_expecting(Options::bare(&["search", "-f", "--listen", &nobody]), 1);
    assert_contains(
        &stderr,
        &["search -f follows a running tap", "ollama-tap serve"],
    );
    let tap = tap_of(vec![("/analytics/stats", about(2))]);
    for (words, name) in [
        (&["search", "-f", "--before", "00ff"][..], "--before"),
        (&["search", "-f", "--sort", "tokens"], "--sort"),
        (&["search", "-f", "--analytics-dir", "x"], "--analytics-dir"),
    ] {
        let (_, stderr) = run_expecting(ask(&tap, words), 2);
        assert_contains(&stderr, &["--follow", name]);
    }
    let old = tap_of(vec![
        ("/analytics/stats", about(2)),
        ("/analytics/search", ok("[]")),
    ]);
    let (_, stderr) = run_expecting(ask(&old, &["search", "-f"]), 1);
    assert_contains(&stderr, &["too old to be followed"]);
}
