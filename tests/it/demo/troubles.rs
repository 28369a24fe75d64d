//! The demo's traffic meets with every trouble that the tap can tell of, and what is healthy in it
//! stays so.

use serde_json::Value;

use super::demo;
use crate::harness::{Options, Proxy, eventually};

/// Kinds and causes in the order in which they can be seen first.
const TOLD: [&str; 11] = [
    "context_cut.middle.sure.demo-chat",
    "cache_broken.changed.sure.demo-tools",
    "context_cut.messages.sure.demo-chat",
    "context_cut.refused.sure.demo-chat",
    "context_cut.end.sure.demo-embed",
    "waited.ollama.sure.demo-large",
    "context_cut.reply.sure.demo-chat",
    "bad_reply.empty_after_thinking.sure.demo-think",
    "model_reload.options.sure.demo-large",
    "model_reload.room.",
    "cpu_fallback.part.sure.demo-coder",
];

fn list(tap: &Proxy, path: &str) -> Vec<Value> {
    match tap.get(path).json() {
        Value::Array(values) => values,
        other => panic!("no list: {other}"),
    }
}

/// Whether a group of findings has a key that begins so.
fn is_told(tap: &Proxy, key: &str) -> bool {
    let why = tap.get("/analytics/why").json();
    let groups = why["findings"].as_array().expect("findings");
    let keys = groups.iter().filter_map(|group| group["key"].as_str());
    keys.into_iter().any(|told| told.starts_with(key))
}

#[test]
fn why_tells_of_every_trouble_within_a_minute_and_of_nothing_healthy() {
    let (tap, _dir) = demo(&["--listen", "127.0.0.1:0", "--traffic"])
        // Faster, and what is waited for would be too short to be told.
        .env("OLLAMA_TAP_TEST_DEMO_SPEED_UP", "1.5")
        .env("OLLAMA_TAP_TEST_FLUSH_MS", "20")
        .start();
    for key in TOLD {
        eventually(key, || is_told(&tap, key));
    }

    // A conversation without a clock reads its beginning once.
    let turns = list(
        &tap,
        "/analytics/search?model=demo-chat&prompt_search=of+ticket",
    );
    assert_eq!(turns.len(), 4);
    for turn in turns {
        assert_eq!(turn["findings"], serde_json::json!([]), "{turn}");
    }

    let (exit, stdout, stderr) = Options::bare(&["why", "--listen", &tap.addr.to_string()]).run();
    assert_eq!(exit, 0, "{stderr}");
    for words in ["take turns on demo-large", "saw only 2,050 of about 6,0"] {
        assert!(stdout.contains(words), "no {words:?} in {stdout}");
    }
}
