//! `ollama-tap top`: what runs now, once into a pipe, and each second on a terminal.

#[cfg(unix)] // tmux
pub mod terminal;

use serde_json::Value;

use crate::harness::client::Client;
use crate::harness::{
    FakeOllama, Latch, Options, Proxy, assert_contains, eventually, latched_ollama, request,
    run_expecting,
};

const MODEL: &str = r#"{"name":"talk:latest","size":9000000000,"size_vram":4500000000,"context_length":4096,"expires_at":"2300-01-01T00:00:00Z"}"#;

/// A tap in front of an Ollama that has a model loaded and is in the midst of a reply, and the client of that.
pub fn busy_tap(latch: &Latch) -> (FakeOllama, Proxy, Client) {
    let ollama = latched_ollama(latch);
    ollama.set(|state| state.ps = format!(r#"{{"models":[{MODEL}]}}"#));
    let tap = Proxy::start(&ollama);
    let client = begin_request(&tap);
    eventually("a model in memory", || {
        let page = tap.get("/analytics/active").text();
        page.contains("talk") && page.contains("answering") && page.contains("4500000000")
    });
    (ollama, tap, client)
}

fn begin_request(tap: &Proxy) -> Client {
    let headers = ["User-Agent: ollama-python/0.6.3"];
    let body = r#"{"model":"talk","prompt":"Why is the sky \u001b[2Jblue?"}"#;
    let mut client = tap.connect();
    client.send(request("POST", "/api/generate", &headers, body));
    client.head("POST");
    client
}

fn top(tap: &Proxy, words: &[&str]) -> Options {
    let address = tap.addr.to_string();
    Options::bare(&["top", "--listen", &address]).args(words)
}

#[test]
fn into_a_pipe_goes_what_runs_now_once() {
    let latch = Latch::default();
    let (_ollama, tap, _client) = busy_tap(&latch);
    let (stdout, stderr) = run_expecting(top(&tap, &[]), 0);
    assert_eq!(stderr, "");
    let address = format!("Ollama Tap at http://{}, 20", tap.addr);
    assert_contains(
        &stdout,
        &[
            &address,
            ", up for ",
            "1 of 256 workers busy, 0 records to write\n",
            "last minute: 0 requests, 0 failed, 0.0 tokens/s\n",
            "1 request under way\n",
            "  talk   ollama-python  answering  ",
            r"  Why is the sky \u{1b}[2Jblue?",
            "1 model loaded\n",
            "talk   9.0 GB    50.0%    4,096   for ever\n",
        ],
    );
    assert!(!stdout.contains('\u{1b}'), "{stdout:?}");
    latch.release();
}

#[test]
fn as_json_it_is_the_answer_of_the_page() {
    let latch = Latch::default();
    let (_ollama, tap, _client) = busy_tap(&latch);
    let (stdout, _) = run_expecting(top(&tap, &["--json"]), 0);
    let told: Value = serde_json::from_str(&stdout).unwrap();
    let page = tap.get("/analytics/active").json();
    for name in ["ollama", "models", "requests", "workers", "dropped"] {
        assert_eq!(told[name], page[name], "{name}");
    }
    assert_eq!(told["requests"][0]["state"], "answering");
    latch.release();
}

#[test]
fn without_a_tap_it_says_how_to_start_one_and_a_token_is_needed_where_it_is_set() {
    let nobody = Options::bare(&["top", "--listen", "127.0.0.1:1"]);
    let (_, stderr) = run_expecting(nobody, 1);
    assert_contains(
        &stderr,
        &[
            "no tap answers at 127.0.0.1:1",
            "start one with `ollama-tap serve`",
        ],
    );
    let ollama = latched_ollama(&Latch::default());
    let tap = Options::to(&ollama).args(&["--token", "secret"]).start();
    let with = run_expecting(top(&tap, &["--token", "secret"]), 0).0;
    assert_contains(&with, &["0 requests under way"]);
    let (stdout, _) = run_expecting(top(&tap, &["--token", "wrong"]), 1);
    assert_eq!(stdout, "");
}
