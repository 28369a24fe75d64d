//! The page at /analytics as its reader meets it: in a real browser, which is driven by the Python scripts beside this file.

mod lower;

mod questions;

use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::ollama::{self, STREAM_HEAD};
use crate::harness::{
    AfterReply, Conn, FakeOllama, Latch, Options, Proxy, chunk, require_python, require_tool,
};
use crate::history::TestHistory;
use crate::history::old::{Seed, days_ago};

/// Runs one of the scripts with the addresses of these taps. It fails by itself where the page is not as it should be.
fn browse(script: &str, taps: &[&Proxy]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/dashboard");
    let mut command = Command::new("python3");
    command
        .arg("-B")
        .arg(folder.join(script))
        .args(taps.iter().map(|tap| tap.addr.to_string()));
    let output = command.output().expect("run python3");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {said}");
}

/// Requires what `browse` needs.
fn has_browser() -> bool {
    require_tool("chromium", &["--version"])
        && require_python(&["playwright", "axe_playwright_python"])
}

/// A stand-in that answers as models of several kinds do: what it says depends on the model and the prompt asked for.
fn talkative() -> FakeOllama {
    let latch = Latch::default();
    let ollama = FakeOllama::start(move |conn| answer(conn, &latch));
    ollama.set(|state| state.ps = PS.to_owned());
    ollama
}

const PS: &str = r#"{"models":[{"name":"talk:latest","model":"talk:latest","size":4000000000,"size_vram":3000000000,"context_length":8192,
"expires_at":"2199-01-01T00:00:00Z","details":{"parameter_size":"8.0B","quantization_level":"Q4_K_M"}}]}"#;

fn answer(conn: &mut Conn, latch: &Latch) -> io::Result<AfterReply> {
    let asked: Value = serde_json::from_slice(&conn.body()?).unwrap_or_default();
    let prompt = asked["prompt"].as_str().unwrap_or_default();
    match (conn.head.path(), asked["model"].as_str().unwrap_or_default()) {
        ("/api/ps", _) => conn.answer(ollama::json(PS)),
        (_, "missing") => {
            let error = r#"{"error":"model 'missing' not found"}"#;
            conn.answer(ollama::reply("404 Not Found", &["Content-Type: application/json; charset=utf-8"], error))
        }
        (_, "broken") => {
            let error = r#"{"error":"llama runner process has terminated"}"#;
            conn.answer(ollama::reply("500 Internal Server Error", &["Content-Type: application/json"], error))
        }
        ("/api/chat", _) => conn.answer(stream(&[
            json!({"message": {"role": "assistant", "content": "", "thinking": "Which city?"}}),
            json!({"message": {"role": "assistant", "content": "",
                "tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": "Paris"}}}]}}),
        ])),
        _ => {
            if prompt == "hold" {
                latch.wait();
            } else if prompt == "release" {
                latch.release();
            }
            conn.answer(stream(&[json!({"response": "You said: "}), json!({"response": prompt})]))
        }
    }
}

/// A native stream of these objects.
fn stream(pieces: &[Value]) -> Vec<u8> {
    let end = json!({"response": "", "done": true, "done_reason": "stop", "total_duration": 900_000_000, "load_duration": 100_000_000,
        "prompt_eval_count": 12, "prompt_eval_duration": 200_000_000, "eval_count": 34, "eval_duration": 500_000_000});
    let lines = pieces
        .iter()
        .chain([&end])
        .flat_map(|piece| chunk(format!("{piece}\n")));
    STREAM_HEAD
        .bytes()
        .chain(lines)
        .chain(*b"0\r\n\r\n")
        .collect()
}

/// A history, the stand-in and a tap in front of it.
fn stage(args: &[&str]) -> (TestHistory, FakeOllama, Proxy) {
    let (history, ollama) = (TestHistory::new("jsonl"), talkative());
    let tap = history.options(&ollama).args(args).start();
    (history, ollama, tap)
}

/// Plays a script at one tap with its history.
fn play(script: &str) {
    if has_browser() {
        let (_history, _ollama, tap) = stage(&[]);
        browse(script, &[&tap]);
    }
}

#[test]
fn every_panel_has_data_after_traffic_and_follows_what_happens() {
    play("panels.py");
}

#[test]
fn filters_work_by_clicks_and_live_in_the_address() {
    if !has_browser() {
        return;
    }
    let (_history, _ollama, tap) = stage(&[]);
    let (indexed_history, indexed_ollama) = (TestHistory::new("sqlite"), talkative());
    let indexed = indexed_history.start(&indexed_ollama);
    browse("filters.py", &[&tap, &indexed]);
}

#[test]
fn one_bar_chooses_what_everything_shows() {
    if !has_browser() {
        return;
    }
    let (_history, _ollama, tap) = stage(&[]);
    let (_gone_history, _gone_ollama, gone) = stage(&[]);
    browse("top.py", &[&tap, &gone]);
}

/// A finding as records have it.
fn finding(kind: &str, cause: &str, certainty: &str, sentence: &str) -> Value {
    let way_out = "set num_ctx to 16384";
    json!({"kind": kind, "cause": cause, "certainty": certainty, "sentence": sentence, "way_out": way_out, "seconds_lost": 9})
}

#[test]
fn findings_are_told_first_and_can_be_hidden() {
    if !has_browser() {
        return;
    }
    let history = TestHistory::new("jsonl");
    let cut = "talk saw only 4,096 of 9,812 tokens";
    let several = json!([
        finding("context_cut", "messages", "sure", cut),
        finding("model_reload", "options", "sure", "loaded anew"),
        finding("waited", "ollama", "sure", "waited"),
    ]);
    let slow = json!({
        "duration": 12.0, "total_duration_seconds": 11.0, "load_duration": 1.0, "prompt_eval_duration_seconds": 1.0, "eval_duration": 2.0,
        "metadata": {"user_agent": "python-httpx/0.27", "queue_wait_seconds": 0.5},
    });
    let seed = |prompt: &str, hours: f64| Seed::new(prompt, days_ago(hours / 24.0));
    let mut seeds = vec![
        seed("cut and slow", 1.0)
            .of("talk")
            .with_fields(slow)
            .with_findings(several),
        seed("whole", 2.0).of("whole"),
    ];
    for (kind, certainty, model) in [
        ("bad_reply", "sure", "coder"),
        ("cache_broken", "sure", "coder"),
        ("cpu_fallback", "likely", "<b>big</b>"),
        ("waited", "sure", "other"),
    ] {
        let found = finding(kind, "cause", certainty, &format!("{kind} of {model}"));
        let record = seed(kind, 3.0 + seeds.len() as f64).of(model);
        seeds.push(record.with_findings(json!([found])));
    }
    for seed in seeds {
        seed.write("jsonl", &history.history());
    }
    let ollama = talkative();
    let tap = history.start(&ollama);
    browse("why.py", &[&tap]);
}

#[test]
fn hostile_texts_are_shown_as_texts() {
    play("hostile.py");
}

#[test]
fn an_open_tab_costs_little_and_does_not_grow() {
    play("costs.py");
}

#[test]
fn both_themes_fit_every_width_and_are_accessible() {
    play("looks.py");
}

#[test]
fn the_page_says_why_there_is_nothing_to_see_and_what_to_do() {
    if !has_browser() {
        return;
    }
    let (_history, _ollama, empty) = stage(&[]);
    let (_preview_history, _preview_ollama, preview) = stage(&["--store-text", "preview"]);
    let (_none_history, _none_ollama, textless) = stage(&["--store-text", "none"]);
    let (_token_history, _token_ollama, private) = stage(&["--token", "open-sesame"]);
    let ollama = talkative();
    let off = Options::to(&ollama)
        .args(&["--analytics-backend", "none"])
        .start();
    browse("states.py", &[&empty, &preview, &textless, &private, &off]);
}

#[test]
fn an_ollama_that_is_down_is_one_card() {
    if !has_browser() {
        return;
    }
    let (_history, ollama, tap) = stage(&[]);
    drop(ollama);
    browse("down.py", &[&tap]);
}

#[test]
fn the_page_comes_with_a_policy_that_lets_nothing_else_run() {
    let (_history, _ollama, tap) = stage(&[]);
    let page = tap.get("/analytics");
    let policy = page.head.get("content-security-policy").expect("a policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'sha256-")
            && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(
        !policy.contains("safe-") && !policy.contains("http"),
        "{policy}"
    );
    let text = page.text();
    assert!(!text.contains("src=\"") && !text.contains("@import") && !text.contains("https://"));
}
